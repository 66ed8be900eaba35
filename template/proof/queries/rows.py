"""Rows for every table, by construction: the values follow from the columns, so a new noun needs nothing of its own.

Row number `i` of a table is a function of `i`, which the database computes itself. Keys ascend as UUIDv7 does. Of the
rows that one filling adds, the first fifth holds a heavy parent: every other row there is of the first account, say.
All the others are spread over the other parents, so the heavy one has a deep list, and has added nothing lately. That
is the list which a plan without the right index has to search a whole table for.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

import asyncpg
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    types,
)
from sqlalchemy.dialects import postgresql

from app import registry
from app.adapters.database import Base, Connection
from app.adapters.encryption import Encrypted
from proof.queries.statements import Place

# A table that others refer to has this part of their rows.
_FEWER = 10
# But however long the chain of tables is, one has this part of the rows of the last.
_FEWEST = 100
_HEAVY = 5
# Of a table whose models say in `info={"few": "why"}` that nobody ever has many of them, everybody gets so many.
_FEW = "few"
_EACH = 3
# Of pairs that there may be once each, this part of those that its parents have.
_PAIRED = 2
# A prime, so that neighbours belong to different parents.
_SPREAD = 7919

_KEPT = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname) AS away,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
         AS back
FROM pg_constraint c
WHERE c.conrelid = $1::regclass AND c.contype IN ('p', 'u', 'f')
  AND (c.contype = 'f' OR NOT EXISTS (SELECT FROM pg_constraint r WHERE r.contype = 'f' AND r.conindid = c.conindid))
UNION ALL
SELECT format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
FROM pg_index i
WHERE i.indrelid = $1::regclass AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""

# The numbers that the database gives go on after ours.
_NEXT = "SELECT setval(pg_get_serial_sequence($1, $2), $3) WHERE pg_get_serial_sequence($1, $2) IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Filled:
    """What one table holds: the rows up to `last`, of which the last filling added those from `first` on."""

    first: int
    last: int
    deepest: int | None = None
    """How many rows the heavy parent may get."""

    @property
    def heavy(self) -> int:
        """Up to this one, every other row is of the heavy parent."""
        part = (self.last - self.first) // _HEAVY
        return self.first + (part if self.deepest is None else min(part, self.deepest * 2 - 2))

    @property
    def deep(self) -> int:
        """A row of the heavy parent, in the middle of its list."""
        return max((self.first + self.heavy) // 4 * 2, 1)


class Rows:
    """The tables of this service, and how many rows each one got."""

    def __init__(self, connection: Connection) -> None:
        registry.load_models()
        self._connection: Connection = connection
        self._tables: Sequence[Table] = Base.metadata.sorted_tables
        self.filled: dict[str, Filled] = {}
        self.unfilled: dict[str, str] = {}
        """Why a table has no rows."""

    async def grow(self, rows: int, say: Callable[[str], None]) -> None:
        """Add rows until the tables that no other one refers to have so many."""
        sizes = self._sizes(rows)
        if not self.filled:
            # Without a log, filling takes half the time; children first, as a logged table can't refer to one without.
            for table in reversed(self._tables):
                with suppress(asyncpg.PostgresError):  # one that is partitioned keeps its log
                    await self._connection.execute(f"ALTER TABLE {_quoted(table.name)} SET UNLOGGED")
        for table in self._tables:
            if table.name not in self.unfilled:
                say(f"{table.name}: {sizes[table.name]:,} rows")
                await self._fill(table, sizes[table.name])
        say("VACUUM ANALYZE")
        await self._connection.execute("VACUUM ANALYZE")

    async def row(self, table: str, number: int) -> dict[str, object]:
        """One row; LookupError when it has none."""
        if table in self.unfilled or table not in self.filled:
            raise LookupError(f"{table} has no rows: {self.unfilled.get(table, 'it is no table of the models')}")
        columns = list(Base.metadata.tables[table].primary_key.columns)
        keys = " AND ".join(f"{_quoted(each.name)} = {self._value(each, f'{number}::bigint')}" for each in columns)
        found = await self._connection.fetchrow(f"SELECT * FROM {_quoted(table)} WHERE {keys}")  # noqa: S608 - our tables
        if found is None:
            raise LookupError(f"{table} has no row number {number}")
        return cast("dict[str, object]", dict(found))

    async def new(self, table: str) -> dict[str, object]:
        """The values of a row that is not there yet."""
        if table not in self.filled:
            raise LookupError(f"{table} has no rows: {self.unfilled.get(table, 'it is no table of the models')}")
        number = f"{self.filled[table].last + 1}::bigint"
        columns = [each for each in Base.metadata.tables[table].columns if _is_filled(each)]
        values = ", ".join(f"{self._value(each, number)} AS {_quoted(each.name)}" for each in columns)
        found = await self._connection.fetchrow(f"SELECT {values}")
        return cast("dict[str, object]", dict(found)) if found is not None else {}

    def refers(self, place: Place) -> bool:
        """Whether what stands there is the key of another table: whose list it is, not where a page begins."""
        return bool(Base.metadata.tables[place.table].columns[place.column].foreign_keys)

    def _sizes(self, rows: int) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for table in reversed(self._tables):
            below = [sizes[each.name] for each in self._tables if each.name in sizes and _refers(each, table)]
            sizes[table.name] = max(min(below) // _FEWER, rows // _FEWEST, 2) if below else rows
        for table in self._tables:  # parents first: of a row that there is once for each parent, there are no more
            for column in table.columns:
                if (parent := _parent(column)) is not None and (_is_alone(column) or _FEW in table.info):
                    # One parent has none, so that a new row finds its own.
                    most = sizes[parent.table.name] - 1 if _is_alone(column) else sizes[parent.table.name] * _EACH
                    sizes[table.name] = min(sizes[table.name], most)
                if parent is not None and (other := _paired_with(column)) is not None:
                    most = (sizes[other.table.name] - 1) * sizes[parent.table.name] // _PAIRED
                    sizes[table.name] = min(sizes[table.name], most)
        return sizes

    async def _fill(self, table: Table, last: int) -> None:
        first = self.filled[table.name].last if table.name in self.filled else 0
        self.filled[table.name] = Filled(first, last, self._deepest(table))
        columns = [each for each in table.columns if _is_filled(each)]
        try:
            async with self._connection.transaction():
                await self._connection.execute(f"ALTER TABLE {_quoted(table.name)} DISABLE TRIGGER USER")
                kept = await self._connection.fetch(_KEPT, _quoted(table.name))
                for each in kept:
                    await self._connection.execute(cast("str", each["away"]))
                names = ", ".join(_quoted(each.name) for each in columns)
                values = ", ".join(self._value(each, "i") for each in columns)
                await self._connection.execute(
                    f"INSERT INTO {_quoted(table.name)} ({names}) OVERRIDING SYSTEM VALUE "  # noqa: S608 - our tables
                    f"SELECT {values} FROM generate_series({first + 1}::bigint, {last}) AS i"
                )
                for each in reversed(kept):
                    await self._connection.execute(cast("str", each["back"]))
                await self._connection.execute(f"ALTER TABLE {_quoted(table.name)} ENABLE TRIGGER USER")
                for each in table.columns:
                    if isinstance(each.type, types.Integer):
                        await self._connection.execute(_NEXT, _quoted(table.name), each.name, last)
        except (asyncpg.PostgresError, LookupError) as error:
            self.unfilled[table.name] = f"its columns do not tell what fits: {error}"
            del self.filled[table.name]

    def _value(self, column: Column[object], number: str) -> str:
        """What stands in a column of row `number`, as SQL."""
        parent = _parent(column)
        if parent is None:
            return _own(column, number)
        if parent.table is column.table or _is_alone(column):
            return self._value(parent, number)
        if parent.table.name not in self.filled:
            raise LookupError(f"{parent.table.name}, which it refers to, has no rows")
        if _FEW in column.table.info:
            return self._value(parent, f"(1 + {number} % {self.filled[parent.table.name].last})")
        table, parents = self.filled[column.table.name], self.filled[parent.table.name]
        is_heavy = f"{number} > {table.first} AND {number} <= {table.heavy} AND {number} % 2 = 0"
        if (other := _paired_with(column)) is not None:
            # Of the parents that came with this filling, one after the other for each parent of the other column.
            others = self.filled[other.table.name].last - 1
            since = f"({number} - {table.first})"
            spread = f"{since} / {others} + {number} * {_SPREAD} % {others}"
            turn = f"(CASE WHEN {is_heavy} THEN {since} / 2 ELSE {spread} END)"
            return self._value(parent, f"({parents.first + 1} + {turn} % {parents.last - parents.first})")
        return self._value(
            parent, f"(CASE WHEN {is_heavy} THEN 1 ELSE 2 + {number} * {_SPREAD} % {parents.last - 1} END)"
        )

    def _deepest(self, table: Table) -> int | None:
        """How many rows the heavy parent may get: as many as there are new parents to pair it with."""
        paired = [_parent(each) for each in table.columns if _paired_with(each) is not None]
        parents = [
            self.filled[each.table.name] for each in paired if each is not None and each.table.name in self.filled
        ]
        return min((each.last - each.first for each in parents), default=None)


def _quoted(name: str) -> str:
    return f'"{name}"'


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a column may hold, where its table says so: `kind IN ('a', 'b')`, `price BETWEEN 0 AND 10`, `price >= 0`."""

    choices: tuple[str, ...] = ()
    least: Decimal | None = None
    most: Decimal | None = None


def admitted(column: Column[object]) -> Admitted:
    """What the constraints of a column's table let it hold."""
    for each in column.table.constraints:
        text = str(cast("object", each.sqltext)) if isinstance(each, CheckConstraint) else ""
        if found := re.fullmatch(rf"{column.name} IN \((.+)\)", text):
            return Admitted(choices=tuple(re.findall(r"'([^']*)'", found[1])))
        if found := re.fullmatch(rf"{column.name} BETWEEN (\S+) AND (\S+)", text):
            return Admitted(least=Decimal(found[1]), most=Decimal(found[2]))
        if found := re.fullmatch(rf"{column.name} (>=|<=) (\S+)", text):
            bound = Decimal(found[2])
            return Admitted(least=bound) if found[1] == ">=" else Admitted(most=bound)
    return Admitted()


def _bounded(column: Column[object], number: str) -> str:
    """A number that the column may hold."""
    limits = admitted(column)
    if limits.least is not None and limits.most is not None:
        return f"({limits.least} + {number} % ({limits.most} - {limits.least} + 1)::bigint)"
    if limits.most is not None:
        return f"({limits.most} - {number})"
    return f"({limits.least or 0} + {number})"


def _own(column: Column[object], number: str) -> str:  # noqa: C901, PLR0911, PLR0912 - one for each kind
    kind = cast("object", column.type)
    if choices := admitted(column).choices:
        listed = ", ".join(f"'{each}'" for each in choices)
        return f"(ARRAY[{listed}])[1 + {number} % {len(choices)}]"
    match kind:
        case types.Enum():
            choices = ", ".join(f"'{each}'" for each in kind.enums)
            return f"(ARRAY[{choices}])[1 + {number} % {len(kind.enums)}]"
        case types.Uuid():
            mixed = f"md5('{column.table.name}' || {number})"
            at = f"lpad(to_hex(1735689600000 + {number}), 12, '0')"
            return f"({at} || '7' || left({mixed}, 3) || '8' || right({mixed}, 15))::uuid"
        case types.String():
            text = f"'{column.name} ' || {number}"
            return f"left({text}, {kind.length})" if kind.length else text
        case Encrypted():
            return f"('\\x01'::bytea || sha256(('{column.name}' || {number})::bytea) || sha256('{column.name}'::bytea))"
        case types.LargeBinary():
            return f"sha256(('{column.name}' || {number})::bytea)"
        case types.Date():
            # As many days as a calendar of Python has; no two of one parent are the same.
            return f"(date '2050-01-01' + ({number} % 2000000 + {_earlier(column)})::int)"
        case types.DateTime():
            return f"(timestamptz '2050-01-01' + {number} * interval '1 m' + {_earlier(column)} * interval '1 s')"
        case types.Boolean():
            return f"({number} % 2 = 0)"
        case types.SmallInteger():
            return f"({number} % 10)"
        case types.Integer() | types.Numeric() | types.Float():
            return _bounded(column, number)
        case types.ARRAY():
            return f"ARRAY[]::{kind.compile(dialect=postgresql.dialect())}"
        case types.JSON():
            return f"jsonb_build_object('{column.name}', {number})"
        case _:
            raise LookupError(f"proof/queries/rows.py knows no value for {column.name} {kind}. Give it one in _own")


def _earlier(column: Column[object]) -> int:
    """How many moments of the row come before it: what ends does so after it has started, and before the next row."""
    kind = types.DateTime if isinstance(column.type, types.DateTime) else types.Date
    moments = [each.name for each in column.table.columns if isinstance(each.type, kind)]
    return moments.index(column.name)


def _is_filled(column: Column[object]) -> bool:
    """Whether it gets a value of ours: keys and texts and moments do, what the database or nobody gives does not."""
    if column.computed is not None:
        return False
    parent = _parent(column)
    if parent is not None:
        return not (parent.table is column.table and column.nullable)
    if column.primary_key or (not column.nullable and column.server_default is None):
        return True
    kind = cast("object", column.type)
    return isinstance(kind, types.String | types.Uuid) if column.nullable else isinstance(kind, types.DateTime)


def _parent(column: Column[object]) -> Column[object] | None:
    return next((each.column for each in column.foreign_keys), None)


def _is_alone(column: Column[object]) -> bool:
    """Whether no two rows may have the same value in it."""
    unique = [each for each in column.table.constraints if isinstance(each, PrimaryKeyConstraint | UniqueConstraint)]
    return any([column.name] == [each.name for each in constraint.columns] for constraint in unique)


def _paired_with(column: Column[object]) -> Column[object] | None:
    """The key of the other parent, where no two rows may have the same value in it and the same other parent."""
    for each in column.table.constraints:
        if isinstance(each, PrimaryKeyConstraint | UniqueConstraint):
            parents = [one for one in each.columns if one.foreign_keys]
            if column.name in [one.name for one in parents[1:]]:
                return _parent(parents[0])
    return None


def _refers(child: Table, parent: Table) -> bool:
    keys = [each for each in child.constraints if isinstance(each, ForeignKeyConstraint)]
    return child is not parent and any(each.referred_table is parent for each in keys)
