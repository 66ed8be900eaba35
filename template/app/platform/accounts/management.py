"""Managing the accounts of others: every statement of it, compiled once. It comes and goes with administration."""

from datetime import datetime
from uuid import UUID

from pydantic import Field
from sqlalchemy import Boolean, bindparam, case, func, literal_column, null, select, update

from app.adapters.database import Command, Query, Reader, Session, identity
from app.adapters.encryption import matches
from app.kit.schemas import Versioned
from app.platform.accounts.models import Account


class ManagedAccount(Versioned):
    """An account, as an admin sees it."""

    email: str
    role: str
    disabled_at: datetime | None = Field(description="Since when it can't sign in; null when it can")
    created_at: datetime


_SHOWN = (Account.id, Account.version, Account.email, Account.role, Account.disabled_at, Account.created_at)
_THIS = Account.id == bindparam("account_id")

_ONE = Query(select(*_SHOWN).where(_THIS), ManagedAccount)
_BY_EMAIL = Query(select(*_SHOWN).where(matches(Account.email_index, "address")), ManagedAccount)
_HELD = Query(select(*_SHOWN).where(_THIS).with_for_update(), ManagedAccount)
_NEWEST = Query(
    select(*_SHOWN).where(Account.id < bindparam("before")).order_by(Account.id.desc()).limit(bindparam("most")),
    ManagedAccount,
)
_CHANGE = Command(
    update(Account)
    .where(_THIS)
    .values(
        role=bindparam("new_role"),
        disabled_at=case(
            (bindparam("disabled", type_=Boolean()), func.coalesce(Account.disabled_at, func.now())), else_=null()
        ),
        version=Account.version + 1,
    )
    .returning(*_SHOWN),
    ManagedAccount,
)
# Locked in the order of their keys: of two who leave at once, the second sees that the first is gone. Two are enough to
# know whether there is another one. Literal, because an index on a part of a table is found by no argument.
_HOLDERS = Query(
    select(Account.id)
    .where(
        Account.role == bindparam("wanted"), Account.role != literal_column("'member'"), Account.disabled_at.is_(None)
    )
    .order_by(Account.id)
    .limit(2)
    .with_for_update(key_share=True),
    identity,
)


async def one(reader: Reader, account_id: UUID) -> ManagedAccount | None:
    """One account."""
    return await reader.one(_ONE, account_id=account_id)


async def by_email(reader: Reader | Session, email: str) -> ManagedAccount | None:
    """The account with this address."""
    return await reader.one(_BY_EMAIL, address=email)


async def newest(reader: Reader, before: UUID, most: int) -> list[ManagedAccount]:
    """The accounts that are older than the account `before`, newest first."""
    return await reader.all(_NEWEST, before=before, most=most)


async def held(session: Session, account_id: UUID) -> ManagedAccount | None:
    """One account, which nobody else can change until the transaction ends."""
    return await session.one(_HELD, account_id=account_id)


async def change(session: Session, account_id: UUID, *, role: str, disabled: bool) -> ManagedAccount:
    """Set what an account may do, and whether it may sign in."""
    return await session.only(_CHANGE, account_id=account_id, new_role=role, disabled=disabled)


async def holders(session: Session, role: str) -> list[UUID]:
    """Up to two accounts with a role; nobody takes it from them until the transaction ends."""
    return await session.all(_HOLDERS, wanted=role)
