"""Rules: what names a technology, as data. One file each in `rules/`; docs/discover.md describes them."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from discover.findings import Finding, Place, Proof, Row
from discover.project import Project, Unit, normal

PLACES = 5
"""So many places are shown, and a technology that runs in so many is not looked for any further."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One technology.

    ```toml
    row = "logs"                # a row of the report
    key = "logger"              # what is said about the backend
    value = "winston"           # what is said
    npm = ["winston"]           # its packages; the first is its name in messages
    pypi = []
    modules = []                # Python: the import names, where they differ from the distribution's
    uses = ["winston.createLogger", "winston.info"]  # origins (globs) of calls that are a use; default: any call
    not_uses = []               # origins that are none
    files = []                  # globs of files that are a use by being there (`.travis.yml`, `k6/*.js`)
    example = 'require("winston").createLogger()'  # the smallest code that uses it: the rule's own test
    example_file = "app.ts"     # default: app.ts, or app.py if it has `pypi` alone
    ```
    """

    name: str
    row: Row
    key: str
    value: str
    npm: tuple[str, ...] = ()
    pypi: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    not_uses: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    example: str = ""
    """Source code that uses it, the smallest there is: the rule's own test, written to `example_file`."""
    example_file: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further keys, for the extractor of the family."""


@cache
def rules() -> dict[str, Rule]:
    """Read every rule, by its file's name."""
    read: dict[str, Rule] = {}
    for file in sorted(files("discover").joinpath("rules").iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".toml"):
            continue
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        known = {
            name: data.pop(name) for name in ("npm", "pypi", "modules", "uses", "not_uses", "files") if name in data
        }
        name = file.name.removesuffix(".toml")
        read[name] = Rule(
            name,
            Row(data.pop("row")),
            data.pop("key"),
            data.pop("value", name),
            example=data.pop("example", ""),
            example_file=data.pop("example_file", ""),
            **{key: tuple(value) for key, value in known.items()},
            extra=data,
        )
    return read


def of(row: Row, key: str | None = None) -> list[Rule]:
    """Give the rules of a row, or of one key of it."""
    return [rule for rule in rules().values() if rule.row is row and key in (None, rule.key)]


def evidence(project: Project, unit: Unit, rule: Rule) -> Finding | None:
    """Say how far a technology goes in a unit: listed, imported, used or running, with the best places first."""
    best: dict[Proof, list[Place]] = {}
    for path in project.files(unit, *rule.files, root=True) if rule.files else []:
        best.setdefault(Proof.USED, []).append(Place(path, 1))
    listed = [unit.npm.get(name) for name in rule.npm] + [unit.pypi.get(normal(name)) for name in rule.pypi]
    for dependency in listed:
        if dependency is not None:
            best.setdefault(Proof.LISTED, []).append(dependency.place)
    python = rule.modules or tuple(name.replace("-", "_") for name in rule.pypi)
    for module in project.importing(unit, *rule.npm, *python) if rule.npm or python else []:
        if len(best.get(Proof.RUNS, ())) >= PLACES:
            break
        wanted = python if module.language == "python" else rule.npm
        for brought in module.imports:
            if not brought.type_only and any(
                brought.module == name or brought.module.startswith((f"{name}/", f"{name}.")) for name in wanted
            ):
                best.setdefault(Proof.IMPORTED, []).append(Place(module.path, brought.line))
        for call in module.calls:
            if uses(rule, wanted, project.origin(module, call.node.items[0], call.function)):
                best.setdefault(project.proof(module.path), []).append(project.place(module, call))
    if not best:
        return None
    top = max(best)
    return Finding(rule.row, rule.key, rule.value, top, best[top][:PLACES])


def uses(rule: Rule, wanted: tuple[str, ...], origin: str) -> bool:
    """Tell whether a call of this origin is a use of the technology."""
    if any(fnmatch.fnmatchcase(origin, pattern) for pattern in rule.not_uses):
        return False
    if rule.uses:
        return any(fnmatch.fnmatchcase(origin, pattern) for pattern in rule.uses)
    return any(origin == name or origin.startswith((f"{name}.", f"{name}(", f"{name}/")) for name in wanted)


def each(project: Project, unit: Unit, row: Row, key: str | None = None) -> Iterator[tuple[Rule, Finding]]:
    """Give the technologies of a row that a unit has any trace of."""
    for rule in of(row, key):
        if (found := evidence(project, unit, rule)) is not None:
            yield rule, found
