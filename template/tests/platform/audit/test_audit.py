"""The audit trail: every change and every decision leaves an entry, and nobody can alter one unseen."""

import asyncio
import hashlib
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import cast
from urllib.parse import urlsplit

import asyncpg
import httpx
import jwt
import pytest
from alembic import command
from click.testing import CliRunner, Result
from fastapi import Request
from sqlalchemy import Column, MetaData, String, Table

from app import cli, defaults, registry
from app.adapters import schema
from app.adapters.database import Base, DatabaseSettings
from app.adapters.database import Database as OpenedByHand
from app.adapters.database.work import Database
from app.kit import routing
from app.kit.access import Origin
from app.kit.errors import Conflict, answers
from app.platform.accounts import repository as accounts
from app.platform.accounts.access import CanReadOwnAccount
from app.platform.accounts.schemas import AccountRead
from app.platform.audit import retirement, triggers
from app.settings import settings
from proof.rig import looked_at
from tests import database
from tests.conftest import PASSWORD, SignUp, Sql, Start, email_index, new_address
from tests.wire import Json, body, problem


def entries(sql: Sql, answer: httpx.Response) -> list[dict[str, object]]:
    """What the trail has of a request."""
    return sql("SELECT * FROM audit_entries WHERE request_id = $1 ORDER BY position", answer.headers["x-request-id"])


def events(sql: Sql, answer: httpx.Response) -> list[tuple[object, object]]:
    """What happened in a request, and how it was decided."""
    return [(each["event"], each["outcome"]) for each in entries(sql, answer)]


def caller(client: httpx.Client) -> Json:
    """What the access token of a client says."""
    token = str(client.headers["authorization"]).removeprefix("Bearer ")
    return cast("Json", jwt.decode(token, options={"verify_signature": False}))


@pytest.fixture
def account(client: httpx.Client, sql: Sql) -> Json:
    """The credentials of a new account, and its id."""
    made: Json = {"email": new_address(), "password": PASSWORD}
    assert client.post("/v1/accounts", json=made).status_code == 202
    return made | sql("SELECT id FROM accounts WHERE email_index = $1", email_index(made["email"]))[0]


def log_in(client: httpx.Client, account: Json, password: str = PASSWORD) -> httpx.Response:
    return client.post("/v1/auth/login", json={"email": account["email"], "password": password})


def refresh(client: httpx.Client, pair: Json) -> httpx.Response:
    return client.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})


# What leaves an entry


def test_a_change_says_who_did_what_to_which_row_in_which_request(someone: httpx.Client, sql: Sql) -> None:
    made = someone.post("/v1/items", json={"name": "One"})
    item = f"/v1/items/{body(made)['id']}"
    changed = someone.patch(item, json={"name": "Two"})
    removed = someone.delete(item)

    (one,), (two,), (three,) = (entries(sql, each) for each in (made, changed, removed))
    assert [each["event"] for each in (one, two, three)] == ["items.created", "items.updated", "items.deleted"]
    assert one["before_digest"] is None
    assert one["after_digest"] == two["before_digest"] != two["after_digest"] == three["before_digest"]
    assert three["after_digest"] is None
    for each in (one, two, three):
        assert (each["subject_table"], each["subject_id"]) == ("items", body(made)["id"])
        assert (str(each["actor_id"]), str(each["credential_id"])) == (caller(someone)["sub"], caller(someone)["sid"])
        assert (each["outcome"], each["reason"]) == ("changed", None)
        assert str(each["address"]).startswith("127.0.0.")


def test_a_change_that_is_not_made_leaves_none(someone: httpx.Client, sql: Sql) -> None:
    name = {"name": secrets.token_hex(4)}
    assert someone.post("/v1/items", json=name).status_code == 201

    taken = someone.post("/v1/items", json=name)

    _ = problem(taken, 409)
    assert events(sql, taken) == []


def test_no_value_of_a_row_enters_the_trail(client: httpx.Client, account: Json, sql: Sql) -> None:
    _ = log_in(client, account, "wrong horse battery")

    text = str(sql("SELECT * FROM audit_entries"))
    assert str(account["email"]) not in text
    assert "horse" not in text


def test_signing_in_is_a_decision(client: httpx.Client, account: Json, sql: Sql) -> None:
    granted, wrong, unknown = (
        log_in(client, account),
        log_in(client, account, "wrong horse battery"),
        log_in(client, {"email": new_address()}),
    )

    assert ("auth.login", "granted") in events(sql, granted)
    (decision,) = [each for each in entries(sql, granted) if each["outcome"] == "granted"]
    assert decision["actor_id"] == account["id"]
    # The refusal is kept, though the answer was an error.
    assert [(each["event"], each["outcome"], each["reason"]) for each in entries(sql, wrong)] == [
        ("auth.login", "refused", "wrong password")
    ]
    assert (entries(sql, wrong)[0]["subject_id"], entries(sql, wrong)[0]["actor_id"]) == (str(account["id"]), None)
    assert [(each["reason"], each["subject_id"]) for each in entries(sql, unknown)] == [("no such account", None)]


def test_renewing_and_ending_a_session_are_decisions(client: httpx.Client, account: Json, sql: Sql) -> None:
    pair = body(log_in(client, account))
    renewed = refresh(client, pair)
    reused = refresh(client, pair)
    over = refresh(client, body(renewed))
    unknown = refresh(client, {"refresh_token": "nobody's"})
    again = body(log_in(client, account))
    out = client.post("/v1/auth/logout", headers={"authorization": f"Bearer {again['access_token']}"})

    assert events(sql, renewed) == [("sessions.updated", "changed"), ("auth.refresh", "granted")]
    assert events(sql, reused) == [("sessions.updated", "changed"), ("auth.refresh", "refused")]
    assert [entries(sql, each)[-1]["reason"] for each in (reused, over, unknown)] == [
        "used before",
        "over",
        "no such token",
    ]
    assert events(sql, out) == [("sessions.updated", "changed"), ("auth.logout", "granted")]


def test_rows_that_go_with_another_leave_entries_of_their_own(someone: httpx.Client, sql: Sql) -> None:
    item = body(someone.post("/v1/items", json={"name": "One"}))["id"]
    account_id = caller(someone)["sub"]

    _ = sql("DELETE FROM accounts WHERE id = $1", account_id)

    found = sql("SELECT * FROM audit_entries WHERE subject_id = ANY($1) ORDER BY position", [account_id, item])
    gone = [each for each in found if str(each["event"]).endswith(".deleted")]
    assert {each["event"] for each in gone} == {"accounts.deleted", "items.deleted"}
    assert {(each["actor_id"], each["request_id"]) for each in gone} == {(None, None)}
    assert all(str(each["reason"]).startswith("by the database user ") for each in gone)


def test_a_row_that_is_written_as_it_was_leaves_none(someone: httpx.Client, sql: Sql) -> None:
    account_id = caller(someone)["sub"]
    count = "SELECT count(*) FROM audit_entries WHERE subject_id = $1"
    before = sql(count, account_id)

    _ = sql("UPDATE accounts SET email = email WHERE id = $1", account_id)

    assert sql(count, account_id) == before


def test_the_origin_of_one_request_is_never_told_of_another(
    someone: httpx.Client, client: httpx.Client, sql: Sql
) -> None:
    # All of them use the connection that was used last.
    for _ in range(3):
        assert someone.post("/v1/items", json={"name": secrets.token_hex(8)}).status_code == 201
        made = client.post("/v1/accounts", json={"email": new_address(), "password": PASSWORD})
        assert [(each["event"], each["actor_id"]) for each in entries(sql, made)] == [("accounts.created", None)]


def test_a_transaction_that_an_operation_opens_by_hand_is_its_callers(start: Start, sign_up: SignUp, sql: Sql) -> None:
    router = routing.router("/v1/by-hand", "by-hand")

    @router.post("", status_code=204, responses=answers(Conflict))
    async def by_hand(database: OpenedByHand, caller: CanReadOwnAccount) -> None:
        """Change something in a transaction of its own."""
        async with database.transaction() as session:
            connection = await session.connection()
            _ = await connection.execute("UPDATE accounts SET version = version + 1 WHERE id = $1", caller.account_id)

    someone = sign_up(start(router))
    answer = someone.post("/v1/by-hand")

    assert answer.status_code == 204
    (entry,) = entries(sql, answer)
    assert entry["event"] == "accounts.updated"
    assert str(entry["actor_id"]) == caller(someone)["sub"]


def test_a_transaction_of_no_request_has_the_origin_of_none(sql: Sql) -> None:
    async def run() -> list[str]:
        found = Database(DatabaseSettings.read(), settings().key_ring)
        try:
            return [str((await _signed_up(found, origin)).id) for origin in (Origin(request_id="some-request"), None)]
        finally:
            await found.close()

    ids = asyncio.run(run())

    found = sql("SELECT request_id FROM audit_entries WHERE subject_id = ANY($1) ORDER BY position", ids)
    assert [each["request_id"] for each in found] == ["some-request", None]


async def _signed_up(database: Database, origin: Origin | None) -> AccountRead:
    async with database.transaction(origin) as session:
        added = await accounts.add(session, new_address(), "x")
    assert added is not None
    return added


@pytest.mark.parametrize("address", ["x'; DROP TABLE items; --", "fe80::1%eth0", "", "-", "a b", "x" * 65])
def test_an_origin_holds_nothing_that_would_need_quoting(address: str) -> None:
    scope: Json = {"type": "http", "client": (address, 1), "headers": []}

    # Where only networks are kept, that of an address with a zone needs no quoting.
    assert Origin.of(Request(scope)).text.split()[3] in {"-", "fe80::/48"}


# By construction


def test_every_table_of_the_models_is_audited_or_says_why_not(database_url: str) -> None:
    registry.load_models()
    tables = list(Base.metadata.tables.values())

    assert looked_at(database_url, triggers.attached) == triggers.wanted(tables)
    reasons = {table.name: triggers.unaudited(table) for table in tables if table.info.get("unaudited")}
    assert all(reasons.values())
    assert set(reasons) >= {"audit_entries", "audit_seals", "refresh_tokens"}


@pytest.fixture
def scratch(scratch: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migrated database of this test alone; DATABASE_URL names it."""
    monkeypatch.setenv("DATABASE_URL", scratch)
    return scratch


def test_migrating_attaches_to_a_new_table_and_mends_what_was_switched_off(scratch: str) -> None:
    database.execute(
        scratch,
        'CREATE TABLE "Order lines" (a text, "b""c" int, PRIMARY KEY (a, "b""c"))',
        "ALTER TABLE accounts DISABLE TRIGGER audit",
        "DROP TRIGGER audit_truncate ON sessions",
    )
    own = Table(
        "Order lines", MetaData(), Column("a", String, primary_key=True), Column('b"c', String, primary_key=True)
    )

    schema.migrate()
    looked_at(scratch, lambda connection: triggers.attach(connection, [own]))
    database.execute(scratch, """INSERT INTO "Order lines" VALUES ('x', 7)""", 'TRUNCATE "Order lines"')

    registry.load_models()
    assert looked_at(scratch, triggers.attached) == triggers.wanted([*Base.metadata.tables.values(), own])
    query = "SELECT event, subject_id FROM audit_entries ORDER BY position"
    assert [tuple(row) for row in looked_at(scratch, lambda each: each.exec_driver_sql(query).all())] == [
        ("Order lines.created", "x,7"),
        ("Order lines.truncated", None),
    ]


# Nobody alters it


@pytest.mark.parametrize("table", ["audit_entries", "audit_seals"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET position = DEFAULT", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_trail_is_append_only_even_for_a_superuser(sql: Sql, table: str, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f"{table} is append-only"):
        _ = sql(statement.format(table))


def test_an_ordinary_role_can_neither_alter_the_trail_nor_go_round_it(scratch: str) -> None:
    role = f"test_{secrets.token_hex(4)}"

    def refused(*statements: str) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            database.execute(scratch, f"SET ROLE {role}", *statements)

    database.execute(
        scratch,
        f"CREATE ROLE {role}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
        f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON audit_entries, audit_seals FROM {role}",
    )
    try:
        refused("DELETE FROM audit_entries")
        refused("INSERT INTO audit_seals VALUES (0, 1, 1, '')")
        refused("ALTER TABLE items DISABLE TRIGGER audit")
        refused("SET session_replication_role = replica")
        refused(
            "CREATE TEMP TABLE t (id int)", "CREATE TRIGGER x AFTER INSERT ON t EXECUTE FUNCTION audit_change('id')"
        )
        # A table of its own in the place of the trail takes nothing from it.
        database.execute(
            scratch,
            f"SET ROLE {role}",
            "CREATE TEMP TABLE audit_entries (LIKE public.audit_entries)",
            _added("a@example.com"),
        )
        assert "1 entries verified" in verified().output
    finally:
        database.execute(scratch, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_service_that_does_not_own_its_tables_can_only_add(
    start: Start, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"test_{secrets.token_hex(4)}"
    database.execute(empty_database, f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
    parts = urlsplit(empty_database)
    url = parts._replace(netloc=f"{role}:{role}@{parts.netloc.rpartition('@')[2]}").geturl()
    monkeypatch.setenv("DATABASE_OWNER_URL", empty_database)
    monkeypatch.setenv("DATABASE_URL", url)
    try:
        schema.migrate()
        schema.migrate()
        with start().connect() as client:
            made: Json = {"email": new_address(), "password": PASSWORD}
            assert client.post("/v1/accounts", json=made).status_code == 202
            assert log_in(client, made, "wrong horse battery").status_code == 401
        assert " entries verified" in verified().output
        for statement in (
            "UPDATE audit_entries SET event = ''",
            "DELETE FROM audit_seals",
            "INSERT INTO audit_seals VALUES (0, 1, 1, '')",
            "ALTER TABLE accounts DISABLE TRIGGER audit",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"permission denied|must be owner"):
                database.execute(url, statement)
    finally:
        database.execute(empty_database, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def verified(*arguments: str) -> Result:
    """What `app audit verify` says."""
    return CliRunner().invoke(cli.cli, ["audit", "verify", *arguments])


def head(result: Result) -> str:
    """The head that it ends with."""
    assert result.exit_code == 0, result.output
    return result.output.split()[-1]


@pytest.fixture
def trail(scratch: str) -> str:
    """A database with 40 entries, of several connections."""
    for _ in range(4):
        accounts = [_added(new_address()) for _ in range(10)]
        database.execute(scratch, *accounts)
    return scratch


def _added(address: str) -> str:
    return (
        "INSERT INTO accounts (id, email, email_index, password_hash) VALUES (gen_random_uuid(), "  # noqa: S608 - of a test
        f"'\\x01' || sha256('1') || sha256('2'), sha256('{address}'), 'x')"
    )


_OFF = "ALTER TABLE {} DISABLE TRIGGER ALL"


def test_tampering_is_found_and_named(trail: str) -> None:
    assert "40 entries verified" in verified().output
    database.execute(
        trail,
        _OFF.format("audit_entries"),
        _OFF.format("audit_seals"),
        "UPDATE audit_entries SET at = at - interval '1 day' WHERE position = 1",
        "UPDATE audit_entries SET actor_id = gen_random_uuid() WHERE position = 12",
        "UPDATE audit_seals SET hash = sha256(hash) WHERE position = 15",
        "DELETE FROM audit_entries WHERE position = 23",
        "DELETE FROM audit_entries WHERE position = 26",
        "DELETE FROM audit_seals WHERE position = 26",
        "INSERT INTO audit_entries (event) VALUES ('x')",
        "INSERT INTO audit_seals VALUES (15, 99, 99, '')",
    )

    result = verified()

    assert result.exit_code == 1
    assert result.output.startswith("Error: The audit trail failed verification")
    named = sorted(line.removeprefix("  - ").partition(" (chain")[0] for line in result.output.splitlines()[1:])
    assert [each for each in named if "entries removed" not in each and each != "entry 99 was removed"] == [
        "entry 1 was changed, or its seal was",
        "entry 12 was changed, or its seal was",
        "entry 15 was changed, or its seal was",
        "entry 23 was removed",
        "entry 41 was put in from outside: no chain holds it.",
    ]
    assert "entries removed with their seals after entry 25: 1" in named
    assert "entry 99 was removed" in named


def test_a_trail_that_was_cut_off_no_longer_has_its_head(trail: str) -> None:
    earlier = head(verified())
    database.execute(trail, "UPDATE accounts SET role = 'root'")
    later = head(verified("--head", earlier))
    assert later != earlier
    assert head(CliRunner().invoke(cli.cli, ["audit", "head"])) == later

    database.execute(
        trail,
        *(_OFF.format(table) for table in ("audit_entries", "audit_seals")),
        "DELETE FROM audit_entries WHERE position > 60",
        "DELETE FROM audit_seals WHERE position > 60",
    )

    assert "60 entries verified" in verified().output
    assert verified("--head", earlier).exit_code == 0
    cut = verified("--head", later)
    assert cut.exit_code == 1
    assert "the trail is not the one of that head" in cut.output
    assert verified("--head", "x").exit_code == 2


_AGED = (
    "ALTER TABLE audit_entries DISABLE TRIGGER append_only",
    "UPDATE audit_entries SET at = now() - interval '40 years' WHERE position <= {}",
    "TRUNCATE audit_seals",
    # As a trail that was written then: every entry in one chain.
    """INSERT INTO audit_seals WITH RECURSIVE links AS (
         SELECT 0 AS chain, 0::bigint AS number, 0::bigint AS position, ''::bytea AS hash
         UNION ALL
         SELECT 0, number + 1, e.position,
                sha256(hash || convert_to(jsonb_strip_nulls(to_jsonb(e))::text, 'UTF8'))
         FROM links, audit_entries e WHERE e.position = links.position + 1
       ) SELECT * FROM links WHERE number > 0""",
    "ALTER TABLE audit_entries ENABLE TRIGGER append_only",
)


@pytest.fixture
def aged(trail: str) -> str:
    """The same, where 24 entries are forty years old."""
    off, on = (f"ALTER TABLE audit_seals {each} TRIGGER append_only" for each in ("DISABLE", "ENABLE"))
    database.execute(trail, off, *(each.format(24) for each in _AGED), on)
    assert "40 entries verified" in verified().output
    return trail


def retired() -> Result:
    """What `app audit retire` says."""
    return CliRunner().invoke(cli.cli, ["audit", "retire"])


def test_old_entries_are_retired_and_the_trail_says_which(aged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retirement, "_BATCH", 10)  # the last one is not full

    assert retired().output.startswith("Removed 24 entries older than ")
    assert retired().output.startswith("Removed 0 entries ")

    said = verified()
    assert said.exit_code == 0, said.output
    assert "19 entries verified. Those up to 24 were retired." in said.output
    shown = CliRunner().invoke(cli.cli, ["audit", "show", "--subject", "24"]).output
    assert "audit.retired" in shown
    assert "4 entries up to this one, by the database user " in shown
    for statement in ("DELETE FROM audit_entries", "UPDATE audit_entries SET event = ''", "TRUNCATE audit_entries"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            database.execute(aged, statement)
    database.execute(aged, _OFF.format("audit_entries"), "DELETE FROM audit_entries WHERE position = 30")
    assert "entry 30 was removed" in verified().output


_KEPT = "make_interval(hours => {})"


def test_whoever_owns_the_trail_retires_nothing_that_has_to_be_kept(aged: str) -> None:
    kept = _KEPT.format(24 * defaults.AUDIT_RETENTION_DAYS)
    for older_than in ("now()", "'infinity'", f"now() - {kept} + interval '2 hours'"):
        with pytest.raises(asyncpg.InvalidParameterValueError, match=r"^Entries younger than \d+:00:00 are kept"):
            database.execute(aged, f"SELECT audit_retire({older_than}, 1000)")
    assert "40 entries verified. Keep" in verified().output

    # What two clocks may differ by is no reason to refuse, nor to remove more.
    database.execute(aged, f"SELECT audit_retire(now() - {kept} + interval '30 minutes', 1000)")

    assert "17 entries verified. Those up to 24 were retired." in verified().output


def test_who_goes_round_that_is_found(aged: str) -> None:
    own = (
        f"CREATE OR REPLACE FUNCTION audit_retention() RETURNS interval LANGUAGE sql AS $$ SELECT {_KEPT.format(1)} $$"
    )
    database.execute(aged, own, "SELECT audit_retire(now() - interval '1 hour', 1000)")

    found = verified()

    assert found.exit_code == 1
    assert re.search(r"entry 41 retired entries from before 2\S+Z, which had to be kept for \d+ days\.", found.output)


def test_who_does_not_say_from_before_when_is_found(aged: str) -> None:
    said = (
        "INSERT INTO audit_entries (event, subject_table, subject_id) VALUES ('audit.retired', 'audit_entries', '24')"
    )
    database.execute(aged, _OFF.format("audit_entries"), "DELETE FROM audit_entries WHERE position <= 24")
    database.execute(aged, _OFF.format("audit_entries").replace("DIS", "EN"), said)

    assert "entry 41 does not say from before when entries were retired." in verified().output


def test_what_was_retired_before_dates_were_said_is_accepted(aged: str) -> None:
    command.downgrade(schema.alembic_config(), "platform_0002")
    database.execute(aged, "SELECT audit_retire(now() - interval '39 years', 1000)")

    schema.migrate()

    assert "18 entries verified. Those up to 24 were retired." in verified().output
    database.execute(
        aged,
        "INSERT INTO audit_entries (event, subject_table, subject_id) VALUES ('audit.retired', 'audit_entries', '25')",
    )
    assert "entry 43 does not say" in verified().output


@pytest.mark.usefixtures("aged")
def test_from_an_entry_on_nothing_may_be_retired() -> None:
    assert "Removed 24 entries" in retired().output

    assert verified("--from", "25").exit_code == 0
    assert "entry 24 was removed" in verified("--from", "24").output


def test_the_database_keeps_what_the_service_promises(aged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "AUDIT_RETENTION_DAYS", 20_000)
    schema.migrate()

    with pytest.raises(asyncpg.InvalidParameterValueError, match=r"^Entries younger than 480000:00:00 are kept"):
        database.execute(aged, "SELECT audit_retire(now() - interval '41 years', 1000)")


def test_two_that_retire_at_once_take_turns(aged: str) -> None:
    retire = "SELECT audit_retire(now() - interval '39 years', $1)"
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND NOT granted)"

    async def both() -> tuple[object, object]:
        first, second = await asyncpg.connect(aged), await asyncpg.connect(aged)
        try:
            async with asyncio.timeout(10), first.transaction():
                removed = await first.fetchval(retire, 10)
                other = asyncio.create_task(second.fetchval(retire, 1_000))
                while not await first.fetchval(waits, second.get_server_pid()):  # noqa: ASYNC110 - the database waits
                    await asyncio.sleep(0.01)
            return removed, await other
        finally:
            await first.close()
            await second.close()

    assert asyncio.run(both()) == (10, 14)


def test_what_was_removed_and_not_retired_is_missed(aged: str) -> None:
    gone = "DELETE FROM audit_entries WHERE position <= 24"
    database.execute(aged, _OFF.format("audit_entries"), gone, _OFF.format("audit_entries").replace("DIS", "EN"))
    assert "entry 1 was removed" in verified().output
    assert "16 entries verified" in verified("--from", "25").output

    # Only what holds itself can say that another one was retired.
    database.execute(
        aged,
        _OFF.format("audit_entries"),
        "INSERT INTO audit_entries (event, subject_table, subject_id) VALUES ('audit.retired', 'audit_entries', '24')",
    )
    assert "entry 41 was put in from outside" in verified().output


def test_nobody_retires_what_is_young(aged: str) -> None:
    database.execute(aged, "SELECT audit_retire(now() - interval '41 years', 1000)")
    assert "40 entries verified. Keep" in verified().output


def test_who_does_not_own_the_trail_retires_nothing(aged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    role = f"test_{secrets.token_hex(4)}"
    database.execute(aged, f"CREATE ROLE {role} LOGIN PASSWORD '{role}'", f"GRANT ALL ON audit_entries TO {role}")
    parts = urlsplit(aged)
    monkeypatch.setenv(
        "DATABASE_OWNER_URL", parts._replace(netloc=f"{role}:{role}@{parts.netloc.rpartition('@')[2]}").geturl()
    )
    try:
        refused = retired()
    finally:
        database.execute(aged, f"DROP OWNED BY {role}", f"DROP ROLE {role}")

    assert refused.exit_code == 1
    assert refused.output.startswith(
        "Error: The role does not own the audit trail: name the one that runs `app migrate`"
    )
    assert "40 entries verified." in verified().output


def test_changes_at_once_are_all_sealed(scratch: str) -> None:
    def add(number: int) -> None:
        database.execute(scratch, *(_added(f"{number}-{each}@example.com") for each in range(10)))

    with ThreadPoolExecutor(4) as threads:
        _ = list(threads.map(add, range(8)))

    assert "80 entries verified" in verified().output


def test_a_chain_is_locked_by_a_commit_alone(sql: Sql) -> None:
    # Held any earlier, two transactions of one chain could wait for each other's rows and never end.
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    _ = sql("BEGIN")
    try:
        _ = sql(_added(new_address()))
        assert sql(locks) == [{"count": 0}]
        _ = sql("SET CONSTRAINTS ALL IMMEDIATE")
        assert sql(locks) == [{"count": 1}]
    finally:
        _ = sql("ROLLBACK")


# Reading it


def test_show_finds_by_row_by_person_and_by_request(someone: httpx.Client) -> None:
    made = someone.post("/v1/items", json={"name": "One"})
    item, account = str(body(made)["id"]), str(caller(someone)["sub"])

    def shown(*arguments: str) -> str:
        result = CliRunner().invoke(cli.cli, ["audit", "show", *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    of_item = shown("--subject", item)
    assert len(of_item.splitlines()) == 1
    for word in ("items.created", "changed", account, made.headers["x-request-id"]):
        assert word in of_item
    assert shown("--request", made.headers["x-request-id"]) == of_item
    assert of_item in shown("--actor", account)
    assert "auth.login" in shown("--actor", account)
    assert len(shown("--most", "2").splitlines()) == 2
    assert "Ask for one of" in CliRunner().invoke(cli.cli, ["audit", "show", "--subject", "x", "--request", "y"]).output


def test_a_digest_is_that_of_the_row(someone: httpx.Client, sql: Sql) -> None:
    made = someone.post("/v1/items", json={"name": "One"})
    (row,) = sql("SELECT to_jsonb(items)::text AS text FROM items WHERE id = $1", body(made)["id"])

    assert entries(sql, made)[0]["after_digest"] == hashlib.sha256(str(row["text"]).encode()).digest()
