"""Every statement of the repositories, and what each of its arguments is compared with or stored in."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from importlib import import_module
from inspect import get_annotations
from pkgutil import walk_packages
from types import ModuleType
from typing import cast

from sqlalchemy import DateTime
from typing_extensions import override

from app import domain, platform
from app.adapters.database import Base, Command, Listing, Query
from app.adapters.encryption import BlindIndex, Encrypted
from app.kit import discovery
from app.kit.crypto import KeyRing
from app.kit.crypto import Place as Sealed
from app.kit.schemas import Identified
from proof import parts

Compiled = Query[object] | Command[object]

# A page of twenty, and one more to know whether there is a next one.
PAGE = 21

# SQLAlchemy wrote the text, so it has one form alone: `items.id < $2::UUID`.
_COMPARED = re.compile(
    r"\b(\w+)\.(\w+) (=|<|>|<=|>=|= ANY|= any|IS NOT DISTINCT FROM|IS DISTINCT FROM) ?"
    r"\(?(?:CAST\()?(?:string_to_array\()?\$(\d+)(?!\d)"
)
_ROW = re.compile(r"\(([\w., ]+)\) (<|>|<=|>=) \((\$[^()]+)\)")
_STORED = re.compile(r"^INSERT INTO (\w+) \(([^)]+)\) VALUES \((.+?)\)(?: ON CONFLICT| RETURNING|$)", re.DOTALL)
_CHANGED = re.compile(r"^UPDATE (\w+) SET (.+?)(?: FROM | WHERE |$)", re.DOTALL)
_SET = re.compile(r"(\w+)=\$(\d+)(?!\d)")
_LIMIT = re.compile(r"\bLIMIT \$(\d+)")
_OFFSET = re.compile(r"\bOFFSET \$(\d+)")
_COMBINED = re.compile(r"\((\w+)\.(\w+)(?:, | [+-] )\$(\d+)(?!\d)")
_LISTED = re.compile(r"^INSERT INTO (\w+) \((\w+)\) SELECT unnest\(\$(\d+)(?!\d)")
# An argument that only a CASE or a function gets chooses no row before the WHERE; what stands after it does.
_TYPED = re.compile(r"\$(\d+)(?!\d)::(BOOLEAN|BIGINT|TIMESTAMP WITH TIME ZONE)")
_SPAN = re.compile(r"\bnow\(\) - \$(\d+)(?!\d)::INTERVAL")
_ALIAS = re.compile(r"\b(\w+) AS (\w+)\b")
# `$2::NUMERIC(12, 2)`, whose comma separates no two values.
_PRECISION = re.compile(r"(\$\d+::\w+)\([\d, ]+\)")
_PLACE = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an argument stands: the column that it is compared with or stored in, and how."""

    table: str
    column: str
    how: str
    """`=`, `= any`, `<`, `>`, `<=`, `>=`, or `stored`."""

    @property
    def is_bound(self) -> bool:
        """Whether it says where a page begins."""
        return self.how[0] in "<>"

    @property
    def is_moment(self) -> bool:
        """Whether its column holds a moment."""
        return isinstance(_type(self), DateTime)


class _AsStored(KeyRing):
    """Gives an encrypted column back what was read from it, as hexadecimal digits: rows that SQL made have no text."""

    @override
    def seal(self, text: str, place: Sealed) -> bytes:
        return bytes.fromhex(text)

    @override
    def digest(self, index: str, text: str) -> bytes:
        return hashlib.sha256(text.encode()).digest()

    @override
    def digests(self, index: str, text: str) -> list[bytes]:
        return [bytes.fromhex(text)]


_RING = _AsStored([bytes(32)])
# All moments in our rows are to come (rows.py): this is before them, and a span that ends after them finds none.
MOMENT = datetime(2049, 1, 1, tzinfo=UTC)
_NEVER = timedelta(days=-36_500)
_ANY: Mapping[str, object] = {"BOOLEAN": True, "BIGINT": 1, "TIMESTAMP WITH TIME ZONE": MOMENT}

Value = Callable[[Place], object]
"""What stands for a place; LookupError when nothing does."""


@dataclass(frozen=True)
class Named:
    """One statement by its name in the code: `items.by_id`."""

    name: str
    statement: Compiled

    @property
    def sql(self) -> str:
        """Its text."""
        return self.statement.sql

    @cached_property
    def places(self) -> Mapping[int, Place]:
        """Where each argument stands, by its number."""
        return dict(_places(_PRECISION.sub(r"\1", self.sql.replace('"', ""))))

    @property
    def whole(self) -> str:
        """Why it may read a whole table; empty for one that may not."""
        return self.statement.whole if isinstance(self.statement, Query) else ""

    @property
    def is_paged(self) -> bool:
        """Whether it reads a part of a list, so that it matters how deep."""
        return any(each.is_bound for each in self.places.values()) or _OFFSET.search(self.sql) is not None

    def arguments(self, value: Value, offset: int = 0) -> list[object]:
        """What it can be run with; LookupError when an argument has no place, or its place has no value."""
        given: dict[str, object] = {}
        fixed = {
            int(number): value
            for pattern, value in ((_LIMIT, PAGE), (_OFFSET, offset))
            for number in cast("list[str]", pattern.findall(self.sql))
        }
        found = cast("list[tuple[str, str]]", _TYPED.findall(self.sql.partition(" WHERE ")[0]))
        free = {int(number): _ANY[kind] for number, kind in found}
        free |= dict.fromkeys(map(int, cast("list[str]", _SPAN.findall(self.sql))), _NEVER)
        for number, name in enumerate(self.statement.names, 1):
            if name in self.statement.wanted and name not in given:
                if number in fixed:
                    given[name] = fixed[number]
                elif number in self.places:
                    given[name] = _argument(self.places[number], value)
                elif name in (said := arguments().get(self.name, {})):
                    given[name] = said[name]
                elif number in free:
                    given[name] = free[number]
                else:
                    noun = self.name.partition(".")[0]
                    raise LookupError(
                        f"no column tells what {name} may be. Say it in proof/parts/{noun}/queries.py: "
                        f'ARGUMENTS = {{"{self.name}": {{"{name}": …}}}}'
                    )
        return self.statement.arguments(given, _RING)


@cache
def arguments() -> Mapping[str, Mapping[str, object]]:
    """What no column tells: the arguments of a statement by its name, from each queries.py in proof/parts/."""
    found: dict[str, Mapping[str, object]] = {}
    for module in discovery.modules(parts, "queries"):
        found |= cast("Mapping[str, Mapping[str, object]]", vars(module)["ARGUMENTS"])
    return found


def _argument(place: Place, value: Value) -> object:
    found = value(place)
    if isinstance(found, bytes) and isinstance(_type(place), Encrypted | BlindIndex):
        return found.hex()
    return [found] if place.how == "= any" else found


def _type(place: Place) -> object:
    return cast("object", Base.metadata.tables[place.table].columns[place.column].type)


def statements() -> Iterator[Named]:
    """Every statement that a noun has compiled, and of those that it compiles when they are called, the least.

    LookupError when arguments are given for a statement that is none of them.
    """
    found = list(_found())
    if unknown := sorted(arguments().keys() - {each.name for each in found}):
        raise LookupError(f"ARGUMENTS in proof/parts/ names {', '.join(unknown)}: there is no such statement")
    yield from found


def _found() -> Iterator[Named]:
    for module in _nouns():
        noun = module.__name__.split(".")[-2]
        for name, found in cast("dict[str, object]", vars(module)).items():
            value = _least(found)
            known = f"{noun}.{name.lstrip('_').lower()}"
            if isinstance(value, Query | Command):
                yield Named(known, cast("Compiled", value))
            elif isinstance(value, Listing):
                for (way, order, later), each in cast("Listing[Identified]", value).statements.items():
                    page = "next page" if later else "beginning"
                    yield Named(" ".join([known, "by", *sorted(way), order, page]), cast("Compiled", each))


def _nouns() -> Iterator[ModuleType]:
    for package in (platform, domain):
        for each in walk_packages(package.__path__, f"{package.__name__}."):
            yield import_module(each.name)


def _least(found: object) -> object:
    """Of a cached function that compiles a statement for a set of fields: the one for no field at all."""
    if not callable(found) or not hasattr(found, "cache_info"):
        return found
    inner = cast("Callable[..., object]", getattr(found, "__wrapped__", found))
    wanted = [kind for name, kind in cast("dict[str, object]", get_annotations(inner)).items() if name != "return"]
    return found(frozenset[str]()) if wanted == [frozenset[str]] else found


def _places(sql: str) -> Iterator[tuple[int, Place]]:
    # What is compared tells most of an argument, so it comes last and wins.
    yield from _stored(sql)
    yield from _compared(sql)


def _stored(sql: str) -> Iterator[tuple[int, Place]]:
    for table, column, number in cast("list[tuple[str, str, str]]", _COMBINED.findall(sql)):
        if table in Base.metadata.tables:
            yield int(number), Place(table, column, "stored")
    if listed := _LISTED.match(sql):
        yield int(listed[3]), Place(listed[1], listed[2], "= any")
    if stored := _STORED.match(sql):
        table, columns, values = stored.groups()
        for column, text in zip(columns.split(", "), values.split(", "), strict=False):
            if place := _PLACE.match(text):
                yield int(place[1]), Place(table, column, "stored")
    if changed := _CHANGED.match(sql):
        for column, number in cast("list[tuple[str, str]]", _SET.findall(changed[2])):
            yield int(number), Place(changed[1], column, "stored")


def _compared(sql: str) -> Iterator[tuple[int, Place]]:
    known_as = {alias: table for table, alias in cast("list[tuple[str, str]]", _ALIAS.findall(sql))}
    for table, column, how, number in cast("list[tuple[str, str, str, str]]", _COMPARED.findall(sql)):
        yield int(number), Place(known_as.get(table, table), column, "=" if "DISTINCT" in how else how.lower())
    for columns, how, values in cast("list[tuple[str, str, str]]", _ROW.findall(sql)):
        for text, value in zip(columns.split(", "), values.split(", "), strict=True):
            table, _, column = text.rpartition(".")
            if place := _PLACE.match(value):
                yield int(place[1]), Place(known_as.get(table, table), column, how)
