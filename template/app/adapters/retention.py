"""Removing what need not be kept any longer, a batch in a transaction, while the service serves."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from app.adapters.database import Database, Transaction

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Rule:
    """What is removed when. A noun says so in its `retention.py`: `RULES = (Rule("carts, after a year", forget),)`."""

    what: str
    forget: Callable[[Transaction, datetime, int], Awaitable[int]]
    """Removes up to so many rows that need not be kept at a moment, and says how many there were."""


@dataclass(frozen=True, slots=True)
class Removed:
    """How much one rule removed."""

    what: str
    rows: int


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
