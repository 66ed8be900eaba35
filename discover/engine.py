"""From a folder to everything that was found in it."""

from __future__ import annotations

import gc
import importlib
import pkgutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import ModuleType
from typing import TypeVar

from discover import extract
from discover.findings import ABSENT, Entity, Finding, Proof, Route, Row
from discover.manifests import units as find_units
from discover.merging import merge
from discover.project import SOURCES, Project, Unit
from discover.tree import Tree
from discover.workers import Workers

SECONDS = 55.0
"""The time limit of a whole run; what is left then is counted as not read."""

EXPECTED: dict[str, tuple[Row, tuple[str, ...]]] = {
    "database": (Row.DATA, ("database", "datastore", "orm", "query_builder")),
    "auth": (Row.WHO, ("auth", "api_key", "session", "sessions")),
    "versioning": (Row.VERSIONS, ("versioning", "versions")),
    "logger": (Row.LOGS, ("logger",)),
    "load_tests": (Row.LOAD, ("load_tests",)),
    "cors": (Row.EDGES, ("cors",)),
    "rate_limit": (Row.EDGES, ("rate_limit",)),
    "helmet": (Row.EDGES, ("helmet", "headers")),
    "validation": (Row.EDGES, ("validation",)),
    "ci": (Row.DELIVERY, ("ci",)),
    "docker": (Row.DELIVERY, ("docker",)),
    "compose": (Row.DELIVERY, ("compose",)),
}
"""What every backend is asked: key → its row, and the keys that answer it. Nothing found is said, too."""


class NotFoundError(Exception):
    """There is nothing to read at that path; the message is one sentence."""


class UnitNeededError(Exception):
    """Several services stand side by side; the message lists them."""


@dataclass(slots=True)
class Result:
    """What `discover` found in one unit of a codebase."""

    root: Path
    unit: Unit
    units: list[Unit]
    """Every unit of the codebase, the chosen one included."""
    findings: list[Finding] = field(default_factory=list)
    """Sorted by row; those of USED or more come before those that are only seen."""
    routes: list[Route] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)
    """In foreign-key order: what is referred to comes first."""
    contradictions: list[str] = field(default_factory=list)
    """Sentences: where two sources disagree, with both places."""
    unread: dict[str, str] = field(default_factory=dict)
    """Path → why it was not read."""
    read: int = 0
    """How many files were read."""
    seconds: float = 0.0

    def used(self, key: str) -> list[Finding]:
        """Give what is proven of a key: used or running, and not absent."""
        return [
            found for found in self.findings if found.key == key and found.proof >= Proof.USED and found.value != ABSENT
        ]


Item = TypeVar("Item", Finding, Route, Entity)


def discover(
    path: Path,
    *,
    unit: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
    seconds: float = SECONDS,
    strict: bool = False,
    workers: Workers | None = None,
) -> Result:
    """Read a codebase, and give what one unit of it has.

    `strict` lets a fault of an extractor end the run. `workers` are those of several runs; they go on afterwards.

    Raises:
        NotFoundError: there is no such folder, or nothing in it.
        UnitNeededError: it has several services, and none was named.

    """
    start = monotonic()
    if not path.is_dir():
        raise NotFoundError(f"{path} is no folder. Give the folder of a backend's code.")
    tree = Tree.walk(path, deadline=start + seconds)
    if not tree.files:
        raise NotFoundError(f"{path} has no files. Give the folder of a backend's code.")
    tree.progress = progress
    progress(f"listed {len(tree.files)} files")
    every = find_units(tree)
    chosen = choose(every, unit)
    # What is read stays until the end: looking for garbage among it again and again costs a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        with nullcontext(workers) if workers is not None else Workers() as parsers:
            project = Project(tree, every, parsers, deadline=start + seconds)
            project.strict = strict
            result = _look(project, chosen, start + seconds)
    finally:
        if collecting:
            gc.enable()
    result.seconds = monotonic() - start
    return result


def _look(project: Project, chosen: Unit, deadline: float) -> Result:
    """Run every extractor, and put together what they found."""
    tree = project.tree
    result = Result(tree.root, chosen, project.units)
    for module in extractors():
        if monotonic() > deadline:
            tree.skipped["."] = "the limit of seconds was reached: not everything was looked at"
            break
        tree.progress(f"looking for {module.__name__.rpartition('.')[2].replace('_', ' ')}")
        result.findings += _run(module, "findings", project, chosen, Finding)
        result.routes += _run(module, "routes", project, chosen, Route)
        result.entities += _run(module, "entities", project, chosen, Entity)
    every: tuple[Finding | Route | Entity, ...] = (*result.findings, *result.routes, *result.entities)
    for item in every:
        item.unit = chosen.folder
    merge(project, result)
    if "." not in tree.skipped:
        result.findings += absent(result, tree)
    rows = list(Row)
    result.findings.sort(key=lambda found: (rows.index(found.row), found.proof < Proof.USED, found.value == ABSENT))
    result.routes.sort(key=lambda route: (route.path, route.method))
    result.unread = dict(sorted(tree.skipped.items()))
    sources = [path for path in tree.files if path.endswith(SOURCES) and path not in tree.skipped]
    result.read = len(sources) + len(project.opened)
    return result


def extractors() -> list[ModuleType]:
    """Import every extractor, in the order of their names."""
    names = sorted(found.name for found in pkgutil.iter_modules(extract.__path__))
    return [importlib.import_module(f"discover.extract.{name}") for name in names]


def _run(module: ModuleType, name: str, project: Project, unit: Unit, kind: type[Item]) -> list[Item]:
    """Run one function of an extractor. One that fails costs its own findings, and is counted as not read."""
    function = getattr(module, name, None)
    found: list[Item] = []
    if function is None or getattr(function, "__module__", "") != module.__name__:
        return found
    try:
        # One by one: what was found before a fault stays.
        found.extend(item for item in function(project, unit) if isinstance(item, kind))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        if project.strict:
            raise
        project.tree.skipped[f"({module.__name__.rpartition('.')[2]})"] = f"this part failed: {type(error).__name__}"
    return found


def choose(every: list[Unit], wanted: str | None) -> Unit:
    """Give the unit that was asked for, or the only service."""
    services = [unit for unit in every if unit.kind == "service"]
    if wanted is not None:
        name = wanted.strip("/").removeprefix("./")
        for unit in every:
            if name in (unit.folder, unit.name) or (name == "." and not unit.folder):
                return unit
        raise UnitNeededError(
            f"No unit is called {wanted!r}. There are: {', '.join(unit.folder or '.' for unit in every)}."
        )
    if len(services) > 1:
        listed = "\n".join(f"  --unit {unit.folder or '.'}  {unit.name}".rstrip() for unit in services)
        raise UnitNeededError(f"There are {len(services)} services here. Name one:\n{listed}")
    if services:
        return services[0]
    others = [unit for unit in every if unit.manifests and unit.kind in ("library", "frontend")]
    return others[0] if others and not every[0].manifests else every[0]


def absent(result: Result, tree: Tree) -> list[Finding]:
    """Say what was looked for everywhere and not found. Where sources could not be read, nothing is called absent."""
    prefix = f"{result.unit.folder}/" if result.unit.folder else ""
    if any(
        path.startswith(prefix) and path.endswith((*SOURCES, ".prisma", ".sql"))
        for path in tree.skipped
        if path not in tree.closed
    ):
        return []
    found: list[Finding] = []
    for key, (row, answers) in EXPECTED.items():
        if not any(finding.key in answers and finding.proof >= Proof.USED for finding in result.findings):
            found.append(Finding(row, key, ABSENT, Proof.USED))
    return found
