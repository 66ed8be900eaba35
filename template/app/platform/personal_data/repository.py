"""The statements about what belongs to an account. The models say what that is: compiled at the first use."""

from functools import cache
from typing import cast
from uuid import UUID

from app.adapters.database import Command, Query, Reader, Session
from app.platform.personal_data.belongings import KEY, Belonging, Key, Row, belongings


@cache
def pages() -> tuple[tuple[Belonging, Query[Row]], ...]:
    """What belongs to accounts, each with the query of its rows."""
    return tuple((each, each.page()) for each in belongings())


@cache
def erasures() -> tuple[tuple[Query[Key], Command[Key]], ...]:
    """Children before parents, so that no batch has more to delete than it names."""
    return tuple((each.nth(), each.erase()) for each in reversed(belongings()[1:]))


def tables() -> list[Belonging]:
    """The tables that have something of an account, in the order in which they are exported."""
    return [each for each, _ in pages()]


async def page(reader: Reader, table: Belonging, owner: UUID, after: Key, most: int) -> list[tuple[Key, Row]]:
    """Rows of an account in one table, each with its key."""
    query = next(query for each, query in pages() if each is table)
    rows = await reader.all(query, owner=owner, after=after, most=most)
    return [(cast("Key", row.pop(KEY)), row) for row in rows]


async def erase_some(session: Session, owner: UUID, batch: int) -> bool:
    """Delete a batch of an account's rows from the first table that has more than one; whether there was one."""
    for nth, erase in erasures():
        before = await session.one(nth, owner=owner, skipped=batch)
        if before is not None:
            _ = await session.all(erase, owner=owner, before=before)
            return True
    return False
