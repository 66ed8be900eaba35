"""Shapes of data that zod checks, in a backend without a database: what its tables could be, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator

from discover import databases, rules
from discover.code import Module, Node
from discover.findings import Column, Entity, Place, Row
from discover.project import Project, Unit
from discover.wiring import Spot

_TYPES = {
    "string": "string", "number": "number", "boolean": "bool", "date": "datetime", "bigint": "bigint", "enum": "enum",
    "nativeEnum": "enum", "literal": "string", "uuid": "uuid", "email": "string", "url": "string", "cuid": "string",
    "iso": "datetime", "datetime": "datetime", "int": "int", "array": "array", "object": "object", "record": "object",
    "any": "mixed", "unknown": "mixed", "coerce": "string",
}  # fmt: skip
_INPUT = re.compile(
    r"^(get|list|create|update|delete|patch|post|put|new|add|login|register|search)[A-Z]|"
    r"(request|response|params?|query|body|input|output|env|config|options|dto|form|filters?|result|payload)(schema)?$",
    re.IGNORECASE,
)


def entities(project: Project, unit: Unit) -> Iterator[Entity]:
    """Give the schemas that look like stored things, where nothing says what is stored."""
    keys = ("orm", "query_builder", "database", "datastore")
    stores = [name for key in keys for rule in rules.of(Row.DATA, key) for name in (*rule.npm, *rule.pypi)]
    if unit.pypi or databases.has(unit, *stores, "@supabase/supabase-js", "@supabase/ssr"):
        return
    if databases.files(project, unit, "*.sql", "*.prisma"):
        return
    for module in project.importing(unit, "zod"):
        for name, node in module.bindings.items():
            noun = re.sub(r"(schema|model)$", "", name, flags=re.IGNORECASE)
            if (
                noun
                and noun != name
                and not _INPUT.search(name)
                and (made := _object(project, module, node)) is not None
            ):
                yield from _entity(project, noun[:1].upper() + noun[1:], made)


def _object(project: Project, module: Module, node: Node) -> Spot | None:
    """Give the members of `z.object({...})`."""
    if node.kind != "call":
        return None
    calls = databases.chain(node)
    name, first = calls[0] if calls else ("", node)
    if name != "object" or project.origin(module, first.items[0]) not in ("zod.z.object", "zod.object"):
        return None
    members = first.arguments[0] if first.arguments else None
    return Spot(module, members) if members is not None and members.kind == "object" else None


def _entity(project: Project, name: str, spot: Spot) -> Iterator[Entity]:
    keys = [key for key, _ in spot.node.pairs]
    if not {"id", "_id", "uuid"} & set(keys) or len(keys) < 3:
        return
    entity = Entity(name, name, Place(spot.module.path, spot.node.line), "schema", source="zod")
    entity.proof = project.proof(spot.module.path)
    entity.note = "a schema of what is sent and received: nothing says that it is stored"
    for key, node in spot.node.pairs:
        if key and key != "...":
            entity.columns.append(_column(project, key, Spot(spot.module, node)))
    yield entity


def _column(project: Project, key: str, spot: Spot) -> Column:
    where, made, inside = project.follow(spot.module, spot.node, spot.function)
    calls = databases.chain(made)
    kinds = [name for name, _ in calls]
    column = Column(key, _TYPES.get(kinds[0] if kinds else "", "mixed"), nullable=False)
    if kinds[:1] == ["string"]:
        column.type = next((_TYPES[kind] for kind in kinds[1:] if kind in ("uuid", "datetime")), "string")
    elif kinds[:1] == ["number"] and "int" in kinds:
        column.type = "int"
    elif kinds[:1] == ["coerce"] and len(kinds) > 1:
        column.type = _TYPES.get(kinds[1], "string")
    column.nullable = bool({"nullable", "nullish", "optional"} & set(kinds))
    for name, call in calls:
        if name in ("enum", "nativeEnum") and call.arguments:
            column.enum = databases.enum_values(project, Spot(where, call.arguments[0], inside))
        elif name == "default" and call.arguments:
            column.default = databases.default_text(project, where, key, call.arguments[0], inside)
    return column
