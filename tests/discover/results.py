"""Results made by hand: what a run would have found."""

from __future__ import annotations

from pathlib import Path

from discover.engine import Result
from discover.findings import Column, Entity, Finding, Place, Proof, Row
from discover.project import Unit


def found(
    row: Row, key: str, value: str | int, *, proof: Proof = Proof.USED, place: str = "src/app.js", **more: str
) -> Finding:
    """Make a finding with one place."""
    return Finding(row, key, value, proof, [Place(place, 3)], **more)


def column(name: str, kind: str = "varchar(255)", **more: object) -> Column:
    """Make a column; it may not be empty unless that is said."""
    made = Column(name, kind, nullable=False)
    for key, value in more.items():
        setattr(made, key, value)
    return made


def table(name: str, *columns: Column, **more: object) -> Entity:
    """Make a table with an id."""
    made = Entity(name, name, Place("db/schema.sql", 7), columns=[column("id", "uuid", primary_key=True), *columns])
    made.source = "sql migrations"
    for key, value in more.items():
        setattr(made, key, value)
    return made


def users() -> Entity:
    """Make a table of accounts."""
    return table("users", column("email"), column("password_hash"), column("bio", "text", nullable=True))


def result(*items: Finding | Entity, name: str = "shop", description: str = "", folder: str = "shop-api") -> Result:
    """Make a result."""
    made = Result(Path("/nowhere") / folder, Unit("", name, place=Place("package.json", 2)), [])
    made.unit.description = description
    made.units = [made.unit]
    made.findings = [item for item in items if isinstance(item, Finding)]
    made.entities = [item for item in items if isinstance(item, Entity)]
    made.read = 12
    return made
