"""What a repository writes: tables, and statements that are compiled once, when their module is imported."""

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Generic, TypeVar, cast

import asyncpg
from sqlalchemy import BindParameter, Delete, Insert, MetaData, SelectBase, Update, bindparam
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.orm import DeclarativeBase

from app.adapters.encryption import Sealing
from app.kit.crypto import KeyRing

_DIALECT = asyncpg_dialect()

R = TypeVar("R")


class Base(DeclarativeBase):
    """The base of every table. The names of constraints are part of the schema, so they are fixed here once."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


class _Compiled(Generic[R]):
    """SQL text, the order of its arguments, and what a row becomes."""

    def __init__(self, statement: SelectBase | Insert | Update | Delete, into: Callable[..., R]) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.sql: str = str(compiled)
        self.into: Callable[..., R] = into
        self.names: tuple[str, ...] = tuple(compiled.positiontup or [])
        """The names of its arguments in the order of `$1, $2, …`."""
        self._sealing: Sealing = Sealing(statement, compiled.binds)
        self._seals: bool = self._sealing.touches
        self._fixed: dict[str, object] = {
            name: value for name, value in cast("dict[str, object]", compiled.params).items() if value is not None
        }
        self.wanted: frozenset[str] = frozenset(self.names) - self._fixed.keys() - self._sealing.derived.keys()
        """The names of the arguments that it has to be given."""
        self._to_database: dict[str, Callable[[object], object]] = {}
        for name, bind in compiled.binds.items():
            processor = bind.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
            if processor is not None:
                self._to_database[name] = processor
        self._from_database: dict[str, Callable[[object], object]] = {}
        for column in statement.exported_columns:
            processor = column.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
            if processor is not None:
                self._from_database[str(column.key)] = processor

    def arguments(self, given: dict[str, object], ring: KeyRing) -> list[object]:
        """The values in the order of `$1, $2, …`, sealed where their column is encrypted."""
        if given.keys() != self.wanted:
            raise TypeError(f"this statement takes {sorted(self.wanted)}, and was given {sorted(given)}: {self.sql}")
        if self._fixed:
            given = self._fixed | given
        if self._seals:
            given = self._sealing.sealed(given, ring)
        if self._to_database:
            given = {name: self._to_database.get(name, _same)(value) for name, value in given.items()}
        return [given[name] for name in self.names]

    def row(self, record: asyncpg.Record, ring: KeyRing) -> R:
        """What a row of the result becomes; Unreadable when an encrypted value does not belong where it stands."""
        if self._sealing.opens:
            return self.into(**self._sealing.opened(dict(self._items(record)), ring))
        if self._from_database:
            return self.into(**dict(self._items(record)))
        return self.into(**dict(record))

    def _items(self, record: asyncpg.Record) -> Iterator[tuple[str, object]]:
        for name, value in cast("Iterator[tuple[str, object]]", record.items()):
            yield name, self._from_database.get(name, _same)(value)


def _same(value: object) -> object:
    return value


def arguments(*names: str) -> Mapping[str, BindParameter[object]]:
    """The named arguments of a statement, for its `values(…)`."""
    return {name: bindparam(name) for name in names}


class Query(_Compiled[R]):
    """A SELECT: `BY_ID = Query(select(Item).where(Item.id == bindparam("id")), ItemRead)`.

    `into` is called with the columns of each row by name. `whole` is the reason why it may read a whole table, for one
    that no request waits for; `make queries` then does not ask for an index.
    """

    def __init__(self, statement: SelectBase, into: Callable[..., R], *, whole: str = "") -> None:
        super().__init__(statement, into)
        self.whole: str = whole


class Command(_Compiled[R]):
    """An INSERT, UPDATE or DELETE with a RETURNING clause, which only a `Session` can run."""

    def __init__(self, statement: Insert | Update | Delete, into: Callable[..., R]) -> None:
        super().__init__(statement, into)
