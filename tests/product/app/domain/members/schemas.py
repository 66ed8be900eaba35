"""The shapes of members: what clients send and what they get."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from app.kit.pagination import Listed
from app.kit.schemas import Identified, In


class MemberCreate(In):
    """A new member."""

    account_id: UUID = Field(description="An account", json_schema_extra={"x-refers-to": "/v1/accounts/me"})


class MemberList(Listed):
    """In which order."""

    sort: Literal["newest", "oldest"] = "newest"


class MemberRead(Identified):
    """A member."""

    company_id: UUID
    account_id: UUID
