"""Accounts over HTTP."""

from functools import partial

import httpx
import pytest

from app.kit.access import ROLES
from tests.conftest import PASSWORD, Sql, new_address
from tests.wire import Json, at_once, body, pointers, problem

PATH = "/v1/accounts"


def test_a_new_account_is_a_member_and_shows_no_password(client: httpx.Client, sql: Sql) -> None:
    address = new_address()

    response = client.post(PATH, json={"email": address, "password": PASSWORD})

    assert response.status_code == 201
    account = body(response)
    assert sorted(account) == ["created_at", "email", "id", "role"]
    assert (account["email"], account["role"]) == (address, "member")
    stored = sql("SELECT password_hash FROM accounts WHERE id = $1", account["id"])[0]["password_hash"]
    assert str(stored).startswith("$argon2id$")
    assert PASSWORD not in str(stored)


def test_an_account_reads_itself(someone: httpx.Client, someone_else: httpx.Client) -> None:
    mine, theirs = body(someone.get(f"{PATH}/me")), body(someone_else.get(f"{PATH}/me"))

    assert mine["id"] != theirs["id"]
    assert sorted(mine) == ["created_at", "email", "id", "role"]


def test_an_address_has_one_account_however_it_is_written(client: httpx.Client) -> None:
    address = new_address()
    assert client.post(PATH, json={"email": address, "password": PASSWORD}).status_code == 201

    for again in (address, address.upper()):
        _ = problem(client.post(PATH, json={"email": again, "password": PASSWORD}), 409, "email-taken")


def test_of_racing_sign_ups_with_one_address_one_wins(client: httpx.Client) -> None:
    sent = {"email": new_address(), "password": PASSWORD}

    answers = at_once([partial(client.post, PATH, json=sent)] * 10)

    assert sorted(each.status_code for each in answers) == [201] + [409] * 9


@pytest.mark.parametrize(
    ("sent", "where"),
    [
        ({}, "#/email"),
        ({"email": "nobody"}, "#/email"),
        ({"email": "a b@example.com"}, "#/email"),
        ({"email": "a\x00@example.com"}, "#/email"),
        ({"email": f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.com"}, "#/email"),
        ({"email": "a@example.com\nBcc: b@example.com"}, "#/email"),
        ({"email": None}, "#/email"),
        ({"email": "ada@example.com", "password": "x" * 11}, "#/password"),
        ({"email": "ada@example.com", "password": "x" * 129}, "#/password"),
        ({"email": "ada@example.com", "password": PASSWORD, "role": "admin"}, "#/role"),
        ({"email": "ada@example.com", "password": PASSWORD, "id": "0190a0a0-0000-7000-8000-000000000000"}, "#/id"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(client: httpx.Client, sent: Json, where: str) -> None:
    response = client.post(PATH, json=sent)

    _ = problem(response, 422, "invalid")
    assert where in pointers(response)


def test_a_password_may_hold_any_character(client: httpx.Client) -> None:
    sent = {"email": new_address(), "password": "\x00 \u2603 \U0001f511 pass word"}

    assert client.post(PATH, json=sent).status_code == 201
    assert client.post("/v1/auth/login", json=sent).status_code == 200


@pytest.mark.parametrize("local", ["\u0130" * 20, "\u00df\u03a3", "\u1e9e"])
def test_an_address_in_another_script_is_no_failure(client: httpx.Client, local: str) -> None:
    sent = {"email": f"{local}{new_address()}", "password": PASSWORD}

    assert client.post(PATH, json=sent).status_code in {201, 422}


def test_an_account_that_was_deleted_is_gone(someone: httpx.Client, sql: Sql) -> None:
    _ = sql("DELETE FROM accounts WHERE id = $1", body(someone.get(f"{PATH}/me"))["id"])

    _ = problem(someone.get(f"{PATH}/me"), 404, "account-gone")


def test_nobody_reads_no_account(client: httpx.Client) -> None:
    _ = problem(client.get(f"{PATH}/me"), 401, "unauthorized")


@pytest.mark.parametrize("role", sorted(ROLES))
def test_the_database_knows_every_role(someone: httpx.Client, sql: Sql, role: str) -> None:
    account = body(someone.get(f"{PATH}/me"))["id"]

    assert sql("UPDATE accounts SET role = $2 WHERE id = $1 RETURNING role", account, role) == [{"role": role}]
