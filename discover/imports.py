"""What an import means: the file of the codebase that it names, or an installed package."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from discover.project import Project, Unit

SCRIPTS = (".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx")


class Imports:
    """Relative paths, tsconfig paths, `imports` of package.json, workspace packages, Python packages."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._configs: dict[str, tuple[str, list[tuple[str, list[str]]]] | None] = {}

    def python(self, path: str, specifier: str) -> str:
        """Give the file of a Python module, `` for one that is installed."""
        dots = len(specifier) - len(specifier.lstrip("."))
        inner = specifier[dots:].replace(".", "/")
        if dots:
            base = path.rpartition("/")[0]
            for _ in range(dots - 1):
                base = base.rpartition("/")[0]
            return self.python_file(posixpath.join(base, inner) if inner else base)
        first = specifier.split(".")[0]
        unit = self._project.unit_of(path)
        ancestors = [path.rpartition("/")[0]]
        while ancestors[-1] and ancestors[-1] != unit.folder:
            ancestors.append(ancestors[-1].rpartition("/")[0])
        # A package's own folder is no place to import from: `celery` in `jobs/celery.py` is the installed one.
        ancestors = [root for root in ancestors if root == unit.folder or not self._is_package(root)]
        roots = [*reversed(ancestors), *(posixpath.join(unit.folder, name) for name in ("src", "app", "backend"))]
        if unit.dependency(first) is not None:
            roots = [unit.folder, posixpath.join(unit.folder, "src")]
        roots += [posixpath.join(library.folder, name) for library in unit.libraries for name in ("", "src")]
        for number, root in enumerate(roots):
            if first in sys.stdlib_module_names and number:
                break
            if (found := self.python_file(posixpath.join(root, inner) if root else inner)) != "":
                return found
        return ""

    def _is_package(self, folder: str) -> bool:
        return f"{folder}/__init__.py" in self._project.tree.sizes

    def python_file(self, stem: str) -> str:
        """Give the file of a module or package at a path without its ending."""
        for candidate in (f"{stem}.py", f"{stem}/__init__.py"):
            if candidate.lstrip("/") in self._project.tree.sizes:
                return candidate.lstrip("/")
        return ""

    def script(self, path: str, specifier: str) -> str:
        """Give the file that a script's import means, `` for a package that is installed."""
        folder = path.rpartition("/")[0]
        if specifier.startswith((".", "/")):
            return self.script_file(posixpath.normpath(posixpath.join(folder, specifier)))
        for base, paths in self._aliases(folder):
            for pattern, targets in paths:
                if (rest := _fits(pattern, specifier)) is not None:
                    for target in targets:
                        if (
                            found := self.script_file(
                                posixpath.normpath(posixpath.join(base, target.replace("*", rest, 1)))
                            )
                        ) != "":
                            return found
        unit = self._project.unit_of(path)
        if specifier.startswith("#"):
            manifest = posixpath.join(unit.folder, "package.json")
            data = self._project.data(manifest)
            for pattern, inner in (data.get("imports") or {}).items() if isinstance(data, dict) else []:
                if (rest := _fits(pattern, specifier)) is not None:
                    for target in strings(inner):
                        if (
                            found := self.script_file(
                                posixpath.normpath(posixpath.join(unit.folder, target.replace("*", rest, 1)))
                            )
                        ) != "":
                            return found
            return ""
        name = "/".join(specifier.split("/")[: 2 if specifier.startswith("@") else 1])
        other = self._project.by_name.get(name)
        return (
            self._workspace_file(other, specifier[len(name) + 1 :]) if other is not None and other is not unit else ""
        )

    def _workspace_file(self, unit: Unit, inner: str) -> str:
        data = self._project.data(posixpath.join(unit.folder, "package.json"))
        data = data if isinstance(data, dict) else {}
        candidates: list[str] = []
        exports = data.get("exports")
        if isinstance(exports, str) and not inner:
            candidates.append(exports)
        for pattern, target in exports.items() if isinstance(exports, dict) else []:
            if (rest := _fits(pattern, f"./{inner}" if inner else ".")) is not None:
                candidates += [text.replace("*", rest, 1) for text in strings(target)]
        if not inner:
            candidates += [data[key] for key in ("source", "module", "main", "types") if isinstance(data.get(key), str)]
        candidates += [f"src/{inner}", inner] if inner else ["src/index", "index"]
        for candidate in candidates:
            found = self.script_file(posixpath.normpath(posixpath.join(unit.folder, candidate)))
            if found and not self._project.is_build(found):
                return found
        return ""

    def script_file(self, stem: str) -> str:
        """Give the file at a path that may lack its ending, or be a folder with an index."""
        sizes = self._project.tree.sizes
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
        """Give the `paths` of every tsconfig above a folder, the nearest first, each with the folder it starts from."""
        while True:
            for name in ("tsconfig.json", "jsconfig.json"):
                if (config := self._config(posixpath.join(folder, name))) is not None:
                    yield config
            if not folder:
                return
            folder = folder.rpartition("/")[0]

    def _config(self, path: str, depth: int = 0) -> tuple[str, list[tuple[str, list[str]]]] | None:
        if path not in self._project.tree.sizes or depth > 5:
            return None
        if path not in self._configs:
            data = self._project.data(path)
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


def _fits(pattern: str, specifier: str) -> str | None:
    """Give what the `*` of a pattern stands for; `` where it has none and is equal."""
    if "*" not in pattern:
        return "" if pattern == specifier else None
    before, _, after = pattern.partition("*")
    if specifier.startswith(before) and specifier.endswith(after) and len(specifier) >= len(before) + len(after):
        return specifier[len(before) : len(specifier) - len(after)]
    return None


def strings(value: Any) -> list[str]:
    """Give the strings in a value of package.json's `main`, `bin`, `imports` or `exports`."""
    if isinstance(value, str):
        return [value]
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for item in inner for text in strings(item)]
