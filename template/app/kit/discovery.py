"""A file's name is its registration: what the folders of a package offer is found, not listed."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import cast

PACKAGES = ("adapters", "platform", "domain")
"""The packages whose folders offer something, in the package that holds this one."""


def modules(package: ModuleType, name: str) -> Iterator[ModuleType]:
    """Every `{name}.py` in the folders of a package, imported, in the order of the folders' names."""
    for folder in sorted(each.name for each in iter_modules(package.__path__) if each.ispkg):
        # Looked for without an import: what offers nothing under this name is not loaded for it.
        files = iter_modules([str(Path(root) / folder) for root in package.__path__])
        if any(each.name == name for each in files):
            yield import_module(f"{package.__name__}.{folder}.{name}")


def everywhere(name: str) -> Iterator[ModuleType]:
    """Every `{name}.py` of a folder, in whatever package."""
    for package in PACKAGES:
        yield from modules(import_module(f"{__name__.partition('.')[0]}.{package}"), name)


def offered(name: str) -> list[object]:
    """What each `{name}.py` offers under that name: a noun takes part in a hook by a file."""
    return [_offered(module, name) for module in everywhere(name)]


def _offered(module: ModuleType, name: str) -> object:
    try:
        return cast("object", vars(module)[name])
    except KeyError:
        raise TypeError(f"{module.__name__} has no `{name}`, which is what the file is for.") from None
