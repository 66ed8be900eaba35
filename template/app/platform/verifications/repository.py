"""Every statement about confirmed addresses, compiled once."""

from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, delete, exists, select
from sqlalchemy.dialects.postgresql import insert

from app.adapters.database import Base, Command, Query, Reader, Session, arguments, identity
from app.platform.verifications.models import ConfirmedAddress

# What an account that nobody uses may have, too.
_OF_NO_USE = frozenset({"account_links"})


def _account(account_id: UUID) -> UUID:
    return account_id


_FIND = Query(select(ConfirmedAddress.account_id).where(ConfirmedAddress.account_id == bindparam("owner")), _account)
_ADD = Command(
    insert(ConfirmedAddress)
    .values(arguments("account_id"))
    .on_conflict_do_nothing(index_elements=["account_id"])
    .returning(ConfirmedAddress.account_id),
    _account,
)


async def has(reader: Reader | Session, account_id: UUID) -> bool:
    """Whether the address of an account is confirmed."""
    return await reader.one(_FIND, owner=account_id) is not None


async def add(session: Session, account_id: UUID) -> bool:
    """Note that the address of an account is confirmed; False when it was before."""
    return await session.one(_ADD, account_id=account_id) is not None


@cache
def unused() -> Command[UUID]:
    """Delete members' accounts from before a key whose address was never confirmed, and that nothing belongs to."""
    accounts = Base.metadata.tables["accounts"]
    used = [
        exists().where(key.parent == accounts.c.id)
        for table in Base.metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table is accounts and table.name not in _OF_NO_USE
    ]
    these = (
        select(accounts.c.id)
        .where(accounts.c.id < bindparam("before"), accounts.c.role == "member", *(~each for each in used))
        .order_by(accounts.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    return Command(delete(accounts).where(accounts.c.id.in_(these)).returning(accounts.c.id), identity)


async def forget_unused(session: Session, before: UUID, most: int) -> int:
    """Delete accounts whose address was never confirmed, and that nothing belongs to; how many there were."""
    return len(await session.all(unused(), before=before, most=most))
