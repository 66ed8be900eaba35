"""Encrypting everything anew under the first key of the ring, while the service serves."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import cast

from sqlalchemy import ColumnElement, LargeBinary, Table, bindparam, func, or_, select, type_coerce, update

from app.adapters.database import Base, Command, Database, Query, arguments
from app.adapters.encryption import encrypted, indexes, row_key
from app.kit.crypto import HEADER_BYTES, KeyRing, Place, Unreadable, key_id

_BATCH = 100

Values = dict[str, object]


@dataclass(frozen=True, slots=True)
class Kept:
    """How many values of a column are encrypted with a key."""

    column: str
    key: str
    values: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What has become of the rows of a table so far."""

    table: str
    rotated: int
    unreadable: tuple[str, ...]


async def status(database: Database) -> list[Kept]:
    """How many values of each encrypted column there are under each key."""
    found: list[Kept] = []
    for table in tables():
        for column in encrypted(table):
            stored = type_coerce(column, LargeBinary)
            header = func.substr(stored, 1, HEADER_BYTES)
            name = f"{table.name}.{column.name}"
            counted: Query[Values] = Query(
                select(header.label("header"), func.count().label("values"))
                .where(stored.is_not(None))
                .group_by(header)
                .order_by(header),
                dict,
            )
            found += [
                Kept(name, key_id(cast("bytes", row["header"])), cast("int", row["values"]))
                for row in await database.primary.all(counted)
            ]
    return found


def tables() -> list[Table]:
    """Every table that has an encrypted column."""
    return [table for table in Base.metadata.sorted_tables if encrypted(table)]


async def rotate(database: Database, ring: KeyRing) -> AsyncIterator[Progress]:
    """Bring every row to the first key, a batch in a transaction; what another process wrote meanwhile is found, too.

    Rows that are on the first key are not touched, so whoever was interrupted begins again and goes on.
    """
    for table in tables():
        rows = _Rows(table, ring)
        rotated = 0
        unreadable: list[str] = []
        last: object = None
        while True:
            async with database.transaction() as session:
                page = await (
                    session.all(rows.first, header=ring.header)
                    if last is None
                    else session.all(rows.after, header=ring.header, last=last)
                )
                for stored in page:
                    last = stored[rows.key]
                    try:
                        texts = rows.opened(stored)
                    except Unreadable as error:
                        unreadable.append(str(error))
                    else:
                        await session.only(rows.write, row=last, **texts)
                        rotated += 1
            if not page:
                break
            yield Progress(table.name, rotated, tuple(unreadable))


class _Rows:
    """The statements that rotate one table."""

    def __init__(self, table: Table, ring: KeyRing) -> None:
        key = row_key(table)
        columns = encrypted(table)
        stored = [type_coerce(column, LargeBinary).label(column.name) for column in columns]
        outdated: ColumnElement[bool] = or_(
            *(
                func.substr(type_coerce(column, LargeBinary), 1, HEADER_BYTES)
                != bindparam("header", type_=LargeBinary())
                for column in columns
            )
        )
        columns_read = cast("list[ColumnElement[object]]", [key, *stored])
        page = select(*columns_read).where(outdated).order_by(key).limit(_BATCH).with_for_update()
        self.key: str = key.name
        self.first: Query[Values] = Query(page, dict)
        self.after: Query[Values] = Query(page.where(key > bindparam("last")), dict)
        names = [column.name for column in (*columns, *indexes(table))]
        self.write: Command[Values] = Command(
            update(table).where(key == bindparam("row")).values(arguments(*names)).returning(key), dict
        )
        self._table: str = table.name
        self._columns: list[str] = [column.name for column in columns]
        self._ring: KeyRing = ring

    def opened(self, stored: Values) -> dict[str, str | None]:
        """The texts of a row."""
        return dict(self._opened(stored))

    def _opened(self, stored: Values) -> Iterator[tuple[str, str | None]]:
        for name in self._columns:
            value = cast("bytes | None", stored[name])
            place = Place(self._table, name, str(stored[self.key]))
            yield name, None if value is None else self._ring.open(value, place)
