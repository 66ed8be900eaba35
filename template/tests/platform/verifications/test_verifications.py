"""Confirming addresses over HTTP."""

import hashlib

import httpx
import pytest

from app.kit.crypto import Place
from app.settings import settings
from tests.conftest import PASSWORD, Sql, Start, email_index, new_address
from tests.wire import Json, body, counted_work, mail, mails, problem, secret_in

PATH = "/v1/email-verifications"
REQUESTS = f"{PATH}/requests"


@pytest.fixture
def address(client: httpx.Client) -> str:
    """The address of a new account, not confirmed."""
    found = new_address()
    assert client.post("/v1/accounts", json={"email": found, "password": PASSWORD}).status_code == 202
    return found


def verified(sql: Sql, address: str) -> bool:
    return (
        sql("SELECT email_verified_at FROM accounts WHERE email_index = $1", email_index(address))[0][
            "email_verified_at"
        ]
        is not None
    )


def test_the_link_in_the_mail_confirms_the_address_once(client: httpx.Client, sql: Sql, address: str) -> None:
    secret = secret_in(mail(address, "Confirm your address"))
    assert not verified(sql, address)
    assert sql("SELECT 1 AS kept FROM account_links WHERE digest = $1", hashlib.sha256(secret.encode()).digest())

    assert client.post(PATH, json={"token": secret}).status_code == 204

    assert verified(sql, address)
    _ = problem(client.post(PATH, json={"token": secret}), 400, "link-refused")


def test_a_link_for_another_purpose_confirms_nothing(client: httpx.Client, sql: Sql, address: str) -> None:
    _ = client.post("/v1/passwords/reset-requests", json={"email": address})
    secret = secret_in(mail(address, "Choose a new password"))

    _ = problem(client.post(PATH, json={"token": secret}), 400, "link-refused")
    assert not verified(sql, address)


def test_a_link_expires(client: httpx.Client, sql: Sql, address: str) -> None:
    secret = secret_in(mail(address, "Confirm your address"))
    _ = sql("UPDATE account_links SET expires_at = now() WHERE digest = $1", hashlib.sha256(secret.encode()).digest())

    _ = problem(client.post(PATH, json={"token": secret}), 400, "link-refused")


def test_a_link_is_void_when_the_address_has_changed(client: httpx.Client, sql: Sql, address: str) -> None:
    secret = secret_in(mail(address, "Confirm your address"))
    other = new_address()
    [account] = sql("SELECT id FROM accounts WHERE email_index = $1", email_index(address))
    sealed = settings().key_ring.seal(other, Place("accounts", "email", str(account["id"])))
    changed = "UPDATE accounts SET email = $2, email_index = $3 WHERE id = $1"
    _ = sql(changed, account["id"], sealed, email_index(other))

    _ = problem(client.post(PATH, json={"token": secret}), 400, "link-refused")
    assert not verified(sql, other)


def test_the_link_can_be_had_again_but_fills_no_mailbox(client: httpx.Client, sql: Sql, address: str) -> None:
    for _ in range(5):
        assert client.post(REQUESTS, json={"email": address}).status_code == 202
    _ = client.post("/v1/passwords/reset-requests", json={"email": address})
    assert mail(address, "Choose a new password")  # the last of them, so that the others were dealt with

    sent = [each for each in mails(address) if "Confirm your address" in each["Subject"]]
    assert len(sent) == 3
    assert client.post(PATH, json={"token": secret_in(str(sent[0].get_content()))}).status_code == 204
    assert sql("SELECT count(*) FROM account_links WHERE purpose = 'verify-email' AND account_id = "
               "(SELECT id FROM accounts WHERE email_index = $1)", email_index(address)) == [{"count": 0}]  # fmt: skip


def test_asking_tells_nothing_of_the_address(
    client: httpx.Client, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = counted_work(monkeypatch)
    unknown = client.post(REQUESTS, json={"email": "nobody@example.com"})
    of_nobody = work()
    known = client.post(REQUESTS, json={"email": address})

    assert (known.status_code, [*known.headers]) == (unknown.status_code, [*unknown.headers])
    assert body(known)["detail"] == body(unknown)["detail"]
    assert of_nobody.total() > 0
    assert work() == of_nobody


def test_where_it_is_demanded_nobody_signs_in_without(start: Start, sql: Sql) -> None:
    credentials: Json = {"email": new_address(), "password": PASSWORD}
    with start(REQUIRE_VERIFIED_EMAIL="true").connect() as client:
        assert client.post("/v1/accounts", json=credentials).status_code == 202
        secret = secret_in(mail(str(credentials["email"]), "Confirm your address"))

        wrong = credentials | {"password": "wrong horse battery"}
        _ = problem(client.post("/v1/auth/login", json=wrong), 401, "wrong-credentials")
        _ = problem(client.post("/v1/auth/login", json=credentials), 403, "email-not-verified")
        opened = "SELECT 1 FROM sessions JOIN accounts ON accounts.id = account_id WHERE email_index = $1"
        assert sql(opened, email_index(credentials["email"])) == []

        assert client.post(PATH, json={"token": secret}).status_code == 204
        assert client.post("/v1/auth/login", json=credentials).status_code == 200
