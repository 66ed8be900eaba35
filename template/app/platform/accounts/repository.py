"""Every statement about accounts, compiled once."""

import hashlib
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, func, insert, select, update

from app.adapters.database import Command, Query, Reader, Session, arguments
from app.adapters.encryption import matches
from app.kit.ids import uuid7
from app.platform.accounts.models import Account
from app.platform.accounts.schemas import AccountRead, Credentials

# Where the numbers of these advisory locks begin; migrations/env.py has one, too.
_ADDRESSES = 1 << 40


def _held(held: None) -> None:
    return held


_SHOWN = (Account.id, Account.email, Account.role, Account.created_at)
_BY_ID = Query(select(*_SHOWN).where(Account.id == bindparam("account_id")), AccountRead)
_PROVEN = (Account.id, Account.email, Account.role, Account.password_hash, Account.disabled_at)
_CREDENTIALS = Query(select(*_PROVEN).where(matches(Account.email_index, "address")), Credentials)
_CREDENTIALS_OF = Query(select(*_PROVEN).where(Account.id == bindparam("account_id")), Credentials)
_LOCKED = Query(select(*_PROVEN).where(Account.id == bindparam("account_id")).with_for_update(), Credentials)
_HOLD = Query(select(func.pg_advisory_xact_lock(bindparam("number", type_=BigInteger)).label("held")), _held)
_ADD = Command(
    insert(Account).values(arguments("id", "email", "email_index", "password_hash")).returning(*_SHOWN),
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


async def credentials(reader: Reader | Session, email: str) -> Credentials | None:
    """What signing in needs to know of the account with this address."""
    return await reader.one(_CREDENTIALS, address=email)


async def credentials_of(reader: Reader | Session, account_id: UUID) -> Credentials | None:
    """What signing in needs to know of an account."""
    return await reader.one(_CREDENTIALS_OF, account_id=account_id)


async def locked(session: Session, account_id: UUID) -> Credentials | None:
    """What signing in needs to know of an account, which nobody else can change until the transaction ends."""
    return await session.one(_LOCKED, account_id=account_id)


async def add(session: Session, email: str, password_hash: str) -> AccountRead | None:
    """Store a new account; None when there is one with this address.

    The unique constraint alone does not see two digests of one address, and while keys rotate there can be two: so the
    address is held until the transaction ends, and looked for first.
    """
    # The number says next to nothing of the address, and two addresses with the same one only wait for each other.
    number = int.from_bytes(hashlib.sha256(email.encode()).digest()[:2], "big")
    await session.one(_HOLD, number=_ADDRESSES + number)
    if await session.one(_CREDENTIALS, address=email) is not None:
        return None
    return await session.only(_ADD, id=uuid7(), email=email, password_hash=password_hash)


async def set_password(session: Session, account_id: UUID, hashed: str) -> None:
    """Replace the stored hash of a password."""
    await session.one(_SET_PASSWORD, account_id=account_id, hashed=hashed)
