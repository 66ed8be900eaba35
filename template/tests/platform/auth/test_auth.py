"""Signing in, staying signed in and signing out, over HTTP."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import jwt
import pytest
from argon2 import PasswordHasher

from app import defaults
from tests.conftest import PASSWORD, Sql, email_index, new_address
from tests.platform.sessions import LOGIN, ME, REFRESH, bearer, refreshed, session_of, signed_in
from tests.wire import Json, body, eventually, pointers, problem

LOGOUT = "/v1/auth/logout"


@pytest.fixture
def pair(client: httpx.Client, credentials: Json) -> Json:
    """The two tokens of a new session."""
    return signed_in(client, credentials)


def test_signing_in_hands_out_a_short_lived_token_and_one_that_renews_it(client: httpx.Client, pair: Json) -> None:
    assert sorted(pair) == ["access_token", "expires_in", "refresh_token", "token_type"]
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", defaults.ACCESS_TOKEN_SECONDS)
    assert client.get(ME, headers=bearer(pair)).status_code == 200
    said: Json = jwt.decode(str(pair["access_token"]), options={"verify_signature": False})
    assert jwt.get_unverified_header(str(pair["access_token"]))["alg"] == "EdDSA"
    assert sorted(said) == ["amr", "aud", "exp", "iat", "iss", "jti", "nbf", "role", "sid", "sub"]


def test_an_address_may_be_written_in_capitals(client: httpx.Client, credentials: Json) -> None:
    capitals = {**credentials, "email": str(credentials["email"]).upper()}

    assert client.post(LOGIN, json=capitals).status_code == 200


def test_an_unknown_address_and_a_wrong_password_get_the_same_answer(client: httpx.Client, credentials: Json) -> None:
    wrong = problem(client.post(LOGIN, json={**credentials, "password": "wrong horse battery"}), 401)
    short = problem(client.post(LOGIN, json={**credentials, "password": ""}), 401)
    unknown = problem(client.post(LOGIN, json={**credentials, "email": new_address()}), 401)

    same = {"request_id": ""}
    assert wrong["type"] == "urn:problem:wrong-credentials"
    assert wrong | same == short | same == unknown | same


@pytest.mark.parametrize(
    ("sent", "where"),
    [({"password": "x" * 129}, "#/password"), ({"remember": True}, "#/remember"), ({"email": "x"}, "#/email")],
)
def test_a_login_that_does_not_fit_is_refused(client: httpx.Client, credentials: Json, sent: Json, where: str) -> None:
    response = client.post(LOGIN, json={**credentials, **sent})

    _ = problem(response, 422, "invalid")
    assert pointers(response) == {where}


def test_a_password_that_was_hashed_with_less_is_hashed_anew(client: httpx.Client, credentials: Json, sql: Sql) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, hash_len=16).hash(PASSWORD)
    _ = sql("UPDATE accounts SET password_hash = $2 WHERE email_index = $1", email_index(credentials["email"]), weak)

    assert client.post(LOGIN, json={**credentials, "password": "wrong horse battery"}).status_code == 401
    assert _hash(sql, credentials) == weak

    assert client.post(LOGIN, json=credentials).status_code == 200
    anew = _hash(sql, credentials)
    assert anew != weak

    assert client.post(LOGIN, json=credentials).status_code == 200
    assert _hash(sql, credentials) == anew


def _hash(sql: Sql, credentials: Json) -> object:
    index = email_index(credentials["email"])
    return sql("SELECT password_hash FROM accounts WHERE email_index = $1", index)[0]["password_hash"]


def test_a_refresh_hands_out_the_next_pair(client: httpx.Client, pair: Json) -> None:
    following = body(refreshed(client, pair))

    assert following["refresh_token"] != pair["refresh_token"]
    assert client.get(ME, headers=bearer(following)).status_code == 200
    assert refreshed(client, following).status_code == 200


def test_a_refresh_token_that_is_used_twice_ends_its_session(client: httpx.Client, pair: Json, sql: Sql) -> None:
    following = body(refreshed(client, pair))

    _ = problem(refreshed(client, pair), 401, "refresh-token-reused")

    # The end of the session outlives the refusal that reported it.
    _ = problem(refreshed(client, following), 401, "refresh-token-refused")
    _ = problem(refreshed(client, pair), 401, "refresh-token-refused")
    assert _ended(sql, pair)
    _ = problem(client.get(ME, headers=bearer(following)), 401, "unauthorized")


def test_a_session_ends_however_much_it_is_used(client: httpx.Client, pair: Json, sql: Sql) -> None:
    nearly = timedelta(seconds=defaults.SESSION_SECONDS - 60)
    _ = sql("UPDATE sessions SET created_at = now() - $2::interval WHERE id = $1", session_of(bearer(pair)), nearly)

    following = body(refreshed(client, pair))

    assert 0 < _seconds_left(sql, following) <= 60
    said: Json = jwt.decode(str(following["access_token"]), options={"verify_signature": False})
    assert 0 < int(str(said["exp"])) - int(str(said["iat"])) <= 60
    assert 0 < int(str(following["expires_in"])) <= 60


def test_the_end_of_one_session_leaves_the_others(client: httpx.Client, credentials: Json) -> None:
    one, other = (signed_in(client, credentials) for _ in range(2))
    assert refreshed(client, one).status_code == 200
    assert refreshed(client, one).status_code == 401

    assert refreshed(client, other).status_code == 200


def test_of_two_racing_refreshes_one_wins_and_the_session_ends(client: httpx.Client, pair: Json, sql: Sql) -> None:
    # Both are held back until both are under way, so that neither has seen what the other does.
    _ = sql("BEGIN")
    _ = sql("SELECT 1 FROM refresh_tokens WHERE digest = $1 FOR UPDATE", _digest(pair))
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(refreshed, client, pair) for _ in range(2)]
        eventually(lambda: _waiting(sql) == 2)
        _ = sql("COMMIT")
        answers = [each.result() for each in both]

    assert sorted(each.status_code for each in answers) == [200, 401]
    won = next(each for each in answers if each.status_code == 200)
    _ = problem(refreshed(client, body(won)), 401, "refresh-token-refused")
    assert _ended(sql, pair)


def _waiting(sql: Sql) -> object:
    _ = sql("SELECT pg_stat_clear_snapshot()")
    lock = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return sql(lock)[0]["count"]


def _ended(sql: Sql, tokens: Json) -> bool:
    return sql("SELECT ended_at FROM sessions WHERE id = $1", session_of(bearer(tokens)))[0]["ended_at"] is not None


def test_a_refresh_token_expires(client: httpx.Client, pair: Json, sql: Sql) -> None:
    _ = sql("UPDATE refresh_tokens SET expires_at = now() WHERE digest = $1", _digest(pair))

    _ = problem(refreshed(client, pair), 401, "refresh-token-refused")


def test_only_the_hash_of_a_refresh_token_is_stored(pair: Json, sql: Sql) -> None:
    stored = sql("SELECT * FROM refresh_tokens WHERE digest = $1", _digest(pair))

    assert len(stored) == 1
    assert str(pair["refresh_token"]) not in str(stored)
    assert abs(_seconds_left(sql, pair) - defaults.REFRESH_TOKEN_SECONDS) < 60


def _seconds_left(sql: Sql, tokens: Json) -> float:
    lifetime = "SELECT extract(epoch FROM expires_at - now()) AS left FROM refresh_tokens WHERE digest = $1"
    return float(str(sql(lifetime, _digest(tokens))[0]["left"]))


def _digest(tokens: Json) -> bytes:
    return hashlib.sha256(str(tokens["refresh_token"]).encode()).digest()


@pytest.mark.parametrize("token", ["x", "x" * 100, "\x00", "\u2603"])
def test_a_refresh_token_that_is_none_is_401(client: httpx.Client, token: str) -> None:
    _ = problem(client.post(REFRESH, json={"refresh_token": token}), 401, "refresh-token-refused")


@pytest.mark.parametrize("token", ["", "x" * 101, None, 7])
def test_a_refresh_token_that_cannot_be_one_is_422(client: httpx.Client, token: object) -> None:
    _ = problem(client.post(REFRESH, json={"refresh_token": token}), 422, "invalid")


def test_a_refresh_needs_no_access_token_and_minds_no_bad_one(client: httpx.Client, pair: Json) -> None:
    sent = {"refresh_token": pair["refresh_token"]}

    assert client.post(REFRESH, json=sent, headers={"authorization": "Bearer x"}).status_code == 200


def test_signing_out_ends_the_session(client: httpx.Client, pair: Json) -> None:
    response = client.post(LOGOUT, headers=bearer(pair))

    assert (response.status_code, response.content) == (204, b"")
    _ = problem(refreshed(client, pair), 401, "refresh-token-refused")
    assert "ended" in str(problem(client.get(ME, headers=bearer(pair)), 401, "unauthorized")["detail"])
    _ = problem(client.post(LOGOUT, headers=bearer(pair)), 401, "unauthorized")


def test_signing_out_needs_a_token(client: httpx.Client) -> None:
    _ = problem(client.post(LOGOUT), 401, "unauthorized")


def test_the_tokens_of_a_deleted_account_renew_nothing(
    client: httpx.Client, credentials: Json, pair: Json, sql: Sql
) -> None:
    _ = sql("DELETE FROM accounts WHERE email_index = $1", email_index(credentials["email"]))

    _ = problem(refreshed(client, pair), 401, "refresh-token-refused")


def test_the_tokens_of_a_disabled_account_renew_nothing(
    client: httpx.Client, credentials: Json, pair: Json, sql: Sql
) -> None:
    _ = sql("UPDATE accounts SET disabled_at = now() WHERE email_index = $1", email_index(credentials["email"]))

    _ = problem(refreshed(client, pair), 401, "refresh-token-refused")
