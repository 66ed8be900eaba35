"""Every statement about accounts, compiled once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.adapters.database import Command, Query, Reader, Session, arguments
from app.domain.accounts.models import Account
from app.domain.accounts.schemas import AccountRead
from app.kit.ids import uuid7


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signing in needs to know of an account."""

    id: UUID
    email: str
    role: str
    password_hash: str
    email_verified_at: datetime | None


_SHOWN = (Account.id, Account.email, Account.role, Account.created_at)
_BY_ID = Query(select(*_SHOWN).where(Account.id == bindparam("account_id")), AccountRead)
_PROVEN = (Account.id, Account.email, Account.role, Account.password_hash, Account.email_verified_at)
_CREDENTIALS = Query(select(*_PROVEN).where(Account.email == bindparam("address")), Credentials)
_CREDENTIALS_OF = Query(select(*_PROVEN).where(Account.id == bindparam("account_id")), Credentials)
_LOCKED = Query(select(*_PROVEN).where(Account.id == bindparam("account_id")).with_for_update(), Credentials)
_ADD = Command(
    insert(Account).values(arguments("id", "email", "password_hash")).on_conflict_do_nothing().returning(*_SHOWN),
    AccountRead,
)
_VERIFY = Command(
    update(Account)
    .where(Account.id == bindparam("account_id"))
    .values(email_verified_at=func.coalesce(Account.email_verified_at, func.now()))
    .returning(*_SHOWN),
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


async def credentials_of(reader: Reader, account_id: UUID) -> Credentials | None:
    """What signing in needs to know of an account."""
    return await reader.one(_CREDENTIALS_OF, account_id=account_id)


async def locked(session: Session, account_id: UUID) -> Credentials | None:
    """What signing in needs to know of an account, which nobody else can change until the transaction ends."""
    return await session.one(_LOCKED, account_id=account_id)


async def with_address(session: Session, email: str) -> Credentials | None:
    """What signing in needs to know of the account with this address, as this transaction sees it."""
    return await session.one(_CREDENTIALS, address=email)


async def add(session: Session, email: str, password_hash: str) -> AccountRead | None:
    """Store a new account; None when there is one with this address."""
    return await session.one(_ADD, id=uuid7(), email=email, password_hash=password_hash)


async def verify(session: Session, account_id: UUID) -> None:
    """Note that whoever has the account has its address, too."""
    await session.one(_VERIFY, account_id=account_id)


async def set_password(session: Session, account_id: UUID, hashed: str) -> None:
    """Replace the stored hash of a password."""
    await session.one(_SET_PASSWORD, account_id=account_id, hashed=hashed)
