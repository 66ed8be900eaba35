"""Which source files have a word or import a package, without reading them again."""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from discover.project import Project

_WORD = re.compile(rb"\w{3,64}")


class Index:
    """The words and the imported packages of every source file."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._paths: list[str] = []
        self._files: dict[bytes, array[int]] | None = None
        self._words = b""
        self._known: dict[str, frozenset[str]] = {}
        self._packages: dict[str, list[tuple[str, str]]] | None = None

    def importing(self, name: str) -> set[str]:
        """Give the paths of the files that import a package or a module below it."""
        if self._packages is None:
            self._packages = {}
            for path, scan in self._project.scans.items():
                for specifier in scan.specifiers:
                    bare = specifier.removeprefix("node:")
                    self._packages.setdefault(_first(bare), []).append((bare, path))
        below = (f"{name}/", f"{name}.")
        listed = self._packages.get(_first(name), [])
        return {path for specifier, path in listed if specifier == name or specifier.startswith(below)}

    def mentioning(self, text: str) -> frozenset[str]:
        """Give the paths of the files that have a text somewhere, within a longer word, too."""
        if text not in self._known:
            self._known[text] = frozenset(self._look(text))
        return self._known[text]

    def _look(self, text: str) -> set[str]:
        if self._files is None:
            self._read()
        wanted = text.encode()
        whole = _WORD.fullmatch(wanted) is not None
        candidates: set[str] | None = None
        for piece in re.findall(rb"\w+", wanted):
            if len(piece) >= 3:
                found = self._with(piece)
                candidates = found if candidates is None else candidates & found
        if candidates is not None and whole:
            return candidates
        paths = self._project.every_source if candidates is None else candidates
        return {path for path in paths if wanted in (self._project.tree.bytes(path) or b"")}

    def _with(self, piece: bytes) -> set[str]:
        """Give the paths of the files that have a word with this piece in it."""
        found: set[str] = set()
        start = self._words.find(piece)
        while start >= 0:
            begin, end = self._words.rfind(b"\n", 0, start) + 1, self._words.find(b"\n", start)
            if self._files is not None:
                found.update(self._paths[number] for number in self._files[self._words[begin:end]])
            start = self._words.find(piece, end)
        return found

    def _read(self) -> None:
        self._paths = list(self._project.every_source)
        self._files = {}
        for number, path in enumerate(self._paths):
            for word in set(_WORD.findall(self._project.tree.bytes(path) or b"")):
                self._files.setdefault(word, array("I")).append(number)
        self._words = b"\n" + b"\n".join(self._files) + b"\n"


def _first(name: str) -> str:
    """Give the first part of a package's or module's name: `@scope/name` whole, `a` of `a/b` and of `a.b`."""
    pieces = name.split("/")
    return "/".join(pieces[:2]) if name.startswith("@") else pieces[0].split(".")[0]
