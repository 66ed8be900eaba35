"""Encrypted columns of mapped objects: sealed on the way to the database, opened when an object is loaded."""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from sqlalchemy import BindParameter, Column, Executable, Insert, Select, Table, Update, event, inspect, orm
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper, object_session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql import visitors

from app.adapters.database import Base, Session
from app.adapters.database.statements import DIALECT
from app.adapters.encryption import BlindIndex, Encrypted, Sealing, digest, encrypted, indexes, row_key
from app.kit.crypto import KeyRing, Place

Values = dict[str, object]


def seal(
    connection: Connection, statement: Executable, many: Sequence[Values], one: Values, options: Mapping[str, object]
) -> tuple[Executable, Sequence[Values], Values]:
    """The values of a statement as the database gets them."""
    del options
    sealing = _sealing(statement, many[0] if many else one)
    if sealing is None or not sealing.touches:
        return statement, many, one
    ring = cast("KeyRing", connection.get_execution_options()["ring"])
    try:
        if many:
            return statement, [sealing.sealed(each, ring) for each in many], one
        return statement, many, sealing.sealed(one, ring)
    except KeyError as error:
        raise TypeError(f"{error} belongs to an encrypted column: give it as a parameter of execute()") from None


def _sealing(statement: Executable, given: Values) -> Sealing | None:
    if isinstance(statement, Select):
        selected = cast("Select[object]", statement)
        _refuse_columns(cast("object", selected.column_descriptions))
        binds = filter(lambda each: isinstance(each, BindParameter), visitors.iterate(selected))
        return Sealing(selected, {each.key: each for each in cast("Iterable[BindParameter[object]]", binds)})
    if isinstance(statement, Insert | Update) and encrypted(cast("Table", statement.table)):
        _refuse_columns(statement.returning_column_descriptions)
        named = statement.compile(dialect=DIALECT, column_keys=list(given)).bind_names
        return Sealing(statement, {name: bind for bind, name in named.items()})
    return None


def _refuse_columns(described: object) -> None:
    """Only an object knows the row that an encrypted value belongs to."""
    for each in cast("Iterable[Mapping[str, object]]", described):
        if isinstance(each["type"], Encrypted):
            raise TypeError(f"{each['name']} opens only as a part of its object: select that, or use a Query")


@event.listens_for(Base, "before_insert", propagate=True)
@event.listens_for(Base, "before_update", propagate=True)
def _index(mapper: Mapper[Base], _: Connection, target: Base) -> None:
    """Have a blind index written together with its column."""
    table = cast("Table", mapper.local_table)
    for index in indexes(table):
        source = _name(mapper, table.columns[cast("BlindIndex", index.type).of])
        if inspect(target).attrs[source].history.has_changes():
            setattr(target, _name(mapper, index), digest(index, _value(target, source), _ring(target)))


@event.listens_for(Base, "load", propagate=True)
@event.listens_for(Base, "refresh", propagate=True)
def _open(target: Base, *_: object) -> None:
    """Show the text of what was just read; Unreadable when it does not belong where it stands."""
    mapper = inspect(target).mapper
    table = cast("Table", mapper.local_table)
    for column in encrypted(table):
        name = _name(mapper, column)
        value: object = inspect(target).dict.get(name)
        if isinstance(value, bytes):
            place = Place(table.name, column.name, str(_value(target, _name(mapper, row_key(table)))))
            set_committed_value(target, name, _ring(target).open(value, place))


def _name(mapper: Mapper[Base], column: Column[object]) -> str:
    return mapper.get_property_by_column(column).key


def _value(target: Base, name: str) -> object:
    return cast("object", getattr(target, name))


def _ring(target: Base) -> KeyRing:
    return cast("Session", cast("orm.Session", object_session(target)).info["session"]).ring
