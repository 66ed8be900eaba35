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


@dataclass(slots=True)
class Scan:
    """What a quick look at a source file's text shows, before it is parsed."""

    specifiers: tuple[str, ...]
    """What it imports, as written; may hold what stands in a comment or a string."""
    dotted: tuple[str, ...] = ()
    """Strings that may name modules: `app.main:app`, `config.settings`."""
    reads_folder: bool = False
    """It lists a folder or loads one by itself."""


Found = tuple[Module, Node, int]
"""An expression, the module and the function that it stands in."""

MAX_STEPS = 24
"""How far a name is followed."""
CACHED_MODULES = 900

_JS_SPECIFIER = re.compile(rb"""(?:\bfrom|\bimport|\brequire\(|\bimport\()\s*["']([^"'\n]+)["']""")
_PY_FROM = re.compile(rb"^[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)", re.MULTILINE)
_PY_IMPORT = re.compile(rb"^[ \t]*import[ \t]+([^\n#]+)", re.MULTILINE)
_DOTTED = re.compile(rb"""["']([A-Za-z_]\w*(?:\.\w+)+)(?::\w+)?["']""")
_LOADS_FOLDER = re.compile(rb"readdir(?:Sync)?\(|@fastify/autoload|require-all|require-dir|globSync|glob\.sync|awilix")
_BUILD_FOLDERS = frozenset({"dist", "build", "out", ".output", "public/build"})
_SCRIPT_FILE = re.compile(r"(?:^|[\s=])((?:\./)?[\w@./-]+\.(?:[cm]?[jt]sx?|py))\b")
_UVICORN = re.compile(
    r"\b(?:uvicorn|gunicorn|hypercorn|celery|granian|daphne|flask)\b[^\n;&|]*?\b([a-z_][\w]*(?:\.[a-z_]\w*)+|[a-z_]\w*)(?=:)"
)
_NEXT_ENTRY = re.compile(
    r"^(src/)?(app/(.*/)?(page|route|layout|template|error|loading|not-found|default|sitemap|robots|opengraph-image)\.[jt]sx?"
    r"|pages/.*\.[jt]sx?|(middleware|proxy|instrumentation)\.[jt]s)$"
)
_DJANGO_FILE = re.compile(
    r"(^|/)(models|apps|urls|admin|tasks|signals|views|settings|wsgi|asgi|celery)(/[^/]+)?\.py$|/management/commands/[^/]+\.py$|/migrations/\d[^/]*\.py$"
)


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
        self._configs: dict[str, tuple[str, list[tuple[str, list[str]]]] | None] = {}
        self._reached: dict[str, set[str]] = {}
        self._owner: dict[str, Unit] = {}
        self._folders = sorted({unit.folder for unit in units}, key=len, reverse=True)
        self._by_folder = {unit.folder: unit for unit in units}
        self._by_name = {unit.name: unit for unit in units if unit.name}
        self._builds = self._find_builds()
        self._sources = [path for path in tree.files if path.endswith(SOURCES) and self._is_source(path)]
        self._scans: dict[str, Scan] = {}
        self._declaring: dict[str, list[str]] | None = None
        for path in self._sources:
            self._scans[path] = self._scan(path)

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
            if (not tests and is_test(inner)) or is_template(inner) or self._is_build(path):
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

    def _is_build(self, path: str) -> bool:
        unit = self.unit_of(path)
        inner = path[len(unit.folder) + 1 :] if unit.folder else path
        if path.endswith(SCRIPTS) and any(part in _BUILD_FOLDERS for part in inner.split("/")[:-1]):
            return True
        return any(path.startswith(f"{build}/") for build in self._builds)

    def _is_source(self, path: str) -> bool:
        return not (
            is_minified(path) or is_template(path) or self._is_build(path) or path.endswith((".d.ts", ".d.mts"))
        )

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
                for name in re.split(rb"[,()\s]+", re.sub(rb"\bas\s+\w+|#[^\n]*", b"", match[2])):
                    if re.fullmatch(rb"\w+", name):
                        found.append(f"{base}{'' if base.endswith('.') else '.'}{name.decode('ascii', 'replace')}")
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
        own = [unit, *unit.libraries]
        return [
            path for path in self._sources if self.unit_of(path) in own and (tests or not is_test(self._inner(path)))
        ]

    def _inner(self, path: str) -> str:
        folder = self.unit_of(path).folder
        return path[len(folder) + 1 :] if folder else path

    def _give(self, paths: list[str]) -> Iterator[Module]:
        self.load(paths)
        for path in paths:
            if (module := self.module(path)) is not None:
                yield module

    def modules(self, unit: Unit, *patterns: str) -> Iterator[Module]:
        """Give the unit's modules and those of its libraries, tests left out. Dear on a large codebase: prefer
        `importing`, or give patterns of paths below the unit, or of names.
        """
        yield from self._give(
            [
                path
                for path in self.sources(unit)
                if not patterns
                or any(
                    fnmatch.fnmatchcase(self._inner(path) if "/" in pattern else path.rpartition("/")[2], pattern)
                    for pattern in patterns
                )
            ]
        )

    def importing(self, unit: Unit, *packages: str, tests: bool = False) -> Iterator[Module]:
        """Give the modules that import any of these packages or a module below (`sequelize`, `sequelize/types`)."""
        below = tuple(f"{name}{mark}" for name in packages for mark in ("/", "."))
        exact = set(packages)

        def fits(specifier: str) -> bool:
            bare = specifier.removeprefix("node:")
            return bare in exact or bare.startswith(below)

        yield from self._give(
            [
                path
                for path in self.sources(unit, tests=tests)
                if any(fits(name) for name in self._scans[path].specifiers)
            ]
        )

    def mentioning(self, unit: Unit, *words: str) -> Iterator[Module]:
        """Give the modules whose text has any of these words."""
        wanted = [word.encode() for word in words]
        found = []
        for path in self.sources(unit):
            content = self.tree.bytes(path)
            if content is not None and any(word in content for word in wanted):
                found.append(path)
        yield from self._give(found)

    def declaring(self, unit: Unit, name: str) -> list[str]:
        """Give the paths of the unit's source files that may declare a name of the environment: it stands before `:` or `=`."""
        if self._declaring is None:
            self._declaring = {}
            pattern = re.compile(rb"""(?<![\w.])["']?([A-Z][A-Z0-9_]{2,})["']?\s*(?::|=(?!=))""")
            for path in self._sources:
                if is_test(self._inner(path)):
                    continue
                for word in {match[1] for match in pattern.finditer(self.tree.bytes(path) or b"")}:
                    self._declaring.setdefault(word.decode("ascii"), []).append(path)
        own = [unit, *unit.libraries]
        return [path for path in self._declaring.get(name, []) if self.unit_of(path) in own]

    # -- imports ----------------------------------------------------------------------------------------------------

    def target(self, module: Module, specifier: str) -> str:
        """Give the path of the module that an import means; `` for an installed package.

        Relative paths, tsconfig paths, `imports` of package.json, workspace packages, Python packages.
        """
        return self.resolve(module.path, specifier)

    def resolve(self, path: str, specifier: str) -> str:
        """Do what `target` does, for a module that need not be parsed."""
        return self._resolve_python(path, specifier) if path.endswith(".py") else self._resolve_script(path, specifier)

    def _resolve_python(self, path: str, specifier: str) -> str:
        dots = len(specifier) - len(specifier.lstrip("."))
        inner = specifier[dots:].replace(".", "/")
        if dots:
            base = path.rpartition("/")[0]
            for _ in range(dots - 1):
                base = base.rpartition("/")[0]
            return self._python_file(posixpath.join(base, inner) if inner else base)
        first = specifier.split(".")[0]
        unit = self.unit_of(path)
        ancestors = [path.rpartition("/")[0]]
        while ancestors[-1] and ancestors[-1] != unit.folder:
            ancestors.append(ancestors[-1].rpartition("/")[0])
        roots = [*reversed(ancestors), *(posixpath.join(unit.folder, name) for name in ("src", "app", "backend"))]
        roots += [posixpath.join(library.folder, name) for library in unit.libraries for name in ("", "src")]
        for number, root in enumerate(roots):
            if first in sys.stdlib_module_names and number:
                break
            if (found := self._python_file(posixpath.join(root, inner) if root else inner)) != "":
                return found
        return ""

    def _python_file(self, stem: str) -> str:
        for candidate in (f"{stem}.py", f"{stem}/__init__.py"):
            if candidate.lstrip("/") in self.tree.sizes:
                return candidate.lstrip("/")
        return ""

    def _resolve_script(self, path: str, specifier: str) -> str:
        folder = path.rpartition("/")[0]
        if specifier.startswith((".", "/")):
            return self._script_file(posixpath.normpath(posixpath.join(folder, specifier)))
        for base, paths in self._aliases(folder):
            for pattern, targets in paths:
                if (rest := _fits(pattern, specifier)) is not None:
                    for target in targets:
                        if (
                            found := self._script_file(
                                posixpath.normpath(posixpath.join(base, target.replace("*", rest, 1)))
                            )
                        ) != "":
                            return found
        unit = self.unit_of(path)
        if specifier.startswith("#"):
            manifest = posixpath.join(unit.folder, "package.json")
            data = self.data(manifest)
            for pattern, inner in (data.get("imports") or {}).items() if isinstance(data, dict) else []:
                if (rest := _fits(pattern, specifier)) is not None:
                    for target in _strings(inner):
                        if (
                            found := self._script_file(
                                posixpath.normpath(posixpath.join(unit.folder, target.replace("*", rest, 1)))
                            )
                        ) != "":
                            return found
            return ""
        name = "/".join(specifier.split("/")[: 2 if specifier.startswith("@") else 1])
        other = self._by_name.get(name)
        return (
            self._workspace_file(other, specifier[len(name) + 1 :]) if other is not None and other is not unit else ""
        )

    def _workspace_file(self, unit: Unit, inner: str) -> str:
        data = self.data(posixpath.join(unit.folder, "package.json"))
        data = data if isinstance(data, dict) else {}
        candidates: list[str] = []
        exports = data.get("exports")
        if isinstance(exports, str) and not inner:
            candidates.append(exports)
        for pattern, target in exports.items() if isinstance(exports, dict) else []:
            if (rest := _fits(pattern, f"./{inner}" if inner else ".")) is not None:
                candidates += [text.replace("*", rest, 1) for text in _strings(target)]
        if not inner:
            candidates += [data[key] for key in ("source", "module", "main", "types") if isinstance(data.get(key), str)]
        candidates += [f"src/{inner}", inner] if inner else ["src/index", "index"]
        for candidate in candidates:
            found = self._script_file(posixpath.normpath(posixpath.join(unit.folder, candidate)))
            if found and not self._is_build(found):
                return found
        return ""

    def _script_file(self, stem: str) -> str:
        sizes = self.tree.sizes
        if stem in sizes and stem.endswith((*SCRIPTS, ".json")):
            return stem
        bare = re.sub(r"\.([cm]?)jsx?$", "", stem)
        for base in (stem, bare) if bare != stem else (stem,):
            for end in (".ts", ".tsx", ".js", ".jsx", ".mts", ".cts", ".mjs", ".cjs", ".json"):
                if f"{base}{end}" in sizes:
                    return f"{base}{end}"
        for end in (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts"):
            if f"{stem}/index{end}".removeprefix("./") in sizes:
                return f"{stem}/index{end}".removeprefix("./")
        return ""

    def _aliases(self, folder: str) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
        """Give the `paths` of every tsconfig above a folder, the nearest first, each with the folder they start from."""
        while True:
            for name in ("tsconfig.json", "jsconfig.json"):
                if (config := self._config(posixpath.join(folder, name))) is not None:
                    yield config
            if not folder:
                return
            folder = folder.rpartition("/")[0]

    def _config(self, path: str, depth: int = 0) -> tuple[str, list[tuple[str, list[str]]]] | None:
        if path not in self.tree.sizes or depth > 5:
            return None
        if path not in self._configs:
            data = self.data(path)
            data = data if isinstance(data, dict) else {}
            options = data.get("compilerOptions")
            options = options if isinstance(options, dict) else {}
            folder = path.rpartition("/")[0]
            base = options.get("baseUrl")
            paths = options.get("paths")
            found: list[tuple[str, list[str]]] = []
            for pattern, targets in paths.items() if isinstance(paths, dict) else []:
                found.append(
                    (
                        pattern,
                        [target for target in targets if isinstance(target, str)] if isinstance(targets, list) else [],
                    )
                )
            if isinstance(base, str):
                found.append(("*", ["*"]))
            extended = data.get("extends")
            inherited = None
            for parent in [extended] if isinstance(extended, str) else extended if isinstance(extended, list) else []:
                if isinstance(parent, str) and parent.startswith("."):
                    joined = posixpath.normpath(posixpath.join(folder, parent))
                    inherited = (
                        self._config(joined if joined.endswith(".json") else f"{joined}.json", depth + 1) or inherited
                    )
            own = (posixpath.normpath(posixpath.join(folder, base)) if isinstance(base, str) else folder, found)
            self._configs[path] = own if found or inherited is None else inherited
        return self._configs[path]

    # -- names ------------------------------------------------------------------------------------------------------

    def exported(self, path: str, name: str, steps: int = 0) -> Found | None:
        """Give what a module exports under a name, re-exports followed."""
        module = self.module(path) if path.endswith(SOURCES) else None
        if module is None or steps > MAX_STEPS:
            return None
        if name in module.exports:
            return module, module.exports[name], -1
        for exported, specifier, original in module.reexports:
            if exported == name and (inner := self.target(module, specifier)):
                return self.exported(inner, original, steps + 1) if original != "*" else None
        if path.endswith(".py"):
            if (declared := self._declared_in(module, name)) is not None:
                return module, declared, -1
            for brought in module.imports:
                if brought.local == name and brought.name != "*" and (inner := self.target(module, brought.module)):
                    return self.exported(inner, brought.name, steps + 1)
        for exported, specifier, _ in module.reexports:
            if exported == "*" and (inner := self.target(module, specifier)):
                if (found := self.exported(inner, name, steps + 1)) is not None:
                    return found
        if path.endswith(".py"):
            for brought in module.imports:
                if not brought.local and brought.name == "*" and (inner := self.target(module, brought.module)):
                    if (found := self.exported(inner, name, steps + 1)) is not None:
                        return found
        elif name == "default" and "default" not in module.exports and len(module.exports) == 0:
            return None
        return None

    @staticmethod
    def _declared_in(module: Module, name: str) -> Node | None:
        if name in module.bindings:
            return module.bindings[name]
        for function in module.functions:
            if function.name == name and function.parent == -1 and not function.owner:
                return Node("function", function.line, function.number)
        for kind in module.classes:
            if kind.name == name:
                return Node("class", kind.line, kind.number)
        return None

    def _local(self, module: Module, name: str, function: int) -> tuple[Node, int] | None:
        """Give what a name is bound to in a module, from the inside out, without its imports."""
        while function != -1:
            scope = module.functions[function]
            if name in scope.bindings:
                return scope.bindings[name], function
            if any(parameter.name == name or name in parameter.pattern for parameter in scope.parameters):
                return None
            for inner in module.functions:
                if inner.parent == function and inner.name == name and not inner.owner:
                    return Node("function", inner.line, inner.number), inner.parent
            function = scope.parent
        declared = self._declared_in(module, name)
        return None if declared is None else (declared, -1)

    def _parameter(self, module: Module, name: str, function: int) -> tuple[str, int] | None:
        """Give the annotation of the parameter that a name is, and the function that has it."""
        while function != -1:
            scope = module.functions[function]
            for parameter in scope.parameters:
                if parameter.name == name:
                    return parameter.type, function
                if name in parameter.pattern:
                    return "", function
            if name in scope.bindings:
                return None
            function = scope.parent
        return None

    def _imported(self, module: Module, name: str) -> tuple[str, str] | None:
        """Give (module, exported name) of an imported name."""
        for brought in module.imports:
            if brought.local == name:
                return brought.module, brought.name
        return None

    def _owner_class(self, module: Module, function: int) -> Class | None:
        while function != -1:
            scope = module.functions[function]
            if scope.owner:
                return next((kind for kind in module.classes if kind.name == scope.owner), None)
            function = scope.parent
        return None

    def member(self, module: Module, kind: Class, name: str, steps: int = 0) -> Found | None:
        """Give the value of a class's member, its bases followed."""
        for member in kind.members:
            if member.name == name and member.value is not None:
                return module, member.value, -1
        for assignment in module.assignments:
            target = assignment.target
            if (
                target.kind == "attribute"
                and target.value == name
                and target.items[0].kind == "name"
                and target.items[0].value in ("this", "self")
                and self._owner_class(module, assignment.function) is kind
            ):
                return module, assignment.value, assignment.function
        for base in kind.bases if steps < 8 else []:
            where, node, _ = self._follow(module, base, kind.function, steps + 1)
            if node.kind == "class" and node.value is not None:
                if (found := self.member(where, where.classes[int(node.value)], name, steps + 1)) is not None:
                    return found
        return None

    def _member_type(self, module: Module, kind: Class, name: str) -> str:
        for member in kind.members:
            if member.name == name and member.type:
                return member.type
        for function in module.functions:
            if function.owner == kind.name and function.name in ("constructor", "__init__"):
                for parameter in function.parameters:
                    if parameter.name == name:
                        return parameter.type
        return ""

    def find(self, module: Module, node: Node, function: int = -1) -> tuple[Module, Node]:
        """Follow a name to the expression that it stands for, across files: (module, node) of a `function`, `class`,
        `call`, `object` …; the node itself where it goes no further.
        """
        found = self._follow(module, node, function)
        return found[0], found[1]

    def follow(self, module: Module, node: Node, function: int = -1) -> Found:
        """Do what `find` does, and give the function that the expression stands in, too."""
        return self._follow(module, node, function)

    def _follow(self, module: Module, node: Node, function: int = -1, steps: int = 0) -> Found:
        here: Found = (module, node, function)
        if steps > MAX_STEPS:
            return here
        if node.kind == "await":
            return self._follow(module, node.items[0], function, steps + 1)
        if node.kind == "name":
            name = str(node.value)
            if self._parameter(module, name, function) is not None:
                return here
            local = self._local(module, name, function)
            if local is not None:
                if local[0] is node or (local[0].kind == "name" and local[0].value == name and local[1] == function):
                    return self._follow_import(module, name, here, steps)
                return self._follow(module, local[0], local[1], steps + 1)
            return self._follow_import(module, name, here, steps)
        if node.kind == "call" and (specifier := _required(node)):
            path = self.target(module, specifier)
            if path and (exported := self.exported(path, "default")) is not None:
                return self._follow(*exported, steps + 1)
            return here
        if node.kind in ("attribute", "index"):
            key = str(node.value) if node.kind == "attribute" else _literal(node.items[1])
            if key is None:
                return here
            if (found := self._member_of(module, node.items[0], key, function, steps)) is not None:
                return self._follow(*found, steps + 1)
        return here

    def _follow_import(self, module: Module, name: str, here: Found, steps: int) -> Found:
        brought = self._imported(module, name)
        if brought is None:
            for star in module.imports:
                if star.name == "*" and not star.local and (path := self.target(module, star.module)):
                    if (exported := self.exported(path, name)) is not None:
                        return self._follow(*exported, steps + 1)
            return here
        path = self.target(module, brought[0])
        if not path:
            return here
        if brought[1] == "*":
            if not path.endswith(".py") and (exported := self.exported(path, "default")) is not None:
                return self._follow(*exported, steps + 1)
            return here
        if (exported := self.exported(path, brought[1])) is not None:
            return self._follow(*exported, steps + 1)
        return here

    def _namespace(self, module: Module, node: Node, function: int) -> str:
        """Give the path of the module that a name stands for as a whole (`import * as x`, `import x`)."""
        if node.kind == "call" and (specifier := _required(node)):
            return self.target(module, specifier)
        if node.kind == "await":
            return self._namespace(module, node.items[0], function)
        if node.kind == "attribute" and module.path.endswith(".py"):
            return self._python_namespace(module, node)
        if node.kind != "name" or self._parameter(module, str(node.value), function) is not None:
            return ""
        local = self._local(module, str(node.value), function)
        if local is not None and local[0].kind in ("call", "await"):
            return self._namespace(module, local[0], local[1])
        if local is not None:
            return ""
        brought = self._imported(module, str(node.value))
        if brought is None:
            return ""
        if brought[1] == "*":
            return self.target(module, brought[0])
        if module.path.endswith(".py"):
            return self.target(module, f"{brought[0]}{'' if brought[0].endswith('.') else '.'}{brought[1]}")
        path = self.target(module, brought[0])
        inner = self.module(path) if path else None
        for exported, specifier, original in inner.reexports if inner is not None else []:
            if exported == brought[1] and original == "*" and inner is not None:
                return self.target(inner, specifier)
        return ""

    def _python_namespace(self, module: Module, node: Node) -> str:
        """`import a.b.c` binds `a`: `a.b.c.name` means the module `a.b.c`."""
        dotted = node.dotted
        if dotted and any(
            brought.name == "*" and (brought.module == dotted or brought.module.startswith(f"{dotted}."))
            for brought in module.imports
        ):
            return self.target(module, dotted)
        inner = self._namespace(module, node.items[0], -1)
        if inner.endswith("/__init__.py"):
            return self._python_file(f"{inner.removesuffix('/__init__.py')}/{node.value}")
        return ""

    def _member_of(self, module: Module, node: Node, key: str, function: int, steps: int) -> Found | None:
        path = self._namespace(module, node, function)
        if path and (exported := self.exported(path, key)) is not None:
            return exported
        if node.kind == "name" and node.value in ("this", "self", "cls"):
            kind = self._owner_class(module, function)
            return self.member(module, kind, key) if kind is not None else None
        where, value, inside = self._follow(module, node, function, steps + 1)
        if value.kind == "object":
            return self._object_member(where, value, key, inside, steps)
        if value.kind == "array" and key.isdigit() and int(key) < len(value.items):
            return where, value.items[int(key)], inside
        if value.kind == "class" and value.value is not None:
            kind = where.classes[int(value.value)]
            return self.member(where, kind, key)
        if value.kind in ("call", "new"):
            callee = value.items[0]
            if callee.kind == "attribute" and callee.value in ("freeze", "assign", "seal") and value.arguments:
                return self._member_of(where, value.arguments[-1], key, inside, steps + 1)
            holder, made, _ = self._follow(where, callee, inside, steps + 1)
            if made.kind == "class" and made.value is not None:
                return self.member(holder, holder.classes[int(made.value)], key)
            if made.kind == "function" and (scope := holder.function(made)) is not None:
                for returned in scope.returns[:1]:
                    if returned.kind == "object":
                        return self._object_member(holder, returned, key, scope.number, steps)
                    back = (
                        self._member_of(holder, returned, key, scope.number, steps + 1) if steps < MAX_STEPS else None
                    )
                    if back is not None:
                        return back
        return None

    def _object_member(self, module: Module, node: Node, key: str, function: int, steps: int) -> Found | None:
        if (value := node.get(key)) is not None:
            return module, value, function
        for name, spread in reversed(node.pairs):
            if name == "..." and steps < MAX_STEPS:
                inner = spread.items[0] if spread.kind == "spread" else spread
                if (found := self._member_of(module, inner, key, function, steps + 1)) is not None:
                    return found
        return None

    def origin(self, module: Module, node: Node, function: int = -1) -> str:
        """Say where a name, attribute or callee comes from.

        A package's name is followed by what is taken from it: `express` (its default export or the module itself),
        `express.Router`, `express().use`, `@nestjs/common.Controller`, `flask.Flask().route`,
        `django.db.models.CharField`. Local names are followed through variables, imports and exports of this codebase.
        A parameter with a type annotation gives `<TYPE'S ORIGIN>` (`<fastify.FastifyInstance>.get`), one without
        `?NAME` (`?fastify.get`); a function or class of the codebase `PATH#NAME` (`src/auth.ts#verify`); a global its
        own name (`process.env.PORT`, `console.log`).
        """
        return self._origin(module, node, function, 0)

    def _origin(self, module: Module, node: Node, function: int, steps: int) -> str:
        if steps > MAX_STEPS:
            return ""
        match node.kind:
            case "name":
                return self._name_origin(module, str(node.value), function, steps)
            case "attribute":
                return self._attribute_origin(module, node, function, steps)
            case "await" | "spread":
                return self._origin(module, node.items[0], function, steps + 1)
            case "call" | "new":
                if specifier := _required(node):
                    return self._module_origin(module, specifier, "*", steps)
                inner = self._origin(module, node.items[0], function, steps + 1)
                if "#" in inner and not inner.endswith(")") and (made := self._made_by(module, node, function, steps)):
                    return made
                return f"{inner}()" if inner else ""
            case "function":
                scope = module.function(node)
                return f"{module.path}#{scope.name}" if scope is not None and scope.name else ""
            case "class":
                return f"{module.path}#{module.classes[int(node.value)].name}" if node.value is not None else ""
            case "binary" if node.value in ("||", "??", "or"):
                return self._origin(module, node.items[0], function, steps + 1) or self._origin(
                    module, node.items[1], function, steps + 1
                )
            case "conditional":
                return self._origin(module, node.items[1], function, steps + 1) or self._origin(
                    module, node.items[2], function, steps + 1
                )
            case "index":
                inner = self._origin(module, node.items[0], function, steps + 1)
                key = _literal(node.items[1])
                return f"{inner}.{key}" if inner and key is not None else f"{inner}[]" if inner else ""
            case _:
                return ""

    def _made_by(self, module: Module, node: Node, function: int, steps: int) -> str:
        """Give the origin of what a function of the codebase returns, if that comes from a package."""
        where, made, _ = self._follow(module, node.items[0], function, steps + 1)
        scope = where.function(made)
        for returned in scope.returns if scope is not None else []:
            inner = self._origin(where, returned, scope.number if scope else -1, steps + 1)
            if inner and "#" not in inner and not inner.startswith("?") and "(" in inner:
                return inner
        return ""

    def _module_origin(self, module: Module, specifier: str, name: str, steps: int) -> str:
        path = self.target(module, specifier)
        if path:
            wanted = "default" if name == "*" else name
            if name == "*" and path.endswith(".py"):
                return path
            exported = self.exported(path, wanted)
            if exported is None:
                sub = (
                    self.target(module, f"{specifier}{'' if specifier.endswith('.') else '.'}{name}")
                    if path.endswith(".py") and name != "*"
                    else ""
                )
                return sub or (path if name == "*" else self._deep_reexport(path, name, steps) or f"{path}#{name}")
            return self._origin(*exported, steps + 1) or f"{path}#{wanted}"
        package = specifier.removeprefix("node:")
        return package if name in ("default", "*") else f"{package}.{name}"

    def _deep_reexport(self, path: str, name: str, steps: int) -> str:
        """A name that a module of the codebase hands on from a package."""
        module = self.module(path) if path.endswith(SOURCES) else None
        if module is None or steps > MAX_STEPS:
            return ""
        for exported, specifier, original in module.reexports:
            if exported == name:
                return self._module_origin(module, specifier, original, steps + 1)
        brought = self._imported(module, name)
        return self._module_origin(module, *brought, steps + 1) if brought is not None else ""

    def _name_origin(self, module: Module, name: str, function: int, steps: int) -> str:
        parameter = self._parameter(module, name, function)
        if parameter is not None:
            return self._type_origin(module, parameter[0], steps) or f"?{name}"
        local = self._local(module, name, function)
        if local is not None:
            value, scope = local
            if not (value.kind == "name" and value.value == name):
                found = self._origin(module, value, scope, steps + 1)
                return found or f"{module.path}#{name}"
        brought = self._imported(module, name)
        if brought is not None:
            return self._module_origin(module, *brought, steps + 1)
        for star in module.imports:
            if (
                star.name == "*"
                and not star.local
                and (path := self.target(module, star.module))
                and self.exported(path, name) is not None
            ):
                return self._module_origin(module, star.module, name, steps + 1)
        return name

    def _type_origin(self, module: Module, annotation: str, steps: int) -> str:
        found = re.match(r"[\w.$]+", annotation.strip("\"' "))
        if found is None:
            return ""
        first, *rest = found[0].split(".")
        inner = self._name_origin(module, first, -1, steps + 1)
        return f"<{'.'.join([inner, *rest])}>"

    def _attribute_origin(self, module: Module, node: Node, function: int, steps: int) -> str:
        target = node.items[0]
        if target.kind == "name" and target.value in ("this", "self", "cls"):
            kind = self._owner_class(module, function)
            if kind is not None:
                if (held := self.member(module, kind, str(node.value))) is not None and held[1].kind not in (
                    "function",
                ):
                    found = self._origin(*held, steps + 1)
                    if found:
                        return found
                if annotation := self._member_type(module, kind, str(node.value)):
                    return self._type_origin(module, annotation, steps)
            return f"{target.value}.{node.value}"
        member = self._member_of(module, target, str(node.value), function, steps)
        if member is not None and not (member[0] is module and member[1] is node):
            found = self._origin(*member, steps + 1)
            if found:
                return found
            if (path := self._namespace(module, target, function)) != "":
                return f"{path}#{node.value}"
        inner = self._origin(module, target, function, steps + 1)
        return f"{inner}.{node.value}" if inner else ""

    # -- constants --------------------------------------------------------------------------------------------------

    def fold(self, module: Module, node: Node, function: int = -1) -> Value:
        """Compute the constant that an expression is worth: literals, arithmetic, templates, members of objects,
        names across files, one level of a helper's return, and defaults of the environment (`process.env.X || 5`,
        `os.getenv("X", 5)`, settings classes).
        """
        from discover.folding import fold

        return fold(self, module, node, function)

    # -- proof ------------------------------------------------------------------------------------------------------

    def proof(self, path: str) -> Proof:
        """RUNS for a file that an entry point of its unit reaches through imports, USED for others."""
        unit = self.unit_of(path)
        for user in self.units:
            if (user is unit or unit in user.libraries) and path in self._reach(user):
                return Proof.RUNS
        return Proof.USED

    def entries(self, unit: Unit) -> list[str]:
        """Find the files of a unit that are started."""
        found: list[str] = []
        prefix = f"{unit.folder}/" if unit.folder else ""
        data = self.data(f"{prefix}package.json") if f"{prefix}package.json" in self.tree.sizes else None
        commands = [command for name, command in unit.scripts.items() if not re.search(r"test|lint|e2e|cypress", name)]
        if isinstance(data, dict):
            for value in (data.get("main"), data.get("bin"), data.get("module")):
                found += [self._source_of(unit, text) for text in _strings(value)]
        for path in self.tree.files:
            name = path.rpartition("/")[2]
            if self.unit_of(path) in (unit, self.units[0]) and (
                name
                in (
                    "Procfile",
                    "Dockerfile",
                    "app.json",
                    "ecosystem.config.js",
                    "ecosystem.config.json",
                    "ecosystem.config.cjs",
                    "supervisord.conf",
                )
                or name.endswith((".Dockerfile", ".service", ".conf", ".sh"))
                or re.fullmatch(r"(docker-)?compose.*\.ya?ml", name)
            ):
                commands.append(
                    re.sub(r"^\s*#.*$", "", re.sub(r"[\[\]\",']+", " ", self.text(path)), flags=re.MULTILINE)
                )
        for command in commands:
            found += [self._source_of(unit, match[1]) for match in _SCRIPT_FILE.finditer(command)]
            for match in _UVICORN.finditer(command):
                found.append(self._resolve_python(f"{prefix}x.py", match[1]))
            if "nest start" in command:
                found.append(self._source_of(unit, "src/main.ts"))
            if node := re.search(
                r"\b(?:tsx|ts-node|nodemon|node|bun|ts-node-dev)\s+(?:watch\s+|--[\w=-]+\s+|-\w+\s+)*([\w./-]+)",
                command,
            ):
                found.append(self._source_of(unit, node[1]))
        for path in self._sources:
            if self.unit_of(path) is not unit or is_test(self._inner(path)):
                continue
            inner = self._inner(path)
            if (
                ("next" in unit.npm and _NEXT_ENTRY.match(inner))
                or inner.endswith(("manage.py", "wsgi.py", "asgi.py"))
                or (
                    path.endswith(".py")
                    and "/" not in inner
                    and re.search(rb"Flask\(|FastAPI\(|create_app|__main__", self.tree.bytes(path) or b"")
                )
            ):
                found.append(path)
        if not any(found):
            for stem in (
                "src/main",
                "src/index",
                "src/server",
                "src/app",
                "index",
                "server",
                "app",
                "main",
                "app/main",
                "src/app/main",
            ):
                found += [path for end in SOURCES if (path := f"{prefix}{stem}{end}") in self.tree.sizes]
        return list(dict.fromkeys(path for path in found if path))

    def _source_of(self, unit: Unit, text: str) -> str:
        """Give the source of a file that is started, also where the command names what the compiler wrote."""
        prefix = f"{unit.folder}/" if unit.folder else ""
        inner = posixpath.normpath(text.removeprefix("./").removeprefix("/"))
        candidates = [
            inner,
            *(inner[len(build) + 1 :] for build in ("dist", "build", "out") if inner.startswith(f"{build}/")),
        ]
        candidates += [f"src/{candidate}" for candidate in list(candidates)]
        for candidate in candidates:
            found = (
                self._script_file(f"{prefix}{candidate}")
                if not candidate.endswith(".py")
                else (f"{prefix}{candidate}" if f"{prefix}{candidate}" in self.tree.sizes else "")
            )
            if found and not self._is_build(found):
                return found
        return ""

    def _reach(self, unit: Unit) -> set[str]:
        if unit.folder not in self._reached:
            unit.entries = unit.entries or self.entries(unit)
            pending = list(unit.entries)
            reached = set(pending)
            while pending:
                path = pending.pop()
                for inner in self._edges(path):
                    if inner not in reached and inner in self._scans:
                        reached.add(inner)
                        pending.append(inner)
            self._reached[unit.folder] = reached
        return self._reached[unit.folder]

    def _edges(self, path: str) -> Iterator[str]:
        scan = self._scans.get(path)
        if scan is None:
            return
        for specifier in scan.specifiers:
            if found := self.resolve(path, specifier):
                yield found
                if found.endswith(".py"):
                    yield from self._packages_above(found)
        for dotted in scan.dotted:
            inner = dotted
            while "." in inner or inner == dotted:
                if found := self._resolve_python(path, inner):
                    yield found
                    if found.endswith("/__init__.py"):
                        folder = found.removesuffix("__init__.py")
                        yield from (
                            other for other in self._sources if other.startswith(folder) and _DJANGO_FILE.search(other)
                        )
                    elif found.endswith("/apps.py"):
                        folder = found.removesuffix("apps.py")
                        yield from (
                            other for other in self._sources if other.startswith(folder) and _DJANGO_FILE.search(other)
                        )
                    break
                if "." not in inner:
                    break
                inner = inner.rpartition(".")[0]
        if scan.reads_folder:
            folder = path.rpartition("/")[0]
            yield from (other for other in self._sources if not folder or other.startswith(f"{folder}/"))

    def _packages_above(self, path: str) -> Iterator[str]:
        folder = path.rpartition("/")[0]
        while folder:
            if f"{folder}/__init__.py" in self._scans:
                yield f"{folder}/__init__.py"
            folder = folder.rpartition("/")[0]

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


def _fits(pattern: str, specifier: str) -> str | None:
    """Give what the `*` of a pattern stands for; `` where it has none and is equal."""
    if "*" not in pattern:
        return "" if pattern == specifier else None
    before, _, after = pattern.partition("*")
    if specifier.startswith(before) and specifier.endswith(after) and len(specifier) >= len(before) + len(after):
        return specifier[len(before) : len(specifier) - len(after)]
    return None


def _strings(value: Any) -> list[str]:
    """Give the strings in a value of package.json's `main`, `bin`, `imports` or `exports`."""
    if isinstance(value, str):
        return [value]
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for item in inner for text in _strings(item)]


def _required(node: Node) -> str:
    """Give the module of a bare `require("x")` or `import("x")`."""
    if node.kind == "call" and node.items[0].kind == "name" and node.items[0].value in ("require", "import"):
        return next((str(argument.value) for argument in node.arguments[:1] if argument.kind == "string"), "")
    return ""


def _literal(node: Node) -> str | None:
    return (
        str(int(node.value) if node.kind == "number" and node.value is not None else node.value)
        if node.kind in ("string", "number")
        else None
    )


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
            return f"{node.value}{inner(node.items[0])}"
        case "conditional":
            return f"{inner(node.items[0])} ? {inner(node.items[1])} : {inner(node.items[2])}"
        case "await":
            return f"await {inner(node.items[0])}"
        case "object":
            return "{…}"
        case _:
            return f"({node.kind})"
