"""Every statement about accounts, compiled once."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update

from app.adapters.database import Command, Query, Reader, Session, arguments
from app.domain.accounts.models import Account
from app.domain.accounts.schemas import AccountRead
from app.kit.ids import uuid7


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signing in needs to know of an account."""

    id: UUID
    role: str
    password_hash: str


_SHOWN = (Account.id, Account.email, Account.role, Account.created_at)
_BY_ID = Query(select(*_SHOWN).where(Account.id == bindparam("account_id")), AccountRead)
_CREDENTIALS = Query(
    select(Account.id, Account.role, Account.password_hash).where(Account.email == bindparam("address")), Credentials
)
_ADD = Command(
    insert(Account).values(arguments("id", "email", "password_hash")).returning(*_SHOWN),
    AccountRead,
)
_SET_PASSWORD = Command(
    update(Account)
    .where(Account.id == bindparam("account_id"))
    .values(password_hash=bindparam("hashed"))
    .returning(*_SHOWN),
    AccountRead,
)


async def by_id(reader: Reader, account_id: UUID) -> AccountRead | None:
    """One account."""
    return await reader.one(_BY_ID, account_id=account_id)


async def credentials(reader: Reader, email: str) -> Credentials | None:
    """What signing in needs to know of the account with this address."""
    return await reader.one(_CREDENTIALS, address=email)


async def add(session: Session, email: str, password_hash: str) -> AccountRead:
    """Store a new account."""
    return await session.only(_ADD, id=uuid7(), email=email, password_hash=password_hash)


async def set_password(session: Session, account_id: UUID, hashed: str) -> None:
    """Replace the stored hash of a password."""
    await session.one(_SET_PASSWORD, account_id=account_id, hashed=hashed)
