"""The files of a codebase: what may be read, bounded, and what was not read and why."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from time import monotonic
from typing import Any

import yaml

MAX_FILES = 60_000
MAX_FILE_BYTES = 2_000_000
MAX_DEPTH = 40
MAX_YAML_ALIASES = 200

SKIPPED_FOLDERS = frozenset(
    {
        ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "bower_components", "__pycache__", ".next", ".nuxt",
        ".svelte-kit", ".turbo", ".nx", ".cache", ".yarn", ".pnpm-store", ".tox", ".nox", ".mypy_cache", ".ruff_cache",
        ".pytest_cache", ".idea", ".terraform", "site-packages", ".eggs", "coverage", ".serverless", ".aws-sam",
    }
)  # fmt: skip
"""Installed or made by a tool: no source of this codebase."""

_ENV_FILE = re.compile(r"(^|/)(\.env(\..+)?|[^/]*\.env)$", re.IGNORECASE)
_EXAMPLE = re.compile(r"example|sample|template|\.dist$|defaults?$", re.IGNORECASE)
_SECRET_FILE = re.compile(
    r"(^|/)(id_(rsa|dsa|ecdsa|ed25519)[^/]*|[^/]*\.(pem|key|p12|pfx|jks|keystore|crt|cer|der|asc|gpg|kdbx|ppk)"
    r"|\.npmrc|\.pypirc|\.netrc|\.htpasswd|\.git-credentials|credentials(\.json)?|service[-_]?account[^/]*\.json"
    r"|secrets?\.(ya?ml|json|toml|ini))$",
    re.IGNORECASE,
)
_TEST = re.compile(
    r"(^|/)(tests?|__tests__|__mocks__|spec|specs|e2e|cypress|playwright|fixtures|testing|test-utils|test_utils)(/|$)"
    r"|(^|/)[^/]*[._-](test|tests|spec|e2e-spec|e2e|stories|mock)\.[^/]+$|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$"
    r"|(^|/)tests\.py$|(^|/)(jest|vitest|cypress|playwright)\.(config|setup)[^/]*$",
    re.IGNORECASE,
)
_GENERATOR = re.compile(
    r"(^|/)(\.hygen|_templates|plop-templates|cookiecutter[^/]*|\{\{[^/]*\}\}[^/]*|codefixes)(/|$)|\.(ejs|ejs\.t|hbs|j2|jinja2?)$"
)
_MINIFIED = re.compile(r"\.min\.(js|css)$|\.bundle\.js$|\.map$")


class YamlTooDeepError(yaml.YAMLError):
    """A document has more aliases than a person would write."""


class _Loader(yaml.SafeLoader):
    """A safe loader that bounds aliases, and reads tags of other systems (`!Ref`, `!reference`) as plain data."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.aliases = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > MAX_YAML_ALIASES:
                raise YamlTooDeepError("more than 200 aliases")
        return super().compose_node(parent, index)


def _unknown_tag(loader: _Loader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None


_Loader.add_multi_constructor("", _unknown_tag)


@dataclass(slots=True)
class Tree:
    """A folder that is read and never written, followed or executed."""

    root: Path
    files: list[str] = field(default_factory=list)
    """Every file's path from the root, with `/`, sorted; closed files and links too."""
    skipped: dict[str, str] = field(default_factory=dict)
    """What was not read: path → why. Folders of installed packages are not counted."""
    closed: set[str] = field(default_factory=set)
    """Files whose content is never read: `.env`, keys, certificates."""
    sizes: dict[str, int] = field(default_factory=dict)
    deadline: float = float("inf")
    progress: Callable[[str], None] = lambda _: None

    @classmethod
    def walk(cls, root: Path, *, deadline: float = float("inf"), max_files: int = MAX_FILES) -> Tree:
        """List the files below a folder. Links are listed as not read, whether they lead out or not."""
        tree = cls(root.resolve(), deadline=deadline)
        pending: list[tuple[str, int]] = [("", 0)]
        while pending:
            folder, depth = pending.pop()
            try:
                entries = sorted(os.scandir(tree.root / folder), key=lambda entry: entry.name)
            except OSError as error:
                tree.skipped[folder or "."] = f"cannot be listed ({error.strerror})"
                continue
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if monotonic() > deadline or len(tree.files) >= max_files:
                    tree.skipped[path] = "the limit of files or seconds was reached"
                    pending.clear()
                    break
                try:
                    mode = entry.stat(follow_symlinks=False).st_mode
                except OSError:
                    tree.skipped[path] = "cannot be read"
                    continue
                if stat.S_ISLNK(mode):
                    tree.skipped[path] = "a link, not followed"
                elif stat.S_ISDIR(mode):
                    if entry.name in SKIPPED_FOLDERS:
                        continue
                    if depth >= MAX_DEPTH:
                        tree.skipped[path] = f"deeper than {MAX_DEPTH} folders"
                    else:
                        pending.append((path, depth + 1))
                elif stat.S_ISREG(mode):
                    tree.add(path, entry.stat(follow_symlinks=False).st_size)
                else:
                    tree.skipped[path] = "no regular file"
        tree.files.sort()
        return tree

    def add(self, path: str, size: int) -> None:
        """Take a file into the list, closed if it may hold secrets."""
        name = path.rpartition("/")[2]
        self.files.append(path)
        self.sizes[path] = size
        if (_ENV_FILE.search(path) and not _EXAMPLE.search(name)) or (_SECRET_FILE.search(path)):
            self.closed.add(path)

    def bytes(self, path: str) -> bytes | None:
        """Read a file; None if it is closed, too large, binary or gone, which is then counted as not read."""
        if path in self.closed:
            self.skipped.setdefault(path, "may hold secrets")
            return None
        if self.sizes.get(path, 0) > MAX_FILE_BYTES:
            self.skipped.setdefault(path, f"larger than {MAX_FILE_BYTES // 1_000_000} MB")
            return None
        try:
            descriptor = os.open(f"{self.root}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            self.skipped.setdefault(path, f"cannot be read ({error.strerror})")
            return None
        if b"\0" in content[:4096]:
            return None
        return content[:MAX_FILE_BYTES]

    def text(self, path: str) -> str | None:
        """Read a file as UTF-8, with what is not UTF-8 replaced."""
        content = self.bytes(path)
        return None if content is None else content.decode("utf-8-sig", errors="replace")

    def exists(self, path: str) -> bool:
        """Tell whether a file is in the tree, closed or not."""
        return path in self.sizes

    def match(self, *patterns: str, under: str = "") -> Iterator[str]:
        """Give the files whose name, or whole path below `under` for a pattern with `/`, fits a glob pattern."""
        prefix = f"{under}/" if under else ""
        for path in self.files:
            if not path.startswith(prefix):
                continue
            inner = path[len(prefix) :]
            name = path.rpartition("/")[2]
            if any(fnmatch.fnmatchcase(inner if "/" in pattern else name, pattern) for pattern in patterns):
                yield path

    def data(self, path: str) -> Any:
        """Read a JSON (with comments), YAML or TOML file as data; None if that fails, which is counted as not read."""
        content = self.text(path)
        if content is None:
            return None
        try:
            if path.endswith(".toml") or PurePosixPath(path).name in ("Pipfile", "poetry.lock"):
                return tomllib.loads(content)
            if path.endswith((".json", ".jsonc", ".json5")) or PurePosixPath(path).name in (".babelrc", ".swcrc"):
                return json.loads(plain_json(content))
            return _Loader(content).get_single_data()
        except yaml.composer.ComposerError:
            try:
                documents = self.documents(path)
            except (ValueError, yaml.YAMLError, RecursionError):
                documents = []
            return documents[0] if documents else None
        except (ValueError, yaml.YAMLError, RecursionError, TypeError, AttributeError) as error:
            self.skipped.setdefault(path, f"does not parse ({type(error).__name__})")
            return None

    def documents(self, path: str) -> list[Any]:
        """Read a YAML file with several documents (Kubernetes, Helm); none if it does not parse."""
        content = self.text(path)
        if content is None:
            return []
        loader = _Loader(content)
        documents: list[Any] = []
        try:
            while loader.check_data():  # type: ignore[no-untyped-call]
                documents.append(loader.get_data())
        except (ValueError, yaml.YAMLError, RecursionError, TypeError, AttributeError) as error:
            self.skipped.setdefault(path, f"does not parse ({type(error).__name__})")
        return documents

    def line(self, path: str, pattern: str) -> int:
        """Give the first line of a file that a regular expression is found in; 0 if there is none."""
        found = re.compile(pattern)
        for number, line in enumerate((self.text(path) or "").splitlines(), 1):
            if found.search(line):
                return number
        return 0


@lru_cache(maxsize=100_000)
def is_test(path: str) -> bool:
    """Tell whether a file is for tests alone."""
    return bool(_TEST.search(path))


def is_template(path: str) -> bool:
    """Tell whether a file is a template or a snippet that code is generated from."""
    return bool(_GENERATOR.search(path))


def is_minified(path: str) -> bool:
    """Tell whether a file was made by a bundler."""
    return bool(_MINIFIED.search(path))


_JSON_NOISE = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)


def plain_json(text: str) -> str:
    """Take comments and trailing commas out of JSON, as `tsconfig.json` has them."""
    once = _JSON_NOISE.sub(lambda found: found[1] or "", text)
    return _JSON_NOISE.sub(lambda found: found[1] or "", once)


@lru_cache(maxsize=4096)
def parts(path: str) -> tuple[str, ...]:
    """Split a path at `/`."""
    return tuple(path.split("/"))
