"""Accounts over HTTP."""

from functools import partial
from typing import cast
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.kit import discovery
from app.kit.errors import AppError
from app.platform.accounts import gates, notices
from app.platform.auth.errors import AccountDisabled
from tests.conftest import PASSWORD, Sql, email_index, new_address
from tests.wire import Json, at_once, body, counted_work, pointers, problem

PATH = "/v1/accounts"
ROLES = [role for each in discovery.offered("roles") for role in cast("tuple[str, ...]", each)]


def test_a_new_account_is_a_member_and_shows_no_password(client: httpx.Client, sql: Sql) -> None:
    address = new_address()

    response = client.post(PATH, json={"email": address, "password": PASSWORD})

    assert response.status_code == 202
    assert sorted(body(response)) == ["detail", "email"]
    row = sql("SELECT * FROM accounts WHERE email_index = $1", email_index(address))[0]
    assert row["role"] == "member"
    stored = row["password_hash"]
    assert str(stored).startswith("$argon2id$")
    assert PASSWORD not in str(stored)


def test_an_account_reads_itself(someone: httpx.Client, someone_else: httpx.Client) -> None:
    mine, theirs = body(someone.get(f"{PATH}/me")), body(someone_else.get(f"{PATH}/me"))

    assert mine["id"] != theirs["id"]
    assert sorted(mine) == ["created_at", "email", "id", "role"]


def test_a_sign_up_does_not_tell_whether_the_address_is_known(client: httpx.Client, sql: Sql) -> None:
    address = new_address()
    first = client.post(PATH, json={"email": address, "password": PASSWORD})

    for again in (address, address.upper()):
        answer = client.post(PATH, json={"email": again, "password": "another horse battery 7"})
        assert (answer.status_code, answer.json()) == (202, first.json())
        assert [*answer.headers] == [*first.headers]

    assert len(sql("SELECT 1 FROM accounts WHERE email_index = $1", email_index(address))) == 1
    assert client.post("/v1/auth/login", json={"email": address, "password": PASSWORD}).status_code == 200


def test_a_sign_up_costs_the_same_whether_or_not_the_address_is_known(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = counted_work(monkeypatch)
    sent = {"email": new_address(), "password": PASSWORD}

    assert client.post(PATH, json=sent).status_code == 202
    unknown = work()
    assert client.post(PATH, json=sent).status_code == 202

    # The INSERT of an account on one side, that of a decision on the other.
    assert work().total() == unknown.total()


def test_of_racing_sign_ups_with_one_address_one_wins(client: httpx.Client, sql: Sql) -> None:
    sent = {"email": new_address(), "password": PASSWORD}

    answers = at_once([partial(client.post, PATH, json=sent)] * 10)

    assert {each.status_code for each in answers} == {202}
    assert len(sql("SELECT 1 FROM accounts WHERE email_index = $1", email_index(sent["email"]))) == 1


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
        ({"email": "ada@example.com", "password": PASSWORD, "role": "member"}, "#/role"),
        ({"email": "ada@example.com", "password": PASSWORD, "id": "0190a0a0-0000-7000-8000-000000000000"}, "#/id"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(client: httpx.Client, sent: Json, where: str) -> None:
    response = client.post(PATH, json=sent)

    _ = problem(response, 422, "invalid")
    assert where in pointers(response)


def test_a_password_may_hold_any_character(client: httpx.Client) -> None:
    sent = {"email": new_address(), "password": "\x00 \u2603 \U0001f511 kettle stone 7"}

    assert client.post(PATH, json=sent).status_code == 202
    assert client.post("/v1/auth/login", json=sent).status_code == 200


@pytest.mark.parametrize("local", ["\u0130" * 20, "\u00df\u03a3", "\u1e9e"])
def test_an_address_in_another_script_is_no_failure(client: httpx.Client, local: str) -> None:
    sent = {"email": f"{local}{new_address()}", "password": PASSWORD}

    assert client.post(PATH, json=sent).status_code in {202, 422}


def test_an_account_that_was_deleted_is_gone(someone: httpx.Client, sql: Sql) -> None:
    _ = sql("DELETE FROM accounts WHERE id = $1", body(someone.get(f"{PATH}/me"))["id"])

    _ = problem(someone.get(f"{PATH}/me"), 404, "account-gone")


def test_nobody_reads_no_account(client: httpx.Client) -> None:
    _ = problem(client.get(f"{PATH}/me"), 401, "unauthorized")


@pytest.mark.parametrize("role", ROLES)
def test_the_database_takes_every_role(someone: httpx.Client, sql: Sql, role: str) -> None:
    account = body(someone.get(f"{PATH}/me"))["id"]

    assert sql("UPDATE accounts SET role = $2 WHERE id = $1 RETURNING role", account, role) == [{"role": role}]


@pytest.mark.parametrize("role", ["", "Member", "-", "a b", "a;b", "1"])
def test_the_database_refuses_what_is_no_role(someone: httpx.Client, sql: Sql, role: str) -> None:
    account = body(someone.get(f"{PATH}/me"))["id"]

    with pytest.raises(asyncpg.CheckViolationError):
        _ = sql("UPDATE accounts SET role = $2 WHERE id = $1", account, role)


# The hooks: nouns that take part in what happens to an account


class Watcher:
    """A gate and a way to tell owners at once."""

    errors: tuple[type[AppError], ...] = (AccountDisabled,)
    promise: str = "You will hear from us."

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.vouched: list[UUID] = []

    async def refusal(self, _session: object, _account: object, **_asked: bool) -> AppError | None:
        """Why nobody comes in."""
        return AccountDisabled("Not today.")

    async def vouch(self, _session: object, account_id: UUID) -> None:
        """Note whom an operator lets in."""
        self.vouched.append(account_id)

    async def tell(self, _session: object, notice: notices.Notice, email: str) -> None:
        """Note what somebody is told."""
        self.told.append((notice, email))


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch) -> Watcher:
    """A noun that takes part in what happens to accounts, alone."""
    found = Watcher()
    for module, hook in ((gates, "gates"), (notices, "_ways")):
        monkeypatch.setattr(module, hook, lambda: (found,))
    return found


def test_owners_are_told_and_the_answer_says_so_for_any_address(client: httpx.Client, watcher: Watcher) -> None:
    sent = {"email": new_address(), "password": PASSWORD}

    answers = [body(client.post(PATH, json=sent))["detail"] for _ in range(2)]

    assert answers == [watcher.promise] * 2
    assert watcher.told == [("signed-up", sent["email"]), ("address-taken", sent["email"])]


def test_a_closed_gate_keeps_an_account_from_signing_in(client: httpx.Client, watcher: Watcher, sql: Sql) -> None:
    sent = {"email": new_address(), "password": PASSWORD}
    _ = client.post(PATH, json=sent)
    assert watcher.told

    refused = problem(client.post("/v1/auth/login", json=sent), 403, "account-disabled")

    assert refused["detail"] == "Not today."
    opened = "SELECT 1 FROM sessions JOIN accounts ON accounts.id = account_id WHERE email_index = $1"
    assert sql(opened, email_index(sent["email"])) == []


def test_without_a_way_to_tell_owners_the_answer_is_to_sign_in(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "_ways", tuple)

    answer = client.post(PATH, json={"email": new_address(), "password": PASSWORD})

    assert answer.status_code == 202
    assert "sign in with `POST /v1/auth/login`" in str(body(answer)["detail"])
