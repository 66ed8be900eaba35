"""`make queries` can fail: an index is taken away here, and it names the statement that then costs more."""

import asyncio
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import Column, ForeignKey, Table, UniqueConstraint, Uuid, bindparam, func, select, update

from app import registry
from app.adapters.database import Base, Command, Query
from proof.queries import growth
from proof.queries.__main__ import measured, queries
from proof.queries.growth import Report
from proof.queries.statements import Named, Place, statements
from tests import database
from tests.conftest import Sql
from tests.example import needs_example

registry.load_models()
ITEMS = Base.metadata.tables["items"]
SIZES = [1_000, 40_000]
TURNED: Query[object] = Query(
    select(ITEMS)
    .where(ITEMS.c.owner_id == bindparam("owner"))
    .order_by(ITEMS.c.id.desc())
    .limit(bindparam("most"))
    .offset(bindparam("skipped")),
    dict,
)
GUESSED: Query[object] = Query(select(ITEMS).where(func.lower(ITEMS.c.name) == bindparam("spelled")), dict)


def measure(url: str) -> Report:
    """What the statements cost there."""
    return asyncio.run(measured(url, SIZES, lambda _: None))


def test_no_statement_costs_more_in_larger_tables_and_none_leaves_anything(scratch: str) -> None:
    report = measure(scratch)

    mine = [each for each in report.statements if each.name.startswith(("accounts.", "auth.", "items."))]
    assert [fault for each in mine for fault in each.faults()] == []
    items = {each.name: each.measured[-1].returned for each in report.statements if each.name.startswith("items.")}
    assert items.keys() >= {"items.add", "items.by_id", "items.change", "items.remove"}
    assert items["items.newest, first page"] == items["items.newest, deep page"] == 21
    # The items are fewer where a noun of yours refers to them.
    rows = {"accounts": 400, "sessions": 4_000, "refresh_tokens": 40_000}
    assert report.tables.items() >= rows.items()
    sql = Sql(scratch)
    stored = sql("SELECT (SELECT count(*) FROM items) AS items, (SELECT count(*) FROM sessions) AS sessions")
    indexes = sql("SELECT indexname FROM pg_indexes WHERE tablename = 'items' ORDER BY 1")
    sql.close()
    assert stored == [{"items": report.tables["items"], "sessions": 4_000}]
    assert [each["indexname"] for each in indexes] == ["ix_items_owner_id_id", "pk_items", "uq_items_owner_id_name"]


def test_a_statement_without_its_index_costs_more(scratch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = [Named("items.turned", TURNED), Named("items.guessed", GUESSED)]
    monkeypatch.setattr(growth, "statements", lambda: [*statements(), *mine])
    database.execute(
        scratch,
        "DROP INDEX ix_items_owner_id_id",
        "ALTER TABLE refresh_tokens DROP CONSTRAINT uq_refresh_tokens_digest",
    )

    report = measure(scratch)

    faults = {each.name: " ".join(each.faults()) for each in report.statements if each.status == "fail"}
    assert faults.keys() >= {
        "items.newest, first page",
        "items.newest, deep page",
        "items.turned, first page",
        "items.turned, deep page",
        "auth.presented",
    }
    assert faults["auth.presented"].startswith("auth.presented reads all of refresh_tokens at 40,000 rows, and has to")
    assert "Add an index on what its WHERE compares" in faults["items.newest, first page"]
    not_run = {each.name: each.not_run for each in report.statements}
    assert not_run["items.guessed"].startswith(
        "no column tells what spelled may be. Say it in proof/parts/items/queries.py:"
    )


def test_a_deep_page_by_offset_costs_more_with_every_index(scratch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "statements", lambda: [Named("items.turned", TURNED)])

    report = measure(scratch)

    first, deep = report.statements
    assert first.name == "items.turned, first page"
    assert next(deep.faults()).startswith("items.turned, deep page touches ")


def test_a_short_list_that_is_said_to_be_short_stays_so(scratch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: Query[object] = Query(select(ITEMS).where(ITEMS.c.owner_id == bindparam("owner")), dict)
    monkeypatch.setattr(growth, "statements", lambda: [Named("items.whole", whole)])
    assert "items.whole" in next(measure(scratch).statements[0].faults())
    database.execute(scratch, "TRUNCATE accounts CASCADE")
    monkeypatch.setitem(Base.metadata.tables["items"].info, "few", "nobody has more than three")

    report = measure(scratch)

    assert list(report.statements[0].faults()) == []
    assert report.statements[0].measured[-1].returned == 3


def test_an_argument_stands_where_the_text_compares_or_stores_it() -> None:
    found = {each.name: set(each.places.values()) for each in statements()}

    assert found["items.newest"] == {Place("items", "owner_id", "<"), Place("items", "id", "<")}
    assert found["auth.presented"] == {Place("refresh_tokens", "digest", "=")}
    assert found["auth.open"] >= {Place("sessions", each, "stored") for each in ("id", "account_id", "user_agent")}
    assert found["accounts.set_password"] == {
        Place("accounts", "id", "="),
        Place("accounts", "password_hash", "stored"),
    }


def test_an_argument_is_found_in_lists_functions_and_sums_too() -> None:
    found = {each.name: set(each.places.values()) for each in statements()}

    assert found["attempts.lock"] == {Place("sign_in_attempts", "digest", "= any")}
    assert found["attempts.count"] >= {
        Place("sign_in_attempts", "digest", "= any"),
        Place("sign_in_attempts", "kept_until", "stored"),
    }
    later = Named("items.later", Command(update(ITEMS).values(version=ITEMS.c.version + bindparam("more")), dict))
    assert set(later.places.values()) == {Place("items", "version", "stored")}
    assert Place("sessions", "id", "=") in found["auth.end_all"]


def test_an_argument_that_no_column_tells_is_given_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"items.guessed": {"spelled": "a name"}, "items.turned": {}}
    monkeypatch.setattr("proof.queries.statements.arguments", lambda: given)

    assert Named("items.guessed", GUESSED).arguments(lambda _: None) == ["a name"]
    with pytest.raises(LookupError, match=r"names items\.guessed, items\.turned: there is no such"):
        _ = list(statements())


@pytest.mark.parametrize("names", [("item_id", "account_id"), ("account_id", "item_id")])
def test_of_two_parents_there_is_each_pair_once(scratch: str, names: tuple[str, str]) -> None:
    pairs = Table(
        "pairs",
        Base.metadata,
        Column("id", Uuid, primary_key=True),
        Column[UUID]("item_id", ForeignKey(ITEMS.c.id), nullable=False),
        Column[UUID]("account_id", ForeignKey("accounts.id"), nullable=False),
        UniqueConstraint(*names),
    )
    try:
        database.execute(
            scratch,
            "CREATE TABLE pairs (id uuid PRIMARY KEY, item_id uuid REFERENCES items NOT NULL, "
            f"account_id uuid REFERENCES accounts NOT NULL, UNIQUE ({', '.join(names)}))",
        )
        tables = measure(scratch).tables
    finally:
        Base.metadata.remove(pairs)

    sql = Sql(scratch)
    deepest = sql(f"SELECT count(*) FROM pairs GROUP BY {names[0]} ORDER BY 1 DESC LIMIT 1")  # noqa: S608 - our columns
    sql.close()
    assert tables["pairs"] == SIZES[-1]
    assert cast("int", deepest[0]["count"]) > 100


def test_what_reads_all_says_why_and_is_not_asked_for_an_index(scratch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    every: Query[object] = Query(select(ITEMS), dict, whole="a backup reads all")
    monkeypatch.setattr(growth, "statements", lambda: [Named("items.every", every)])

    (found,) = measure(scratch).statements

    assert (found.status, found.whole, list(found.faults())) == ("whole", "a backup reads all", [])
    assert found.measured[-1].scanned == ["items"]
    assert {each.name for each in statements() if each.whole} >= {"audit.beginnings", "audit.unsealed"}


@needs_example
def test_the_command_brings_its_own_database_and_writes_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = [each for each in statements() if each.name.startswith("items.")]
    monkeypatch.setattr(growth, "statements", lambda: mine)
    monkeypatch.delenv("DATABASE_URL")

    done = CliRunner().invoke(queries, ["--rows", "200,2000", "--reports", str(tmp_path)])

    assert done.exit_code == 0, done.output
    assert "items.newest, deep page" in done.output
    assert ", 0 cost more, 0 were not run, 0 may read all." in done.output
    assert "Statements that took most time" in done.output
    report = Report.read(tmp_path / "queries.json")
    assert report is not None
    assert report.rows == [200, 2000]
    assert any("INSERT INTO items" in each.query for each in report.top)


@pytest.mark.parametrize("sizes", ["1000", "1000,many", "10,1000"])
def test_growth_is_between_two_sizes(sizes: str) -> None:
    done = CliRunner().invoke(queries, ["--rows", sizes])

    assert done.exit_code == 2
    assert "two or more numbers from 100" in done.output


def test_a_database_that_does_not_count_says_how_it_would() -> None:
    done = CliRunner().invoke(queries, ["--top"])

    assert done.exit_code == 1
    assert "shared_preload_libraries" in done.output
