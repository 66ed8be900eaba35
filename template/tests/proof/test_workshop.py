"""The commands for people who change the service, as far as they change nothing."""

import shutil
from pathlib import Path

import pytest
from click import ClickException
from click.testing import CliRunner
from sqlalchemy import CheckConstraint, Table

from app import registry
from app.adapters import schema
from app.adapters.database import Base
from app.adapters.schema import Migration
from proof.rig import looked_at
from proof.workshop import checks, english, migrations, nouns, written
from proof.workshop.__main__ import workshop
from tests.example import needs_example


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
    _ = (tmp_path / "ruff.toml").write_text("line-length = 120\n", encoding="utf-8")
    monkeypatch.setattr(nouns, "ROOT", tmp_path)
    # Of what the service is made of, only the template's own is there.
    monkeypatch.setattr(nouns, "_in_the_service", lambda: ({"queries"}, ["/v1/jobs/mine"]))

    def no_tables(_: str) -> list[Table]:
        return []

    monkeypatch.setattr(nouns, "_tables", no_tables)
    monkeypatch.setattr(written, "ROOT", tmp_path)

    def write_nothing(what: str, tables: list[Table]) -> None:
        assert what.startswith("add ")
        assert tables == []

    monkeypatch.setattr(migrations, "create", write_nothing)
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
        ("data", ""),
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

    assert "singular=…" in said or "is no name for a noun" in said


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
        ("people", "person"),
        ("movies", "movie"),
        ("shelves", "shelf"),
        ("statuses", "status"),
        ("heroes", "hero"),
        ("caches", "cache"),
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

    monkeypatch.setattr(migrations, "create", fail)

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


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("queries", "There is a table queries already."),
        ("jobs", "/v1/jobs is the path of something else already."),
        ("sessions", "One of the sessions would be a session, a word that the code of every noun uses."),
        ("indexes", "One of the indexes would be an index, a word that the code of every noun uses."),
        ("classes", "One of the classes would be a class, a word that the code of every noun uses."),
        ("tables", "tables is "),
        ("helpers", "helpers is a word of Python, of SQL or for anything: say what the things are."),
        ("analyse", "analyse is a word of Python, of SQL or for anything: say what the things are."),
    ],
)
def test_a_name_that_means_something_else_is_refused(project: Path, name: str, said: str) -> None:
    if name == "tables":
        (project / "app/adapters/tables").mkdir(parents=True)
        said = "tables exists already, in app/adapters/tables/."

    assert said in refused("domain", name)
    assert [each for each in project.rglob(f"{name}*") if each.parent.name != "adapters"] == []


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("order item hour umbrella unit user one_off euro heir", "an an an an a a a a an"),
        ("uncle urn underling unicorn", "an an an a"),
    ],
)
def test_the_article_is_how_the_word_is_spoken(words: str, wanted: str) -> None:
    assert [english.article(each) for each in words.split()] == wanted.split()


def test_a_copy_has_the_right_article(project: Path) -> None:
    example = project / "app/domain/items/test_items.py"
    _ = example.write_text('"""An item of yours is an item."""\n', encoding="utf-8")

    _ = CliRunner().invoke(workshop, ["domain", "bookings"])

    copied = project / "app/domain/bookings/test_bookings.py"
    assert copied.read_text(encoding="utf-8") == '"""A booking of yours is a booking."""\n'


FIELDS = (
    "room:ref(rooms,null)? parent:ref(self)? starts_at:timestamp:index day:date price:money(0..):index=1 "
    "rate:decimal(9,4,0..1)=0.25 status:enum(draft,confirmed)=draft code:line(20):unique notes:text? "
    "phone:line:encrypted seats:int(1..500) big:bigint:unique score:float=0.5 active:bool=true "
    "ticket:uuid? more:json labels:array(3) "
    "email:email site:url? guests:many(rooms)"
)


@pytest.fixture
def rooms(project: Path) -> Path:
    """A project with a noun to refer to."""
    done = CliRunner().invoke(workshop, ["domain", "rooms", "--fields", "name:line:unique"])
    assert done.exit_code == 0, done.output
    return project


def test_a_noun_is_written_for_its_fields(rooms: Path) -> None:
    done = CliRunner().invoke(workshop, ["domain", "bookings", "--fields", FIELDS])

    assert done.exit_code == 0, done.output
    found = {each.stem: each.read_text(encoding="utf-8") for each in rooms.glob("app/domain/bookings/*.py")}
    for line in (
        'room_id: Mapped[UUID | None] = mapped_column(ForeignKey("rooms.id", ondelete="SET NULL"))',
        'parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("bookings.id", ondelete="SET NULL"))',
        'status: Mapped[str] = mapped_column(String(9), server_default="draft")',
        'rate: Mapped[Decimal] = mapped_column(Numeric(9, 4), server_default="0.25")',
        "phone: Mapped[str] = mapped_column(Encrypted())",
        'UniqueConstraint("owner_id", "code")',
        'Index(None, "owner_id", "price", "id")',
        'CheckConstraint("seats BETWEEN 1 AND 500", "seats_is_in_range")',
        "class BookingGuest(Base):",
    ):
        assert line in found["models"], line
    for line in (
        'rate: Annotated[Decimal, Exact(9, 4, least=0, most=1)] = Decimal("0.2500")',
        'status: Literal["draft", "confirmed"] = "draft"',
        'code: Annotated[str, line(20)] = Field(description="Unique among your bookings")',
        "guest_ids: Annotated[list[UUID], Field(max_length=20)]",
    ):
        assert line in found["schemas"], line
    assert 'class CodeTaken(Conflict, constraint="uq_bookings_owner_id_code"):' in found["errors"]
    assert 'type_by_constraint["fk_bookings_room_id_rooms"] = RoomNotFound' in found["errors"]
    assert "_ = await rooms.get(session, data.room_id, caller)" in found["service"]


def test_a_file_of_fields_says_the_same(rooms: Path, tmp_path: Path) -> None:
    file = tmp_path / "bookings.yml"
    text = "# What is booked.\n---\nroom: ref(rooms)   # one of them\nstatus: \"enum(new, done)=new\"\nnotes: 'text?'\n"
    _ = file.write_text(text, encoding="utf-8")

    done = CliRunner().invoke(workshop, ["domain", "bookings", "--from", str(file)])

    assert done.exit_code == 0, done.output
    schemas = (rooms / "app/domain/bookings/schemas.py").read_text(encoding="utf-8")
    assert 'status: Literal["new", "done"] = "new"' in schemas
    assert "notes: Text | None = None" in schemas


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("price", "price is no field: write name:type"),
        ("price:dollars", "price can't be dollars. The types are line, text, "),
        ("owner_id:uuid", "owner_id is a word of Python, SQL or this service"),
        ("class:line", "class is a word of Python, SQL or this service"),
        ("order:int", "order is a word of Python, SQL or this service"),
        ("model_dump:int", "model_dump is a word of Python, SQL or this service"),
        ("password:line", "password names a secret"),
        ("Title:line", "Title is no name for a field"),
        ("title:line title:text", "title is there twice."),
        ("title:line:blue", "title is line and can't be blue"),
        ("ready:bool:unique", "ready is bool and can't be unique"),
        ("phone:line:encrypted:unique", "phone is encrypted: to find rows by it takes a blind index"),
        ("status:enum", "status needs its choices"),
        ("status:enum(new,done)=old", "old is no value of status"),
        ("seats:int(9..1)", "seats takes a range within"),
        ("seats:int(1..9)=10", "10 is no value of seats"),
        ("seats:int(1..9):unique", "seats is unique, so its range needs room for 1,000 values."),
        ("price:money=0.001", "0.001 is no value of price"),
        ("born:date=today", "born can't have a default"),
        ("title:line(0)", "title takes a length from 1 to 255"),
        ("room:ref", "room needs the noun that it refers to: room:ref(rooms)"),
        ("room:ref(rooms,null)", "room_id has to be there, so a deletion can't empty it"),
        ("room:ref(rooms,restrict)", "room needs the noun that it refers to"),
        ("parent:ref(self)", "parent_id has to be optional"),
        ("hall:ref(halls)", "There is no noun halls to refer to; there is "),
        ("rooms:many(rooms)?", "rooms may be empty already"),
        ("rooms:many(rooms)", "Name a field that is a column"),
        ("title:line bookings:many(rooms)", "bookings is what the noun is called"),
    ],
)
def test_fields_that_can_not_be_are_refused(rooms: Path, fields: str, said: str) -> None:
    before = sorted(rooms.rglob("*"))

    assert said in refused("domain", "bookings", "--fields", fields)
    assert sorted(rooms.rglob("*")) == before


def test_a_noun_that_can_not_be_asked_is_not_referred_to(rooms: Path) -> None:
    service = rooms / "app/domain/rooms/service.py"
    _ = service.write_text(service.read_text(encoding="utf-8").replace("async def get", "async def find"), "utf-8")

    assert "rooms can't be referred to: its service.py needs `async def get(" in refused(
        "domain", "bookings", "--fields", "room:ref(rooms)"
    )


def test_a_noun_that_is_used_is_not_dropped(rooms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load_models", lambda: None)
    _ = CliRunner().invoke(workshop, ["domain", "bookings", "--fields", "room:ref(rooms)"])
    (rooms / "app/domain/rooms/models.py").touch()

    assert " uses rooms: change that first. Nothing was changed." in refused("drop-domain", "rooms")
    assert (rooms / "app/domain/rooms").is_dir()
    assert "There is no noun halls in app/domain/" in refused("drop-domain", "halls")
    assert "make drop-domain name=orders" in refused("drop-domain")


def test_a_noun_that_is_dropped_is_gone(rooms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load_models", lambda: None)
    seen: list[bool] = []

    def note(*_: object, drop: bool) -> None:
        seen.append(drop)

    monkeypatch.setattr(migrations, "create", note)

    done = CliRunner().invoke(workshop, ["drop-domain", "rooms"])

    assert done.exit_code == 0, done.output
    assert seen == [True]
    assert not list(rooms.rglob("rooms*"))


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


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What `make migration` writes, instead of the file."""
    found: list[tuple[str, ...]] = []

    def note(*parts: str) -> None:
        found.append(parts)

    monkeypatch.setattr(migrations, "_written", note)
    return found


@needs_example
def test_a_migration_has_what_the_models_have_and_no_database_is_changed(
    empty_database: str, noted: list[tuple[str, ...]]
) -> None:
    registry.load_models()
    accounts = Base.metadata.tables["accounts"]
    check = CheckConstraint("version < 99", "versions_end")
    accounts.append_constraint(check)
    try:
        done = CliRunner().invoke(workshop, ["migration", "end the versions"])
    finally:
        accounts.constraints.remove(check)

    assert done.exit_code == 0, done.output
    what, up, down, _ = noted[0]
    assert what == "end the versions"
    assert up == "op.create_check_constraint(op.f('ck_accounts_versions_end'), 'accounts', 'version < 99')"
    assert down == "op.drop_constraint(op.f('ck_accounts_versions_end'), 'accounts')"
    assert (
        done.output == "It fails where rows of accounts break this: ck_accounts_versions_end, CHECK (version < 99).\n"
    )
    left = "SELECT count(*) FROM pg_database WHERE datname LIKE 'test_migration_%'"
    assert looked_at(empty_database, lambda one: one.exec_driver_sql(left).scalar_one()) == 0
    made = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert looked_at(empty_database, lambda one: one.exec_driver_sql(made).scalar_one()) == 0


@needs_example
@pytest.mark.usefixtures("database_url")
def test_without_a_change_there_is_no_migration_unless_an_empty_one(noted: list[tuple[str, ...]]) -> None:
    assert "The models and the migrations agree: there is nothing to migrate." in refused("migration", "nothing")
    assert noted == []

    assert CliRunner().invoke(workshop, ["migration", "fill the prices", "--empty"]).exit_code == 0
    assert noted == [("fill the prices",)]


def test_a_migration_needs_words() -> None:
    assert 'make migration name="add a price"' in refused("migration", " ")
