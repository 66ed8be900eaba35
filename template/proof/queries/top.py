"""What the database itself counted of its statements: pg_stat_statements."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from rich.table import Table

from app.adapters.database import Connection

SHOWN = 12


@dataclass(frozen=True, slots=True)
class Timed:
    """One statement and what it cost, from pg_stat_statements."""

    query: str
    calls: int
    mean_ms: float
    max_ms: float
    rows: int
    hit: int
    read: int

    @property
    def total_ms(self) -> float:
        """What all its calls took together."""
        return self.calls * self.mean_ms


STATEMENTS = """
SELECT regexp_replace(query, '\\s+', ' ', 'g') AS query, calls,
       mean_exec_time AS mean_ms, max_exec_time AS max_ms, rows, shared_blks_hit AS hit, shared_blks_read AS read
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND query !~* '^(BEGIN|COMMIT|ROLLBACK|SET|RESET|EXPLAIN|CREATE|DROP|SAVEPOINT|RELEASE)'
  AND query !~ 'pg_stat_statements'
ORDER BY mean_exec_time DESC
"""


async def timed(connection: Connection) -> list[Timed]:
    """Every statement of this database, the one that took most time altogether first."""
    into = cast("Callable[..., Timed]", Timed)
    found = [into(**cast("dict[str, object]", dict(each))) for each in await connection.fetch(STATEMENTS)]
    return sorted(found, key=lambda each: each.total_ms, reverse=True)


def table(found: Sequence[Timed]) -> Table:
    """The first of them, to look at."""
    whole = sum(each.total_ms for each in found) or 1.0
    shown = Table(title="Statements that took most time", title_justify="left", expand=True)
    shown.add_column("statement", ratio=1, no_wrap=True)
    for name in ("calls", "share", "mean ms", "max ms", "rows", "blocks a call"):
        shown.add_column(name, justify="right", no_wrap=True)
    for each in found[:SHOWN]:
        shown.add_row(
            each.query.replace("[", "\\["),
            f"{each.calls:,}",
            f"{100 * each.total_ms / whole:.0f} %",
            f"{each.mean_ms:.3f}",
            f"{each.max_ms:.3f}",
            f"{each.rows:,}",
            f"{(each.hit + each.read) / each.calls:.1f}",
        )
    return shown
