"""The removal drill: whatever parts are on, nothing of the others is there, and what is there holds together.

Rendering is cheap, so every set of parts is rendered here. Installing, typing, booting and attacking a service is dear:
that is done with a sample here, and with all sets by `make drill`.
"""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import drill
import options
import pytest
import yaml
from drill import PARTS, without
from support import ROOT, files, questions, render

PATHS: dict[str, list[str]] = questions().all["part_paths"]["default"]
WORDS: dict[str, list[str]] = yaml.safe_load((ROOT / "tests/words.yml").read_text(encoding="utf-8"))


def traces(service: Path, off: list[str]) -> Iterator[str]:
    """Give each place that tells of a part that is off: paths, and lines."""
    found = files(service)
    for part in off:
        words = re.compile("|".join(WORDS[part]), re.IGNORECASE)
        for path, text in found.items():
            if path == ".copier-answers.yml":
                continue
            yield from (f"{part}: {path}" for _ in [0] if words.search(path))
            for number, line in enumerate(text.splitlines(), 1):
                if words.search(line):
                    yield f"{part}: {path}:{number}: {line.strip()[:120]}"


def unnamed(service: Path) -> Iterator[str]:
    """Give each file that a document names and that is nowhere; `orders` is the noun of the examples."""
    names = {path.name for path in service.rglob("*") if path.is_file()}
    for document in sorted(service.rglob("*.md")):
        for path in re.findall(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|md|toml|yaml))`", document.read_text(encoding="utf-8")):
            if path.rpartition("/")[2] not in names and "orders" not in path:
                yield f"{document.relative_to(service)}: {path}"


def homeless(service: Path) -> Iterator[str]:
    """Give each import of the service's own code that leads nowhere."""
    packages = {path.name for path in service.iterdir() if path.is_dir()}
    for file in sorted(service.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
            else:
                continue
            for name in names:
                if name.split(".")[0] in packages and not leads(service, name):
                    yield f"{file.relative_to(service)}:{node.lineno}: {name}"


def leads(service: Path, name: str) -> bool:
    """Tell whether a dotted name is a module, or something that a module holds."""
    for path in (service / name.replace(".", "/"), (service / name.replace(".", "/")).parent):
        if path.with_suffix(".py").is_file():
            source = path.with_suffix(".py").read_text(encoding="utf-8")
            return (
                path.name == name.rpartition(".")[2] or re.search(rf"\b{name.rpartition('.')[2]}\b", source) is not None
            )
        if path.is_dir():
            inside = path / "__init__.py"
            last = name.rpartition(".")[2]
            return path.name == last or (
                inside.is_file() and re.search(rf"\b{last}\b", inside.read_text("utf-8")) is not None
            )
    return False


# What no statement names, and why it is there all the same.
_CALLED: dict[str, str] = {
    ".on_chunk_header": "httptools calls it: app/http/head_guard.py",
    ".on_chunk_complete": "httptools calls it: app/http/head_guard.py",
    "app.cli.main": "the command `app`: pyproject.toml names it",
    "app.platform.accounts.departures.Departure": "releases have it in every service, and an update deletes no file",
    "app.platform.auth.credentials.revoke_all": "asked of every credentials.py: app/platform/auth/revocation.py",
    "app.platform.auth.credentials.revoked": "asked of every credentials.py: app/platform/auth/revocation.py",
}
# Decorators after which FastAPI, Pydantic, click or SQLAlchemy calls a function; what overrides, their own code calls.
_REGISTERS = re.compile(
    r"\w+\.(get|post|patch|delete|command|group)\(|(field|model)_validator\(|event\.listens_for\(|override$"
)


def unused(service: Path) -> Iterator[str]:
    """Give each class and function of `app` that nothing else names.

    A file may offer what has its own name: `authenticator` in `authenticator.py`. A method counts as used where any
    attribute has its name, or a protocol asks for it.
    """
    trees = {
        ".".join(file.relative_to(service).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
            file.read_bytes()
        )
        for file in sorted(service.rglob("*.py"))
    }
    used: set[str] = set(_CALLED)
    for module, tree in trees.items():
        used.update(named(module, tree))
    for module, tree in trees.items():
        if not module.startswith("app."):
            continue
        for node in ast.walk(tree):
            for each in defined(node):
                whole = f"{module}.{each.name}"
                names = {f".{each.name}"} if isinstance(node, ast.ClassDef) else {whole, f":{each.name}"}
                if not names & used and module.rpartition(".")[2] != each.name:
                    yield whole


def defined(node: ast.AST) -> list[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give what a module or a class defines, without what its framework calls."""
    return [
        each
        for each in (node.body if isinstance(node, ast.Module | ast.ClassDef) else [])
        if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not each.name.startswith("__")
        and not any(_REGISTERS.match(ast.unparse(decorator)) for decorator in each.decorator_list)
    ]


def named(module: str, tree: ast.AST) -> Iterator[str]:
    """Give what a module names: `app.kit.ids.uuid7`, `.method`, and `:function` for what a text names."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for each in node.names:
                known[each.asname or each.name] = f"{node.module}.{each.name}"
    yield from known.values()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases):
            yield from (f".{each.name}" for each in defined(node))
        elif isinstance(node, ast.Name):
            yield f"{module}.{node.id}"
        elif isinstance(node, ast.Attribute):
            yield f".{node.attr}"
            yield f"{known.get(ast.unparse(node.value), ast.unparse(node.value))}.{node.attr}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # An annotation between quotes, or `package.module:function`.
            yield from (f"{module}.{word}" for word in re.findall(r"\w+", node.value) if len(node.value) < 100)
            yield from (f":{name}" for name in re.findall(r"^[\w.]+:(\w+)$", node.value))


@pytest.mark.parametrize("on", [[], *([part] for part in PARTS), options.usually("parts"), PARTS], ids=drill.name)
def test_nothing_in_the_app_serves_absent_parts_alone(on: list[str], tmp_path: Path) -> None:
    assert list(unused(render(tmp_path / "x", parts=on))) == []


@pytest.mark.parametrize("on", drill.everything(), ids=drill.name)
def test_nothing_of_an_absent_part_is_left(on: list[str], tmp_path: Path) -> None:
    service = render(tmp_path / "x", parts=on)
    off = without(*on)
    # Not an assertion: pytest would cut the list, and it says what to do.
    if found := [
        *traces(service, off),
        *(f"leads nowhere: {each}" for each in homeless(service)),
        *(f"names what is not there: {each}" for each in unnamed(service)),
    ]:
        pytest.fail("\n".join(found), pytrace=False)
    assert not [path for path in service.rglob("*") if path.is_dir() and not any(path.iterdir())]


# What is not appended to: an update never touches the first, and the template alone writes the others.
_CLOSED = {".env", "app/defaults.py", "docs/decisions/platform/README.md"}


def test_no_file_ends_with_what_a_part_adds_to_it(tmp_path: Path) -> None:
    # People append. Beside the last line that a part takes away, Git would see a conflict.
    lean, whole = render(tmp_path / "lean", parts=[]), render(tmp_path / "whole", parts=PARTS)
    shared = [path.relative_to(lean).as_posix() for path in lean.rglob("*") if path.is_file() and path.stat().st_size]
    ends = {
        name: {(service / name).read_bytes().splitlines()[-1] for service in (lean, whole)}
        for name in shared
        if (whole / name).is_file() and name not in _CLOSED
    }
    assert not [name for name, last in ends.items() if len(last) > 1]


@pytest.mark.slow
@pytest.mark.parametrize("on", drill.sample(), ids=drill.name)
def test_what_is_left_installs_and_passes_its_checks(on: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="services-", ignore_cleanup_errors=True) as folder:
        assert not drill.prove(render(Path(folder) / "service", parts=on))


@pytest.mark.parametrize("part", PARTS)
def test_every_path_of_a_part_is_there_while_it_is_on_and_not_otherwise(part: str, tmp_path: Path) -> None:
    here, gone = render(tmp_path / "on", parts=[part]), render(tmp_path / "off", parts=without(part))
    for pattern in PATHS[part]:
        assert list(here.glob(pattern.lstrip("/"))), f"{pattern} is no path of the template"
        assert not list(gone.glob(pattern.lstrip("/")))


def test_each_part_has_words_that_tell_of_it(tmp_path: Path) -> None:
    assert sorted(WORDS) == sorted(PARTS) == sorted(PATHS)
    service = render(tmp_path / "x", parts=PARTS)
    for part in PARTS:
        assert list(traces(service, [part])), f"{part}: the drill would not notice it"


def test_a_place_that_tells_of_an_absent_part_is_found(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/a.py").write_text("from app import totp\n\nMAIL_URL = 1\n", encoding="utf-8")
    assert list(traces(tmp_path, ["email"])) == ["email: app/a.py:3: MAIL_URL = 1"]
    assert list(homeless(tmp_path)) == ["app/a.py:1: app.totp"]


def test_the_parts_that_other_answers_oblige_to_are_parts() -> None:
    demands: dict[str, Any] = questions().all["demands"]["default"]
    assert set(demands) <= set(PARTS)
    answers = {*questions().all["data_class"]["choices"].values(), *questions().all["compliance"]["choices"].values()}
    assert {answer for reasons in demands.values() for answer in reasons} <= answers
