"""Lists that can be filtered and sorted: one declaration, and a statement for each way to ask."""

import base64
from collections.abc import Iterable, Mapping
from itertools import product
from types import GenericAlias
from typing import Generic, Literal, TypeVar, TypeVarTuple, cast, get_args, get_origin
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Column, ColumnElement, Select, bindparam, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from app.adapters.database.statements import Query
from app.adapters.database.work import Reader
from app.adapters.encryption import Encrypted
from app.kit.errors import Invalid
from app.kit.pagination import Listed, Page
from app.kit.schemas import Identified

R = TypeVar("R", bound=Identified)
Selected = TypeVarTuple("Selected")

_Cursor = tuple[str, object, UUID]
_MOST = 64
_OF = "of"
_NOT_A_CURSOR = "this is not a cursor of this list in this order: use the `next_cursor` of the page before as it came"


class Listing(Generic[R]):
    """The ways to ask for a list: `Listing(BookingList, select(Booking), BookingRead, of=Booking.owner_id)`.

    Each filter can be used alone, and those that are named together. Each of these ways, in each order, is a `Query` of
    its own, which `make queries` judges: it wants an index on `of`, the filters, the sorted column and the key.

    Args:
        asked: a `Listed` with the filters and orders; its fields have the names of columns.
        statement: the SELECT of the rows, with all columns that are filtered and sorted by.
        into: the class that a row becomes, with a field for each column that is sorted by.
        of: the column of whose rows a list always is, such as the owner; `page` takes its value.
        together: the filters that can be combined, for example `[("room_id", "status")]`.
    """

    def __init__(
        self,
        asked: type[Listed],
        statement: "Select[*Selected]",
        into: type[R],
        *,
        of: InstrumentedAttribute[UUID] | None = None,
        together: Iterable[tuple[str, ...]] = (),
    ) -> None:
        rows = cast("Select[object]", statement)
        orders = _orders(asked)
        self._filters: list[str] = [name for name in asked.model_fields if name not in {*Listed.model_fields, "sort"}]
        ways = {frozenset[str](), *(frozenset([name]) for name in self._filters), *map(frozenset, together)}
        if len(ways) * len(orders) > _MOST:
            raise TypeError(f"{asked.__name__} has {len(ways)} ways and {len(orders)} orders: up to {_MOST} together")
        self._columns: Mapping[str, Column[object]] = _columns(rows, self._filters, orders)
        self._of: Column[object] | None = None if of is None else cast("Column[object]", of.expression)
        self._cursors: dict[str, TypeAdapter[_Cursor]] = {order: _adapter(into, _name(order)) for order in orders}
        self.statements: dict[tuple[frozenset[str], str, bool], Query[R]] = {
            (way, order, later): Query(self._statement(rows, sorted(way), order, later=later), into)
            for way, order, later in product(ways, orders, (False, True))
        }
        """By the filters that are given, the order, and whether it is a later page."""

    async def page(self, reader: Reader, asked: Listed, of: UUID | None = None) -> Page[R]:
        """A page of the list; Invalid when these filters can't be combined, or the cursor is of another list."""
        values = dict(cast("Iterable[tuple[str, object]]", asked))
        order = str(values["sort"])
        given = {name: values[name] for name in self._filters if values[name] is not None}
        start = self._start(asked.cursor, order) if asked.cursor else {}
        query = self.statements.get((frozenset(given), order, bool(start)))
        if query is None:
            ways = {each for each, _, _ in self.statements if len(each) > 1}
            admitted = "; ".join(" with ".join(sorted(each)) for each in sorted(ways, key=sorted)) or "none"
            refused = f"can't be combined; these can: {admitted}"
            raise Invalid("Some inputs were refused.", fields={f"query {name}": refused for name in sorted(given)})
        owner = {} if self._of is None else {_OF: of}
        rows = await reader.all(query, **owner, **given, **start, most=asked.limit + 1)
        shown = rows[: asked.limit]
        return Page[R](data=shown, next_cursor=self._cursor(shown[-1], order) if len(rows) > asked.limit else None)

    def _statement(self, statement: Select[object], way: list[str], order: str, *, later: bool) -> Select[object]:
        """One way: a part of one index, from both sides, so that the planner has no other way to prefer."""
        fixed = {name: self._columns[name] for name in way}
        if self._of is not None:
            fixed = {_OF: self._of, **fixed}
        last = {"after": self._columns[_name(order)], "after_id": self._columns["id"]}
        if _name(order) == "id":
            del last["after"]
        falling = _falls(order)
        if fixed:
            end = _row(fixed) >= _given(fixed) if falling or not later else _row(fixed) <= _given(fixed)
            statement = statement.where(end)
        if later:
            whole = {**fixed, **last}
            statement = statement.where(_row(whole) < _given(whole) if falling else _row(whole) > _given(whole))
        elif fixed:
            statement = statement.where(_row(fixed) <= _given(fixed))
        columns = [*fixed.values(), *last.values()]
        statement = statement.order_by(*(each.desc() if falling else each for each in columns))
        return statement.limit(bindparam("most"))

    def _cursor(self, row: R, order: str) -> str:
        """What continues after a row."""
        value = cast("object", getattr(row, _name(order))) if _name(order) != "id" else None
        return base64.urlsafe_b64encode(self._cursors[order].dump_json((order, value, row.id))).rstrip(b"=").decode()

    def _start(self, cursor: str, order: str) -> dict[str, object]:
        """The values of the row that a cursor continues after."""
        try:
            text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            known, value, key = self._cursors[order].validate_json(text)
        except ValueError:
            known, value, key = "", None, None
        if known != order:
            raise Invalid("Some inputs were refused.", fields={"query cursor": _NOT_A_CURSOR})
        return {"after": value, "after_id": key} if _name(order) != "id" else {"after_id": key}


def _adapter(into: type[Identified], name: str) -> TypeAdapter[_Cursor]:
    """Reads and writes what a cursor has: the order, the value of the column that is sorted by, and the key."""
    kind = None if name == "id" else into.model_fields[name].annotation
    return TypeAdapter(cast("type[_Cursor]", GenericAlias(tuple, (str, kind, UUID))))


def _columns(statement: Select[object], filters: Iterable[str], orders: Iterable[str]) -> Mapping[str, Column[object]]:
    """The columns that a list is filtered and sorted by, and its key."""
    plain = (each for each in statement.selected_columns if isinstance(each, Column))
    columns = {each.name: each for each in cast("Iterable[Column[object]]", plain)}
    found: dict[str, Column[object]] = {}
    for name in {"id", *filters, *map(_name, orders)}:
        if name not in columns or isinstance(columns[name].type, Encrypted):
            raise TypeError(f"a list is filtered and sorted by columns that its statement selects, and {name} is none")
        found[name] = columns[name]
    if empty := sorted({each for each in map(_name, orders) if found[each].nullable}):
        raise TypeError(f"a list is not sorted by {', '.join(empty)}, which may be NULL: no page could begin there")
    return found


def _orders(asked: type[Listed]) -> tuple[str, ...]:
    """The orders that a list can have."""
    kind = asked.model_fields["sort"].annotation if "sort" in asked.model_fields else None
    orders = cast("tuple[str, ...]", get_args(kind))
    if get_origin(kind) is not Literal:
        raise TypeError(f'{asked.__name__} needs its orders: sort: Literal["newest", "name", "-name"] = "newest"')
    return orders


def _name(order: str) -> str:
    return "id" if order in {"newest", "oldest"} else order.removeprefix("-")


def _falls(order: str) -> bool:
    return order == "newest" or order.startswith("-")


def _row(columns: Mapping[str, Column[object]]) -> ColumnElement[object]:
    return _tuple(list(columns.values()))


def _given(columns: Mapping[str, Column[object]]) -> ColumnElement[object]:
    return _tuple([bindparam(name, type_=each.type) for name, each in columns.items()])


def _tuple(elements: list[ColumnElement[object]]) -> ColumnElement[object]:
    return elements[0] if len(elements) == 1 else cast("ColumnElement[object]", tuple_(*elements))
