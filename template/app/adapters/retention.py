"""Removing what need not be kept any longer, a batch in a transaction, while the service serves."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, cast

from sqlalchemy import ColumnElement, String, Table, bindparam, delete, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute

from app.adapters.database import Base, Command, Database, Session

T = TypeVar("T")

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Rule:
    """What is removed when. A noun says so in its `retention.py`: `RULES = (Rule("carts, after a year", forget),)`."""

    what: str
    forget: Callable[[Session, datetime, int], Awaitable[int]]
    """Removes up to so many rows that need not be kept at a moment, and says how many there were."""


@dataclass(frozen=True, slots=True)
class Removed:
    """How much one rule removed."""

    what: str
    rows: int


def oldest(model: type[Base], older: ColumnElement[bool], by: InstrumentedAttribute[T]) -> Command[dict[str, object]]:
    """Delete up to `most` rows, the oldest first, that nobody else holds.

    Args:
        model: of the table.
        older: which rows need not be kept.
        by: the column that says how old they are; it has an index.
    """
    # A row is found again by its place, not by its key: that asks no index for each of them.
    table = cast("Table", model.__table__)
    place = literal_column(f"{table.name}.ctid", String())
    these = (
        select(place)
        .select_from(model)
        .where(older)
        .order_by(by)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .correlate(None)
    )
    forget = delete(table).where(place.in_(these)).returning(place.label("place"))
    return Command(forget, cast("Callable[..., dict[str, object]]", dict))


async def keep(database: Database, rules: Iterable[Rule], now: datetime) -> AsyncIterator[Removed]:
    """Apply each rule until nothing is left for it. Whoever is interrupted begins again and goes on."""
    for rule in rules:
        rows = 0
        removed = _BATCH
        while removed == _BATCH:
            async with database.transaction() as session:
                removed = await rule.forget(session, now, _BATCH)
            rows += removed
        yield Removed(rule.what, rows)
