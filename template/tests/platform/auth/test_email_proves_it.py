"""Somebody signs up with an address that is not theirs, and waits for its owner."""

from collections.abc import Callable

import httpx
import pytest

from tests.conftest import PASSWORD, Sql, email_index, new_address
from tests.platform.mail.mailbox import mail, secret_in
from tests.wire import Json, body, problem, rows

LOGIN = "/v1/auth/login"
ITEMS = "/v1/items"


def _by_link(client: httpx.Client, address: str) -> httpx.Response:
    sent = {"token": secret_in(mail(address, "Confirm your address"))}
    return client.post("/v1/email-verifications", json=sent)


def _by_reset(client: httpx.Client, address: str) -> httpx.Response:
    assert client.post("/v1/passwords/reset-requests", json={"email": address}).status_code == 202
    sent = {"token": secret_in(mail(address, "Choose a new password")), "password": "7 grey kettles"}
    return client.post("/v1/passwords/resets", json=sent)


@pytest.mark.parametrize("prove", [_by_link, _by_reset])
def test_the_first_proof_of_an_address_ends_the_sessions_there_were(
    client: httpx.Client, sql: Sql, prove: Callable[[httpx.Client, str], httpx.Response]
) -> None:
    stranger: Json = {"email": new_address(), "password": PASSWORD}
    assert client.post("/v1/accounts", json=stranger).status_code == 202
    pair = body(client.post(LOGIN, json=stranger))
    theirs = {"authorization": f"Bearer {pair['access_token']}"}
    assert client.post(ITEMS, json={"name": "Kettle"}, headers=theirs).status_code == 201

    assert prove(client, str(stranger["email"])).status_code == 204

    _ = problem(client.get(ITEMS, headers=theirs), 401, "unauthorized")
    refused = client.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    _ = problem(refused, 401, "refresh-token-refused")
    # And only that.
    owned = "SELECT name FROM items JOIN accounts ON accounts.id = owner_id WHERE email_index = $1"
    assert sql(owned, email_index(stranger["email"])) == [{"name": "Kettle"}]


def test_a_later_proof_by_link_ends_nothing(client: httpx.Client) -> None:
    owner: Json = {"email": new_address(), "password": PASSWORD}
    assert client.post("/v1/accounts", json=owner).status_code == 202
    first = secret_in(mail(str(owner["email"]), "Confirm your address"))
    assert _by_reset(client, str(owner["email"])).status_code == 204
    pair = body(client.post(LOGIN, json=owner | {"password": "7 grey kettles"}))

    assert client.post("/v1/email-verifications", json={"token": first}).status_code == 204

    mine = {"authorization": f"Bearer {pair['access_token']}"}
    assert rows(client.get(ITEMS, headers=mine)) == []


CHOSEN = "9 green kettles, mine"


def test_the_first_proof_may_choose_the_password_and_a_stranger_knows_it_no_more(client: httpx.Client) -> None:
    stranger: Json = {"email": new_address(), "password": PASSWORD}
    assert client.post("/v1/accounts", json=stranger).status_code == 202
    link = secret_in(mail(str(stranger["email"]), "Confirm your address"))

    guessable = client.post("/v1/email-verifications", json={"token": link, "password": "password1234"})
    _ = problem(guessable, 422, "invalid")
    assert client.post(LOGIN, json=stranger).status_code == 200
    chosen = client.post("/v1/email-verifications", json={"token": link, "password": CHOSEN})

    assert chosen.status_code == 204
    _ = problem(client.post(LOGIN, json=stranger), 401, "wrong-credentials")
    assert client.post(LOGIN, json=stranger | {"password": CHOSEN}).status_code == 200


def test_a_later_proof_chooses_no_password(client: httpx.Client) -> None:
    owner: Json = {"email": new_address(), "password": PASSWORD}
    assert client.post("/v1/accounts", json=owner).status_code == 202
    first = secret_in(mail(str(owner["email"]), "Confirm your address"))
    assert _by_reset(client, str(owner["email"])).status_code == 204

    refused = client.post("/v1/email-verifications", json={"token": first, "password": CHOSEN})

    _ = problem(refused, 400, "link-refused")
    assert client.post(LOGIN, json=owner | {"password": "7 grey kettles"}).status_code == 200
    assert client.post(LOGIN, json=owner | {"password": CHOSEN}).status_code == 401
