"""Exporting and erasing what is held about a person; and what is not kept for ever."""

from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import cast
from uuid import UUID

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import Column, ForeignKey, MetaData, Table, Uuid

from app import cli, settings
from app.adapters.database import Base
from app.kit import clock
from app.kit.ids import uuid7, uuid7_floor
from app.platform.accounts import repository as accounts
from app.platform.auth import revocation
from app.platform.personal_data import belongings, service
from app.platform.personal_data.belongings import Belonging
from tests.conftest import PASSWORD, SignUp, Sql, Start, email_index, new_address
from tests.wire import Json, Service, at_once, body, eventually, problem, rows

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

    eventually(lambda: bool(sql("SELECT 1 FROM account_links WHERE account_id = $1", UUID(str(me["id"])))))
    whole = someone.get(EXPORT)
    shown = rows(whole)

    of: dict[str, list[Json]] = {}
    for each in shown:
        of.setdefault(str(each["table"]), []).append(cast("Json", each["row"]))
    assert body(whole)["next_cursor"] is None
    assert sorted(of) == ["account_links", "accounts", "items", "refresh_tokens", "sessions"]
    assert (of["accounts"][0]["email"], of["accounts"][0]["id"]) == (me["email"], me["id"])
    assert of["items"] == made
    assert [each["account_id"] for each in of["sessions"]] == [me["id"]]
    stored = sql("SELECT password_hash FROM accounts WHERE id = $1", UUID(str(me["id"])))[0]["password_hash"]
    assert str(stored) not in whole.text
    assert "Not mine" not in whole.text
    names = {name for rows_of_one in of.values() for row in rows_of_one for name in row}
    assert not names & {"password_hash", "email_index", "digest"}


def test_an_export_comes_in_parts(someone: httpx.Client, sql: Sql) -> None:
    for number in range(3):
        assert someone.post("/v1/items", json={"name": f"Item {number}"}).status_code == 201
    account = UUID(str(body(someone.get(ME))["id"]))
    eventually(lambda: bool(sql("SELECT 1 FROM account_links WHERE account_id = $1", account)))
    whole = rows(someone.get(EXPORT))

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


def test_the_last_admin_is_not_erased(sign_up: SignUp, service: Service, client: httpx.Client, sql: Sql) -> None:
    address = str(body(sign_up().get(ME))["email"])
    _ = sql("UPDATE accounts SET role = 'member' WHERE role = 'admin'")
    _ = sql("UPDATE accounts SET role = 'admin' WHERE email_index = $1", email_index(address))
    token = str(body(client.post(LOGIN, json={"email": address, "password": PASSWORD}))["access_token"])

    with service.connect(token=token) as admin:
        assert admin.post("/v1/items", json={"name": "Mine"}).status_code == 201
        _ = problem(admin.post(ERASURE, json={"password": PASSWORD}), 409, "last-admin")
        assert len(rows(admin.get("/v1/items"))) == 1


def test_of_two_last_admins_who_leave_at_once_one_stays(service: Service, client: httpx.Client, sql: Sql) -> None:
    _ = sql("UPDATE accounts SET role = 'member' WHERE role = 'admin'")
    with ExitStack() as stack:
        two: list[httpx.Client] = []
        for _ in range(2):
            sent = {"email": new_address(), "password": PASSWORD}
            _ = client.post("/v1/accounts", json=sent)
            _ = sql("UPDATE accounts SET role = 'admin' WHERE email_index = $1", email_index(sent["email"]))
            token = str(body(client.post(LOGIN, json=sent))["access_token"])
            two.append(stack.enter_context(service.connect(token=token)))

        answers = at_once([partial(each.post, ERASURE, json={"password": PASSWORD}) for each in two])

    assert sorted(each.status_code for each in answers) == [204, 409]
    assert len(sql("SELECT 1 FROM accounts WHERE role = 'admin'")) == 1


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


def test_secrets_are_left_out_by_their_names_and_digests_by_their_type() -> None:
    for each in belongings.belongings():
        shown = {column.name for column in each.shown}
        assert not shown & {"password_hash", "email_index", "digest", "bound_to"}, each.table.name
    first: Belonging = belongings.belongings()[0]
    assert {"id", "email", "role", "created_at"} <= {column.name for column in first.shown}


# What is not kept for ever


def retained() -> str:
    """What `app retention` prints."""
    done = CliRunner().invoke(cli.cli, ["retention"])
    assert done.exit_code == 0, done.output
    return done.output


def aged(sql: Sql, table: str, key: UUID, days: float) -> UUID:
    """The key that a row gets which is to be so old."""
    new = UUID(int=uuid7_floor(clock.now() - timedelta(days=days)).int | (key.int & ((1 << 80) - 1)))
    _ = sql(f"UPDATE {table} SET id = $2 WHERE id = $1", key, new)  # noqa: S608 - our tables
    return new


def test_what_need_not_be_kept_is_removed(someone: httpx.Client, sql: Sql) -> None:
    account = UUID(str(body(someone.get(ME))["id"]))
    (session,) = [UUID(str(each["id"])) for each in sql("SELECT id FROM sessions WHERE account_id = $1", account)]
    _ = sql("DELETE FROM refresh_tokens WHERE session_id = $1", session)
    old = aged(sql, "sessions", session, 400)
    _ = sql(
        "INSERT INTO refresh_tokens (id, session_id, digest, expires_at) SELECT k, $3, sha256(k::text::bytea), now() "
        "FROM unnest(ARRAY[$1, $2]::uuid[]) k",
        uuid7_floor(clock.now() - timedelta(days=100)),
        uuid7_floor(clock.now()),
        old,
    )
    kept = sql("SELECT count(*) AS n FROM refresh_tokens WHERE session_id = $1", old)
    assert kept == [{"n": 2}]
    _ = sql("INSERT INTO deleted_sessions (id, deleted_at) VALUES ($1, now() - interval '25 hours')", old)
    _ = sql(
        "INSERT INTO account_links (id, account_id, purpose, digest, bound_to, expires_at) "
        "VALUES ($1, $2, 'verify-email', sha256('a'), sha256('b'), now() - interval '2 days')",
        old,
        account,
    )

    said = retained()

    assert "sessions, 30 days after" in said
    for table in ("sessions", "deleted_sessions", "account_links"):
        assert sql(f"SELECT 1 FROM {table} WHERE id = $1", old) == [], table  # noqa: S608 - our tables
    assert owned(sql, account)["accounts"] == 1
    assert all(line.split()[0] == "0" for line in retained().splitlines())


def test_what_may_still_be_needed_stays(someone: httpx.Client, sql: Sql) -> None:
    account = UUID(str(body(someone.get(ME))["id"]))
    tokens = "SELECT t.id FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE s.account_id = $1"
    before = sql(tokens, account)

    _ = retained()

    assert sql(tokens, account)
    assert len(before) == 1
    assert someone.get(ME).status_code == 200


def test_accounts_that_nobody_confirmed_go_where_that_is_demanded(
    client: httpx.Client, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: dict[str, UUID] = {}
    month_ago = uuid7_floor(clock.now() - timedelta(days=31)).int
    for number, what in enumerate(("old", "new", "confirmed", "used", "admin")):
        address = new_address()
        if what == "new":
            monkeypatch.setattr(accounts, "uuid7", uuid7)
        else:
            monkeypatch.setattr(accounts, "uuid7", partial(UUID, int=month_ago + number))
        assert client.post("/v1/accounts", json={"email": address, "password": PASSWORD}).status_code == 202
        found = sql("SELECT id FROM accounts WHERE email_index = $1", email_index(address))
        ids[what] = UUID(str(found[0]["id"]))
    _ = sql("UPDATE accounts SET email_verified_at = now() WHERE id = $1", ids["confirmed"])
    _ = sql("UPDATE accounts SET role = 'admin' WHERE id = $1", ids["admin"])
    _ = sql("INSERT INTO items (id, owner_id, name) VALUES (uuidv7(), $1, 'Mine')", ids["used"])

    _ = retained()
    assert len(sql("SELECT 1 FROM accounts WHERE id = ANY($1)", list(ids.values()))) == 5
    monkeypatch.setenv("REQUIRE_VERIFIED_EMAIL", "true")
    settings.settings.cache_clear()
    try:
        _ = retained()
    finally:
        monkeypatch.delenv("REQUIRE_VERIFIED_EMAIL")
        settings.settings.cache_clear()

    left = {each["id"] for each in sql("SELECT id FROM accounts WHERE id = ANY($1)", list(ids.values()))}
    assert left == set(ids.values()) - {ids["old"]}
