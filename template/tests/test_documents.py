"""The documents name what exists, and .env.example every setting."""

import ast
import builtins
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pydantic
import pytest

from app import registry
from app.adapters.database import DatabaseSettings
from app.main import VERSION
from app.settings import Settings
from proof.standards import register
from proof.workshop import fields
from tests.example import FORGOTTEN

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    each for each in (ROOT / "README.md", ROOT / "AGENTS.md", *sorted((ROOT / "docs").rglob("*.md"))) if each.exists()
]

# A path has a slash or the ending of a file of ours; what is to be made (orders, …) is an example.
_PATH = re.compile(
    r"(?<![\w/.:-])(?:[\w.-]+/)*[\w.-]+\.(?:py|md|toml|yaml|yml|example|conf)(?![\w/-])|(?<![\w/.:-])(?:app|docs|tests|migrations|deploy)/[\w./-]*"
)
_LINK = re.compile(r"\]\(([^)#:]+)[^):]*\)")

_SECURITY = ROOT / "docs/security"
_TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)(?:\[(\w+)\])?")
_STANDARD = re.compile(r"\b(?:PERF|SEC|DATA|CODE|REL)-\d+\b")
_LINT = re.compile(r"`ruff ([A-Z]+\d+)`")
_REQUIREMENT = re.compile(r"^\| V([\d.]+) \| ([12]) \|.*\| (.+) \|$", re.MULTILINE)
_STATES = ("checked", "partly", "no check", "not covered", "not applicable")
_ANSWERS_TO = sorted((ROOT / "docs/compliance").glob("*.md"))
_ROW = re.compile(r"^\| (?!---)(.+) \|$", re.MULTILINE)


def _is_example(name: str) -> bool:
    """Whether a path stands for one that is to be made, or for one of the example, which the service has forgotten."""
    return "orders" in name or (FORGOTTEN and "/items" in name)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.relative_to(ROOT).as_posix())
def test_a_document_names_only_what_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    parents = (ROOT, ROOT / "app", *(ROOT / "app").glob("*"), *(ROOT / "app").glob("*/*"), document.parent)

    missing = [
        name
        for name in {each.rstrip("./") for each in _PATH.findall(text)}
        if not _is_example(name) and not any((parent / name).exists() for parent in parents)
        # The name that a file has in every noun.
        if "/" in name or not list((ROOT / "app").glob(f"*/*/{name}"))
    ]
    assert not missing, f"{document.name} names {missing}, which do not exist"
    broken = [link for link in _LINK.findall(text) if not (document.parent / link).exists()]
    assert not broken, f"{document.name} links to {broken}, which do not exist"


# What the examples of docs/how-to.md use and do not define, and the keys of .copier-answers.yml.
_STORIES = frozenset({"GZipMiddleware", "PhotoRead", "PriceRead", "follow", "keep", "photo", "prices"})
_EXAMPLES = _STORIES | {
    "Order",
    "OrderRead",
    "CanReadOrders",
    "Cart",
    "Store",
    "orders",
    "send",
    "_commit",
    "_src_path",
}
_FORGOTTEN = ("CanReadItems", "CanWriteItems", "ItemRead") if FORGOTTEN else ()
# What its fields of a new noun are made of.
_FIELDS = frozenset(
    {"ETag", "cascade", "categories", "draft", "confirmed", "rooms", "room_id", "tags", "tag_ids", "null"}
)
_CODE = re.compile(r"```python\n(.*?)```|(?<!`)`([^`\n]+)`", re.DOTALL)
# A file, or a variable of the environment.
_NO_CODE = re.compile(r"[\w./-]+\.(?:py|toml|md)|[A-Z_]+=.*")


def _python(text: str) -> Iterator[ast.AST]:
    """The Python of a document: its blocks, and the spans that can be read as such."""
    for block, span in _CODE.findall(text):
        if span and _NO_CODE.fullmatch(span):
            continue
        with suppress(*([] if block else [SyntaxError])):
            # The flag is what lets `await` stand on its own.
            yield compile(block or span, "", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def _names(tree: ast.AST, *, defined: bool = False) -> Iterator[str]:
    """The names that a piece of Python has, or those that it defines."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.keyword(arg=str(name)) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Name(id=name) | ast.Attribute(attr=name) if not defined:
                yield name
            case ast.alias(name=name) if not defined:
                yield from name.split(".")
            case _:
                pass


def test_the_how_to_names_only_what_the_code_has() -> None:
    pieces = list(_python((ROOT / "docs/how-to.md").read_text(encoding="utf-8")))
    has = {*_EXAMPLES, *_FORGOTTEN, *_FIELDS, *fields.TYPES, *dir(builtins), *dir(pydantic), "app", "standards"}
    for each in pieces:
        has |= {*_names(each, defined=True)}
    for folder in ("app", "proof", "tests"):
        for file in (ROOT / folder).rglob("*.py"):
            has |= {file.stem, file.parent.name, *_names(ast.parse(file.read_text(encoding="utf-8")))}

    assert len(pieces) > 20
    assert sorted({name for each in pieces for name in _names(each)} - has) == []


@cache
def _functions(path: str) -> frozenset[str]:
    """The names of the functions of a file of tests; none when there is no such file."""
    file = ROOT / path
    tree = ast.parse(file.read_text(encoding="utf-8")) if file.exists() else ast.Module([], [])
    return frozenset(each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def _lost(text: str) -> Iterator[str]:
    """The tests, rows of the register and rules of the linter that a text names and that do not exist."""
    for path, *names in _TEST.findall(text):
        # Of a test that is made for several functions, `[name]` is one of them.
        if not _is_example(path):
            yield from (f"{path}::{name}" for name in names if name and name not in _functions(path))
    yield from set(_STANDARD.findall(text)) - {row.standard.id for row in register.rows()}
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    ignored = [
        *lint["ignore"],
        *(each for where, some in lint["per-file-ignores"].items() if "app" in where for each in some),
    ]
    for rule in _LINT.findall(text):
        if lint["select"] != ["ALL"] or rule.startswith(tuple(ignored)):
            yield f"ruff {rule}"


@pytest.mark.parametrize("document", [*sorted(_SECURITY.glob("*.md")), *_ANSWERS_TO], ids=lambda each: each.name)
def test_a_page_about_security_names_only_checks_that_exist(document: Path) -> None:
    assert sorted(_lost(document.read_text(encoding="utf-8"))) == []


def _state(cell: str) -> str:
    """What the last cell of a requirement says of it."""
    state = next((each for each in _STATES[1:] if cell.startswith(f"{each}: ")), "checked")
    if state in {"checked", "partly"}:
        measured = {row.standard.id for row in register.rows() if row.check is not None}
        assert _TEST.search(cell) or _LINT.search(cell) or measured & set(_STANDARD.findall(cell)), f"no check: {cell}"
    return state


def test_the_page_about_asvs_leaves_no_requirement_out() -> None:
    text = (_SECURITY / "asvs.md").read_text(encoding="utf-8")
    rows = _REQUIREMENT.findall(text)
    numbers = [[int(part) for part in number.split(".")] for number, _, _ in rows]

    assert len(rows) == len(re.findall(r"^\| V\d", text, re.MULTILINE))
    # As many as ASVS 5.0.0 has of both levels, each once and in its order.
    assert Counter(level for _, level, _ in rows) == {"1": 70, "2": 183}
    assert numbers == sorted(numbers)
    assert len({number for number, _, _ in rows}) == len(rows)
    for number, _, cell in rows:
        assert _state(cell) in _STATES, number


def test_each_threat_has_its_attack_or_says_that_it_has_none() -> None:
    threats = re.findall(
        r"^\| ([STRIDE]) \| .+ \| .+ \| (.+) \|$", (_SECURITY / "threats.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    boundaries = (_SECURITY / "threats.md").read_text(encoding="utf-8").split("\n## ")[1:]

    assert len(threats) > 40
    assert [cell for _, cell in threats if not (_TEST.search(cell) or cell.startswith("not covered"))] == []
    for each in boundaries:
        assert set(re.findall(r"^\| ([STRIDE]) \|", each, re.MULTILINE)) == set("STRIDE"), each.partition("\n")[0]


def test_each_of_the_ten_risks_of_an_api_has_its_attack() -> None:
    risks = (_SECURITY / "owasp-api-top-10.md").read_text(encoding="utf-8").split("\n## ")[1:]

    assert [each.split()[0] for each in risks] == [f"API{number}" for number in range(1, 11)]
    assert [each.partition("\n")[0] for each in risks if not _TEST.search(each)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.relative_to(ROOT).as_posix())
def test_a_document_names_only_verbs_of_the_makefile(document: Path) -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert set(re.findall(r"[`$] ?make ([a-z-]+)", document.read_text(encoding="utf-8"))) <= verbs


@pytest.mark.parametrize("document", _ANSWERS_TO, ids=lambda each: each.name)
def test_every_demand_that_is_met_has_a_file_and_a_check(document: Path) -> None:
    measured = {row.standard.id for row in register.rows() if row.check is not None}
    text = document.read_text(encoding="utf-8")
    rows = [row.split(" | ") for row in _ROW.findall(text)[1:]]

    assert len(rows) > 10
    for _, does, files, check in rows:
        named = re.findall(r"`(.+?)`", files)
        assert named, does
        assert [each for each in named if not ((ROOT / each).exists() or _is_example(each))] == [], does
        assert _TEST.search(check) or measured & set(_STANDARD.findall(check)), does
    assert "\n## Not covered here: yours\n" in text


@pytest.mark.parametrize("folder", ["docs/decisions", "docs/decisions/platform"])
def test_the_index_of_decisions_has_each_one_with_its_status(folder: str) -> None:
    written: list[str] = []
    for file in sorted((ROOT / folder).glob("[0-9]*.md")):
        title, _, status = file.read_text(encoding="utf-8").splitlines()[:3]
        number, _, words = title.removeprefix("# ").partition(". ")
        assert int(file.name[:4]) == int(number), f"{file.name} is headed number {number}"
        assert re.fullmatch(r"Status: (proposed|accepted|rejected|superseded by \d+), \d+ \w+ \d{4}", status), (
            f"{file.name}: the third line is its status, as in 'Status: accepted, 1 December 2026'"
        )
        written.append(f"| {number}. [{words}]({file.name}) | {status.removeprefix('Status: ')} |")

    index = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    assert [line for line in index.splitlines() if re.match(r"\| \d", line)] == written, f"{folder}/README.md differs"


def test_env_example_names_every_setting_and_nothing_else() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^#? ?([A-Z][A-Z_]+)=", text, re.MULTILINE)

    kinds = (Settings, DatabaseSettings, *registry.settings())
    settings = {
        f"{each.model_config.get('env_prefix', '')}{name}".upper() for each in kinds for name in each.model_fields
    }
    # Files beside it may take variables of their own from .env, written ${NAME}.
    theirs = {
        name for file in ROOT.glob("*.yaml") for name in re.findall(r"\$\{(\w+)", file.read_text(encoding="utf-8"))
    }
    assert len(named) == len(set(named))
    assert settings - set(named) == set()
    assert set(named) - settings - theirs == set()


def test_env_example_holds_no_secret() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")

    for name in ("AUTH_SIGNING_KEYS", "METRICS_TOKEN", "DATABASE_URL"):
        assert re.search(rf"^#? ?{name}=$", text, re.MULTILINE), name


def test_git_ignores_what_holds_secrets() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()

    assert {".env", "/.env"} & set(ignored)


def test_the_service_and_its_package_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == VERSION
