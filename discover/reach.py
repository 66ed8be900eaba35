"""What runs: the files that are started, and those that they reach."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from discover.findings import Proof
from discover.imports import strings
from discover.names import SOURCES
from discover.tree import is_test

if TYPE_CHECKING:
    from discover.project import Project, Unit

_SCRIPT_FILE = re.compile(r"(?:^|[\s=])((?:\./)?[\w@./-]+\.(?:[cm]?[jt]sx?|py))\b")
_UVICORN = re.compile(
    r"\b(?:uvicorn|gunicorn|hypercorn|celery|granian|daphne|flask)\b[^\n;&|]*?\b([a-z_][\w]*(?:\.[a-z_]\w*)+|[a-z_]\w*)(?=:)"
)
_FRAMEWORKS = frozenset({"fastapi", "flask", "quart", "sanic", "starlette", "litestar", "aiohttp"})
_APPLICATION = re.compile(
    rb"^\w+(?:[ \t]*:[^=\n]+)?[ \t]*=[ \t]*(?:\w+\.)*(?:FastAPI|Flask|Quart|Sanic|Starlette|Litestar|Application)\(",
    re.MULTILINE,
)
_NEXT_ENTRY = re.compile(
    r"^(src/)?(app/(.*/)?(page|route|layout|template|error|loading|not-found|default|sitemap|robots|opengraph-image)\.[jt]sx?"
    r"|pages/.*\.[jt]sx?|(middleware|proxy|instrumentation)\.[jt]s)$"
)
_DJANGO_FILE = re.compile(
    r"(^|/)(models|apps|urls|admin|tasks|signals|views|settings|wsgi|asgi|celery)(/[^/]+)?\.py$|/management/commands/[^/]+\.py$|/migrations/\d[^/]*\.py$"
)


class Reach:
    """The files that an entry point reaches, unit by unit."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._reached: dict[str, set[str]] = {}

    def proof(self, path: str) -> Proof:
        """RUNS for a file that an entry point of its unit reaches through imports, USED for others."""
        unit = self._project.unit_of(path)
        for user in self._project.units:
            if (user is unit or unit in user.libraries) and path in self._reach(user):
                return Proof.RUNS
        return Proof.USED

    def entries(self, unit: Unit) -> list[str]:
        """Find the files of a unit that are started."""
        found: list[str] = []
        prefix = f"{unit.folder}/" if unit.folder else ""
        data = (
            self._project.data(f"{prefix}package.json") if f"{prefix}package.json" in self._project.tree.sizes else None
        )
        commands = [command for name, command in unit.scripts.items() if not re.search(r"test|lint|e2e|cypress", name)]
        if isinstance(data, dict):
            for value in (data.get("main"), data.get("bin"), data.get("module")):
                found += [self._source_of(unit, text) for text in strings(value)]
        for path in self._project.tree.files:
            name = path.rpartition("/")[2]
            if self._project.unit_of(path) in (unit, self._project.units[0]) and (
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
                    re.sub(r"^\s*#.*$", "", re.sub(r"[\[\]\",']+", " ", self._project.text(path)), flags=re.MULTILINE)
                )
        for command in commands:
            found += [self._source_of(unit, match[1]) for match in _SCRIPT_FILE.finditer(command)]
            for match in _UVICORN.finditer(command):
                found.append(self._project.imports.python(f"{prefix}x.py", match[1]))
            if "nest start" in command:
                found.append(self._source_of(unit, "src/main.ts"))
            if node := re.search(
                r"\b(?:tsx|ts-node|nodemon|node|bun|ts-node-dev)\s+(?:watch\s+|--[\w=-]+\s+|-\w+\s+)*([\w./-]+)",
                command,
            ):
                found.append(self._source_of(unit, node[1]))
        for path in self._project.every_source:
            if self._project.unit_of(path) is not unit or is_test(self._project.inner(path)):
                continue
            inner = self._project.inner(path)
            if (
                ("next" in unit.npm and _NEXT_ENTRY.match(inner))
                or inner.endswith(("manage.py", "wsgi.py", "asgi.py"))
                or (
                    path.endswith(".py")
                    and "/" not in inner
                    and re.search(rb"Flask\(|FastAPI\(|create_app|__main__", self._project.tree.bytes(path) or b"")
                )
                or (path.endswith(".py") and self._makes_application(path))
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
                found += [path for end in SOURCES if (path := f"{prefix}{stem}{end}") in self._project.tree.sizes]
        return list(dict.fromkeys(path for path in found if path))

    def _makes_application(self, path: str) -> bool:
        """Tell whether a server can be told to start a Python module: its top level makes the application."""
        scan = self._project.scans.get(path)
        if scan is None or not any(name.split(".")[0] in _FRAMEWORKS for name in scan.specifiers):
            return False
        return bool(_APPLICATION.search(self._project.tree.bytes(path) or b""))

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
                self._project.imports.script_file(f"{prefix}{candidate}")
                if not candidate.endswith(".py")
                else (f"{prefix}{candidate}" if f"{prefix}{candidate}" in self._project.tree.sizes else "")
            )
            if found and not self._project.is_build(found):
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
                    if inner not in reached and inner in self._project.scans:
                        reached.add(inner)
                        pending.append(inner)
            self._reached[unit.folder] = reached
        return self._reached[unit.folder]

    def _edges(self, path: str) -> Iterator[str]:
        scan = self._project.scans.get(path)
        if scan is None:
            return
        for specifier in scan.specifiers:
            if found := self._project.resolve(path, specifier):
                yield found
                if found.endswith(".py"):
                    yield from self._packages_above(found)
        for dotted in scan.dotted:
            inner = dotted
            while "." in inner or inner == dotted:
                if found := self._project.imports.python(path, inner):
                    yield found
                    for name in ("/__init__.py", "/apps.py"):
                        if found.endswith(name):
                            yield from self._files_of_app(found.removesuffix(name))
                    break
                if "." not in inner:
                    break
                inner = inner.rpartition(".")[0]
        if scan.reads_folder:
            folder = path.rpartition("/")[0]
            yield from (other for other in self._project.every_source if not folder or other.startswith(f"{folder}/"))

    def _files_of_app(self, folder: str) -> Iterator[str]:
        """Give the files that Django loads by their names from an installed app."""
        sources = self._project.every_source
        yield from (path for path in sources if path.startswith(f"{folder}/") and _DJANGO_FILE.search(path))

    def _packages_above(self, path: str) -> Iterator[str]:
        folder = path.rpartition("/")[0]
        while folder:
            if f"{folder}/__init__.py" in self._project.scans:
                yield f"{folder}/__init__.py"
            folder = folder.rpartition("/")[0]
