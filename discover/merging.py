"""What several sources say about the same thing, put together: entities, their order, and contradictions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from discover.findings import Entity, Finding, Proof

if TYPE_CHECKING:
    from discover.engine import Result
    from discover.project import Project

STRONGEST = (
    "prisma",
    "drizzle",
    "typeorm",
    "sequelize",
    "sequelize-typescript",
    "sqlalchemy",
    "django",
    "mongoose",
    "knex",
)
"""Whose statement of a table counts where several make one: models before migrations, relational before documents."""

FRAMEWORK_TABLES = re.compile(
    r"^(alembic_version|schema_?migrations|schemaversion|knex_migrations(_lock)?|_prisma_migrations|django_\w+|auth_(group|permission)\w*"
    r"|sequelizemeta|migrations|flyway_schema_history|__drizzle_migrations|typeorm_metadata|celery_\w+|goose_db_version)$",
    re.IGNORECASE,
)


def merge(project: Project, result: Result) -> None:
    """Put a run's findings and entities together, in place."""
    from discover.extract.sql_migrations import drift

    result.findings += drift(project, result.unit, result.entities)
    result.findings = findings(result.findings)
    result.entities = ordered(entities(result))
    result.contradictions += [
        f"{found.value}{f' ({found.note})' if found.note else ''}: {', '.join(map(str, found.places[:2]))}"
        for found in result.findings
        if found.key in ("foreign_keys_dropped", "schema_drift", "contradiction")
    ]


def findings(every: list[Finding]) -> list[Finding]:
    """Keep each (key, value, scope, condition) once, at its best proof."""
    kept: dict[tuple[str, str, str, str], Finding] = {}
    for found in every:
        key = (found.key, str(found.value), found.scope, found.condition)
        known = kept.get(key)
        if known is None:
            kept[key] = found
        elif found.proof > known.proof:
            found.places += [place for place in known.places if place not in found.places]
            kept[key] = found
        else:
            known.places += [place for place in found.places if place not in known.places]
    return list(kept.values())


def _same(text: str) -> str:
    """Write a table's name so that spellings of one noun are equal: `UserEntity`, `userschemaclasses`, `users`."""
    bare = re.sub(r"[^a-z0-9]", "", text.lower())
    one = re.sub(r"ies$", "y", re.sub(r"(ss|x|ch|sh)es$", r"\1", bare))
    one = one if one != bare or one.endswith("ss") else one.removesuffix("s")
    return re.sub(r"(entity|model|schemaclass|schema|document)$", "", one).removesuffix("s") or one


def entities(result: Result) -> list[Entity]:
    """Give each noun once. The strongest source's columns count; the others are named in its note."""
    by_noun: dict[str, list[Entity]] = {}
    for entity in result.entities:
        if FRAMEWORK_TABLES.match(entity.table) and not entity.internal:
            entity.internal = "a framework's own table"
        by_noun.setdefault(_same(entity.table.rpartition(".")[2]), []).append(entity)

    def strength(entity: Entity) -> tuple[bool, int, int]:
        rank = STRONGEST.index(entity.source) if entity.source in STRONGEST else len(STRONGEST)
        return entity.proof < Proof.USED, rank, -len(entity.columns)

    kept: list[Entity] = []
    for same in by_noun.values():
        best, *others = sorted(same, key=strength)
        sources = sorted({f"{other.source} ({other.place})" for other in others if other.source != best.source})
        if sources:
            best.note = "; ".join(filter(None, [best.note, f"also in {', '.join(sources)}"]))
        kept.append(best)
    return kept


def ordered(every: list[Entity]) -> list[Entity]:
    """Sort by foreign keys: what is referred to comes first; circles are cut where the first name comes first."""
    by_table = {entity.table: entity for entity in sorted(every, key=lambda entity: entity.table)}
    done: dict[str, Entity] = {}
    path: set[str] = set()

    def visit(entity: Entity) -> None:
        if entity.table in done or entity.table in path:
            return
        path.add(entity.table)
        for column in entity.columns:
            target = column.references.rpartition(".")[0] if column.references else ""
            if target in by_table and len(path) < 200:
                visit(by_table[target])
        done[entity.table] = entity

    for entity in by_table.values():
        visit(entity)
    return list(done.values())
