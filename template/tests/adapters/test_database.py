"""The connections: bounded, given back, never lent in an unknown state; and commits before the answer."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from sqlalchemy import bindparam, literal, select

from app.adapters.database import DatabaseSettings, Query
from app.adapters.database.connections import Connections
from app.adapters.database.work import Database
from app.kit.errors import Conflict, Forbidden, type_by_constraint
from app.platform.accounts import repository as accounts
from app.platform.auth.errors import RefreshTokenReused
from app.settings import settings
from tests.conftest import PASSWORD, Sql, Start, email_index, new_address
from tests.http import trouble
from tests.wire import Json, Service, at_once, body, eventually, header, problem


@pytest.fixture
def unread(service: Service) -> Iterator[socket.socket]:
    """A connection to the service whose answers nobody reads, with hardly room for them."""
    host, port = urlsplit(service.url).hostname, urlsplit(service.url).port
    assert host is not None
    with socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.connect((host, port))
        yield made


def test_a_dry_pool_is_503_within_about_a_second_and_recovers(start: Start) -> None:
    release = threading.Event()
    service = start(trouble.holding(release), trouble.router, DATABASE_POOL_SIZE="1")
    with service.connect() as client, ThreadPoolExecutor(1) as threads:
        held = threads.submit(client.get, "/v1/hold")
        eventually(lambda: service.lent == 1)

        begun = monotonic()
        refused = client.get("/v1/trouble/backend")
        assert 0.5 < monotonic() - begun < 20
        assert "busy" in str(problem(refused, 503, "unavailable")["detail"])
        assert header(refused, "retry-after") == "1"

        release.set()
        assert held.result().status_code == 200
        assert client.get("/v1/trouble/backend").status_code == 200
        eventually(lambda: service.lent == 0)


def test_whoever_waits_gets_the_connection_that_is_given_back(start: Start) -> None:
    service = start(trouble.router, DATABASE_POOL_SIZE="1")
    with service.connect() as client:
        answers = at_once([lambda: client.get("/v1/trouble/backend")] * 20)

    assert {each.status_code for each in answers} == {200}
    assert len({each.text for each in answers}) == 1
    eventually(lambda: service.lent == 0)


def test_an_open_stream_that_nobody_reads_holds_no_connection(start: Start) -> None:
    service = start(trouble.router, DATABASE_POOL_SIZE="1")
    with service.connect() as client, client.stream("GET", "/v1/trouble/stream") as response:
        assert response.status_code == 200
        assert service.lent == 0
        assert client.get("/v1/trouble/backend").status_code == 200


def test_an_answer_that_nobody_reads_holds_no_connection(
    service: Service, someone: httpx.Client, unread: socket.socket
) -> None:
    request = f"GET /v1/accounts/me HTTP/1.1\r\nHost: x\r\nAuthorization: {someone.headers['authorization']}\r\n\r\n"
    unread.sendall(request.encode() * 20)

    eventually(lambda: service.lent == 0)
    assert someone.get("/v1/accounts/me").status_code == 200


def test_a_body_that_arrives_slowly_holds_no_connection(
    service: Service, someone: httpx.Client, unread: socket.socket
) -> None:
    unread.sendall(
        b'POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"em'
    )

    assert someone.get("/v1/accounts/me").status_code == 200
    # The courier holds one for a moment now and then.
    eventually(lambda: service.lent == 0)


@pytest.mark.parametrize("path", ["sleeping-query", "sleeping-transaction"])
def test_a_cancelled_request_gives_its_connection_up(start: Start, sql: Sql, path: str) -> None:
    service = start(trouble.router, DATABASE_POOL_SIZE="1", REQUEST_SECONDS="0.2", DATABASE_STATEMENT_TIMEOUT_MS="600")
    with service.connect() as client:
        before = body(client.get("/v1/trouble/backend"))["status"]

        _ = problem(client.get(f"/v1/trouble/{path}"), 504, "timed-out")

        after = body(client.get("/v1/trouble/backend"))["status"]
        assert after != before
        eventually(lambda: service.lent == 0)
        running = "SELECT state FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%pg_sleep%' AND state = 'active'"
        eventually(lambda: sql(running, int(str(before))) == [])


def test_a_statement_that_takes_too_long_is_503(start: Start) -> None:
    service = start(trouble.router, DATABASE_STATEMENT_TIMEOUT_MS="100")
    with service.connect() as client:
        for path in ("sleeping-query", "sleeping-transaction"):
            _ = problem(client.get(f"/v1/trouble/{path}"), 503, "unavailable")
        assert client.get("/v1/trouble/backend").status_code == 200
        eventually(lambda: service.lent == 0)


def test_a_connection_that_the_database_closed_is_replaced(start: Start, sql: Sql) -> None:
    service = start(trouble.router, DATABASE_POOL_SIZE="1")
    with service.connect() as client:
        before = int(str(body(client.get("/v1/trouble/backend"))["status"]))
        _ = sql("SELECT pg_terminate_backend($1, 5000)", before)

        # The one that finds it closed may say so; the next has a new one.
        assert client.get("/v1/trouble/backend").status_code in {200, 503}
        assert client.get("/v1/trouble/backend").status_code == 200


def test_a_database_that_cannot_be_reached_is_503(start: Start, someone: httpx.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(str(listener.getsockname()[1]))
    service = start(DATABASE_URL=f"postgresql://postgres:not-told@127.0.0.1:{port}/test_none")

    with service.connect() as client:
        response = client.get("/v1/accounts/me", headers={"authorization": someone.headers["authorization"]})

    _ = problem(response, 503, "unavailable")
    assert "not-told" not in response.text


class Refused(NamedTuple):
    """Addresses whose accounts the database refuses, but only when they are committed."""

    late: str
    taken: str


@pytest.fixture
def refused(sql: Sql) -> Iterator[Refused]:
    """One that fails, and one that fails as if it were taken."""
    found = Refused(new_address(), new_address())
    late, taken = (email_index(each).hex() for each in found)
    _ = sql(
        f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.email_index = '\\x{taken}' THEN
            RAISE unique_violation USING CONSTRAINT = 'uq_accounts_email_index';
        END IF;
        RAISE 'refused';
        END $$"""
    )
    _ = sql(
        f"""CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON accounts DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.email_index IN ('\\x{late}', '\\x{taken}')) EXECUTE FUNCTION refuse()"""
    )
    yield found
    _ = sql("DROP FUNCTION refuse CASCADE")


def test_a_commit_that_fails_is_an_error_answer(
    client: httpx.Client, service: Service, sql: Sql, refused: Refused
) -> None:
    response = client.post("/v1/accounts", json={"email": refused.late, "password": PASSWORD})

    _ = problem(response, 500, "internal-error")
    assert sql("SELECT 1 FROM accounts WHERE email_index = $1", email_index(refused.late)) == []
    eventually(lambda: service.lent == 0)


def test_a_constraint_that_fails_at_the_commit_has_its_meaning(
    client: httpx.Client, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(type_by_constraint, "uq_accounts_email_index", Forbidden)
    sent = {"email": refused.taken, "password": PASSWORD}

    _ = problem(client.post("/v1/accounts", json=sent), 403, "forbidden")


def test_what_is_answered_is_committed(client: httpx.Client, sql: Sql) -> None:
    for _ in range(20):
        address = new_address()
        assert client.post("/v1/accounts", json={"email": address, "password": PASSWORD}).status_code == 202
        assert sql("SELECT 1 AS found FROM accounts WHERE email_index = $1", email_index(address)) == [{"found": 1}]


@pytest.mark.parametrize(
    ("error", "kept"),
    [(Conflict(), []), (RuntimeError(), []), (RefreshTokenReused(), [{"found": 1}])],
    ids=["meant", "unexpected", "keeps its writes"],
)
def test_an_error_rolls_back_unless_it_keeps_its_writes(sql: Sql, error: Exception, kept: list[Json]) -> None:
    address = new_address()

    async def fail(database: Database) -> None:
        async with database.transaction() as transaction:
            _ = await accounts.add(transaction, address, "")
            raise error

    async def run() -> None:
        database = Database(DatabaseSettings.read(), settings().key_ring)
        with pytest.raises(type(error)):
            await fail(database)
        assert database.lent == 0
        await database.close()

    asyncio.run(run())

    assert sql("SELECT 1 AS found FROM accounts WHERE email_index = $1", email_index(address)) == kept


def test_a_statement_says_which_values_it_lacks() -> None:
    query = Query(select(literal(1).label("one")).where(literal(1) == bindparam("number")), dict[str, object])

    with pytest.raises(TypeError, match=r"takes \['number'\], and was given \['numbr'\]"):
        _ = query.arguments({"numbr": 1}, settings().key_ring)


def test_who_stops_waiting_leaves_the_pool_whole() -> None:
    async def run() -> None:
        connections = Connections(partial(asyncpg.connect, DatabaseSettings.read().url.get_secret_value()), 2)
        taken = [await connections.take() for _ in range(2)]
        waiting = [asyncio.create_task(connections.take()) for _ in range(3)]
        await asyncio.sleep(0)

        # The first is cancelled before, the second at the same moment as a connection is given back.
        _ = waiting[0].cancel()
        connections.give_back(taken.pop(), sound=True)
        _ = waiting[1].cancel()
        taken.append(await waiting[2])
        _ = await asyncio.gather(*waiting, return_exceptions=True)

        for each in taken:
            connections.give_back(each, sound=True)
        assert connections.lent == 0
        await connections.close()

    asyncio.run(run())
