"""Changing and resetting passwords over HTTP."""

import hashlib
from functools import partial

import httpx
import pytest

from app import defaults
from tests.conftest import PASSWORD, Sql, email_index, new_address
from tests.wire import Json, at_once, body, counted_work, eventually, mail, mails, pointers, problem, secret_in

CHANGE = "/v1/passwords/change"
REQUESTS = "/v1/passwords/reset-requests"
RESETS = "/v1/passwords/resets"
LOGIN = "/v1/auth/login"
REFRESH = "/v1/auth/refresh"
NEW = "7 grey kettles"


@pytest.fixture
def credentials(client: httpx.Client) -> Json:
    """The address and the password of a new account."""
    made: Json = {"email": new_address(), "password": PASSWORD}
    assert client.post("/v1/accounts", json=made).status_code == 202
    return made


def signed_in(client: httpx.Client, credentials: Json) -> Json:
    response = client.post(LOGIN, json=credentials)
    assert response.status_code == 200, response.text
    return body(response)


def refreshed(client: httpx.Client, pair: Json) -> int:
    return client.post(REFRESH, json={"refresh_token": pair["refresh_token"]}).status_code


def bearer(pair: Json) -> dict[str, str]:
    return {"authorization": f"Bearer {pair['access_token']}"}


def mailed(client: httpx.Client, credentials: Json) -> str:
    """The secret of a link that resets the password."""
    assert client.post(REQUESTS, json={"email": credentials["email"]}).status_code == 202
    return secret_in(mail(str(credentials["email"]), "Choose a new password"))


def test_a_change_ends_the_other_sessions_and_says_so_by_mail(client: httpx.Client, credentials: Json) -> None:
    here, there = signed_in(client, credentials), signed_in(client, credentials)
    sent = {"current_password": PASSWORD, "new_password": NEW}

    assert client.post(CHANGE, json=sent, headers=bearer(here)).status_code == 204

    assert refreshed(client, there) == 401
    assert refreshed(client, here) == 200
    _ = problem(client.post(LOGIN, json=credentials), 401, "wrong-credentials")
    _ = signed_in(client, credentials | {"password": NEW})
    assert "was changed" in mail(str(credentials["email"]), "Your password for")


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


def test_a_reset_sets_the_password_once_and_ends_every_session(
    client: httpx.Client, credentials: Json, sql: Sql
) -> None:
    pair = signed_in(client, credentials)
    secret = mailed(client, credentials)

    assert client.post(RESETS, json={"token": secret, "password": NEW}).status_code == 204

    assert refreshed(client, pair) == 401
    _ = problem(client.post(LOGIN, json=credentials), 401, "wrong-credentials")
    _ = signed_in(client, credentials | {"password": NEW})
    again = {"token": secret, "password": "8 grey kettles"}
    _ = problem(client.post(RESETS, json=again), 400, "link-refused")
    # Whoever reads mail at the address has shown that it is theirs.
    row = sql("SELECT email_verified_at FROM accounts WHERE email_index = $1", email_index(credentials["email"]))[0]
    assert row["email_verified_at"] is not None
    assert "was changed" in mail(str(credentials["email"]), "Your password for")


def test_of_racing_resets_with_one_link_one_wins(client: httpx.Client, credentials: Json) -> None:
    secret = mailed(client, credentials)
    each = [{"token": secret, "password": f"{number} grey kettles"} for number in range(10, 15)]

    answers = at_once([partial(client.post, RESETS, json=sent) for sent in each])

    assert sorted(answer.status_code for answer in answers) == [204, 400, 400, 400, 400]
    won = next(sent for sent, answer in zip(each, answers, strict=True) if answer.status_code == 204)
    _ = signed_in(client, credentials | {"password": won["password"]})


def test_a_link_is_void_once_the_password_has_changed(client: httpx.Client, credentials: Json) -> None:
    secret = mailed(client, credentials)
    pair = signed_in(client, credentials)
    sent = {"current_password": PASSWORD, "new_password": NEW}
    assert client.post(CHANGE, json=sent, headers=bearer(pair)).status_code == 204

    late = {"token": secret, "password": "8 grey kettles"}
    _ = problem(client.post(RESETS, json=late), 400, "link-refused")
    _ = signed_in(client, credentials | {"password": NEW})


def test_a_link_expires_after_half_an_hour(client: httpx.Client, credentials: Json, sql: Sql) -> None:
    secret = mailed(client, credentials)
    digest = hashlib.sha256(secret.encode()).digest()
    left = "SELECT extract(epoch FROM expires_at - now()) AS left FROM account_links WHERE digest = $1"
    assert 1_740 < float(str(sql(left, digest)[0]["left"])) <= 1_800

    _ = sql("UPDATE account_links SET expires_at = now() WHERE digest = $1", digest)

    _ = problem(client.post(RESETS, json={"token": secret, "password": NEW}), 400, "link-refused")


def test_a_refused_password_leaves_the_link_good(client: httpx.Client, credentials: Json) -> None:
    secret = mailed(client, credentials)

    weak = client.post(RESETS, json={"token": secret, "password": "password1234"})

    _ = problem(weak, 422, "invalid")
    assert pointers(weak) == {"#/password"}
    assert client.post(RESETS, json={"token": secret, "password": NEW}).status_code == 204


@pytest.mark.parametrize("token", ["x", "x" * 100, "\x00", "\u2603"])
def test_what_is_no_link_is_400(client: httpx.Client, token: str) -> None:
    _ = problem(client.post(RESETS, json={"token": token, "password": NEW}), 400, "link-refused")


def test_asking_tells_nothing_of_the_address(
    client: httpx.Client, credentials: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = counted_work(monkeypatch)
    unknown = client.post(REQUESTS, json={"email": "nobody@example.com"})
    of_nobody = work()
    known = client.post(REQUESTS, json={"email": credentials["email"]})

    assert (known.status_code, [*known.headers]) == (unknown.status_code, [*unknown.headers])
    assert body(known)["detail"] == body(unknown)["detail"]
    assert of_nobody.total() > 0
    assert work() == of_nobody


def test_asking_again_and_again_fills_no_mailbox(client: httpx.Client, credentials: Json) -> None:
    address = str(credentials["email"])
    first = mailed(client, credentials)
    for _ in range(4):
        _ = client.post(REQUESTS, json={"email": address})
    _ = client.post("/v1/email-verifications/requests", json={"email": address})
    # The last of them, so that the others were dealt with.
    eventually(lambda: len([each for each in mails(address) if "Confirm" in each["Subject"]]) == 2)

    assert len([each for each in mails(address) if "Choose a new" in each["Subject"]]) == 3
    assert client.post(RESETS, json={"token": first, "password": NEW}).status_code == 204


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
