"""The commands for people who change the service, as far as they change nothing."""

import shutil
from pathlib import Path

import pytest
from click import ClickException
from click.testing import CliRunner

from app.adapters import schema
from app.adapters.schema import Migration
from proof.workshop import checks, migrations, nouns
from proof.workshop.__main__ import workshop
from tests import database


def refused(*arguments: str) -> str:
    """The sentence with which a command is refused."""
    result = CliRunner().invoke(workshop, arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    return result.output


def test_a_noun_needs_a_name() -> None:
    assert "make domain name=orders" in refused("domain")


@pytest.mark.parametrize(
    "name", ["Orders", "order-lines", "1orders", "orders!", "order__lines", "_orders", "o" * 50, "../x"]
)
def test_a_bad_name_is_refused(name: str) -> None:
    assert f"{name} is no name for a noun" in refused("domain", "--", name)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an example to copy and nothing else; its database is left alone."""
    for folder in ("app", "tests"):
        source = tmp_path / folder / "domain/items"
        source.mkdir(parents=True)
        _ = (source / "test_items.py").write_text(EXAMPLE, encoding="utf-8")
    (tmp_path / "anywhere/scenarios").mkdir(parents=True)
    _ = (tmp_path / "anywhere/scenarios/items.py").write_text(EXAMPLE, encoding="utf-8")
    monkeypatch.setattr(nouns, "ROOT", tmp_path)
    monkeypatch.setattr(schema, "migrate", lambda: None)

    def write_nothing(what: str) -> None:
        assert what.startswith("add ")

    monkeypatch.setattr(migrations, "write", write_nothing)
    return tmp_path


EXAMPLE = """\"\"\"Items, and an item of them; see ItemNotFound.\"\"\"

# Each item is one.
PATH = "/v1/items"
router = routing.router(PATH, "items")


class ItemNotFound(NotFound, constraint="uq_items_name"):
    pass


async def read_item(item_id: UUID) -> ItemRead:
    return items[item_id]
"""

COPY = """\"\"\"Order lines, and an order line of them; see OrderLineNotFound.\"\"\"

# Each order line is one.
PATH = "/v1/order-lines"
router = routing.router(PATH, "order_lines")


class OrderLineNotFound(NotFound, constraint="uq_order_lines_name"):
    pass


async def read_order_line(order_line_id: UUID) -> OrderLineRead:
    return order_lines[order_line_id]
"""


@pytest.mark.parametrize("name", ["items"])
@pytest.mark.usefixtures("project")
def test_a_taken_name_is_refused(name: str) -> None:
    assert f"{name} exists already, in app/domain/{name}/." in refused("domain", name)


@pytest.mark.parametrize(
    ("name", "singular"),
    [
        ("children", ""),
        ("sheep", ""),
        ("glass", ""),
        ("orders", "orders"),
        ("classes_", ""),
        ("orders", "a b"),
        ("defs", "def"),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_one_is_called_has_to_be_known(name: str, singular: str) -> None:
    said = refused("domain", name, "--singular", singular)

    assert "--singular" in said or "is no name for a noun" in said


def test_a_new_noun_is_a_renamed_copy(project: Path) -> None:
    done = CliRunner().invoke(workshop, ["domain", "order_lines"])

    assert done.exit_code == 0, done.output
    for folder in ("app", "tests"):
        copied = project / folder / "domain/order_lines/test_order_lines.py"
        assert copied.read_text(encoding="utf-8") == COPY
    assert (project / "anywhere/scenarios/order_lines.py").read_text(encoding="utf-8") == COPY
    assert "/v1/order-lines answers" in done.output


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("orders", "order"),
        ("categories", "category"),
        ("addresses", "address"),
        ("boxes", "box"),
        ("batches", "batch"),
        ("wishes", "wish"),
        ("houses", "house"),
    ],
)
def test_the_singular_of_most_nouns_is_found(project: Path, plural: str, singular: str) -> None:
    done = CliRunner().invoke(workshop, ["domain", plural])

    assert done.exit_code == 0, done.output
    text = (project / f"app/domain/{plural}/test_{plural}.py").read_text(encoding="utf-8")
    assert f"async def read_{singular}({singular}_id: UUID" in text


def test_a_migration_that_fails_leaves_nothing_behind(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ClickException("no database")

    monkeypatch.setattr(migrations, "write", fail)

    assert "no database" in refused("domain", "orders")
    assert not list(project.rglob("orders*"))


def test_without_the_example_there_is_nothing_to_copy(project: Path) -> None:
    shutil.rmtree(project / "tests/domain/items")

    assert "tests/domain/items is gone" in refused("domain", "orders")


def test_what_is_there_already_is_left_alone(project: Path) -> None:
    mine = project / "anywhere/scenarios/orders.py"
    _ = mine.write_text("mine", encoding="utf-8")

    assert "anywhere/scenarios/orders.py exists already; nothing was made" in refused("domain", "orders")
    assert mine.read_text(encoding="utf-8") == "mine"
    assert list(project.rglob("orders*")) == [mine]


def test_check_says_what_failed_and_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    good = checks.Check("good", ("ruff", "--version"), "never", shown=True)
    bad = checks.Check("bad", ("ruff", "no-such-command"), "think again")
    missing = checks.Check("missing", ("no-such-tool",), "never")

    monkeypatch.setattr("proof.workshop.checks._ROWS", ((good,),))
    done = CliRunner().invoke(workshop, ["check"])
    version, verdict, sum_up = done.output.splitlines()
    assert done.exit_code == 0
    assert version.startswith("ruff ")
    assert verdict.startswith("passed  good (")
    assert sum_up.startswith("All 1 checks passed (")

    monkeypatch.setattr("proof.workshop.checks._ROWS", ((good,), (bad, good)))
    said = refused("check")
    assert "unrecognized subcommand 'no-such-command'" in said
    assert "Error: 1 of 3 checks failed (" in said
    assert said.endswith("):\n  - bad: think again.\n")

    monkeypatch.setattr("proof.workshop.checks._ROWS", ((missing,),))
    assert "no-such-tool is not installed: run `make setup`" in refused("check")


def test_a_migration_comes_after_one_other(monkeypatch: pytest.MonkeyPatch) -> None:
    two = tuple(Migration(name, "app", frozenset({"app_1"})) for name in ("ours", "theirs"))
    monkeypatch.setattr(schema, "shipped", lambda: two)
    monkeypatch.setattr(schema, "migrate", lambda: None)

    assert "migrations/app/ has 2 ends: ours, theirs. Let the one" in refused("migration", "add a price")


def test_a_migration_of_a_database_that_is_ahead_is_refused(empty_database: str) -> None:
    schema.migrate()
    database.execute(empty_database, "UPDATE alembic_version SET version_num = 'later' WHERE version_num ~ '^platform'")

    assert "The database was migrated by other code: it has later" in refused("migration", "add a price")


def test_a_migration_needs_words() -> None:
    assert 'make migration name="add a price"' in refused("migration", " ")
