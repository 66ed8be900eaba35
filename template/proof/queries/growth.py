"""What every statement costs at each size, and whether that grows with the tables: reports/queries.json."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from math import ceil, log
from pathlib import Path
from typing import Literal

import asyncpg
from pydantic import BaseModel, ConfigDict, ValidationError

from app.adapters.database import Connection
from proof.queries.plans import cost
from proof.queries.rows import Rows
from proof.queries.statements import MOMENT, Named, Place, statements
from proof.queries.top import Timed

# How many blocks more a statement may touch for each hundredfold of rows. A B-tree gets one level deeper then, at most.
# One that reads goes through an index of each of its tables; one that writes through each index, and may split a block.
_FOLD = 100
_READ_BLOCKS = 4
_WRITE_BLOCKS = 16
# Below this a table is read as a whole because that is cheapest, with or without an index.
_SMALL = 1_000
_TOO_LONG = "30s"
_REPEATED = 20


class _Fixed(BaseModel):
    model_config = ConfigDict(frozen=True)


class Measured(_Fixed):
    """What one statement cost at one size."""

    rows: int
    """Of the tables that no other one refers to."""
    blocks: int
    returned: int
    ms: float
    scanned: list[str]
    """The tables of a thousand rows and more that it read as a whole."""
    plan: str


class Growth(_Fixed):
    """One statement as the tables grew."""

    name: str
    sql: str
    measured: list[Measured]
    not_run: str = ""
    """Why it has no cost."""
    whole: str = ""
    """Why it may cost more in larger tables."""
    endless: int = 0
    """The size at which it did not end in time."""

    @property
    def allowed(self) -> int:
        """How many blocks it may touch at the last size: those of the first one, and deeper indexes."""
        first, last = self.measured[0], self.measured[-1]
        joined = self.sql.count(" JOIN ")
        # A joined table is looked up for each row, and whatever writes goes through the indexes for each of its rows.
        more = (
            _READ_BLOCKS * (1 + joined) + joined * last.returned
            if self.sql.startswith("SELECT")
            else _WRITE_BLOCKS * max(last.returned, 1)
        )
        return first.blocks + more * ceil(log(last.rows / first.rows, _FOLD))

    @property
    def status(self) -> Literal["pass", "fail", "not_measured", "whole"]:
        """Whether it costs the same at each size."""
        if self.not_run:
            return "not_measured"
        if self.whole and not self.endless:
            return "whole"
        return "fail" if any(self.faults()) else "pass"

    def faults(self) -> Iterator[str]:
        """What is wrong, what was wanted, and the mend."""
        if self.endless:
            yield (
                f"{self.name} does not end within {_TOO_LONG} at {self.endless:,} rows. Read its EXPLAIN, and add the "
                "index that it lacks."
            )
        if self.endless or self.whole or not self.measured:
            return
        first, last = self.measured[0], self.measured[-1]
        mend = (
            f"Its plan is {last.plan}. Add an index on what its WHERE compares and its ORDER BY sorts by, "
            "in the noun's models.py, and write the migration."
        )
        if last.scanned:
            yield (
                f"{self.name} reads all of {' and '.join(last.scanned)} at {last.rows:,} rows, and has to find them by "
                f"an index. {mend}"
            )
        elif last.blocks > self.allowed:
            yield (
                f"{self.name} touches {first.blocks:,} blocks at {first.rows:,} rows and {last.blocks:,} at "
                f"{last.rows:,}, where it may touch {self.allowed:,}. {mend}"
            )


class Report(_Fixed):
    """The whole of reports/queries.json."""

    rows: list[int]
    tables: dict[str, int]
    """The rows of each table at the last size."""
    statements: list[Growth]
    top: list[Timed]
    """What pg_stat_statements counted at the last size; empty where the server does not preload it."""

    @classmethod
    def read(cls, file: Path) -> "Report | None":
        """The report in a file; None when there is none that can be read."""
        try:
            return cls.model_validate_json(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValidationError):
            return None

    def sentence(self, file: Path) -> str:
        """What it says, and since when."""
        written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        held = sum(each.status == "pass" for each in self.statements)
        return (
            f"{held} of {len(self.statements)} statements cost the same at {self.rows[-1]:,} rows as at "
            f"{self.rows[0]:,}, says `make queries` of {written:%Y-%m-%d %H:%M} UTC"
        )


class _Case:
    """One statement with the page that it reads: the first, or one deep in the list of whoever has most rows."""

    def __init__(self, named: Named, page: Literal["", "first", "deep"]) -> None:
        self.named: Named = named
        self.page: Literal["", "first", "deep"] = page
        self.name: str = f"{named.name}, {page} page" if page else named.name
        self.measured: list[Measured] = []
        self.given: list[object] = []
        self.not_run: str = ""
        self.endless: int = 0

    @property
    def goes_on(self) -> bool:
        """Whether it is to be run at the next size."""
        return not self.not_run and not self.endless

    async def prepare(self, rows: Rows) -> None:
        """Find values that find rows, and values of a new row."""
        try:
            self.given = await self._arguments(rows)
        except LookupError as error:
            self.not_run = str(error).strip("'\"")

    async def _arguments(self, rows: Rows) -> list[object]:
        samples: dict[Place, object] = {}
        for place in set(self.named.places.values()):
            filled = rows.filled.get(place.table)
            number = filled.deep if filled else 0
            if filled and place.is_bound and self.page == "first" and not rows.refers(place):
                number = filled.last if place.how.startswith("<") else 1
            row = await rows.row(place.table, number)
            if place.how == "stored":
                row |= await rows.new(place.table)
            if place.column not in row:
                raise LookupError(f"{place.table} has no column {place.column}")
            if row[place.column] is None and place.is_bound and place.is_moment:
                row[place.column] = MOMENT
            if row[place.column] is None and place.how != "stored":
                raise LookupError(
                    f"{place.table}.{place.column} is empty in every row that proof/queries/rows.py makes"
                )
            samples[place] = row[place.column]
        offset = 0
        if self.page == "deep":
            offset = max((each.heavy - each.first) // 4 for each in rows.filled.values())
        return self.named.arguments(samples.__getitem__, offset)

    def grown(self) -> Growth:
        """What became of it."""
        return Growth(
            name=self.name,
            sql=self.named.sql,
            measured=self.measured,
            not_run=self.not_run,
            whole=self.named.whole,
            endless=self.endless,
        )


async def measured(
    connection: Connection, sizes: Sequence[int], say: Callable[[str], None], *, counts: bool
) -> tuple[list[Growth], Rows]:
    """Fill the tables to each size in turn, and run every statement there; nothing that a statement writes stays.

    Args:
        connection: to a migrated database that is thrown away afterwards.
        sizes: how many rows, ascending.
        say: is told what is going on.
        counts: whether the database counts what its statements cost, so that they also run without EXPLAIN.
    """
    cases = [_Case(each, page) for each in statements() for page in (("first", "deep") if each.is_paged else ("",))]
    rows = Rows(connection)
    await connection.execute("SET statement_timeout = 0; SET maintenance_work_mem = '512MB'")
    for size in sizes:
        await rows.grow(size, say)
        say(f"running {len(cases)} statements at {size:,} rows")
        await connection.execute(f"SET statement_timeout = '{_TOO_LONG}'")
        for case in cases:
            if case.goes_on:
                await case.prepare(rows)
        if counts:
            await connection.execute("SELECT pg_stat_statements_reset()")
        for case in cases:
            if case.goes_on:
                await _run(connection, case, rows, size, _REPEATED if counts else 0)
        await connection.execute("SET statement_timeout = 0")
    return [each.grown() for each in cases], rows


async def _run(connection: Connection, case: _Case, rows: Rows, size: int, repeated: int) -> None:
    sql = case.named.sql
    try:
        found = await cost(connection, sql, case.given)
        for _ in range(repeated):
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.fetch(sql, *case.given)
            finally:
                await transaction.rollback()
    except asyncpg.QueryCanceledError:
        case.endless = size
    except asyncpg.PostgresError as error:
        case.not_run = f"the database refuses the arguments that were made for it: {error}"
    else:
        case.measured.append(
            Measured(
                rows=size,
                blocks=found.blocks,
                returned=round(found.node.rows),
                ms=found.ms,
                scanned=sorted(
                    each for each in found.scanned if each in rows.filled and rows.filled[each].last >= _SMALL
                ),
                plan=found.node.sentence,
            )
        )
