"""The shapes of looking after accounts."""

from datetime import datetime
from typing import Annotated, Final, Self, cast
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator

from app.kit import discovery
from app.kit.schemas import In, Out
from app.platform.accounts.schemas import Email

# Those that nouns know, in their roles.py.
_ROLES: Final = sorted(role for each in discovery.offered("roles") for role in cast("tuple[str, ...]", each))


def _known(role: str) -> str:
    if role not in _ROLES:
        raise ValueError(f"there is no such role; accepted: {', '.join(_ROLES)}")
    return role


Role = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": _ROLES})]


class AccountLookup(In):
    """The address of the account that is looked for."""

    email: Email


class AccountChange(In):
    """What to change; what is left out stays as it is."""

    # Defaults that are never read: only fields that were sent are changed.
    role: Role = Field(default="member", description="What it may do")
    disabled: bool = Field(default=False, description="Whether it is kept from signing in")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one field to change: role, disabled")
        return self


class AuditEntryRead(Out):
    """One entry of the audit trail."""

    position: int = Field(description="Its place in the trail, which grows")
    at: datetime
    actor_id: UUID | None = Field(description="The account whose request it was")
    event: str = Field(description="What happened: `items.updated`, `auth.login`")
    outcome: str = Field(description="`changed`, `granted` or `refused`")
    subject_table: str | None
    subject_id: str | None = Field(description="The row that it is about")
    request_id: str | None = Field(description="Finds the request in the log")
    address: str | None = Field(description="From where: an address, or only its network")
    reason: str | None


class AuditPage(Out):
    """One page of the audit trail, newest first."""

    data: list[AuditEntryRead]
    next_cursor: str | None = Field(description="Give this as `cursor` to get the next page; null on the last")


AuditCursor = Annotated[
    Annotated[str, StringConstraints(pattern="^[0-9]*$")] | None,
    Query(min_length=1, max_length=18, description="The `next_cursor` of the page before; leave out for the first"),
]
Subject = Annotated[
    Annotated[str, StringConstraints(pattern="^[ -~]*$")] | None,
    Query(min_length=1, max_length=200, description="Only entries about the row with this id"),
]
Actor = Annotated[UUID | None, Query(description="Only entries of what this account did")]
RequestId = Annotated[
    Annotated[str, StringConstraints(pattern="^[!-~]*$")] | None,
    Query(min_length=1, max_length=64, description="Only entries of the request with this id"),
]
