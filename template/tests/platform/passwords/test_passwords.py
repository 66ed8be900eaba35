"""Changing passwords over HTTP, and setting a lost one."""

from datetime import timedelta

import httpx
import pytest
from click.testing import CliRunner, Result

from app import defaults
from app.platform.attempts import service as attempts
from app.platform.passwords.cli import commands
from tests.conftest import PASSWORD, Sql, email_index, new_address
from tests.platform.sessions import LOGIN, bearer, refreshed, signed_in
from tests.wire import Json, pointers, problem

CHANGE = "/v1/passwords/change"
NEW = "7 grey kettles"


def test_a_change_ends_the_other_sessions(client: httpx.Client, credentials: Json) -> None:
    here, there = signed_in(client, credentials), signed_in(client, credentials)
    sent = {"current_password": PASSWORD, "new_password": NEW}

    assert client.post(CHANGE, json=sent, headers=bearer(here)).status_code == 204

    assert refreshed(client, there).status_code == 401
    assert refreshed(client, here).status_code == 200
    _ = problem(client.post(LOGIN, json=credentials), 401, "wrong-credentials")
    _ = signed_in(client, credentials | {"password": NEW})


def test_a_change_needs_the_current_password_and_guesses_are_counted(client: httpx.Client, credentials: Json) -> None:
    pair = signed_in(client, credentials)
    sent = {"current_password": "wrong horse battery", "new_password": NEW}

    for _ in range(5):
        _ = problem(client.post(CHANGE, json=sent, headers=bearer(pair)), 403, "wrong-password")

    right = sent | {"current_password": PASSWORD}
    _ = problem(client.post(CHANGE, json=right, headers=bearer(pair)), 429, "too-many-attempts")


def test_a_change_needs_a_caller(client: httpx.Client) -> None:
    sent = {"current_password": PASSWORD, "new_password": NEW}

    _ = problem(client.post(CHANGE, json=sent), 401, "unauthorized")


def test_a_change_by_a_deleted_account_is_404(client: httpx.Client, credentials: Json, sql: Sql) -> None:
    pair = signed_in(client, credentials)
    _ = sql("DELETE FROM accounts WHERE email_index = $1", email_index(credentials["email"]))
    sent = {"current_password": PASSWORD, "new_password": NEW}

    _ = problem(client.post(CHANGE, json=sent, headers=bearer(pair)), 404, "account-gone")


@pytest.mark.parametrize(
    "password",
    ["password1234", "P@ssw0rd1234!", "qwertyuiop12", "iloveyou2024!!", "aaaaaaaaaaaa", "abcabcabcabc", "123456789012"],
)
def test_a_common_password_is_refused_with_its_place(client: httpx.Client, password: str) -> None:
    response = client.post("/v1/accounts", json={"email": new_address(), "password": password})

    _ = problem(response, 422, "invalid")
    assert pointers(response) == {"#/password"}
    assert password not in response.text


@pytest.mark.parametrize("password", ["correct horse battery", "4815162342 108 77"])
def test_where_it_is_demanded_a_password_mixes_digits_and_letters(
    client: httpx.Client, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {"email": new_address(), "password": password}
    monkeypatch.setattr(defaults, "PASSWORD_MIXES", True)
    refused = client.post("/v1/accounts", json=sent)
    accepted = client.post("/v1/accounts", json=sent | {"password": f"{password} k7"})
    monkeypatch.setattr(defaults, "PASSWORD_MIXES", False)

    _ = problem(refused, 422, "invalid")
    assert pointers(refused) == {"#/password"}
    assert accepted.status_code == 202
    assert client.post("/v1/accounts", json=sent | {"email": new_address()}).status_code == 202


def test_a_password_made_of_what_everybody_knows_is_refused(client: httpx.Client, credentials: Json) -> None:
    address = new_address()
    for password in (address, address.upper(), f"{address}1", f"{defaults.PROJECT_NAME.lower()} 2024 "):
        response = client.post("/v1/accounts", json={"email": address, "password": password.ljust(12, "!")})
        assert response.status_code == 422, password
    pair = signed_in(client, credentials)
    sent = {"current_password": PASSWORD, "new_password": credentials["email"]}

    response = client.post(CHANGE, json=sent, headers=bearer(pair))

    _ = problem(response, 422, "invalid")
    assert pointers(response) == {"#/new_password"}


def test_a_password_is_the_same_however_it_was_typed(client: httpx.Client) -> None:
    address = new_address()
    composed, decomposed = "caf\u00e9 kettle 7", "cafe\u0301 kettle 7"

    assert client.post("/v1/accounts", json={"email": address, "password": composed}).status_code == 202
    assert client.post(LOGIN, json={"email": address, "password": decomposed}).status_code == 200


def test_a_password_that_an_operator_sets_lifts_the_lock_that_strangers_caused(
    client: httpx.Client, credentials: Json, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PAIR", attempts.Backoff(free=1_000, longest=1))
    monkeypatch.setattr(attempts, "ACCOUNT", attempts.Backoff(free=5, longest=1800, first=1800))
    monkeypatch.setattr(attempts, "_KNOWN", timedelta(0))
    _ = sql("DELETE FROM sign_in_attempts")
    for _ in range(5):
        _ = problem(client.post(LOGIN, json=credentials | {"password": "wrong horse battery"}), 401)
    _ = problem(client.post(LOGIN, json=credentials), 429, "too-many-attempts")

    monkeypatch.setenv("NEW_PASSWORD", NEW)
    assert set_password(str(credentials["email"])).exit_code == 0

    _ = signed_in(client, credentials | {"password": NEW})


def set_password(address: str, *, asked: str | None = None) -> Result:
    return CliRunner().invoke(commands[0], [address], input=asked)


def test_an_operator_sets_a_lost_password(
    client: httpx.Client, credentials: Json, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, pair = str(credentials["email"]), signed_in(client, credentials)

    done = set_password(address.upper(), asked=f"{NEW} again\n{NEW} again\n")

    assert done.exit_code == 0, done.output
    assert NEW not in done.output
    assert refreshed(client, pair).status_code == 401
    _ = problem(client.post(LOGIN, json=credentials), 401, "wrong-credentials")
    _ = signed_in(client, credentials | {"password": f"{NEW} again"})
    (account,) = sql("SELECT id::text FROM accounts WHERE email_index = $1", email_index(address))
    entry = "SELECT reason FROM audit_entries WHERE subject_id = $1 AND event = 'passwords.change'"
    assert sql(entry, account["id"]) == [{"reason": "by app set-password"}]

    for given, said in (("short", "12 to 128 characters"), ("password1234", "Choose another one")):
        monkeypatch.setenv("NEW_PASSWORD", given)
        refused = set_password(address)
        assert (refused.exit_code, said in refused.output) == (1, True)
    monkeypatch.setenv("NEW_PASSWORD", NEW)
    assert "has no account" in set_password(new_address()).output
    assert set_password("nobody").exit_code == 2
