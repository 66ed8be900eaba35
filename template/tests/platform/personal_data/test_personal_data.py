"""Exporting and erasing what is held about a person."""

from collections.abc import Iterator
from typing import cast
from uuid import UUID

import httpx
import pytest
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Table, Text, Uuid, bindparam

from app.adapters.database import Base
from app.kit.errors import AppError
from app.platform.auth import revocation
from app.platform.personal_data import belongings, departures, repository, service
from app.platform.personal_data.belongings import Belonging
from app.platform.personal_data.errors import ErasureUnderWay
from tests.conftest import PASSWORD, SignUp, Sql, Start, email_index
from tests.test_house import tables
from tests.wire import Json, body, eventually, problem, rows

EXPORT = "/v1/accounts/me/export"
ERASURE = "/v1/accounts/me/erasure"
LOGIN = "/v1/auth/login"
ME = "/v1/accounts/me"


def owned(sql: Sql, account: UUID) -> dict[str, int]:
    """How many rows each table has of an account."""
    found: dict[str, int] = {
        "accounts": len(sql("SELECT 1 FROM accounts WHERE id = $1", account)),
        "items": len(sql("SELECT 1 FROM items WHERE owner_id = $1", account)),
        "sessions": len(sql("SELECT 1 FROM sessions WHERE account_id = $1", account)),
    }
    return found


def test_everything_that_is_mine_and_nothing_else(someone: httpx.Client, someone_else: httpx.Client, sql: Sql) -> None:
    me = body(someone.get(ME))
    made = [body(someone.post("/v1/items", json={"name": f"Item {number}"})) for number in range(3)]
    _ = someone_else.post("/v1/items", json={"name": "Not mine"})

    whole = someone.get(EXPORT)
    shown = rows(whole)

    of: dict[str, list[Json]] = {}
    for each in shown:
        of.setdefault(str(each["table"]), []).append(cast("Json", each["row"]))
    assert body(whole)["next_cursor"] is None
    assert {"accounts", "items", "refresh_tokens", "sessions"} <= set(of)
    assert (of["accounts"][0]["email"], of["accounts"][0]["id"]) == (me["email"], me["id"])
    assert of["items"] == made
    assert [each["account_id"] for each in of["sessions"]] == [me["id"]]
    stored = sql("SELECT password_hash FROM accounts WHERE id = $1", UUID(str(me["id"])))[0]["password_hash"]
    assert str(stored) not in whole.text
    assert "Not mine" not in whole.text
    names = {name for rows_of_one in of.values() for row in rows_of_one for name in row}
    assert not names & {"password_hash", "email_index", "digest"}


def settled(client: httpx.Client) -> list[Json]:
    """The whole export, once nothing is added in the background any more."""
    found: list[Json] = []

    def again() -> bool:
        before = found.copy()
        found[:] = rows(client.get(EXPORT))
        return before == found

    eventually(again)
    return found


def test_an_export_comes_in_parts(someone: httpx.Client) -> None:
    for number in range(3):
        assert someone.post("/v1/items", json={"name": f"Item {number}"}).status_code == 201
    whole = settled(someone)

    parts: list[Json] = []
    query = {"limit": "2"}
    while "None" not in query.values():
        part = someone.get(EXPORT, params=query)
        assert len(rows(part)) <= 2
        parts += rows(part)
        query["cursor"] = str(body(part)["next_cursor"])

    assert parts == whole
    for bad in ("x", "items.x", "pg_authid.AZAAAAAAAAAAAAAAAAAAAA", "items.!!!!!!!!!!!!!!!!!!!!!!"):
        _ = problem(someone.get(EXPORT, params={"cursor": bad}), 422)


def test_an_erasure_leaves_nothing_but_ids(someone: httpx.Client, client: httpx.Client, sql: Sql) -> None:
    me = body(someone.get(ME))
    account, address = UUID(str(me["id"])), str(me["email"])
    _ = someone.post("/v1/items", json={"name": "Mine"})

    erased = someone.post(ERASURE, json={"password": PASSWORD})

    assert erased.status_code == 204, erased.text
    assert set(owned(sql, account).values()) == {0}
    assert not sql("SELECT 1 FROM accounts WHERE email_index = $1", email_index(address))
    _ = problem(someone.get(ME), 401)
    _ = problem(client.post(LOGIN, json={"email": address, "password": PASSWORD}), 401, "wrong-credentials")
    entries = sql("SELECT event, outcome FROM audit_entries WHERE actor_id = $1", account)
    assert {"event": "accounts.erasure", "outcome": "granted"} in entries
    assert {"accounts.deleted", "items.deleted", "sessions.deleted"} <= {each["event"] for each in entries}
    # The address is free again.
    assert client.post("/v1/accounts", json={"email": address, "password": PASSWORD}).status_code == 202
    assert client.post(LOGIN, json={"email": address, "password": PASSWORD}).status_code == 200


def test_an_erasure_needs_the_password_and_guesses_are_counted(someone: httpx.Client, sql: Sql) -> None:
    account = UUID(str(body(someone.get(ME))["id"]))

    refused = [someone.post(ERASURE, json={"password": "wrong horse battery"}) for _ in range(5)]
    for each in refused:
        _ = problem(each, 403, "erasure-refused")

    _ = problem(someone.post(ERASURE, json={"password": PASSWORD}), 429, "too-many-attempts")
    assert owned(sql, account)["accounts"] == 1
    events = sql("SELECT outcome FROM audit_entries WHERE request_id = $1", refused[0].headers["x-request-id"])
    assert [each["outcome"] for each in events] == ["refused"]


def test_a_large_account_is_erased_in_batches(someone: httpx.Client, sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    account = UUID(str(body(someone.get(ME))["id"]))
    fill = "INSERT INTO items (id, owner_id, name) SELECT uuidv7(), $1, 'Item ' || i FROM generate_series(1, 45) i"
    _ = sql(fill, account)
    monkeypatch.setattr(service, "_BATCH", 10)
    monkeypatch.setattr(service, "_SECONDS", -1.0)

    late = someone.post(ERASURE, json={"password": PASSWORD})

    _ = problem(late, 503, "erasure-under-way")
    assert late.headers["retry-after"] == "1"
    assert owned(sql, account)["accounts"] == 1
    monkeypatch.setattr(service, "_SECONDS", 4.0)
    assert someone.post(ERASURE, json={"password": PASSWORD}).status_code == 204
    assert set(owned(sql, account).values()) == {0}
    counted = "SELECT count(*) AS rows FROM audit_entries WHERE event = 'items.deleted' AND actor_id = $1 GROUP BY at"
    transactions = sql(counted, account)
    assert sorted(int(str(each["rows"])) for each in transactions) == [5, 10, 10, 10, 10]


ODD = {
    "memberships": "account_id uuid REFERENCES accounts ON DELETE CASCADE, company integer, "
    "PRIMARY KEY (company, account_id)",
    "nicknames": "name text PRIMARY KEY, account_id uuid REFERENCES accounts ON DELETE CASCADE",
    "visits": "number bigint PRIMARY KEY, account_id uuid REFERENCES accounts ON DELETE CASCADE",
}
FILLED = {
    "memberships": "INSERT INTO memberships SELECT $1, i FROM generate_series(1, 7) i",
    "nicknames": "INSERT INTO nicknames SELECT $1::uuid || ' (' || i || ', \"' || i || repeat(' and so on', 200), $1 "
    "FROM generate_series(1, 7) i",
    "visits": "INSERT INTO visits SELECT i + ('x' || substr(md5($1::uuid::text), 1, 8))::bit(32)::bigint * 100, $1 "
    "FROM generate_series(1, 7) i",
}


@pytest.fixture
def odd(sql: Sql, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tables that belong to accounts, and whose rows no single UUID tells apart."""
    metadata = MetaData()
    _ = Table("accounts", metadata, Column("id", Uuid, primary_key=True))
    keys: dict[str, list[Column[object]]] = {
        "memberships": [Column("company", Integer, primary_key=True)],
        "nicknames": [Column("name", Text, primary_key=True)],
        "visits": [Column("number", BigInteger, primary_key=True)],
    }
    found = [*belongings.belongings()]
    for name, columns in ODD.items():
        _ = sql(f"CREATE TABLE {name} ({columns})")
        owner = Column("account_id", Uuid, primary_key=name == "memberships")
        table = Table(name, metadata, *keys[name], owner)
        found.append(Belonging(table, table.c.account_id == bindparam("owner", type_=Uuid())))
    monkeypatch.setattr(repository, "belongings", lambda: tuple(found))
    for each in (repository.pages, repository.erasures):
        each.cache_clear()
    yield
    for each in (repository.pages, repository.erasures):
        each.cache_clear()
    for name in ODD:
        _ = sql(f"DROP TABLE {name}")


@pytest.mark.usefixtures("odd")
def test_whatever_the_key_of_a_table_is_it_is_exported_and_erased(
    someone: httpx.Client, someone_else: httpx.Client, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = (UUID(str(body(each.get(ME))["id"])) for each in (someone, someone_else))
    for statement in FILLED.values():
        for account in (mine, other):
            _ = sql(statement, account)

    parts: list[Json] = []
    query = {"limit": "3"}
    while "None" not in query.values():
        part = someone.get(EXPORT, params=query)
        assert part.status_code == 200, part.text
        parts += rows(part)
        query["cursor"] = str(body(part)["next_cursor"])

    shown = [cast("Json", each["row"]) for each in parts if each["table"] in ODD]
    assert [each["table"] for each in parts if each["table"] in ODD] == [name for name in ODD for _ in range(7)]
    assert {each["account_id"] for each in shown} == {str(mine)}
    assert len({str(each) for each in shown}) == len(shown)
    assert set(shown[0]) == {"account_id", "company"}
    # What nobody was given reaches no statement that it could break.
    for bad in ("memberships.AA", "nicknames.____", "visits.eA", "memberships.gA"):
        assert someone.get(EXPORT, params={"cursor": bad}).status_code in {200, 422}

    monkeypatch.setattr(service, "_BATCH", 2)
    assert someone.post(ERASURE, json={"password": PASSWORD}).status_code == 204
    for name in ODD:
        owners = [each["account_id"] for each in sql(f"SELECT account_id FROM {name}")]  # noqa: S608
        assert owners == [other] * 7


class NobodyLeaves:
    """Keeps every account, by an error that an erasure may answer anyway."""

    errors: tuple[type[AppError], ...] = (ErasureUnderWay,)

    async def refusal(self, _session: object, _account: object) -> AppError | None:
        """Why nobody leaves."""
        return ErasureUnderWay("You are needed.")


def test_who_may_not_leave_is_not_erased(someone: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departures, "_departures", lambda: (NobodyLeaves(),))
    assert someone.post("/v1/items", json={"name": "Mine"}).status_code == 201

    refused = problem(someone.post(ERASURE, json={"password": PASSWORD}), 503, "erasure-under-way")

    assert refused["detail"] == "You are needed."
    assert len(rows(someone.get("/v1/items"))) == 1


def test_other_workers_learn_of_a_session_whose_row_is_gone(
    sign_up: SignUp, start: Start, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = sign_up()
    token = str(someone.headers["authorization"]).removeprefix("Bearer ")
    monkeypatch.setattr(revocation, "EVERY_SECONDS", 0.02)
    with start().connect(token=token) as elsewhere:
        assert elsewhere.get(ME).status_code == 200

        # Past the service, as a person with psql does.
        _ = sql("DELETE FROM accounts WHERE id = $1", UUID(str(body(someone.get(ME))["id"])))

        eventually(lambda: elsewhere.get(ME).status_code == 401)


# What belongs to an account


def test_what_belongs_to_an_account_is_found_in_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = MetaData()
    people = Table("accounts", metadata, Column("id", Uuid, primary_key=True))
    mine = ForeignKey(people.c.id, ondelete="CASCADE")
    orders = Table("orders", metadata, Column("id", Uuid, primary_key=True), Column("buyer_id", Uuid, mine))
    part = ForeignKey(orders.c.id, ondelete="CASCADE")
    _ = Table("order_lines", metadata, Column("id", Uuid, primary_key=True), Column("order_id", Uuid, part))
    seen = ForeignKey(people.c.id, ondelete="SET NULL")
    _ = Table("reports", metadata, Column("id", Uuid, primary_key=True), Column("approved_by", Uuid, seen))
    _ = Table("currencies", metadata, Column("id", Uuid, primary_key=True))
    monkeypatch.setattr(Base, "metadata", metadata)
    belongings.belongings.cache_clear()

    found = belongings.belongings()
    belongings.belongings.cache_clear()

    assert [each.table.name for each in found] == ["accounts", "orders", "order_lines"]
    assert "WHERE order_lines.order_id IN (SELECT orders.id" in found[2].erase().sql
    assert "orders.buyer_id = " in found[2].erase().sql


def test_nothing_outlives_its_account_unnoticed() -> None:
    """Erasing an account takes what belongs to it along; what stays has to forget whose it was."""
    mine = {each.table.name for each in belongings.belongings()}
    for table in tables():
        for key in table.foreign_keys:
            if key.column.table.name in mine:
                assert key.ondelete in {"CASCADE", "SET NULL"}, (
                    f'{table.name}.{key.parent.name}: ForeignKey(…, ondelete="CASCADE"), or "SET NULL" for what is not '
                    "theirs alone. Without it their account can't be erased"
                )
    assert all(each.key.name and each.shown for each in belongings.belongings())


def test_secrets_are_left_out_by_their_names_and_digests_by_their_type() -> None:
    for each in belongings.belongings():
        shown = {column.name for column in each.shown}
        assert not shown & {"password_hash", "email_index", "digest", "bound_to"}, each.table.name
    first: Belonging = belongings.belongings()[0]
    assert {"id", "email", "role", "created_at"} <= {column.name for column in first.shown}
