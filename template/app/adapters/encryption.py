"""Columns that the database holds encrypted.

A statement that could write one in plain text, or read it sealed, fails when its module is imported: `Query` and
`Command` ask `Sealing` what to seal and what to open.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from sqlalchemy import (
    ARRAY,
    BinaryExpression,
    BindParameter,
    CheckConstraint,
    Column,
    ColumnElement,
    Delete,
    Insert,
    LargeBinary,
    SelectBase,
    String,
    Table,
    Update,
    any_,
    bindparam,
    func,
)
from sqlalchemy import cast as cast_as
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql import operators, visitors
from sqlalchemy.types import TypeEngine

from app.kit.crypto import DIGEST_BYTES, OVERHEAD, KeyRing, Place

T = TypeVar("T")
Statement = SelectBase | Insert | Update | Delete


class Encrypted(LargeBinary):
    """A text that the database holds encrypted: `email: Mapped[str] = mapped_column(Encrypted())`."""


class BlindIndex(LargeBinary):
    """Finds rows by the text of an encrypted column: a keyed digest of it, filled in by itself.

    Args:
        of: the name of the encrypted column.
        normal: what is done to a text before it is compared, `str.lower` for example.
    """

    def __init__(self, of: str, normal: Callable[[str], str] = str) -> None:
        super().__init__()
        self.of: str = of
        self.normal: Callable[[str], str] = normal


class _Digests(String):
    """What a blind index may hold for one text, in one argument: for an array the driver would ask the catalogue."""

    def __init__(self, column: "Column[object]") -> None:
        super().__init__()
        self.column: Column[object] = column


def sealed(column: str) -> CheckConstraint:
    """The constraint with which the database itself refuses plain text in an encrypted column."""
    return CheckConstraint(f"get_byte({column}, 0) = 1 AND octet_length({column}) >= {OVERHEAD}", f"{column}_is_sealed")


def digested(column: str) -> CheckConstraint:
    """The constraint with which the database itself refuses anything but a digest in a blind index."""
    return CheckConstraint(f"octet_length({column}) = {DIGEST_BYTES}", f"{column}_is_digest")


def matches(index: InstrumentedAttribute[bytes], name: str) -> ColumnElement[bool]:
    """The condition that a blind index stands for the text of the argument `name`."""
    column = _column(index.expression)
    if not isinstance(column.type, BlindIndex):
        raise TypeError(f"{column} is no BlindIndex: compare it with ==")
    digests = func.string_to_array(bindparam(name, type_=_Digests(column)), ",")
    return index == any_(cast_as(digests, ARRAY(LargeBinary)))


@dataclass(frozen=True, slots=True)
class _Seal:
    table: str
    column: str
    row: str  # the argument, or the column of the result, that has the row's key


class Sealing:
    """What one statement has to seal before it runs, and to open in its result."""

    def __init__(self, statement: Statement, binds: Mapping[str, BindParameter[object]]) -> None:
        _refuse_comparisons(statement)
        self.derived: dict[str, str] = {}
        """Arguments that are filled in: the name of each, and of the argument that it follows from."""
        self.opens: dict[str, _Seal] = {}
        self._seals: dict[str, _Seal] = {}
        self._written: dict[str, Column[object]] = {}
        self._looked_up: dict[str, Column[object]] = {}
        for name, bind in binds.items():
            kind = bind.type
            if isinstance(kind, _Digests):
                self._looked_up[name] = kind.column
            elif isinstance(kind, Encrypted | BlindIndex):
                self._written[name] = _written(statement, kind)
        for name, column in self._written.items():
            if isinstance(column.type, Encrypted):
                self._seals[name] = _Seal(column.table.name, column.name, _row_argument(statement, column, binds))
                for index in _indexes(column):
                    self.derived[self._argument_of(index)] = name
        if stray := self._written.keys() - self._seals.keys() - self.derived.keys():
            raise TypeError(f"{sorted(stray)} follows from its encrypted column: write that in the same statement")
        columns = list(statement.exported_columns)
        for each in columns:
            if isinstance(each.type, Encrypted):
                column = _column(each)
                self.opens[str(each.key)] = _Seal(column.table.name, column.name, _row_column(columns, column))

    @property
    def touches(self) -> bool:
        """Whether there is anything to do before it runs."""
        return bool(self._seals or self._looked_up)

    def sealed(self, given: Mapping[str, object], ring: KeyRing) -> dict[str, object]:
        """The arguments as the database gets them."""
        result = dict(given)
        for name, seal in self._seals.items():
            text = given[name]
            if text is not None:
                result[name] = ring.seal(_text(text), Place(seal.table, seal.column, str(given[seal.row])))
        for name, source in self.derived.items():
            result[name] = digest(self._written[name], given[source], ring)
        for name, column in self._looked_up.items():
            digests = ring.digests(str(column), _normal(column, given[name]))
            result[name] = ",".join(f"\\x{each.hex()}" for each in digests)
        return result

    def opened(self, row: dict[str, object], ring: KeyRing) -> dict[str, object]:
        """The columns of a row as `into` gets them; Unreadable when one does not belong where it stands."""
        for name, seal in self.opens.items():
            value = row[name]
            if value is not None:
                place = Place(seal.table, seal.column, str(row[seal.row]))
                row[name] = ring.open(cast("bytes", value), place)
        return row

    def _argument_of(self, index: "Column[object]") -> str:
        for name, column in self._written.items():
            if column is index:
                return name
        raise TypeError(
            f"{index} has to be written together with {index.table.name}.{cast('BlindIndex', index.type).of}"
        )


def encrypted(table: Table) -> list["Column[object]"]:
    """The encrypted columns of a table."""
    return [column for column in table.columns if isinstance(column.type, Encrypted)]


def indexes(table: Table) -> list["Column[object]"]:
    """The blind indexes of a table."""
    return [column for column in table.columns if isinstance(column.type, BlindIndex)]


def digest(index: "Column[object]", text: object, ring: KeyRing) -> bytes | None:
    """What a blind index holds for the text of its column."""
    return None if text is None else ring.digest(str(index), _normal(index, text))


def row_key(table: Table) -> "Column[object]":
    """The column that tells the rows of a table with encrypted columns apart."""
    keys = list(table.primary_key.columns)
    if len(keys) != 1:
        raise TypeError(f"{table.name} has encrypted columns, so its primary key has to be one column")
    return keys[0]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"an encrypted column takes text, not {type(value).__name__}")
    return value


def _normal(index: "Column[object]", text: object) -> str:
    return cast("BlindIndex", index.type).normal(_text(text))


def _indexes(column: "Column[object]") -> list["Column[object]"]:
    return [each for each in indexes(column.table) if cast("BlindIndex", each.type).of == column.name]


def _column(element: ColumnElement[T]) -> "Column[object]":
    found = next(iter(element.base_columns))
    if not isinstance(found, Column):
        raise TypeError(f"{element} has to be a column of a table: only that says where its values stand")
    return cast("Column[object]", found)


def _written(statement: Statement, kind: Encrypted | BlindIndex) -> "Column[object]":
    """The column that an argument of this type is written to."""
    if isinstance(statement, Insert | Update):
        for column in cast("Table", statement.table).columns:
            if column.type is kind:
                return column
    raise TypeError("an encrypted column or its blind index is no argument here: find rows with matches(index, name)")


def _refuse_comparisons(statement: Statement) -> None:
    for each in visitors.iterate(statement):
        if isinstance(each, BinaryExpression):
            kinds = {type(cast("TypeEngine[object]", side.type)) for side in (each.left, each.right)}
            if Encrypted in kinds or (BlindIndex in kinds and isinstance(each.right, BindParameter)):
                raise TypeError(f"`{each}` is never true: find rows by an encrypted text with matches(index, name)")


def _row_argument(statement: Statement, column: "Column[object]", binds: Mapping[str, BindParameter[object]]) -> str:
    """The argument that names the row which is written."""
    key = row_key(column.table)
    if isinstance(statement, Insert) and key.name in binds:
        return key.name
    for each in visitors.iterate(statement):
        if (
            isinstance(statement, Update)
            and isinstance(each, BinaryExpression)
            and each.operator is operators.eq
            and isinstance(each.right, BindParameter)
            and key in each.left.base_columns
        ):
            return each.right.key
    raise TypeError(f"{column} is encrypted for one row: name it by {key} as an argument")


def _row_column(columns: list[ColumnElement[object]], column: "Column[object]") -> str:
    """The column of the result that names the row which is read."""
    key = row_key(column.table)
    for each in columns:
        if key in each.base_columns:
            return str(each.key)
    raise TypeError(f"{column} opens only together with its row's key: select {key}, too")
