"""What a repository writes: tables, and statements that are compiled once, when their module is imported."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar, Generic, TypeVar, cast
from uuid import UUID

import asyncpg
from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnDefault,
    Delete,
    Float,
    Insert,
    LargeBinary,
    MetaData,
    SelectBase,
    TextClause,
    TupleType,
    TypeDecorator,
    Update,
    bindparam,
)
from sqlalchemy.dialects.postgresql.asyncpg import AsyncpgByteA, PGDialect_asyncpg
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import ResultColumnsEntry
from sqlalchemy.types import TypeEngine

from app.adapters.encryption import Sealing
from app.kit.crypto import KeyRing

R = TypeVar("R")
_Process = Callable[[object], object]

# The types that PostgreSQL gives numbers, which SQLAlchemy asks for with each result: there is none at import.
_NUMERIC, _DOUBLE = 1700, 701


class _Bytes(AsyncpgByteA):
    def bind_processor(self, dialect: object) -> None:
        """The driver takes bytes as they are."""


class _Dialect(PGDialect_asyncpg):
    """The dialect as an engine would set it up, for statements that run without one."""

    supports_statement_cache: bool = True
    # An engine has the driver decode JSON, by two more questions for each new connection.
    supports_native_json_deserialization: bool = False
    colspecs = {  # noqa: RUF012 - as the base declares it
        **PGDialect_asyncpg.colspecs,
        LargeBinary: _Bytes,
    }


DIALECT = _Dialect(dbapi=PGDialect_asyncpg.import_dbapi())


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
        if isinstance(cast("object", statement), TextClause):
            raise TypeError(
                "name the columns of raw SQL: text(…).columns(column(name, type), …), or text(…).columns() for none"
            )
        compiled = statement.compile(dialect=DIALECT)
        given_late = {name for name, bind in compiled.binds.items() if bind.required}
        for bind in compiled.post_compile_params | compiled.literal_execute_params:
            if bind.required:
                raise TypeError(
                    f"{bind.key} would change the text of the statement with each list: write "
                    f'column == any_(bindparam("{bind.key}", type_=ARRAY(…))), which takes a list of any length'
                )
        expanded = compiled.construct_expanded_state(dict.fromkeys(given_late))
        self.sql: str = expanded.statement
        self.into: Callable[..., R] = into
        self.names: tuple[str, ...] = tuple(expanded.positiontup or [])
        """The names of its arguments in the order of `$1, $2, …`."""
        self._sealing: Sealing = Sealing(statement, compiled.binds)
        self._seals: bool = self._sealing.touches
        # Defaults that Python computes. An argument of the same name is taken instead.
        self._defaults: dict[str, Callable[[], object]] = {
            str(column.key): _default(default)
            for column, default in (
                *((each, each.default) for each in compiled.insert_prefetch),
                *((each, each.onupdate) for each in compiled.update_prefetch),
            )
        }
        kinds = {name: cast("TypeEngine[object]", bind.type) for name, bind in compiled.binds.items()}
        for name, parts in expanded.parameter_expansion.items():
            kind = kinds.pop(name)
            each = kind.types if isinstance(kind, TupleType) else [kind]
            kinds |= {part: each[index % len(each)] for index, part in enumerate(parts)}
        processors = {
            name: cast("_Process", processor)
            for name, kind in kinds.items()
            if (processor := kind.dialect_impl(DIALECT).bind_processor(DIALECT)) is not None
        }
        self._fixed: dict[str, object] = {
            name: processors[name](value) if name in processors else value
            for name, value in cast("dict[str, object]", expanded.parameters).items()
            if name in self.names and name not in given_late | self._defaults.keys() | self._sealing.derived.keys()
        }
        self.wanted: frozenset[str] = frozenset(self.names) - self._fixed.keys() - self._sealing.derived.keys()
        """The names of the arguments that it has to be given, or has a default for."""
        self._to_database: dict[str, _Process] = {
            name: each for name, each in processors.items() if name in self.wanted
        }
        # By their names in the SQL: the key of an attribute may be another one.
        columns = cast("list[ResultColumnsEntry]", vars(compiled)["_result_columns"])  # there is no public way
        names = [each.keyname for each in columns]
        if twice := {each for each in names if names.count(each) > 1}:
            raise TypeError(f"two columns of the result are called {sorted(twice)}: tell them apart with .label(…)")
        self._from_database: list[tuple[str, _Process]] = [
            (each.keyname, cast("_Process", processor))
            for each in columns
            if (processor := each.type.dialect_impl(DIALECT).result_processor(DIALECT, _number(each.type))) is not None
        ]

    def arguments(self, given: dict[str, object], ring: KeyRing) -> list[object]:
        """The values in the order of `$1, $2, …`, sealed where their column is encrypted."""
        if given.keys() != self.wanted:
            given = {name: make() for name, make in self._defaults.items() if name not in given} | given
            if given.keys() != self.wanted:
                raise TypeError(
                    f"this statement takes {sorted(self.wanted)}, and was given {sorted(given)}: {self.sql}"
                )
        if self._fixed:
            given = self._fixed | given
        if self._seals:
            given = self._sealing.sealed(given, ring)
        if self._to_database:
            given = {**given, **{name: process(given[name]) for name, process in self._to_database.items()}}
        return [given[name] for name in self.names]

    def row(self, record: asyncpg.Record, ring: KeyRing) -> R:
        """What a row of the result becomes; Unreadable when an encrypted value does not belong where it stands."""
        row: dict[str, object] = dict(record)
        for name, process in self._from_database:
            row[name] = process(row[name])
        if self._sealing.opens:
            row = self._sealing.opened(row, ring)
        return self.into(**row)


def _number(kind: TypeEngine[object]) -> int:
    """As what type the database is taken to send the numbers of a column, of which it may be an array."""
    if isinstance(kind, TypeDecorator):
        return _number(cast("TypeEngine[object]", kind.impl_instance))
    if isinstance(kind, ARRAY):
        return _number(cast("TypeEngine[object]", kind.item_type))
    return _DOUBLE if isinstance(kind, Float) and kind.asdecimal else _NUMERIC


def _default(default: object) -> Callable[[], object]:
    """What computes a default of a column in Python."""
    value = cast("object", cast("ColumnDefault", default).arg)
    # SQLAlchemy has functions take the context of its own execution, which there is none of here.
    return partial(cast("Callable[[object], object]", value), None) if callable(value) else lambda: value


def arguments(*names: str) -> Mapping[str, BindParameter[object]]:
    """The named arguments of a statement, for its `values(…)`."""
    return {name: bindparam(name) for name in names}


def identity(id: UUID) -> UUID:  # noqa: A002 - the column's name
    """The row of a statement that returns one column, the key: `Command(delete(…).returning(Item.id), identity)`."""
    return id


class Query(_Compiled[R]):
    """A SELECT: `BY_ID = Query(select(Item).where(Item.id == bindparam("id")), ItemRead)`.

    `into` is called with the columns of each row by name. `whole` is the reason why it may read a whole table, for one
    that no request waits for; `make queries` then does not ask for an index.
    """

    def __init__(self, statement: SelectBase, into: Callable[..., R], *, whole: str = "") -> None:
        if any(isinstance(each, Insert | Update | Delete) for each in visitors.iterate(statement)):
            raise TypeError("a Query changes nothing: make a Command of a statement that writes in a WITH clause")
        super().__init__(statement, into)
        self.whole: str = whole


class Command(_Compiled[R]):
    """An INSERT, UPDATE or DELETE, mostly with a RETURNING clause, which only a `Session` can run.

    A SELECT may be one, too, when it writes: in a WITH clause, or as raw SQL.
    """

    def __init__(self, statement: SelectBase | Insert | Update | Delete, into: Callable[..., R]) -> None:
        super().__init__(statement, into)
