"""What is found: values, each with its evidence and how far the evidence goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Proof(IntEnum):
    """How far the evidence goes. Only USED or more sets an answer."""

    NAMED = 1
    """A file name or a README says so."""
    LISTED = 2
    """A dependency, and no more."""
    IMPORTED = 3
    """Imported, and never called."""
    USED = 4
    """Imported and called outside tests."""
    RUNS = 5
    """Used, and reached from an entry point."""


class Row(StrEnum):
    """The subjects, in the order of the report."""

    API = "api"
    DATA = "data"
    WHO = "who"
    VERSIONS = "versions"
    LOGS = "logs"
    LOAD = "load"
    EDGES = "edges"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file; line 0 is the file itself."""

    path: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


ABSENT = "absent"
"""The value of a finding that says: everything was read, and it is not there."""


@dataclass(slots=True)
class Finding:
    """One value of one key, such as row `edges`, key `rate_limit`, value `20 per 15 min`."""

    row: Row
    key: str
    value: str | int
    """What a reader is told. A value that does not fold to a constant is `unknown (EXPRESSION at path:line)`."""
    proof: Proof
    places: list[Place] = field(default_factory=list)
    """The best evidence first."""
    scope: str = ""
    """Where it holds, if not everywhere: `only /v1/auth`."""
    condition: str = ""
    """When it holds, if not always: `only if config.env === 'production'`."""
    note: str = ""
    unit: str = ""
    """The folder of the unit; filled in by the engine."""

    @property
    def unknown(self) -> bool:
        """Tell whether the value could not be read."""
        return isinstance(self.value, str) and self.value.startswith("unknown (")


@dataclass(slots=True)
class Route:
    """One operation that the backend answers."""

    method: str
    """Upper case; `ANY` answers to every method."""
    path: str
    """With all prefixes, parameters as `{name}`."""
    place: Place
    guards: list[str] = field(default_factory=list)
    """Names of what decides who may call it."""
    validated: bool | None = None
    """Whether its input is checked against a schema; None where that can't be told."""
    version: str = ""
    note: str = ""
    unit: str = ""


@dataclass(slots=True)
class Column:
    """One column or field."""

    name: str
    """As code calls it."""
    type: str
    """As the source says it, lower case: `varchar(255)`, `timestamptz`, `jsonb`, `enum`."""
    nullable: bool = True
    column: str = ""
    """Its name in the database, where that differs."""
    primary_key: bool = False
    unique: bool = False
    index: bool = False
    default: str | None = None
    references: str = ""
    """`table.column`"""
    on_delete: str = ""
    enum: list[str] = field(default_factory=list)
    length: int | None = None


@dataclass(slots=True)
class Relation:
    """A relation that is no column: many-to-many, or the other side of a foreign key."""

    name: str
    kind: str
    """`many_to_many`, `one_to_many` or `one_to_one`."""
    target: str
    through: str = ""


@dataclass(slots=True)
class Entity:
    """A table or a collection."""

    name: str
    """As code calls it, or the table's name."""
    table: str
    place: Place
    kind: str = "table"
    """`table`, `collection`, `join` (of many-to-many) or `schema` (validated data that no table is certain of)."""
    columns: list[Column] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    """`name (column, column)`, `unique name (column)`."""
    source: str = ""
    """The technology that says so: `prisma`, `sql migrations`, `sqlalchemy`…"""
    proof: Proof = Proof.USED
    note: str = ""
    unit: str = ""
    internal: str = ""
    """Why it is no noun of the product, if it is none: `django`, `sessions`, `migrations`."""
