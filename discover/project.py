"""A codebase as extractors see it: units, modules, where a name comes from, and what an expression is worth.

What an extractor needs most:

- `project.importing(unit, "express")`: the modules that import a package, tests left out.
- `project.origin(module, node)`: where a callee comes from, local names followed through assignments, imports and
  exports: `express().use`, `@nestjs/common.Controller`, `express.Router().get`, `fastapi.FastAPI().include_router`.
- `project.fold(module, node)`: the constant that an expression is worth, across files; or that it is unknown.
- `project.proof(path)`: RUNS for a file that an entry point reaches, USED for others.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from discover.code import Call, Class, Function, Module, Node
from discover.findings import Place, Proof
from discover.imports import SCRIPTS, Imports
from discover.index import Index
from discover.names import SOURCES, Found, Names
from discover.reach import Reach
from discover.tree import Tree, is_minified, is_template, is_test
from discover.workers import TaskError, Workers, unpack

__all__ = ["SCRIPTS", "SOURCES", "Dependency", "Found", "Project", "Unit", "Value", "normal", "read_data", "render"]


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


@dataclass(slots=True)
class Scan:
    """What a quick look at a source file's text shows, before it is parsed."""

    specifiers: tuple[str, ...]
    """What it imports, as written; may hold what stands in a comment or a string."""
    dotted: tuple[str, ...] = ()
    """Strings that may name modules: `app.main:app`, `config.settings`."""
    reads_folder: bool = False
    """It lists a folder or loads one by itself."""


CACHED_MODULES = 500

_JS_SPECIFIER = re.compile(rb"""(?:\bfrom|\bimport|\brequire\(|\bimport\()\s*["']([^"'\n]+)["']""")
_PY_FROM = re.compile(rb"^[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)", re.MULTILINE)
_PY_IMPORT = re.compile(rb"^[ \t]*import[ \t]+([^\n#]+)", re.MULTILINE)
_DOTTED = re.compile(rb"""["']([A-Za-z_]\w*(?:\.\w+)+)(?::\w+)?["']""")
_LOADS_FOLDER = re.compile(rb"readdir(?:Sync)?\(|@fastify/autoload|require-all|require-dir|globSync|glob\.sync|awilix")
_BUILD_FOLDERS = frozenset({"dist", "build", "out", ".output", "public/build"})


class Project:
    """A codebase, read once."""

    def __init__(self, tree: Tree, units: list[Unit], workers: Workers, *, deadline: float = float("inf")) -> None:
        self.tree = tree
        self.units = units
        self.workers = workers
        self.deadline = deadline
        self.strict = False
        """Whether an extractor's error ends the run; tests want that."""
        self.opened: set[str] = set()
        """Files read as text or data, sources aside."""
        self.parsed: set[str] = set()
        self._packed: dict[str, bytes] = {}
        self._modules: OrderedDict[str, Module] = OrderedDict()
        self._failed: set[str] = set()
        self._data: dict[str, Any] = {}
        self._text: OrderedDict[str, str] = OrderedDict()
        self._owner: dict[str, Unit] = {}
        self._folders = sorted({unit.folder for unit in units}, key=len, reverse=True)
        self._by_folder = {unit.folder: unit for unit in units}
        self.by_name = {unit.name: unit for unit in units if unit.name}
        self._builds = self._find_builds()
        self.every_source = [path for path in tree.files if path.endswith(SOURCES) and self._is_source(path)]
        self.scans: dict[str, Scan] = {}
        self.imports = Imports(self)
        self._names = Names(self)
        self._reach = Reach(self)
        self._index = Index(self)
        self._sources: dict[tuple[str, bool], list[str]] = {}
        self.defaults: dict[tuple[str, str], Value | None] = {}
        """What folding.py found for a unit's names of the environment."""
        self.namespaces: dict[str, dict[str, list[tuple[str, int]]]] = {}
        """What folding.py found of NestJS's namespaces of settings, by unit."""
        self._resolved: dict[tuple[str, bool, str], str] = {}
        self._declaring: dict[str, list[str]] | None = None
        for path in self.every_source:
            self.scans[path] = self._scan(path)
        # A folder named by a question is rendered later: whatever the code will have, nothing of it is absent.
        for path in tree.files:
            if "{{" in path and path.endswith(SOURCES):
                tree.skipped[path] = "a template that code is generated from"

    # -- files ------------------------------------------------------------------------------------------------------

    def unit_of(self, path: str) -> Unit:
        """Give the unit that a file belongs to."""
        if path not in self._owner:
            folder = next((folder for folder in self._folders if not folder or path.startswith(f"{folder}/")), "")
            self._owner[path] = self._by_folder[folder]
        return self._owner[path]

    def files(self, unit: Unit, *patterns: str, root: bool = False, tests: bool = False) -> list[str]:
        """Give the unit's files that fit a glob pattern (of the name, or of the path below the unit if it has a `/`).

        Files of units below it, tests, templates and builds are left out; `root` adds what lies in the codebase's root.
        """
        found = []
        for path in self.tree.files:
            owner = self.unit_of(path)
            if owner is not unit and not (root and owner is self.units[0]):
                continue
            inner = path[len(owner.folder) + 1 :] if owner.folder else path
            name = path.rpartition("/")[2]
            if not any(fnmatch.fnmatchcase(inner if "/" in pattern else name, pattern) for pattern in patterns):
                continue
            if (not tests and is_test(inner)) or is_template(inner) or self.is_build(path):
                continue
            found.append(path)
        return found

    def text(self, path: str) -> str:
        """Read a file; empty if it must not or cannot be read."""
        if path in self._text:
            self._text.move_to_end(path)
            return self._text[path]
        text = self.tree.text(path) or "" if self.tree.exists(path) else ""
        self._open(path)
        self._text[path] = text
        if len(self._text) > 200:
            self._text.popitem(last=False)
        return text

    def data(self, path: str) -> Any:
        """Read JSON, YAML or TOML; None if that fails."""
        if path not in self._data:
            self._data[path] = self._read_data(path)
        return self._data[path]

    def _open(self, path: str) -> None:
        if self.tree.exists(path) and path not in self.tree.skipped and not path.endswith(SOURCES):
            self.opened.add(path)

    def _read_data(self, path: str) -> Any:
        if not self.tree.exists(path):
            return None
        self._open(path)
        if self.tree.sizes[path] < 20_000:
            return self.tree.data(path)
        try:
            return self.workers.run("discover.project:read_data", str(self.tree.root), path, self.tree.sizes[path])
        except TaskError as error:
            self.tree.skipped.setdefault(path, str(error))
            return None

    def _find_builds(self) -> set[str]:
        """Folders that a compiler writes to: `outDir`, and the usual names."""
        found: set[str] = set()
        for path in self.tree.files:
            folder, _, name = path.rpartition("/")
            if re.fullmatch(r"tsconfig(\..+)?\.json", name):
                data = self.tree.data(path)
                options = data.get("compilerOptions") if isinstance(data, dict) else None
                out = options.get("outDir") if isinstance(options, dict) else None
                if isinstance(out, str) and not out.startswith("/") and "${" not in out:
                    joined = posixpath.normpath(posixpath.join(folder, out))
                    if joined not in (".", "", "src") and not joined.startswith(".."):
                        found.add(joined)
        return found

    def is_build(self, path: str) -> bool:
        """Tell whether a file was written by a compiler."""
        unit = self.unit_of(path)
        inner = path[len(unit.folder) + 1 :] if unit.folder else path
        if path.endswith(SCRIPTS) and any(part in _BUILD_FOLDERS for part in inner.split("/")[:-1]):
            return True
        return any(path.startswith(f"{build}/") for build in self._builds)

    def _is_source(self, path: str) -> bool:
        return not (is_minified(path) or is_template(path) or self.is_build(path) or path.endswith((".d.ts", ".d.mts")))

    def _scan(self, path: str) -> Scan:
        content = self.tree.bytes(path)
        if content is None:
            self._failed.add(path)
            return Scan(())
        if path.endswith(".py"):
            found: list[str] = []
            for match in _PY_FROM.finditer(content):
                base = match[1].decode("ascii", "replace")
                found.append(base)
                names = re.split(rb"[,()\s]+", re.sub(rb"\bas\s+\w+|#[^\n]*", b"", match[2]))
                dot = "" if base.endswith(".") else "."
                found += [
                    f"{base}{dot}{name.decode('ascii', 'replace')}" for name in names if re.fullmatch(rb"\w+", name)
                ]
            for match in _PY_IMPORT.finditer(content):
                found += [part.split()[0].decode("ascii", "replace") for part in match[1].split(b",") if part.split()]
        else:
            found = [match[1].decode("utf-8", "replace") for match in _JS_SPECIFIER.finditer(content)]
        dotted = (
            [match[1].decode("ascii", "replace") for match in _DOTTED.finditer(content)] if path.endswith(".py") else []
        )
        return Scan(
            tuple(sys.intern(name) for name in dict.fromkeys(found)),
            tuple(sys.intern(name) for name in dict.fromkeys(dotted)),
            bool(_LOADS_FOLDER.search(content)),
        )

    # -- modules ----------------------------------------------------------------------------------------------------

    def module(self, path: str) -> Module | None:
        """Give what stands in a source file; None if there is none, or it could not be read."""
        if path in self._modules:
            self._modules.move_to_end(path)
            return self._modules[path]
        if path not in self._packed:
            self.load([path])
        packed = self._packed.get(path)
        if packed is None:
            return None
        module: Module = unpack(packed)
        self._modules[path] = module
        if len(self._modules) > CACHED_MODULES:
            self._modules.popitem(last=False)
        return module

    def load(self, paths: Iterable[str]) -> None:
        """Parse source files in the workers, as far as that was not done."""
        wanted = [
            path
            for path in dict.fromkeys(paths)
            if path not in self._packed and path not in self._failed and path.endswith(SOURCES)
        ]
        tasks: list[tuple[str, tuple[Any, ...]]] = []
        names: list[str] = []
        for path in wanted:
            content = self.tree.bytes(path) if self.tree.exists(path) else None
            if content is None:
                self._failed.add(path)
                continue
            reader = "discover.python:read" if path.endswith(".py") else "discover.javascript:read"
            tasks.append((reader, (path, content)))
            names.append(path)
        total = len(tasks)
        for number, packed in self.workers.each(
            iter(tasks), lambda done: self.tree.progress(f"parsed {done} of {total} files")
        ):
            path = names[number]
            if isinstance(packed, TaskError):
                self.tree.skipped[path] = str(packed)
                self._failed.add(path)
            else:
                self._packed[path] = packed
                self.parsed.add(path)
            if monotonic() > self.deadline:
                for rest in names:
                    if rest not in self._packed and rest not in self._failed:
                        self.tree.skipped[rest] = "the limit of seconds was reached"
                        self._failed.add(rest)
                break

    def sources(self, unit: Unit, *, tests: bool = False) -> list[str]:
        """Give the paths of the source files of a unit and of its libraries, tests left out."""
        key = (unit.folder, tests)
        if key not in self._sources:
            own = {each.folder for each in (unit, *unit.libraries)}
            self._sources[key] = [
                path
                for path in self.every_source
                if self.unit_of(path).folder in own and (tests or not is_test(self.inner(path)))
            ]
        return self._sources[key]

    def inner(self, path: str) -> str:
        """Give a path below its unit."""
        folder = self.unit_of(path).folder
        return path[len(folder) + 1 :] if folder else path

    def _give(self, paths: list[str]) -> Iterator[Module]:
        self.load(paths)
        # A caller may stop at the first that it looks for.
        for path in paths:
            if (module := self.module(path)) is not None:
                yield module

    def modules(self, unit: Unit, *patterns: str) -> Iterator[Module]:
        """Give the unit's modules and those of its libraries, tests left out.

        Dear on a large codebase: prefer `importing`, or give patterns of paths below the unit, or of names.
        """
        yield from self._give(
            [
                path
                for path in self.sources(unit)
                if not patterns
                or any(
                    fnmatch.fnmatchcase(self.inner(path) if "/" in pattern else path.rpartition("/")[2], pattern)
                    for pattern in patterns
                )
            ]
        )

    def importing(self, unit: Unit, *packages: str, tests: bool = False) -> Iterator[Module]:
        """Give the modules that import any of these packages or a module below (`sequelize`, `sequelize/types`)."""
        wanted = set[str]().union(*(self._index.importing(name) for name in packages))
        yield from self._give([path for path in self.sources(unit, tests=tests) if path in wanted])

    def mentioning(self, unit: Unit, *words: str) -> Iterator[Module]:
        """Give the modules whose text has any of these words."""
        wanted = set[str]().union(*(self._index.mentioning(word) for word in words))
        yield from self._give([path for path in self.sources(unit) if path in wanted])

    def declaring(self, unit: Unit, name: str) -> list[str]:
        """Give the unit's files that may declare a name of the environment, which stands before `:` or `=`."""
        if self._declaring is None:
            self._declaring = {}
            pattern = re.compile(rb"""(?<![\w.])["']?([A-Z][A-Z0-9_]{2,})["']?\s*(?::|=(?!=))""")
            for path in self.every_source:
                if is_test(self.inner(path)):
                    continue
                for word in {match[1] for match in pattern.finditer(self.tree.bytes(path) or b"")}:
                    self._declaring.setdefault(word.decode("ascii"), []).append(path)
        own = [unit, *unit.libraries]
        return [path for path in self._declaring.get(name, []) if self.unit_of(path) in own]

    # -- names -------------------------------------------------------------------------------------------------------
    def target(self, module: Module, specifier: str) -> str:
        """Give the path of the module that an import means; `` for an installed package.

        Relative paths, tsconfig paths, `imports` of package.json, workspace packages, Python packages.
        """
        return self.resolve(module.path, specifier)

    def resolve(self, path: str, specifier: str) -> str:
        """Do what `target` does, for a module that need not be parsed."""
        # All that counts of the importing file is its folder.
        key = (path.rpartition("/")[0], path.endswith(".py"), specifier)
        if key not in self._resolved:
            python = path.endswith(".py")
            found = self.imports.python(path, specifier) if python else self.imports.script(path, specifier)
            self._resolved[key] = found
        return self._resolved[key]

    def exported(self, path: str, name: str) -> Found | None:
        """Give what a module exports under a name, re-exports followed."""
        return self._names.exported(path, name)

    def member(self, module: Module, kind: Class, name: str) -> Found | None:
        """Give the value of a class's member, its bases followed."""
        return self._names.member(module, kind, name)

    def find(self, module: Module, node: Node, function: int = -1) -> tuple[Module, Node]:
        """Follow a name to the expression that it stands for, across files.

        That is (module, node) of a `function`, `class`, `call`, `object` …; the node itself where it goes no further.
        """
        found = self._names.chase(module, node, function)
        return found[0], found[1]

    def follow(self, module: Module, node: Node, function: int = -1) -> Found:
        """Do what `find` does, and give the function that the expression stands in, too."""
        return self._names.chase(module, node, function)

    def origin(self, module: Module, node: Node, function: int = -1) -> str:
        """Say where a name, attribute or callee comes from.

        A package's name is followed by what is taken from it: `express` (its default export or the module itself),
        `express.Router`, `express().use`, `@nestjs/common.Controller`, `flask.Flask().route`,
        `django.db.models.CharField`. Local names are followed through variables, imports and exports of this codebase.
        A parameter with a type annotation gives `<TYPE'S ORIGIN>` (`<fastify.FastifyInstance>.get`), one without
        `?NAME` (`?fastify.get`); a function or class of the codebase `PATH#NAME` (`src/auth.ts#verify`); a global its
        own name (`process.env.PORT`, `console.log`).
        """
        return self._names.origin(module, node, function)

    # -- constants --------------------------------------------------------------------------------------------------

    def fold(self, module: Module, node: Node, function: int = -1) -> Value:
        """Compute the constant that an expression is worth.

        Literals, arithmetic, templates, members of objects, names across files, one level of a helper's return, and
        defaults of the environment (`process.env.X || 5`, `os.getenv("X", 5)`, settings classes).
        """
        from discover.folding import fold

        return fold(self, module, node, function)

    # -- proof ------------------------------------------------------------------------------------------------------

    def proof(self, path: str) -> Proof:
        """RUNS for a file that an entry point of its unit reaches through imports, USED for others."""
        return self._reach.proof(path)

    def place(self, module: Module, node: Node | Call | Function) -> Place:
        """Give the place of a node."""
        return Place(module.path, node.node.line if isinstance(node, Call) else node.line)

    def packages(self, module: Module) -> set[str]:
        """Give the names of the installed packages that a module imports (`@nestjs/common`, `flask`)."""
        found = set()
        for brought in module.imports:
            if not self.target(module, brought.module) and not brought.module.startswith("."):
                bare = brought.module.removeprefix("node:")
                found.add(
                    bare.split(".")[0]
                    if module.language == "python"
                    else "/".join(bare.split("/")[: 2 if bare.startswith("@") else 1])
                )
        return found


def read_data(root: str, path: str, size: int) -> Any:
    """Read a data file in a worker."""
    tree = Tree(Path(root))
    tree.add(path, size)
    data = tree.data(path)
    if path in tree.skipped:
        raise ValueError(tree.skipped[path])
    return data


def render(node: Node, length: int = 60) -> str:
    """Write an expression as text, shortened."""
    text = _render(node, 0)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _render(node: Node, depth: int) -> str:
    if depth > 6:
        return "…"
    inner: Callable[[Node], str] = lambda item: _render(item, depth + 1)  # noqa: E731 - three lines shorter
    match node.kind:
        case "string":
            return f'"{node.value}"'
        case "number" | "bool" | "name" | "regex" | "other":
            return str(node.value)
        case "null":
            return "null"
        case "attribute":
            return f"{inner(node.items[0])}.{node.value}"
        case "index":
            return f"{inner(node.items[0])}[{inner(node.items[1])}]"
        case "call" | "new":
            return (
                f"{'new ' if node.kind == 'new' else ''}{inner(node.items[0])}({', '.join(map(inner, node.arguments))})"
            )
        case "array":
            return f"[{', '.join(map(inner, node.items))}]"
        case "template":
            return (
                "`"
                + "".join(str(item.value) if item.kind == "string" else f"${{{inner(item)}}}" for item in node.items)
                + "`"
            )
        case "binary":
            return f"{inner(node.items[0])} {node.value} {inner(node.items[1])}"
        case "unary":
            return f"{node.value}{' ' if str(node.value).isalpha() else ''}{inner(node.items[0])}"
        case "conditional":
            return f"{inner(node.items[0])} ? {inner(node.items[1])} : {inner(node.items[2])}"
        case "await":
            return f"await {inner(node.items[0])}"
        case "object":
            return "{…}"
        case _:
            return f"({node.kind})"
