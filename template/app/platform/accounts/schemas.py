"""The shapes of accounts."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, EmailStr, Field, SecretStr

from app.kit.schemas import In, Out

# One spelling for one mailbox: nobody gets a second account by writing theirs in capitals.
Email = Annotated[EmailStr, Field(max_length=254, examples=["ada@example.com"]), AfterValidator(str.lower)]
Password = Annotated[SecretStr, Field(min_length=12, max_length=128, examples=["correct horse battery 7"])]


class AccountCreate(In):
    """A new account."""

    email: Email
    password: Password = Field(description="12 to 128 characters, none of the common passwords, not your address")


class SignedUp(Out):
    """The same for an address that has an account and for one that has none: nobody learns here which it is."""

    email: str = Field(description="The address as it was given, in small letters")
    detail: str


class AccountRead(Out):
    """An account, as its owner sees it."""

    id: UUID
    email: str
    role: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signing in needs to know of an account."""

    id: UUID
    email: str
    role: str
    password_hash: str = field(repr=False)
    disabled_at: datetime | None
