"""What belongs to an account: every row that the database would delete with it, found in the models.

A noun whose foreign key says `ondelete="CASCADE"` is exported and erased without another line. A foreign key that says
`SET NULL` only forgets the account; `tests/test_house.py` accepts no third way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import cast
from uuid import UUID

from sqlalchemy import Column, ColumnElement, LargeBinary, Table, Uuid, bindparam, delete, or_, select

from app.adapters.database import Base, Command, Query, identity
from app.adapters.encryption import Encrypted
from app.kit.logging import names_a_secret

Row = dict[str, object]


@dataclass(frozen=True)
class Belonging:
    """The rows of one table that belong to an account."""

    table: Table
    whose: ColumnElement[bool]
    """Of the account in the argument `owner`."""

    @property
    def key(self) -> Column[UUID]:
        """What its rows are told apart by."""
        keys = list(self.table.primary_key.columns)
        if len(keys) != 1 or not isinstance(keys[0].type, Uuid):
            raise TypeError(f"{self.table.name} belongs to accounts, so its primary key has to be one column of UUIDs")
        return cast("Column[UUID]", keys[0])

    @property
    def shown(self) -> "list[Column[object]]":
        """The columns that its owner may have: no secrets, and no digests, which say nothing."""
        return [each for each in cast("list[Column[object]]", list(self.table.columns)) if _is_shown(each)]

    def page(self) -> Query[Row]:
        """Its rows, in the order of their keys: `owner`, `after`, `most`."""
        return Query(
            select(*self.shown)
            .where(self.whose, self.key > bindparam("after"))
            .order_by(self.key)
            .limit(bindparam("most")),
            cast("Callable[..., Row]", dict),
        )

    def nth(self) -> Query[UUID]:
        """The key of the row after `skipped` others: `owner`, `skipped`."""
        return Query(
            select(self.key.label("id")).where(self.whose).order_by(self.key).offset(bindparam("skipped")).limit(1),
            identity,
        )

    def erase(self) -> Command[UUID]:
        """Delete its rows before a key: `owner`, `before`."""
        return Command(
            delete(self.table).where(self.whose, self.key < bindparam("before")).returning(self.key.label("id")),
            identity,
        )


def _is_shown(column: "Column[object]") -> bool:
    if names_a_secret(column.name):
        return False
    return isinstance(column.type, Encrypted) or not isinstance(column.type, LargeBinary)


@cache
def belongings() -> tuple[Belonging, ...]:
    """The account itself, and every table that has something of it: parents before children."""
    accounts = Base.metadata.tables["accounts"]
    whose: dict[str, ColumnElement[bool]] = {accounts.name: accounts.c.id == bindparam("owner", type_=Uuid())}
    for table in Base.metadata.sorted_tables:
        ways = [
            key.parent.in_(select(key.column).where(whose[key.column.table.name]))
            if key.column.table is not accounts
            else key.parent == bindparam("owner", type_=Uuid())
            for key in sorted(table.foreign_keys, key=lambda each: each.parent.name)
            if key.ondelete == "CASCADE" and key.column.table.name in whose
        ]
        if ways and table is not accounts:
            whose[table.name] = or_(*ways)
    return tuple(Belonging(Base.metadata.tables[name], condition) for name, condition in whose.items())
