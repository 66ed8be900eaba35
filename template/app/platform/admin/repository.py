"""Every statement about other people's accounts, compiled once."""

from uuid import UUID

from sqlalchemy import Boolean, bindparam, case, func, null, select, update

from app.adapters.database import Command, Query, Reader, Session
from app.adapters.encryption import matches
from app.platform.accounts.models import Account
from app.platform.admin.schemas import ManagedAccount

_SHOWN = (
    Account.id,
    Account.version,
    Account.email,
    Account.role,
    Account.email_verified_at,
    Account.disabled_at,
    Account.created_at,
)
_THIS = Account.id == bindparam("account_id")

_BY_ID = Query(select(*_SHOWN).where(_THIS), ManagedAccount)
_BY_EMAIL = Query(select(*_SHOWN).where(matches(Account.email_index, "address")), ManagedAccount)
_LOCKED = Query(select(*_SHOWN).where(_THIS).with_for_update(), ManagedAccount)
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


async def by_id(reader: Reader, account_id: UUID) -> ManagedAccount | None:
    """One account."""
    return await reader.one(_BY_ID, account_id=account_id)


async def by_email(reader: Reader | Session, email: str) -> ManagedAccount | None:
    """The account with this address."""
    return await reader.one(_BY_EMAIL, address=email)


async def newest(reader: Reader, before: UUID, most: int) -> list[ManagedAccount]:
    """The accounts that are older than the account `before`, newest first."""
    return await reader.all(_NEWEST, before=before, most=most)


async def locked(session: Session, account_id: UUID) -> ManagedAccount | None:
    """One account, which nobody else can change until the transaction ends."""
    return await session.one(_LOCKED, account_id=account_id)


async def change(session: Session, account_id: UUID, *, role: str, disabled: bool) -> ManagedAccount:
    """Set what an account may do, and whether it may sign in."""
    return await session.only(_CHANGE, account_id=account_id, new_role=role, disabled=disabled)
