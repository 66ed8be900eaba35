"""Guessing passwords over HTTP, with the usual numbers and with the strictest, whichever this service has."""

import asyncio
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

import httpx
import pytest

from app.adapters.database import Command, DatabaseSettings
from app.adapters.database.work import Database
from app.kit import clock
from app.platform.attempts import repository
from app.platform.attempts import service as attempts
from app.platform.attempts.repository import Counted
from app.platform.attempts.service import Backoff
from app.settings import settings
from tests.conftest import Sql, new_address
from tests.wire import Json, Service, at_once, counted_work, header, problem

LOGIN = "/v1/auth/login"
WRONG = "wrong horse battery"


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch, sql: Sql) -> None:
    """The numbers of a service that answers to nobody; nobody has guessed yet."""
    _ = sql("DELETE FROM sign_in_attempts")
    monkeypatch.setattr(attempts, "ACCOUNT", Backoff(free=25, longest=60))
    monkeypatch.setattr(attempts, "_KNOWN", timedelta(days=30))


@pytest.fixture
def strictest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The strictest numbers that a service is rendered with."""
    monkeypatch.setattr(attempts, "ACCOUNT", Backoff(free=10, longest=1800, first=1800))
    monkeypatch.setattr(attempts, "_KNOWN", timedelta(0))


def guess(client: httpx.Client, credentials: Json, times: int) -> list[int]:
    return [client.post(LOGIN, json=credentials | {"password": WRONG}).status_code for _ in range(times)]


def earlier(sql: Sql, seconds: int) -> None:
    """Let time pass."""
    _ = sql("UPDATE sign_in_attempts SET failed_at = failed_at - make_interval(secs => $1)", seconds)


def test_counts_that_are_looked_at_are_not_swept_away(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [secrets.token_bytes(32) for _ in range(3)]

    async def run() -> dict[bytes, Counted]:
        database = Database(DatabaseSettings.read(), settings().key_ring)

        try:
            async with database.transaction() as session:
                _ = await repository.locked(session, keys)
            async with database.transaction() as session:
                every = session.all

                async def swept_after(statement: Command[Counted], **given: object) -> list[Counted]:
                    found = await every(statement, **given)
                    async with database.transaction() as sweeping:
                        _ = await repository.forget(sweeping, clock.now() + timedelta(hours=1), 1_000)
                    return found

                # Of this transaction alone: the service in this process has others, in a loop of its own.
                monkeypatch.setattr(session, "all", swept_after)
                return await repository.locked(session, keys)
        finally:
            await database.close()

    assert asyncio.run(run()).keys() == set(keys)


def test_after_five_wrong_passwords_the_right_one_has_to_wait(
    client: httpx.Client, credentials: Json, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert guess(client, credentials, 5) == [401] * 5

    work = counted_work(monkeypatch)
    refused = client.post(LOGIN, json=credentials)

    _ = problem(refused, 429, "too-many-attempts")
    assert header(refused, "retry-after") == "1"
    assert work()["match"] == 0
    earlier(sql, 2)
    assert client.post(LOGIN, json=credentials).status_code == 200
    # The right password starts anew.
    assert guess(client, credentials, 5) == [401] * 5


def test_each_further_wrong_password_doubles_the_wait_up_to_a_quarter_of_an_hour(
    client: httpx.Client, credentials: Json, sql: Sql
) -> None:
    waits: list[int] = []
    assert guess(client, credentials, 5) == [401] * 5
    for _ in range(12):
        waits.append(int(header(client.post(LOGIN, json=credentials), "retry-after")))
        earlier(sql, waits[-1] + 1)
        assert guess(client, credentials, 1) == [401]

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_an_address_that_nobody_has_is_treated_the_same(client: httpx.Client, credentials: Json) -> None:
    nobody = credentials | {"email": new_address()}
    for _ in range(2):
        assert guess(client, credentials, 3) == guess(client, nobody, 3)

    known, unknown = client.post(LOGIN, json=credentials), client.post(LOGIN, json=nobody)

    same = {"request_id": ""}
    assert problem(known, 429) | same == problem(unknown, 429) | same
    assert header(known, "retry-after") == header(unknown, "retry-after")


def test_a_wrong_password_costs_the_same_whether_or_not_the_address_is_known(
    client: httpx.Client, credentials: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = counted_work(monkeypatch)

    assert guess(client, credentials, 1) == [401]
    known = work()
    assert guess(client, credentials | {"email": new_address()}, 1) == [401]

    assert known["match"] == 1
    assert work() == known


def test_many_guesses_at_once_are_no_way_around(client: httpx.Client, credentials: Json) -> None:
    sent = credentials | {"password": WRONG}

    answers = at_once([partial(client.post, LOGIN, json=sent)] * 20)

    assert sorted(each.status_code for each in answers) == [401] * 5 + [429] * 15


def test_the_wait_ends_by_itself(client: httpx.Client, credentials: Json, sql: Sql) -> None:
    assert guess(client, credentials, 6)[-1] == 429
    earlier(sql, 86_401)

    assert guess(client, credentials, 5) == [401] * 5


@pytest.fixture
def place(service: Service) -> Iterator[Callable[[int], httpx.Client]]:
    """A client at another address of this machine: 127.0.0.2 and so on."""
    with ExitStack() as stack:

        def at(number: int) -> httpx.Client:
            transport = httpx.HTTPTransport(local_address=f"127.0.0.{number}")
            return stack.enter_context(httpx.Client(base_url=service.url, transport=transport))

        yield at


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS gives this machine one loopback address")
def test_guesses_from_elsewhere_lock_nobody_out_who_signed_in_here_before(
    client: httpx.Client, credentials: Json, sql: Sql, place: Callable[[int], httpx.Client]
) -> None:
    assert client.post(LOGIN, json=credentials).status_code == 200
    for number in range(2, 7):
        assert guess(place(number), credentials, 6) == [401] * 5 + [429]

    somewhere = place(7)
    assert header(somewhere.post(LOGIN, json=credentials), "retry-after") == "1"
    _ = sql("UPDATE sign_in_attempts SET failures = 1000 WHERE failures = 25")
    assert header(somewhere.post(LOGIN, json=credentials), "retry-after") == "60"
    assert client.post(LOGIN, json=credentials).status_code == 200


@pytest.mark.usefixtures("strictest")
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS gives this machine one loopback address")
def test_at_its_strictest_an_account_is_locked_for_half_an_hour_after_ten_attempts_from_wherever(
    client: httpx.Client, credentials: Json, sql: Sql, place: Callable[[int], httpx.Client]
) -> None:
    assert client.post(LOGIN, json=credentials).status_code == 200
    assert guess(place(2), credentials, 5) == [401] * 5
    assert guess(place(3), credentials, 6) == [401] * 5 + [429]

    # It signed in here a moment ago, and has to wait all the same.
    assert header(client.post(LOGIN, json=credentials), "retry-after") == "1800"
    earlier(sql, 1790)
    assert client.post(LOGIN, json=credentials).status_code == 429
    earlier(sql, 11)
    assert client.post(LOGIN, json=credentials).status_code == 200


def test_what_is_stored_names_nobody_and_is_swept(client: httpx.Client, credentials: Json, sql: Sql) -> None:
    assert guess(client, credentials, 1) == [401]
    rows = sql("SELECT * FROM sign_in_attempts")
    assert len(rows) == 3
    assert str(credentials["email"]) not in str(rows)
    assert "127.0.0.1" not in str(rows)
    _ = sql("UPDATE sign_in_attempts SET kept_until = now() - interval '1 second'")

    assert guess(client, credentials | {"email": new_address()}, 1) == [401]

    assert len(sql("SELECT * FROM sign_in_attempts")) == 3
