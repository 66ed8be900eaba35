"""`make domain` and `make drop-domain`: a noun with its folder, tests, load test and migration, made and taken away."""

import importlib
import keyword
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import click
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

from app import registry
from app.adapters.database import Base
from app.adapters.process import ROOT
from proof.workshop import fields as grammar
from proof.workshop import migrations
from proof.workshop.english import article, singular
from proof.workshop.tools import tool
from proof.workshop.written import SCENARIO, Noun, Written, camel

EXAMPLE = "items"
_PATTERN = Path(__file__).with_name("pattern")
# What a noun has where there is no example to copy.
USUAL = "name:line:unique description:text?"
_LONGEST = 30
# Where README.md shows the example, and what it shows without.
_SHOWN = {
    r"^- `items`: .*\n": "",
    r"^\$ curl -si \$api/v1/items (.*?) -H 'content-type.*\n.*\n": r"$ curl -si $api/v1/accounts/me \1\n",
    r"; `items` is the example": "",
}
_JUNK = frozenset({"utils", "common", "core", "helpers", "misc"})


@click.command()
@click.argument("name", default="")
@click.option("--singular", "one", default="", help="One of them, where it is not found: --singular child.")
@click.option("--fields", default="", help="name:type, with spaces between: title:line price:money=0 notes:text?")
@click.option("--from", "file", type=click.Path(path_type=Path, dir_okay=False), help="A YAML file of the fields.")
def domain(name: str, one: str, fields: str, file: Path | None) -> None:
    """Add the noun NAME (plural: orders): its folder, its tests, its load test, its migration.

    With fields, it is written for them; docs/how-to.md lists the types. Without any, it is copied from items.
    """
    if fields.strip() and file is not None:
        raise click.ClickException("Give the fields or a file of them, not both.")
    given = grammar.read(file) if file else grammar.parse(fields) if fields.strip() else None
    noun = _noun(name, one)
    if given is None and not _example().exists():
        given = grammar.parse(USUAL)
    made = _written(Written(noun, given)) if given is not None else _copied(noun)
    for target in made:
        if target.exists():
            raise click.ClickException(f"{target.relative_to(ROOT)} exists already; nothing was made.")
    try:
        for target, make in made.items():
            make(target)
        _tidy(made)
        migration = migrations.create(f"add {noun.plural}", _tables(noun.plural))
    except BaseException:
        for target in made:
            _remove(target)
        raise
    for target in [*made, *([migration] if migration else [])]:
        click.echo(f"made {target.relative_to(ROOT)}{'/' if target.is_dir() else ''}")
    click.echo(
        "Nothing else was changed, nor was the database. Look at it; then `make migrate`, and `make check` proves it. "
        f"{noun.path} answers at the next start."
    )


@click.command("drop-domain")
@click.argument("name", default="")
def drop_domain(name: str) -> None:
    """Take the noun NAME out: its folder, its tests, its load test; a migration drops its tables."""
    if not name:
        raise click.ClickException("Name the noun, in the plural: make drop-domain name=orders.")
    _drop(name)


@click.command("forget-example")
def forget_example() -> None:
    """Take the example out, for good: no update brings it back."""
    if not _example().exists():
        raise click.ClickException("The example is gone already.")
    _drop(EXAMPLE)
    readme = ROOT / "README.md"
    before = text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    for found, becomes in _SHOWN.items():
        text = re.sub(found, becomes, text, flags=re.MULTILINE)
    if text != before:
        _ = readme.write_text(text, encoding="utf-8", newline="\n")
        click.echo("changed README.md, which showed the example")


def _drop(name: str) -> None:
    folder = ROOT / "app/domain" / name
    if not re.fullmatch(r"\w+", name) or not (folder / "models.py").is_file():
        have = sorted(each.parent.name for each in (ROOT / "app/domain").glob("*/models.py"))
        raise click.ClickException(f"There is no noun {name} in app/domain/; there is {', '.join(have) or 'none'}.")
    registry.load_models()
    tables = _tables(name)
    for other in Base.metadata.sorted_tables:
        if other not in tables and any(key.column.table in tables for key in other.foreign_keys):
            raise click.ClickException(
                f"The table {other.name} refers to {name}: drop that first. Nothing was changed."
            )
    own = [each for each in _places(name) if each.exists()]
    if user := next(_users(name, own), ""):
        raise click.ClickException(f"{user} uses {name}: change that first. Nothing was changed.")
    migration = migrations.create(f"drop {name}", tables, drop=True)
    for target in own:
        _remove(target)
        click.echo(f"deleted {target.relative_to(ROOT)}")
    if migration:
        click.echo(f"made {migration.relative_to(ROOT)}, which deletes the rows of {name}, too")
    click.echo("Look at it, then: `make migrate`, and `make check` proves the rest.")


def _users(name: str, own: list[Path]) -> Iterator[str]:
    """Where else something of the noun is imported."""
    imported = re.compile(rf"\b(?:app\.domain|tests\.domain|\w+\.scenarios)(?:\.| import (?:.*\b)?){name}\b")
    scenarios = [each.parent.name for each in ROOT.glob("*/scenarios")]
    for folder in ("app", "proof", "tests", *scenarios):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if not any(file.is_relative_to(each) for each in own):
                for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                    if imported.search(line) and not (name == EXAMPLE and file.is_relative_to(ROOT / "tests")):
                        yield f"{file.relative_to(ROOT)}:{number}"


def _example() -> Path:
    return ROOT / "app/domain" / EXAMPLE


def _places(plural: str) -> list[Path]:
    """Where the files of a noun are: its two folders, and its scenario where there is a load test."""
    scenarios = [each / f"{plural}.py" for each in sorted(ROOT.glob("*/scenarios"))]
    return [ROOT / "app/domain" / plural, ROOT / "tests/domain" / plural, *scenarios]


def _tables(plural: str) -> list[Table]:
    """The tables of a noun, parents first."""
    registry.load_models()
    importlib.invalidate_caches()
    prefix = f"app.domain.{plural}."
    importlib.import_module(f"{prefix}models")
    own = {each.local_table for each in Base.registry.mappers if each.class_.__module__.startswith(prefix)}
    return [each for each in Base.metadata.sorted_tables if each in own]


def _remove(target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


# What it may be called.


def _noun(name: str, one: str) -> Noun:
    if not name:
        raise click.ClickException("Name the noun, in the plural: make domain name=orders.")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > _LONGEST:
        raise click.ClickException(
            f"{name} is no name for a noun: lower-case words with underscores between, in the plural: order_lines."
        )
    _refuse_taken(name)
    one = one or singular(name)
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", one) or one == name or len(one) > _LONGEST:
        raise click.ClickException(f"Say what one of the {name} is called: make domain name={name} singular=…")
    if keyword.iskeyword(one) or keyword.issoftkeyword(one) or camel(one) in _spoken_for() or one in _IN_USE:
        raise click.ClickException(
            f"One of the {name} would be {article(one)} {one}, a word that the code of every noun uses. "
            f"Say another one: make domain name={name} singular=…"
        )
    return Noun.new(name, one)


# Arguments of the functions of a noun, beside `<singular>_id`.
_IN_USE = frozenset({"owner"})


def _refuse_taken(name: str) -> None:
    if name == EXAMPLE and not _example().exists():
        raise click.ClickException(
            f"{name} is the example's name, under which an update would find it again: take another."
        )
    for room in ("domain", "platform", "adapters"):
        if (ROOT / "app" / room / name).exists():
            raise click.ClickException(f"{name} exists already, in app/{room}/{name}/.")
    if keyword.iskeyword(name) or name in RESERVED_WORDS or name in _JUNK:
        raise click.ClickException(f"{name} is a word of Python, of SQL or for anything: say what the things are.")
    path = f"/v1/{name.replace('_', '-')}"
    tables, paths = _in_the_service()
    if name in tables:
        raise click.ClickException(f"There is a table {name} already.")
    if any(f"{each}/".startswith(f"{path}/") for each in paths):
        raise click.ClickException(f"{path} is the path of something else already.")


def _in_the_service() -> tuple[set[str], list[str]]:
    """The tables that there are, and where the paths of its routers begin."""
    registry.load_models()
    return {*Base.metadata.tables, "alembic_version"}, [each.prefix for each in registry.routers()]


def _spoken_for() -> set[str]:
    """What the files of a noun import."""
    found: set[str] = set()
    for file in _PATTERN.glob("*.txt"):
        text = file.read_text(encoding="utf-8")
        for names in cast("list[str]", re.findall(r"^from \S+ import (\([^)]+\)|.+)$", text, re.MULTILINE)):
            found |= set(re.findall(r"[\w$]+", names))
    return found


# What is written.


def _written(noun: Written) -> dict[Path, Callable[[Path], None]]:
    """A noun for its fields."""
    app, tests, *scenarios = _places(noun.noun.plural)

    def folder(target: Path) -> None:
        target.mkdir(parents=True)
        for name, text in noun.files().items():
            _ = (target / name).write_text(text, encoding="utf-8", newline="\n")

    def of_tests(target: Path) -> None:
        target.mkdir(parents=True)
        _ = (target / "__init__.py").write_text(f'"""The tests of {noun.noun.several}."""\n', encoding="utf-8")
        _ = (target / f"test_{noun.noun.plural}.py").write_text(noun.file("test"), encoding="utf-8", newline="\n")

    def scenario(target: Path) -> None:
        package = ".".join(target.parent.relative_to(ROOT).parts)
        _ = target.write_text(noun.scenario(package), encoding="utf-8", newline="\n")

    # A folder of that name may be left of a load test that is off.
    return {app: folder, tests: of_tests, **dict.fromkeys(scenarios if SCENARIO.exists() else (), scenario)}


def _copied(noun: Noun) -> dict[Path, Callable[[Path], None]]:
    """A noun with the fields of the example."""
    names = _Names(noun.plural, noun.one)
    made: dict[Path, Callable[[Path], None]] = {}
    for source, target in zip(_places(EXAMPLE), _places(noun.plural), strict=True):
        if not source.exists():
            raise click.ClickException(f"{source.relative_to(ROOT)} is gone: it is what a new noun is copied from.")
        made[target] = lambda target, source=source: _copy(source, target, names)
    return made


def _tidy(made: dict[Path, Callable[[Path], None]]) -> None:
    """Drop imports that are not needed, sort the others, and break lines anew."""
    targets = [str(each) for each in made]
    for command in (
        ("ruff", "check", "--fix", "--quiet", "--select", "I,F401,Q000", *targets),
        ("ruff", "format", "--quiet", *targets),
    ):
        subprocess.run(tool(*command), cwd=ROOT, check=True)


class _Names:
    """Every spelling of the new noun."""

    def __init__(self, plural: str, one: str) -> None:
        self.path: str = plural.replace("_", "-")
        self._code: dict[str, str] = {"Items": camel(plural), "items": plural, "Item": camel(one), "item": one}
        self._prose: dict[str, str] = {
            key: value.replace("_", " ") if key.islower() else value.capitalize().replace("_", " ")
            for key, value in {"Items": plural, "items": plural, "Item": one, "item": one}.items()
        }
        self._article: str = article(one)

    def in_code(self, line: str) -> str:
        """A line of Python: names, constraint names, paths."""
        line = line.replace(f"/v1/{EXAMPLE}", f"/v1/{self.path}")
        return self._replaced(line, self._code)

    def in_prose(self, text: str) -> str:
        """A docstring or a comment. Classes keep their spelling there, too."""
        text = re.sub(r"\bItem(?=[A-Z])", self._code["Item"], text)
        text = re.sub(r"\b([Aa])n(?= item\b)", lambda match: match[1] + self._article[1:], text)
        return self._replaced(text, self._prose)

    @staticmethod
    def _replaced(text: str, names: dict[str, str]) -> str:
        return re.sub(r"Items|items|Item|item", lambda match: names[match[0]], text)


def _copy(source: Path, target: Path, names: _Names) -> None:
    for file in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
        destination = target / names.in_code(file.relative_to(source).as_posix()) if file != source else target
        destination.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text(encoding="utf-8")
        # Docstrings and comments are prose; the rest is code.
        parts = re.split(r'("""[\s\S]*?"""|#.*$)', text, flags=re.MULTILINE)
        renamed = [names.in_prose(part) if index % 2 else names.in_code(part) for index, part in enumerate(parts)]
        destination.write_text("".join(renamed), encoding="utf-8", newline="\n")
