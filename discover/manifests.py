"""Units: the folders of manifests, what they depend on, and which of them is a service."""

from __future__ import annotations

import ast
import configparser
import fnmatch
import re
from collections.abc import Iterable, Iterator
from typing import Any

from discover.findings import Place
from discover.project import Dependency, Unit, normal
from discover.tree import SKIPPED_FOLDERS, Tree, is_template, is_test, parts

SERVER_PACKAGES = frozenset(
    {
        "express", "fastify", "@nestjs/core", "koa", "hono", "@hapi/hapi", "restify", "@adonisjs/core", "polka", "h3",
        "@trpc/server", "@feathersjs/feathers", "sails", "moleculer", "elysia", "@apollo/server", "graphql-yoga",
        "@loopback/core", "fastapi", "flask", "django", "djangorestframework", "starlette", "litestar", "aiohttp",
        "tornado", "sanic", "falcon", "bottle", "pyramid", "quart", "connexion", "robyn", "blacksheep",
    }
)  # fmt: skip
PAGE_SERVERS = {
    "next": (
        "next.config.*",
        "app/**/page.*",
        "src/app/**/page.*",
        "pages/**",
        "src/pages/**",
        "app/**/route.*",
        "src/app/**/route.*",
    ),
    "nuxt": ("nuxt.config.*",),
    "@sveltejs/kit": ("svelte.config.*",),
    "@remix-run/node": ("app/root.*",),
}
"""Frameworks that shared packages list, too: a unit is a service only with the files that make it one."""

FRONTEND_PACKAGES = frozenset(
    {"react", "vue", "@angular/core", "svelte", "preact", "solid-js", "vite", "react-scripts", "@vue/cli-service",
     "gatsby", "expo", "react-native", "electron"}
)  # fmt: skip
ASIDE = frozenset(
    {"example", "examples", "docs", "doc", "website", "e2e", "bench", "benchmark", "benchmarks", "template",
     "templates", "fixtures", "test", "tests", "playground", "playgrounds", "sample", "samples", "scripts", "tools",
     ".github",
     "storybook"}
)  # fmt: skip

_REQUIREMENTS = re.compile(r"(^|[-_.])requirements?([-_.].*)?\.(txt|in)$|^requirements/.*\.(txt|in)$")
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*([^;#]*)")
_DEVELOPMENT = re.compile(r"dev|test|lint|local|doc|ci\b", re.IGNORECASE)


def units(tree: Tree) -> list[Unit]:
    """Find every unit of a codebase, its root first."""
    found: dict[str, Unit] = {}

    def at(folder: str, manifest: str) -> Unit:
        unit = found.setdefault(folder, Unit(folder, "", place=Place(manifest, 1)))
        if manifest not in unit.manifests:
            unit.manifests.append(manifest)
        return unit

    for path in tree.files:
        folder, _, name = path.rpartition("/")
        if is_template(path) or any(part in SKIPPED_FOLDERS for part in parts(path)):
            continue
        if name == "package.json":
            package(tree, path, at(folder, path))
        elif name == "pyproject.toml":
            pyproject(tree, path, at(folder, path))
        elif name == "setup.py":
            setup_py(tree, path, at(folder, path))
        elif name == "setup.cfg":
            setup_cfg(tree, path, at(folder, path))
        elif name == "Pipfile":
            pipfile(tree, path, at(folder, path))
        elif name == "manage.py":
            at(folder, path)
        elif _REQUIREMENTS.search(name) or (
            folder.rpartition("/")[2] == "requirements" and name.endswith((".txt", ".in"))
        ):
            home = folder.rpartition("/")[0] if folder.rpartition("/")[2] == "requirements" else folder
            requirements(tree, path, at(home, path), set())
    if "" not in found:
        found[""] = Unit("", "")
    _fold_in(found)
    found = {
        folder: unit
        for folder, unit in found.items()
        if not folder or unit.name or unit.npm or unit.pypi or unit.scripts
    }
    listed = sorted(found.values(), key=lambda unit: (unit.folder.count("/") + bool(unit.folder), unit.folder))
    _workspaces(tree, listed)
    for unit in listed:
        unit.kind = kind(tree, unit, listed)
    return listed


def _fold_in(found: dict[str, Unit]) -> None:
    """Requirements alone make no unit below one that lists packages of the same language: they are part of it."""
    for folder in sorted(found, key=lambda folder: -folder.count("/")):
        unit = found[folder]
        bare = all(
            _REQUIREMENTS.search(path.rpartition("/")[2]) or path.endswith((".txt", ".in", "manage.py"))
            for path in unit.manifests
        )
        above = next((found[up] for up in _above(folder) if up in found), None)
        if folder and bare and above is not None and (above.pypi or not above.manifests or not unit.pypi):
            for name, dependency in unit.pypi.items():
                above.pypi.setdefault(name, dependency)
            above.manifests += [path for path in unit.manifests if path not in above.manifests]
            if not above.place.path:
                above.place = unit.place
            del found[folder]


def _above(folder: str) -> Iterator[str]:
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder


def kind(tree: Tree, unit: Unit, every: list[Unit]) -> str:
    """Tell a service from a library, a front end and tooling."""
    runtime = {
        name for name, dependency in (unit.npm | unit.pypi).items() if dependency.group in ("runtime", "optional")
    }
    if unit.folder and any(part in ASIDE for part in parts(unit.folder)):
        return "tooling"
    if any(path.endswith("manage.py") for path in unit.manifests) and unit.pypi:
        return "service"
    pages = [name for name, files in PAGE_SERVERS.items() if name in unit.npm and _has(tree, unit, every, files)]
    if pages or (runtime & SERVER_PACKAGES):
        return "service"
    if runtime & FRONTEND_PACKAGES or unit.npm.keys() & {"vite", "@angular/cli", "react-scripts"}:
        return "frontend"
    if unit.workspace or not unit.manifests:
        return "tooling"
    return "library"


def _has(tree: Tree, unit: Unit, every: list[Unit], patterns: Iterable[str]) -> bool:
    prefix = f"{unit.folder}/" if unit.folder else ""
    inner = [f"{other.folder}/" for other in every if other.folder.startswith(prefix) and other.folder != unit.folder]
    return any(
        fnmatch.fnmatchcase(path[len(prefix) :], pattern.replace("/**/", "/*"))
        or fnmatch.fnmatchcase(path[len(prefix) :], pattern)
        for path in tree.files
        if path.startswith(prefix) and not path.startswith(tuple(inner)) and not is_test(path)
        for pattern in patterns
    )


def _workspaces(tree: Tree, listed: list[Unit]) -> None:
    """Say what holds several units together, and which of them a unit depends on."""
    root = listed[0]
    for file, name in (
        ("pnpm-workspace.yaml", "pnpm"),
        ("lerna.json", "lerna"),
        ("turbo.json", "turbo"),
        ("nx.json", "nx"),
    ):
        if tree.exists(file):
            root.workspace = f"{root.workspace} + {name}" if root.workspace else name
    if not root.workspace and tree.exists("package.json"):
        manifest = tree.data("package.json")
        if isinstance(manifest, dict) and manifest.get("workspaces"):
            root.workspace = "yarn" if tree.exists("yarn.lock") else "npm"
    if not root.workspace and tree.exists("pyproject.toml"):
        data = tree.data("pyproject.toml")
        if isinstance(data, dict) and _dig(data, "tool", "uv", "workspace"):
            root.workspace = "uv"
    catalog: dict[str, str] = {}
    if tree.exists("pnpm-workspace.yaml"):
        data = tree.data("pnpm-workspace.yaml")
        if isinstance(data, dict):
            catalog |= {f"catalog:{name}": str(version) for name, version in (data.get("catalog") or {}).items()}
            for named, versions in (data.get("catalogs") or {}).items():
                catalog |= {f"catalog:{named}:{name}": str(version) for name, version in (versions or {}).items()}
    by_name = {unit.name: unit for unit in listed if unit.name}
    for unit in listed:
        for dependency in unit.npm.values():
            if dependency.version.startswith("catalog:"):
                group = dependency.version.removeprefix("catalog:")
                key = (
                    f"catalog:{group}:{dependency.name}"
                    if group and group != "default"
                    else f"catalog:{dependency.name}"
                )
                dependency.version = catalog.get(key, dependency.version)
    for unit in listed:
        pending = [unit]
        while pending:
            for name in [*pending[0].npm, *pending[0].pypi]:
                library = by_name.get(name)
                if library is not None and library is not unit and library not in unit.libraries:
                    unit.libraries.append(library)
                    pending.append(library)
            pending.pop(0)


def _dig(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _lines(tree: Tree, path: str) -> list[str]:
    return (tree.text(path) or "").splitlines()


def package(tree: Tree, path: str, unit: Unit) -> None:
    """Read package.json."""
    data = tree.data(path)
    if not isinstance(data, dict):
        return
    lines = _lines(tree, path)
    unit.name = unit.name or (data["name"] if isinstance(data.get("name"), str) else "")
    unit.description = unit.description or (data["description"] if isinstance(data.get("description"), str) else "")
    scripts = data.get("scripts")
    unit.scripts = {str(key): str(value) for key, value in scripts.items()} if isinstance(scripts, dict) else {}
    for group, key in (
        ("peer", "peerDependencies"),
        ("optional", "optionalDependencies"),
        ("dev", "devDependencies"),
        ("runtime", "dependencies"),
    ):
        block = data.get(key)
        start = next((number for number, line in enumerate(lines) if re.search(rf'"{key}"\s*:', line)), 0)
        for name, version in block.items() if isinstance(block, dict) else []:
            line = next((number for number, text in enumerate(lines[start:], start + 1) if f'"{name}"' in text), 1)
            unit.npm[name] = Dependency(name, str(version), Place(path, line), group)


def pyproject(tree: Tree, path: str, unit: Unit) -> None:
    """Read pyproject.toml: the standard tables, dependency groups, and Poetry's own."""
    data = tree.data(path)
    if not isinstance(data, dict):
        return
    lines = _lines(tree, path)
    for table in (_dig(data, "project"), _dig(data, "tool", "poetry")):
        if isinstance(table, dict):
            unit.name = unit.name or (table["name"] if isinstance(table.get("name"), str) else "")
            unit.description = unit.description or (
                table["description"] if isinstance(table.get("description"), str) else ""
            )
    for text in _dig(data, "project", "dependencies") or []:
        _require(unit, text, path, lines, "runtime")
    for name, texts in (_dig(data, "project", "optional-dependencies") or {}).items():
        for text in texts:
            _require(unit, text, path, lines, "dev" if _DEVELOPMENT.search(name) else "optional")
    for texts in (_dig(data, "dependency-groups") or {}).values():
        for text in texts if isinstance(texts, list) else []:
            _require(unit, text, path, lines, "dev")
    poetry = _dig(data, "tool", "poetry") or {}
    groups = {"": poetry.get("dependencies"), "dev": poetry.get("dev-dependencies")}
    groups |= {name: _dig(group, "dependencies") for name, group in (poetry.get("group") or {}).items()}
    for group, table in groups.items():
        for name, version in table.items() if isinstance(table, dict) else []:
            if normal(name) != "python":
                shown = version.get("version", "") if isinstance(version, dict) else version
                _add(unit, name, str(shown), path, lines, "dev" if group and _DEVELOPMENT.search(group) else "runtime")


def pipfile(tree: Tree, path: str, unit: Unit) -> None:
    """Read a Pipfile."""
    data = tree.data(path)
    if isinstance(data, dict):
        lines = _lines(tree, path)
        for key, group in (("dev-packages", "dev"), ("packages", "runtime")):
            for name, version in (data.get(key) or {}).items():
                _add(unit, name, str(version), path, lines, group)


def setup_py(tree: Tree, path: str, unit: Unit) -> None:
    """Read the literal lists of a setup.py, which is never run."""
    try:
        module = ast.parse(tree.text(path) or "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree.skipped.setdefault(path, "does not parse")
        return
    lines = _lines(tree, path)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "setup":
            for keyword in node.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    unit.name = unit.name or str(keyword.value.value)
                if keyword.arg == "install_requires" and isinstance(keyword.value, ast.List):
                    for item in keyword.value.elts:
                        if isinstance(item, ast.Constant):
                            _require(unit, str(item.value), path, lines, "runtime")


def setup_cfg(tree: Tree, path: str, unit: Unit) -> None:
    """Read a setup.cfg."""
    config = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        config.read_string(tree.text(path) or "")
    except configparser.Error:
        tree.skipped.setdefault(path, "does not parse")
        return
    lines = _lines(tree, path)
    unit.name = unit.name or config.get("metadata", "name", fallback="")
    for text in config.get("options", "install_requires", fallback="").splitlines():
        _require(unit, text, path, lines, "runtime")


def requirements(tree: Tree, path: str, unit: Unit, seen: set[str]) -> None:
    """Read a requirements file and those that it refers to."""
    if path in seen or not tree.exists(path):
        return
    seen.add(path)
    lines = _lines(tree, path)
    group = "dev" if _DEVELOPMENT.search(path.rpartition("/")[2]) else "runtime"
    folder = path.rpartition("/")[0]
    for line in lines:
        if (other := re.match(r"\s*(?:-r|--requirement)[ =]?\s*(\S+)", line)) is not None:
            joined: list[str] = [part for part in folder.split("/") if part]
            for part in other[1].split("/"):
                if part == ".." and joined:
                    joined.pop()
                elif part not in (".", ".."):
                    joined.append(part)
            requirements(tree, "/".join(joined), unit, seen)
        elif not line.lstrip().startswith(("-", "#")):
            _require(unit, line, path, lines, group)


def _require(unit: Unit, text: Any, path: str, lines: list[str], group: str) -> None:
    if (
        isinstance(text, str)
        and (found := _REQUIREMENT.match(text)) is not None
        and "://" not in found[0].split("@")[0]
    ):
        _add(unit, found[1], found[3].strip(), path, lines, group)


def _add(unit: Unit, name: str, version: str, path: str, lines: list[str], group: str) -> None:
    key = normal(name)
    if (known := unit.pypi.get(key)) is not None and (known.group == "runtime" or group != "runtime"):
        return
    spelt = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])", re.IGNORECASE)
    line = next((number for number, text in enumerate(lines, 1) if spelt.search(text.split("#")[0])), 1)
    unit.pypi[key] = Dependency(key, version, Place(path, line), group)
