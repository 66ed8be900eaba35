"""The shapes of exporting and erasing."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field, SecretStr, StringConstraints

from app.kit import pagination
from app.kit.crypto import base64url
from app.kit.schemas import In, Out


class Erasure(In):
    """What proves that it is you who asks."""

    password: Annotated[SecretStr, Field(max_length=128, examples=["correct horse battery 7"])]


class ExportedRow(Out):
    """One row that is held about you."""

    table: str = Field(description="Where it stands", examples=["items"])
    row: dict[str, object] = Field(description="Its columns, without secrets and digests")


class Export(Out):
    """A part of what is held about you."""

    data: list[ExportedRow]
    next_cursor: str | None = Field(description="Give this as `cursor` to get the next part; null on the last")


ExportLimit = Annotated[int, Query(ge=1, le=1000, description="How many rows a part has at the most")]
ExportCursor = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,63}\.[A-Za-z0-9_-]{1,4000}$")] | None,
    Query(max_length=4064, description="The `next_cursor` of the part before; leave out for the first"),
]


def cursor(table: str, key: UUID | str) -> str:
    """The cursor that continues after a row."""
    return f"{table}.{pagination.encode(key) if isinstance(key, UUID) else base64url(key.encode())}"
