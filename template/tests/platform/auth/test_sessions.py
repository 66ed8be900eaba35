"""My sessions: seen, ended one by one, ended all at once; and ended for every instance, at once."""

import os
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import cast
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from app import defaults
from app.kit import routing, state
from app.platform.auth import revocation
from app.platform.auth.tokens import Tokens
from app.settings import settings
from tests.conftest import Log, SetEnvironment, SignUp, Sql, Start
from tests.http import trouble
from tests.platform.sessions import LOGIN, ME, bearer, session_of, signed_in
from tests.wire import Json, Service, body, eventually, problem, rows

LOGOUT = "/v1/auth/logout"
SESSIONS = "/v1/auth/sessions"


def entered(client: httpx.Client, credentials: Json, agent: str = "a test") -> dict[str, str]:
    """The header of a new session."""
    return bearer(signed_in(client, credentials, agent))


def alive(client: httpx.Client, headers: dict[str, str]) -> bool:
    """Whether an access token is accepted."""
    answer = client.get(ME, headers=headers)
    if answer.status_code != 200:
        _ = problem(answer, 401, "unauthorized")
    return answer.status_code == 200


# What they show


def test_my_open_sessions_newest_first(client: httpx.Client, credentials: Json) -> None:
    one, two = entered(client, credentials, "one"), entered(client, credentials, "two")

    shown = rows(client.get(SESSIONS, headers=one))

    assert [each["id"] for each in shown] == [session_of(two), session_of(one)]
    assert [each["user_agent"] for each in shown] == ["two", "one"]
    assert [each["current"] for each in shown] == [False, True]
    assert [each["address"] for each in shown] == ["127.0.0.1" if defaults.LOG_CLIENT_ADDRESS else "127.0.0.0/24"] * 2
    times = [datetime.fromisoformat(str(shown[0][each])) for each in ("created_at", "last_used_at", "expires_at")]
    assert times[0] == times[1]
    assert times[2] - times[1] == timedelta(seconds=defaults.REFRESH_TOKEN_SECONDS)


def test_lifetimes_can_be_shortened(start: Start, credentials: Json) -> None:
    with start(ACCESS_TOKEN_SECONDS="61", REFRESH_TOKEN_SECONDS="122", SESSION_SECONDS="120").connect() as client:
        assert client.post("/v1/accounts", json=credentials).status_code == 202
        pair = body(client.post("/v1/auth/login", json=credentials))
        shown = rows(client.get(SESSIONS, headers={"Authorization": f"Bearer {pair['access_token']}"}))[0]

    claims = cast("Json", jwt.decode(str(pair["access_token"]), options={"verify_signature": False}))
    assert (pair["expires_in"], int(str(claims["exp"])) - int(str(claims["iat"]))) == (61, 61)
    begun, until = (datetime.fromisoformat(str(shown[each])) for each in ("created_at", "expires_at"))
    assert until - begun == timedelta(seconds=120)


def test_an_access_token_lives_no_longer_than_what_renews_it(start: Start, credentials: Json) -> None:
    with start(REFRESH_TOKEN_SECONDS="60").connect() as client:
        assert client.post("/v1/accounts", json=credentials).status_code == 202

        assert 55 < int(str(body(client.post("/v1/auth/login", json=credentials))["expires_in"])) <= 60


@pytest.mark.parametrize("name", ["ACCESS_TOKEN_SECONDS", "REFRESH_TOKEN_SECONDS", "SESSION_SECONDS"])
def test_lifetimes_can_not_be_lengthened(set_environment: SetEnvironment, name: str) -> None:
    most = int(str(getattr(defaults, name)))
    set_environment(**{name: str(most)})
    assert settings()
    set_environment(**{name: str(most + 1)})
    with pytest.raises(ValidationError, match=name.lower()):
        _ = settings()


def test_they_come_in_pages(client: httpx.Client, credentials: Json) -> None:
    headers = [entered(client, credentials) for _ in range(3)]
    seen: list[object] = []
    query = {"limit": "2"}
    for _ in range(2):
        page = client.get(SESSIONS, headers=headers[0], params=query)
        seen += [each["id"] for each in rows(page)]
        query["cursor"] = str(body(page)["next_cursor"])

    assert seen == [session_of(each) for each in reversed(headers)]
    assert query["cursor"] == "None"


def test_a_refresh_is_a_use(client: httpx.Client, credentials: Json, sql: Sql) -> None:
    pair = body(client.post(LOGIN, json=credentials))
    headers = {"authorization": f"Bearer {pair['access_token']}"}
    _ = sql("UPDATE sessions SET last_used_at = now() - interval '10 minutes' WHERE id = $1", session_of(headers))
    before = rows(client.get(SESSIONS, headers=headers))[0]

    assert client.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}).status_code == 200

    after = rows(client.get(SESSIONS, headers=headers))[0]
    for when in ("last_used_at", "expires_at"):
        moved = datetime.fromisoformat(str(after[when])) - datetime.fromisoformat(str(before[when]))
        assert abs(moved - timedelta(minutes=10)) < timedelta(seconds=30)


@pytest.mark.parametrize(
    ("changed", "by"),
    [("last_used_at", defaults.REFRESH_TOKEN_SECONDS), ("created_at", defaults.SESSION_SECONDS)],
)
def test_one_that_is_over_is_not_shown(
    client: httpx.Client, credentials: Json, sql: Sql, changed: str, by: int
) -> None:
    old, new = (entered(client, credentials) for _ in range(2))
    assert len(rows(client.get(SESSIONS, headers=new))) == 2

    _ = sql(
        f"UPDATE sessions SET {changed} = now() - $2::interval WHERE id = $1",  # noqa: S608 - two names of columns
        session_of(old),
        timedelta(seconds=by),
    )

    assert [each["id"] for each in rows(client.get(SESSIONS, headers=new))] == [session_of(new)]


def test_what_a_client_calls_itself_is_bounded_and_has_no_controls(client: httpx.Client, credentials: Json) -> None:
    headers = entered(client, credentials, "\x9b31mred\t" + "x" * 300)

    assert rows(client.get(SESSIONS, headers=headers))[0]["user_agent"] == "31mred" + "x" * 194


def test_of_personal_data_only_the_network_is_kept(
    start: Start, credentials: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(defaults, "LOG_CLIENT_ADDRESS", False)
    with start().connect() as client:
        headers = entered(client, credentials)

        assert rows(client.get(SESSIONS, headers=headers))[0]["address"] == "127.0.0.0/24"


# Their end


def test_ending_one_leaves_the_others(client: httpx.Client, credentials: Json) -> None:
    here, there = (entered(client, credentials) for _ in range(2))
    assert alive(client, there)

    ended = client.delete(f"{SESSIONS}/{session_of(there)}", headers=here)

    assert (ended.status_code, ended.content) == (204, b"")
    assert (alive(client, here), alive(client, there)) == (True, False)
    _ = problem(client.delete(f"{SESSIONS}/{session_of(there)}", headers=here), 404, "session-not-found")


def test_the_session_of_somebody_else_is_404_and_stays(
    client: httpx.Client, credentials: Json, someone: httpx.Client
) -> None:
    theirs = entered(client, credentials)

    _ = problem(someone.delete(f"{SESSIONS}/{session_of(theirs)}"), 404, "session-not-found")

    assert session_of(theirs) not in [each["id"] for each in rows(someone.get(SESSIONS))]
    assert alive(client, theirs)


@pytest.mark.parametrize("kept", [True, False])
def test_ending_all_of_mine_and_nobody_elses(
    client: httpx.Client, credentials: Json, someone: httpx.Client, *, kept: bool
) -> None:
    here, there = (entered(client, credentials) for _ in range(2))

    ended = client.delete(SESSIONS, headers=here, params={"keep_current": kept})

    assert (ended.status_code, ended.content) == (204, b"")
    assert (alive(client, here), alive(client, there)) == (kept, False)
    assert someone.get(ME).status_code == 200


# Their end, elsewhere


@pytest.fixture
def elsewhere(start: Start, service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A client of another instance, which asks 50 times as often as in production."""
    assert service.url
    monkeypatch.setattr(revocation, "EVERY_SECONDS", 0.02)
    with start().connect() as found:
        yield found


def test_another_instance_refuses_within_two_seconds(
    start: Start, client: httpx.Client, credentials: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "EVERY_SECONDS", 1.0)
    with start().connect() as other:
        headers = [entered(client, credentials) for _ in range(2)]
        assert [alive(other, each) for each in headers] == [True, True]

        assert client.post(LOGOUT, headers=headers[0]).status_code == 204

        ended = monotonic()
        eventually(lambda: not alive(other, headers[0]))
        assert monotonic() - ended < 20
        assert alive(other, headers[1])


def test_an_instance_that_starts_knows_who_has_signed_out(
    start: Start, client: httpx.Client, credentials: Json
) -> None:
    headers = entered(client, credentials)
    assert client.post(LOGOUT, headers=headers).status_code == 204

    with start().connect() as other:
        assert not alive(other, headers)


def test_a_commit_that_takes_its_time_is_not_overlooked(
    elsewhere: httpx.Client, client: httpx.Client, credentials: Json, sql: Sql
) -> None:
    headers = entered(client, credentials)
    _ = sql("BEGIN")
    _ = sql("UPDATE sessions SET ended_at = now() WHERE id = $1", session_of(headers))
    sleep(0.3)  # the other instance looks a dozen times
    assert alive(elsewhere, headers)
    _ = sql("COMMIT")

    eventually(lambda: not alive(elsewhere, headers), seconds=2)


def test_what_is_known_outlives_the_database_and_what_is_missed_is_made_up_for(
    elsewhere: httpx.Client,
    client: httpx.Client,
    credentials: Json,
    sql: Sql,
    log: Log,
) -> None:
    one, two = (entered(client, credentials) for _ in range(2))
    assert client.post(LOGOUT, headers=one).status_code == 204
    eventually(lambda: not alive(elsewhere, one))

    _ = sql("ALTER TABLE sessions RENAME TO gone")
    try:
        sleep(0.2)
        _ = sql("UPDATE gone SET ended_at = now() WHERE id = $1", session_of(two))
        sleep(0.2)
        assert (alive(elsewhere, one), alive(elsewhere, two)) == (False, True)
    finally:
        _ = sql("ALTER TABLE gone RENAME TO sessions")

    eventually(lambda: not alive(elsewhere, two), seconds=2)
    assert not alive(elsewhere, one)
    said = log.text()
    assert said.count("revoked credentials unknown") == 1
    assert said.count("revoked credentials known again") == 1


def test_lost_connections_do_not_end_the_watch(
    elsewhere: httpx.Client, client: httpx.Client, credentials: Json, sql: Sql
) -> None:
    headers = entered(client, credentials)
    _ = sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = $1",
        defaults.PROJECT_SLUG,
    )
    _ = sql("UPDATE sessions SET ended_at = now() WHERE id = $1", session_of(headers))

    # A request may be the one that finds a connection lost: that is a 503.
    eventually(lambda: elsewhere.get(ME, headers=headers).status_code == 401, seconds=2)


def _nothing_longer(_: FastAPI) -> float:
    return 0.0


def test_an_end_that_is_rolled_back_is_forgotten(
    start: Start, sign_up: SignUp, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "EVERY_SECONDS", 0.02)
    monkeypatch.setattr("app.settings._MARGIN_SECONDS", 0.0)
    # Whatever times other operations give themselves.
    monkeypatch.setattr(routing, "longest", _nothing_longer)
    caller = sign_up(start(REQUEST_SECONDS="2"))
    name = f"never_{secrets.token_hex(4)}"
    _ = sql(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'")
    _ = sql(
        f"CREATE CONSTRAINT TRIGGER {name} AFTER UPDATE ON sessions DEFERRABLE INITIALLY DEFERRED "
        f"FOR EACH ROW EXECUTE FUNCTION {name}()"
    )
    try:
        _ = problem(caller.post(LOGOUT), 500)
        assert caller.get(ME).status_code == 401
        eventually(lambda: caller.get(ME).status_code == 200)
    finally:
        _ = sql(f"DROP TRIGGER {name} ON sessions")
        _ = sql(f"DROP FUNCTION {name}")


def test_the_age_of_what_is_known_is_measured(client: httpx.Client) -> None:
    text = client.get("/metrics", headers={"authorization": f"Bearer {os.environ['METRICS_TOKEN']}"}).text

    assert "\nauth_revocations_age_seconds " in text


def test_what_is_revoked_stays_so_for_as_long_as_the_longest_operation_may_take_to_commit(start: Start) -> None:
    revoked = uuid4()
    known = state.find(start(trouble.longest, REQUEST_SECONDS="10").app, Tokens).revoked
    known.note([revoked])

    known.forget(monotonic() + 600 + 15)
    assert revoked in known
    known.forget(monotonic() + 600 + 25)
    assert revoked not in known


def test_the_follower_looks_back_as_far(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[timedelta] = []

    class Kind:
        async def revoked(self, _: object, since: timedelta) -> list[UUID]:
            asked.append(since)
            return []

    monkeypatch.setattr(revocation, "kinds", lambda: (Kind(),))
    with start(trouble.longest, REQUEST_SECONDS="10").connect():
        assert asked[0] == timedelta(seconds=defaults.ACCESS_TOKEN_SECONDS + 600 + 20)
