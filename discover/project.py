"""A codebase as extractors see it: units, modules, where a name comes from, and what an expression is worth.

What an extractor needs most:

- `project.importing(unit, "express")` – the modules that import a package, tests left out.
- `project.origin(module, node)` – where a callee comes from, local names followed through assignments, imports and
  exports: `express().use`, `@nestjs/common.Controller`, `express.Router().get`, `fastapi.FastAPI().include_router`.
- `project.fold(module, node)` – the constant that an expression is worth, across files; or that it is unknown.
- `project.proof(path)` – RUNS for a file that an entry point reaches, USED for others.
"""

from __future__ import annotations

import contextlib
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from discover.code import Call, Function, Module, Node
from discover.findings import Place, Proof
from discover.tree import Tree, is_minified, is_template, is_test
from discover.workers import TaskError, Workers, unpack

SCRIPTS = (".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx")
SOURCES = (*SCRIPTS, ".py")


@dataclass(slots=True)
class Dependency:
    """A package that a manifest lists."""

    name: str
    """npm: as written. PyPI: by PEP 503 (lower case, `-`), extras left out."""
    version: str
    place: Place
    group: str = "runtime"
    """`runtime`, `dev`, `peer` or `optional`."""


@dataclass(slots=True)
class Unit:
    """The folder of a manifest: a service, a library, a front end or tooling."""

    folder: str
    """From the root; `` is the root itself."""
    name: str
    """From the manifest; `` if it has none."""
    manifests: list[str] = field(default_factory=list)
    kind: str = "service"
    """`service`, `frontend`, `library` or `tooling`."""
    npm: dict[str, Dependency] = field(default_factory=dict)
    pypi: dict[str, Dependency] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    """`scripts` of package.json."""
    description: str = ""
    entries: list[str] = field(default_factory=list)
    """Paths of the files that are started."""
    libraries: list[Unit] = field(default_factory=list)
    """The units of the same codebase that this one depends on, theirs included."""
    workspace: str = ""
    """What makes it the root of several units: `pnpm`, `npm`, `yarn`, `nx`, `turbo`, `lerna`, `uv`."""
    place: Place = field(default_factory=lambda: Place(""))

    def dependency(self, name: str) -> Dependency | None:
        """Give the dependency of that name, of either ecosystem."""
        return self.npm.get(name) or self.pypi.get(normal(name))


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression is worth."""

    known: bool
    value: Any = None
    """str, int, float, bool, None, list or dict (of values, unknown members left out)."""
    place: Place = field(default_factory=lambda: Place(""))
    """Where the constant, or the expression that is unknown, stands."""
    env: str = ""
    """The environment variable that overrides it; the value then is the default."""
    text: str = ""
    """The source of an unknown expression."""

    def __str__(self) -> str:
        if not self.known:
            return f"unknown ({self.text} at {self.place})"
        return f"{self.value} (default of {self.env})" if self.env else str(self.value)


def normal(name: str) -> str:
    """Write a distribution's name as PEP 503 does."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Project:
    """A codebase, read once."""

    tree: Tree
    units: list[Unit]
    workers: Workers

    # -- files ------------------------------------------------------------------------------------------------------

    def files(self, unit: Unit, *patterns: str, root: bool = False, tests: bool = False) -> list[str]:
        """Give the unit's files that fit a glob pattern (of the name, or of the path below the unit if it has a `/`).

        Files of units below it, tests, templates and builds are left out; `root` adds what lies in the codebase's root.
        """
        raise NotImplementedError

    def text(self, path: str) -> str:
        """Read a file; empty if it must not or cannot be read."""
        return self.tree.text(path) or ""

    def data(self, path: str) -> Any:
        """Read JSON, YAML or TOML; None if that fails."""
        raise NotImplementedError

    # -- modules ----------------------------------------------------------------------------------------------------

    def module(self, path: str) -> Module | None:
        """Give what stands in a source file; None if there is none, or it could not be read."""
        raise NotImplementedError

    def modules(self, unit: Unit, *patterns: str) -> Iterator[Module]:
        """Give the unit's modules and those of its libraries, tests left out. Dear on a large codebase: prefer
        `importing`, or give patterns of paths."""
        raise NotImplementedError

    def importing(self, unit: Unit, *packages: str) -> Iterator[Module]:
        """Give the modules that import any of these packages or a module below (`sequelize`, `sequelize/types`)."""
        raise NotImplementedError

    def mentioning(self, unit: Unit, *words: str) -> Iterator[Module]:
        """Give the modules whose text has any of these words."""
        raise NotImplementedError

    # -- names ------------------------------------------------------------------------------------------------------

    def target(self, module: Module, specifier: str) -> str:
        """Give the path of the module that an import means; `` for an installed package.

        Relative paths, tsconfig paths, `imports` of package.json, workspace packages, Python packages.
        """
        raise NotImplementedError

    def origin(self, module: Module, node: Node, function: int = -1) -> str:
        """Say where a name, attribute or callee comes from.

        A package's name is followed by what is taken from it: `express` (its default export or the module itself),
        `express.Router`, `express().use`, `@nestjs/common.Controller`, `flask.Flask().route`,
        `django.db.models.CharField`. Local names are followed through variables, imports and exports of this codebase.
        A parameter with a type annotation gives `<TYPE'S ORIGIN>` (`<fastify.FastifyInstance>.get`), one without
        `?NAME` (`?fastify.get`); a function or class of the codebase `PATH#NAME` (`src/auth.ts#verify`); a global its
        own name (`process.env.PORT`, `console.log`).
        """
        raise NotImplementedError

    def find(self, module: Module, node: Node, function: int = -1) -> tuple[Module, Node]:
        """Follow a name to the expression that it stands for, across files: (module, node) of a `function`, `class`,
        `call`, `object` …; the node itself where it goes no further."""
        raise NotImplementedError

    def fold(self, module: Module, node: Node, function: int = -1) -> Value:
        """Compute the constant that an expression is worth: literals, arithmetic, templates, members of objects,
        names across files, one level of a helper's return, and defaults of the environment (`process.env.X || 5`,
        `os.getenv("X", 5)`, settings classes)."""
        raise NotImplementedError

    # -- proof ------------------------------------------------------------------------------------------------------

    def proof(self, path: str) -> Proof:
        """RUNS for a file that an entry point of its unit reaches through imports, USED for others."""
        raise NotImplementedError

    def place(self, module: Module, node: Node | Call | Function) -> Place:
        """Give the place of a node."""
        raise NotImplementedError

    def packages(self, module: Module) -> set[str]:
        """Give the names of the installed packages that a module imports (`@nestjs/common`, `flask`)."""
        raise NotImplementedError
