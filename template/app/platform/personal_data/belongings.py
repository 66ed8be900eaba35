"""What belongs to an account: every row that the database would delete with it, found in the models.

A noun whose foreign key says `ondelete="CASCADE"` is exported and erased without another line. A foreign key that says
`SET NULL` only forgets the account; `tests/test_house.py` accepts no third way.
"""

from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar, cast
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    LargeBinary,
    SelectBase,
    Table,
    Text,
    Uuid,
    bindparam,
    delete,
    or_,
    select,
    tuple_,
)
from sqlalchemy import cast as sql_cast

from app.adapters.database import Base, Command, Query, identity
from app.adapters.encryption import Encrypted
from app.kit import pagination
from app.kit.logging import names_a_secret

Row = dict[str, object]
Key = UUID | str
R = TypeVar("R")

KEY = "key of the row"
_ALONE = cast("Callable[..., Key]", identity)


@dataclass(frozen=True)
class Belonging:
    """The rows of one table that belong to an account."""

    table: Table
    whose: ColumnElement[bool]
    """Of the account in the argument `owner`."""

    @property
    def _keys(self) -> "list[Column[object]]":
        return cast("list[Column[object]]", list(self.table.primary_key.columns))

    @property
    def _is_plain(self) -> bool:
        """Whether its rows are told apart by one UUID, as those of most tables are."""
        return len(self._keys) == 1 and isinstance(self._keys[0].type, Uuid)

    @property
    def key(self) -> ColumnElement[Key]:
        """What its rows are told apart by: a UUID, or whatever else the primary key is, as text."""
        if not self._keys:
            raise TypeError(f"{self.table.name} belongs to accounts, so it has to have a primary key")
        if self._is_plain:
            return cast("ColumnElement[Key]", self._keys[0])
        return cast("ColumnElement[Key]", sql_cast(tuple_(*self._keys), Text))

    @property
    def first(self) -> Key:
        """What comes before every key."""
        return UUID(int=0) if self._is_plain else ""

    def decoded(self, text: str) -> Key:
        """The key in a cursor; ValueError for a text that is none."""
        if self._is_plain:
            return pagination.decode(text)
        key = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        if "\0" in key:
            raise ValueError("no key holds this character")
        return key

    @property
    def shown(self) -> "list[Column[object]]":
        """The columns that its owner may have: no secrets, and no digests, which say nothing."""
        return [each for each in cast("list[Column[object]]", list(self.table.columns)) if _is_shown(each)]

    def page(self) -> Query[Row]:
        """Its rows, in the order of their keys: `owner`, `after`, `most`. Each has its key under KEY."""
        return self._query(
            select(*self.shown, self.key.label(KEY))
            .where(self.whose, self.key > self._bound("after"))
            .order_by(self.key)
            .limit(bindparam("most")),
            cast("Callable[..., Row]", dict),
        )

    def nth(self) -> Query[Key]:
        """The key of the row after `skipped` others: `owner`, `skipped`."""
        return self._query(
            select(self.key.label("id")).where(self.whose).order_by(self.key).offset(bindparam("skipped")).limit(1),
            _ALONE,
        )

    def erase(self) -> Command[Key]:
        """Delete its rows before a key: `owner`, `before`."""
        return Command(
            delete(self.table).where(self.whose, self.key < self._bound("before")).returning(self.key.label("id")),
            _ALONE,
        )

    def _bound(self, name: str) -> BindParameter[Key]:
        return bindparam(name, type_=Uuid() if self._is_plain else Text())

    def _query(self, statement: SelectBase, into: Callable[..., R]) -> Query[R]:
        # No index has them in this order, which costs no more than a sort of one person's rows.
        return Query(statement, into, whole="" if self._is_plain else "what one person has is sorted")


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
