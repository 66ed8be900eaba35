"""Confirming addresses over HTTP."""

import hashlib
from datetime import timedelta
from functools import partial
from uuid import UUID

import httpx
import pytest

from app.kit import clock
from app.kit.crypto import Place
from app.kit.ids import uuid7, uuid7_floor
from app.platform.accounts import repository
from app.settings import settings
from tests.conftest import PASSWORD, SetEnvironment, Sql, Start, email_index, new_address
from tests.platform.auth.test_retention import retained
from tests.platform.mail.mailbox import mail, mails, secret_in
from tests.wire import Json, body, counted_work, problem

PATH = "/v1/email-verifications"
REQUESTS = f"{PATH}/requests"


@pytest.fixture
def address(client: httpx.Client) -> str:
    """The address of a new account, not confirmed."""
    found = new_address()
    assert client.post("/v1/accounts", json={"email": found, "password": PASSWORD}).status_code == 202
    return found


def verified(sql: Sql, address: str) -> bool:
    found = "SELECT 1 FROM confirmed_addresses JOIN accounts ON id = account_id WHERE email_index = $1"
    return sql(found, email_index(address)) != []


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
    assert sql("SELECT count(*) FROM account_links WHERE used_at IS NULL AND purpose = 'verify-email' AND account_id = "
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


def test_accounts_that_nobody_confirmed_go_where_that_is_demanded(
    client: httpx.Client, sql: Sql, set_environment: SetEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: dict[str, UUID] = {}
    month_ago = uuid7_floor(clock.now() - timedelta(days=31)).int
    for number, what in enumerate(("old", "new", "confirmed", "used", "editor")):
        address = new_address()
        if what == "new":
            monkeypatch.setattr(repository, "uuid7", uuid7)
        else:
            monkeypatch.setattr(repository, "uuid7", partial(UUID, int=month_ago + number))
        assert client.post("/v1/accounts", json={"email": address, "password": PASSWORD}).status_code == 202
        found = sql("SELECT id FROM accounts WHERE email_index = $1", email_index(address))
        ids[what] = UUID(str(found[0]["id"]))
    _ = sql("INSERT INTO confirmed_addresses (account_id) VALUES ($1)", ids["confirmed"])
    _ = sql("UPDATE accounts SET role = 'editor' WHERE id = $1", ids["editor"])
    _ = sql("INSERT INTO items (id, owner_id, name) VALUES (uuidv7(), $1, 'Mine')", ids["used"])

    _ = retained()
    assert len(sql("SELECT 1 FROM accounts WHERE id = ANY($1)", list(ids.values()))) == 5
    set_environment(REQUIRE_VERIFIED_EMAIL="true")
    _ = retained()

    left = {each["id"] for each in sql("SELECT id FROM accounts WHERE id = ANY($1)", list(ids.values()))}
    assert left == set(ids.values()) - {ids["old"]}


def test_links_go_a_day_after_they_have_expired(someone: httpx.Client, sql: Sql) -> None:
    account = UUID(str(body(someone.get("/v1/accounts/me"))["id"]))
    link = (
        "INSERT INTO account_links (id, account_id, purpose, digest, bound_to, expires_at) VALUES "
        "(uuidv7(), $1, 'reset-password', sha256($2::integer::text::bytea), sha256('b'), "
        "now() - $2::integer * interval '1 hour') RETURNING id"
    )
    old, new = (sql(link, account, hours)[0]["id"] for hours in (25, 23))

    _ = retained()

    left = [each["id"] for each in sql("SELECT id FROM account_links WHERE account_id = $1", account)]
    assert old not in left
    assert new in left
