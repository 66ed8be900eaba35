"""Pages by cursor: the next page starts after the last key of this one, so its cost does not grow with its number."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, Field, StringConstraints

from app.kit.schemas import Identified, In, Out

T = TypeVar("T", bound=Identified)

# The greatest UUID: where a list that shows the newest first begins.
START = UUID(int=(1 << 128) - 1)


def encode(key: UUID) -> str:
    """The cursor that continues after `key`."""
    return base64.urlsafe_b64encode(key.bytes).rstrip(b"=").decode()


def decode(cursor: str) -> UUID:
    """The key that a cursor continues after; ValueError with a sentence for any text that is not one."""
    try:
        return UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError("this is not a cursor: use the `next_cursor` of an earlier page as it came") from error


def _checked(cursor: str) -> str:
    decode(cursor)
    return cursor


PageSize = Annotated[int, Query(ge=1, le=100, description="How many entries a page has at the most")]
Cursor = Annotated[
    Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]*$"), AfterValidator(_checked)] | None,
    Query(min_length=22, max_length=22, description="The `next_cursor` of the page before; leave out for the first"),
]


class Page(Out, Generic[T]):
    """One page of a list, newest first."""

    data: list[T]
    next_cursor: str | None = Field(description="Give this as `cursor` to get the next page; null on the last")


class Listed(In):
    """What a list is asked for, in the place of `limit` and `cursor`: `asked: Annotated[BookingList, Query()]`.

    A field of its own, with None as its default, is a filter. `sort` has the orders, of which "newest" and "oldest" go
    by the key, and the others by a column: `sort: Literal["newest", "price", "-price"] = "newest"`.
    """

    limit: int = Field(default=20, ge=1, le=100, description="How many entries a page has at the most")
    cursor: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]*$", max_length=2000)] | None = Field(
        default=None, description="The `next_cursor` of the page before, in the same order; leave out for the first"
    )


def after(cursor: str | None) -> UUID:
    """The key that the wanted page starts after."""
    return decode(cursor) if cursor else START


def page(rows: Sequence[T], limit: int) -> Page[T]:
    """A page of `limit` from up to `limit + 1` rows: the extra row only tells that there is a next page."""
    shown = list(rows[:limit])
    return Page[T](data=shown, next_cursor=encode(shown[-1].id) if len(rows) > limit else None)
