"""The report as data, for programs: schemas/report.schema.json describes it."""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from discover import nouns as naming
from discover.answers import Answers
from discover.engine import Result
from discover.findings import Column, Entity, Finding, Place, Route
from discover.project import Unit
from discover.text import words
from discover.view import is_absent, title

SCHEMA = 1
"""The version of the form; it grows by one when something that was there changes its meaning or goes."""


def own_version() -> str:
    """Give the version of what runs; empty where it is not installed."""
    try:
        return version("backend-architect")
    except PackageNotFoundError:
        return ""


def data(result: Result, answered: Answers, made: naming.Nouns) -> dict[str, Any]:
    """Give everything that was found as plain data. No path leads out of the codebase."""
    return {
        "schema": SCHEMA,
        "version": own_version(),
        "name": title(result),
        "unit": _unit(result.unit),
        "units": [_unit(unit) for unit in result.units],
        "findings": [_finding(each) for each in result.findings],
        "routes": [_route(each) for each in result.routes],
        "entities": [_entity(each) for each in result.entities],
        "contradictions": result.contradictions,
        "read": result.read,
        "unread": [{"path": path, "why": why} for path, why in result.unread.items()],
        "seconds": round(result.seconds, 2),
        "answers": {
            "given": {each.name: {"value": each.value, "why": each.why} for each in answered.given},
            "open": {
                each.name: {"question": each.question, "default": each.default, "notes": each.notes}
                for each in answered.open
            },
        },
        "nouns": naming.data(made),
    }


def write(result: Result, answered: Answers, made: naming.Nouns) -> str:
    """Write it as JSON; what no UTF-8 can hold is replaced."""
    text = json.dumps(data(result, answered, made), indent=2, ensure_ascii=False)
    return text.encode("utf-8", errors="replace").decode("utf-8") + "\n"


def _unit(unit: Unit) -> dict[str, Any]:
    return {"folder": unit.folder or ".", "name": unit.name, "kind": unit.kind, "manifests": unit.manifests}


def _place(place: Place) -> dict[str, Any]:
    return {"path": place.path, "line": place.line}


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "row": found.row.value,
        "key": found.key,
        "value": found.value,
        "proof": found.proof.name.lower(),
        "absent": is_absent(found),
        "unknown": found.unknown,
        "scope": found.scope,
        "condition": found.condition,
        "note": found.note,
        "places": [_place(place) for place in found.places],
    }


def _route(route: Route) -> dict[str, Any]:
    return {
        "method": route.method,
        "path": route.path,
        "place": _place(route.place),
        "guards": route.guards,
        "validated": route.validated,
        "version": route.version,
        "note": route.note,
    }


def _entity(entity: Entity) -> dict[str, Any]:
    return {
        "name": entity.name,
        "table": entity.table,
        "kind": entity.kind,
        "source": entity.source,
        "proof": entity.proof.name.lower(),
        "internal": entity.internal,
        "note": entity.note,
        "place": _place(entity.place),
        "columns": [_column(each) for each in entity.columns],
        "relations": [
            {"name": each.name, "kind": each.kind, "target": each.target, "through": each.through}
            for each in entity.relations
        ],
        "indexes": entity.indexes,
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "column": column.column or column.name,
        "type": column.type,
        "nullable": column.nullable,
        "primary_key": column.primary_key,
        "unique": column.unique,
        "index": column.index,
        # What stands there may be the secret itself.
        "default": None if re.search(naming.vocabulary()["secret"], words(column.name)) else column.default,
        "references": column.references,
        "on_delete": column.on_delete,
        "enum": column.enum,
        "length": column.length,
    }
