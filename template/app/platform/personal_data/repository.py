"""The statements about what belongs to an account. The models say what that is: compiled at the first use."""

from functools import cache
from uuid import UUID

from app.adapters.database import Command, Query, Reader, Session
from app.platform.personal_data.belongings import Belonging, Row, belongings


@cache
def _pages() -> tuple[tuple[Belonging, Query[Row]], ...]:
    return tuple((each, each.page()) for each in belongings())


@cache
def _erasures() -> tuple[tuple[Query[UUID], Command[UUID]], ...]:
    """Children before parents, so that no batch has more to delete than it names."""
    return tuple((each.nth(), each.erase()) for each in reversed(belongings()[1:]))


def tables() -> list[str]:
    """The tables that have something of an account, in the order in which they are exported."""
    return [each.table.name for each, _ in _pages()]


async def page(reader: Reader, table: str, owner: UUID, after: UUID, most: int) -> list[tuple[UUID, Row]]:
    """Rows of an account in one table, each with its key."""
    belonging, query = next(found for found in _pages() if found[0].table.name == table)
    rows = await reader.all(query, owner=owner, after=after, most=most)
    return [(UUID(str(row[belonging.key.name])), row) for row in rows]


async def erase_some(session: Session, owner: UUID, batch: int) -> bool:
    """Delete a batch of an account's rows from the first table that has more than one; whether there was one."""
    for nth, erase in _erasures():
        before = await session.one(nth, owner=owner, skipped=batch)
        if before is not None:
            _ = await session.all(erase, owner=owner, before=before)
            return True
    return False
