"""A file's name is its registration: what the folders of a room offer is found, not listed."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def modules(room: ModuleType, name: str) -> Iterator[ModuleType]:
    """Every `{name}.py` in the folders of a package, imported, in the order of the folders' names."""
    for folder in sorted(each.name for each in iter_modules(room.__path__) if each.ispkg):
        package = f"{room.__name__}.{folder}"
        if any(each.name == name for each in iter_modules(import_module(package).__path__)):
            yield import_module(f"{package}.{name}")
