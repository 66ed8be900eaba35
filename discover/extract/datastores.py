"""Where else a Node backend keeps data: drivers, document and key-value stores, search; and two databases at once."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from discover import databases, rules
from discover.code import Module, Node
from discover.findings import Finding, Place, Proof, Row
from discover.folding import shown
from discover.project import SCRIPTS, Project, Unit
from discover.tree import is_template
from discover.wiring import spots, walk

_KEYS = ("orm", "query_builder", "database", "datastore", "second_store", "search")
_FAMILIES = {
    "TypeORM": ("typeorm", "@nestjs/typeorm"),
    "Mongoose": ("mongoose", "@nestjs/mongoose"),
    "Prisma": ("@prisma/client",),
    "Sequelize": ("sequelize", "sequelize-typescript", "@nestjs/sequelize"),
    "Drizzle": ("drizzle-orm",),
    "Knex": ("knex",),
}
_OPENS = re.compile(
    r"(\.forRoot(Async)?|\.DataSource|\.createConnection|mongoose\.connect|\.PrismaClient|\.Sequelize|\.drizzle|^knex)(\(\))?$"
)
_GENERATORS = re.compile(r"(^|/)(\.hygen|_templates|plop-templates)/")


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say which stores a unit uses beside those that have an extractor of their own."""
    tools = [name for key in ("orm", "query_builder") for rule in rules.of(Row.DATA, key) for name in rule.npm]
    main = databases.has(unit, *tools)
    found = [pair for key in _KEYS for pair in _of(project, unit, key)]
    used = [rule.key for rule, finding in found if finding.proof >= Proof.USED]
    primary = main or "database" in used or "datastore" in used
    for rule, finding in found:
        if rule.key == "database" and main and finding.proof < Proof.IMPORTED:
            continue
        if rule.key == "datastore" and (main or "database" in used):
            finding.key = "second_store"
        elif rule.key == "second_store" and not primary and not re.search(r"redis|memcached", str(finding.value)):
            finding.key = "datastore"
        finding.places += [
            home.npm[name].place for home in databases.homes(unit) for name in rule.npm if name in home.npm
        ][:1]
        finding.places = list(dict.fromkeys(finding.places))
        if finding.key == "second_store" and (condition := _condition(project, finding.places[0])):
            finding.condition = f"only if {condition}"
        yield finding
    yield from _two(project, unit)
    yield from _generators(project, unit)
    yield from _copies(project, unit)


def _condition(project: Project, place: Place) -> str:
    """Give what decides whether the call at a place is made."""
    module = project.module(place.path) if place.path.endswith(SCRIPTS) else None
    for call in module.calls if module is not None else []:
        if call.node.line == place.line and call.conditions:
            return call.conditions[0]
    return ""


def _of(project: Project, unit: Unit, key: str) -> Iterator[tuple[rules.Rule, Finding]]:
    for rule in rules.of(Row.DATA, key):
        if rule.npm and "extractor" not in rule.extra and (found := rules.evidence(project, unit, rule)) is not None:
            if rule.uses and found.proof < Proof.USED and len(rule.npm) > 1 and rule.key == "datastore":
                continue
            if found.proof is Proof.IMPORTED and not rule.uses:
                _extended(project, unit, rule, found)
            yield rule, found


def _extended(project: Project, unit: Unit, rule: rules.Rule, found: Finding) -> None:
    """Take a class that extends one of the package's for a use."""
    for module in project.importing(unit, *rule.npm):
        for kind in module.classes:
            if any(rules.uses(rule, rule.npm, project.origin(module, base, kind.function)) for base in kind.bases):
                found.proof = max(found.proof, project.proof(module.path))
                found.places.insert(0, Place(module.path, kind.line))


# -- two databases ----------------------------------------------------------------------------------------------------


def _two(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say that two ORMs are there of which one runs, and what chooses."""
    here = {name: packages for name, packages in _FAMILIES.items() if databases.has(unit, *packages)}
    if len(here) < 2:
        return
    packages = [package for names in here.values() for package in names]
    for module in project.importing(unit, *packages):
        for spot in spots(module):
            if spot.node.kind != "conditional":
                continue
            sides = [_family(project, module, side, spot.function, here) for side in spot.node.items[1:]]
            if all(sides) and sides[0] != sides[1]:
                chosen = _variable(project, module, spot.node.items[0], spot.function)
                first, second = sorted(filter(None, sides), key=lambda name: list(_FAMILIES).index(name))
                by = chosen or shown(spot.node.items[0])
                place = Place(module.path, spot.node.line)
                value = f"{first} or {second}, chosen by {by}"
                note = "both are there, one runs: the same nouns twice"
                yield Finding(Row.DATA, "two_databases", value, project.proof(module.path), [place], note=note)
                return


def _family(
    project: Project, module: Module, node: Node, function: int, here: dict[str, tuple[str, ...]]
) -> str | None:
    """Give the ORM that a branch opens."""
    for inner in walk(node):
        if inner.kind in ("call", "new"):
            origin = project.origin(module, inner.items[0], function)
            for name, packages in here.items():
                if _OPENS.search(origin) and origin.startswith(packages):
                    return name
    return None


def _variable(project: Project, module: Module, node: Node, function: int) -> str:
    """Give the environment's variable that a test depends on."""
    pending = [(module, node, function), project.follow(module, node, function)]
    if node.kind == "attribute" and node.items[0].kind == "call":
        where, made, inside = project.follow(module, node.items[0].items[0], function)
        for argument in made.arguments:
            scope = where.function(project.find(where, argument, inside)[1])
            for returned in scope.returns[:1] if scope is not None else []:
                member = returned.get(str(node.value))
                pending += [(where, member, scope.number)] if member is not None and scope is not None else []
    for where, expression, inside in pending:
        for inner in walk(expression):
            if inner.kind in ("attribute", "index", "call") and (value := project.fold(where, inner, inside)).env:
                return value.env
    return ""


# -- generators -------------------------------------------------------------------------------------------------------


def _generators(project: Project, unit: Unit) -> Iterator[Finding]:
    """Name folders of templates that code is generated from: what stands there is no code of the service."""
    seen: set[str] = set()
    for path in project.tree.files:
        found = _GENERATORS.search(path)
        if found is None or project.unit_of(path) is not unit or found[2] in seen:
            continue
        seen.add(found[2])
        folder = path[: found.end() - 1]
        places = [Place(folder), Place(path)]
        yield Finding(Row.DATA, "generators", f"{posixpath.basename(folder)} templates", Proof.USED, places)


def _copies(project: Project, unit: Unit) -> Iterator[Finding]:
    """Name folders whose source files are snippets or copies of code of the server: they are left out."""
    folders: dict[str, list[str]] = {}
    for path in project.tree.files:
        if path.endswith(SCRIPTS) and is_template(path) and not _GENERATORS.search(path):
            folders.setdefault(posixpath.dirname(path), []).append(path)
    for folder, paths in folders.items():
        if len(paths) > 1 and project.unit_of(paths[0]) is unit:
            end = posixpath.splitext(paths[0])[1]
            value = f"{folder}/*{end} hold copies of server code: {len(paths)} files, left out"
            yield Finding(Row.DATA, "decoy_code", value, Proof.USED, [Place(folder), Place(paths[0])])
