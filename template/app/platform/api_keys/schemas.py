"""The shapes of API keys."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from app.kit.schemas import Identified, In, Line

MOST_SCOPES = 50

Scope = Annotated[str, StringConstraints(max_length=50, pattern=r"^[a-z0-9-]+:[a-z0-9-]+$")]
"""The name of a permission: `items:read`."""

LONGEST_DAYS = 365


class ApiKeyCreate(In):
    """A new key, and the proof that it is its owner who wants it."""

    name: Line = Field(description="What the key is for", examples=["Nightly import"])
    scopes: list[Scope] = Field(
        min_length=1,
        max_length=MOST_SCOPES,
        description="What it may be used for; `apiKey` in the security of an operation names what it needs",
        examples=[["items:read"]],
    )
    expires_in_days: int = Field(default=90, ge=1, le=LONGEST_DAYS)
    password: Annotated[SecretStr, Field(max_length=128, description="Your own", examples=["correct horse battery 7"])]


class ApiKeyRead(Identified):
    """A key, without its secret."""

    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the minute; null when it never was")


class ApiKeyCreated(ApiKeyRead):
    """A new key, for the only time with its secret."""

    key: str = Field(description="Send it as `Authorization: Bearer …`. Keep it: nobody can show it again")
