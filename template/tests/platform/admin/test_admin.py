"""Looking after other people's accounts over HTTP."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from uuid import UUID

import httpx
import pytest
from click.testing import CliRunner, Result

from app.adapters.database import DatabaseSettings
from app.adapters.database.work import Database
from app.kit.errors import AppError
from app.platform.accounts import gates, management
from app.platform.accounts.schemas import Credentials
from app.platform.admin.cli import commands
from app.platform.admin.departure import departure
from app.settings import settings
from tests.conftest import PASSWORD, Sql, email_index, new_address
from tests.wire import Json, Service, at_once, body, header, pointers, problem, rows

ACCOUNTS = "/v1/admin/accounts"
TRAIL = "/v1/admin/audit-entries"
LOGIN = "/v1/auth/login"
ME = "/v1/accounts/me"

SignIn = Callable[..., httpx.Client]


@pytest.fixture
def signed_in(service: Service, sql: Sql) -> Iterator[SignIn]:
    """The client of a new account with a role; `credentials` gets what it signs in with."""
    with ExitStack() as stack:

        def new(role: str = "member", credentials: Json | None = None) -> httpx.Client:
            sent: Json = {"email": new_address(), "password": PASSWORD}
            if credentials is not None:
                credentials.update(sent)
            with service.connect() as anonymous:
                assert anonymous.post("/v1/accounts", json=sent).status_code == 202
                _ = sql("UPDATE accounts SET role = $2 WHERE email_index = $1", email_index(sent["email"]), role)
                pair = anonymous.post(LOGIN, json=sent)
                assert pair.status_code == 200, pair.text
            return stack.enter_context(service.connect(token=str(body(pair)["access_token"])))

        yield new


def id_of(client: httpx.Client) -> str:
    """Whose client it is."""
    return str(body(client.get(ME))["id"])


def test_members_manage_nobody_and_learn_nothing(someone: httpx.Client, someone_else: httpx.Client) -> None:
    for there in (id_of(someone_else), "0190a0a0-0000-7000-8000-000000000000"):
        _ = problem(someone.get(f"{ACCOUNTS}/{there}"), 403, "forbidden")
        _ = problem(someone.patch(f"{ACCOUNTS}/{there}", json={"role": "admin"}), 403, "forbidden")
        _ = problem(someone.delete(f"{ACCOUNTS}/{there}/sessions"), 403, "forbidden")
    _ = problem(someone.get(ACCOUNTS), 403, "forbidden")
    _ = problem(someone.post(f"{ACCOUNTS}/lookups", json={"email": "a@example.com"}), 403, "forbidden")
    _ = problem(someone.get(TRAIL), 403, "forbidden")
    assert body(someone.get(ME))["role"] == "member"


def test_accounts_in_pages_newest_first(admin: httpx.Client, signed_in: SignIn) -> None:
    new = [id_of(signed_in()) for _ in range(3)]

    first = admin.get(ACCOUNTS, params={"limit": 2})
    second = admin.get(ACCOUNTS, params={"limit": 1, "cursor": str(body(first)["next_cursor"])})

    shown = [*rows(first), *rows(second)]
    assert [each["id"] for each in shown] == list(reversed(new))
    assert sorted(shown[0]) == ["created_at", "disabled_at", "email", "id", "role", "version"]


def test_an_account_is_found_by_its_address_and_that_is_recorded(
    admin: httpx.Client, signed_in: SignIn, sql: Sql
) -> None:
    credentials: Json = {}
    member = id_of(signed_in("member", credentials))

    found = admin.post(f"{ACCOUNTS}/lookups", json={"email": str(credentials["email"]).upper()})
    unknown = admin.post(f"{ACCOUNTS}/lookups", json={"email": new_address()})

    assert (body(found)["id"], body(found)["email"]) == (member, credentials["email"])
    assert body(found) == body(admin.get(f"{ACCOUNTS}/{member}"))
    _ = problem(unknown, 404, "account-not-found")
    entry = sql("SELECT * FROM audit_entries WHERE request_id = $1", header(found, "x-request-id"))[0]
    assert (entry["event"], entry["subject_id"]) == ("accounts.looked-up", member)
    assert str(entry["actor_id"]) == id_of(admin)


def test_a_new_role_ends_the_sessions_and_holds_from_the_next_sign_in(
    service: Service, admin: httpx.Client, signed_in: SignIn, sql: Sql
) -> None:
    credentials: Json = {}
    member = signed_in("member", credentials)
    account = f"{ACCOUNTS}/{id_of(member)}"
    version = header(admin.get(account), "etag")

    changed = admin.patch(account, json={"role": "admin"}, headers={"if-match": version})

    assert (changed.status_code, body(changed)["role"], body(changed)["version"]) == (200, "admin", 2)
    _ = problem(member.get(ME), 401)
    with service.connect() as anonymous:
        token = str(body(anonymous.post(LOGIN, json=credentials))["access_token"])
    with service.connect(token=token) as promoted:
        assert promoted.get(ACCOUNTS).status_code == 200
    stale = admin.patch(account, json={"role": "member"}, headers={"if-match": version})
    _ = problem(stale, 412, "account-changed")
    events = sql("SELECT event, reason FROM audit_entries WHERE request_id = $1", header(changed, "x-request-id"))
    assert {"event": "accounts.role-given", "reason": "now admin"} in events
    assert {"accounts.updated", "sessions.updated", "auth.sessions-ended"} <= {each["event"] for each in events}


def test_what_changes_nothing_ends_nothing(admin: httpx.Client, someone: httpx.Client) -> None:
    account = f"{ACCOUNTS}/{id_of(someone)}"

    assert body(admin.patch(account, json={"role": "member", "disabled": False}))["version"] == 1
    assert someone.get(ME).status_code == 200


def test_a_disabled_account_is_out_until_it_is_enabled(
    client: httpx.Client, admin: httpx.Client, signed_in: SignIn, sql: Sql
) -> None:
    credentials: Json = {}
    member = signed_in("member", credentials)
    account = f"{ACCOUNTS}/{id_of(member)}"
    pair = body(client.post(LOGIN, json=credentials))

    assert body(admin.patch(account, json={"disabled": True}))["disabled_at"] is not None

    _ = problem(member.get(ME), 401)
    _ = problem(client.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}), 401)
    refused = client.post(LOGIN, json=credentials)
    _ = problem(refused, 403, "account-disabled")
    entry = sql("SELECT * FROM audit_entries WHERE request_id = $1 AND event = 'auth.login'", _id(refused))[0]
    assert (entry["outcome"], entry["reason"]) == ("refused", "account disabled")
    # Whoever does not know the password does not learn it.
    _ = problem(client.post(LOGIN, json=credentials | {"password": "wrong horse battery"}), 401, "wrong-credentials")

    assert body(admin.patch(account, json={"disabled": False}))["disabled_at"] is None
    assert client.post(LOGIN, json=credentials).status_code == 200


def test_of_a_sign_in_and_a_disabling_at_once_no_session_is_left(
    client: httpx.Client, admin: httpx.Client, signed_in: SignIn
) -> None:
    for _ in range(5):
        credentials: Json = {}
        account = f"{ACCOUNTS}/{id_of(signed_in('member', credentials))}"
        sign_ins = [partial(client.post, LOGIN, json=credentials)] * 3
        answers = at_once([partial(admin.patch, account, json={"disabled": True}), *sign_ins])
        for each in answers[1:]:
            if each.status_code == 200:
                token = {"authorization": f"Bearer {body(each)['access_token']}"}
                _ = problem(client.get(ME, headers=token), 401)


def test_an_account_is_signed_out_everywhere(admin: httpx.Client, someone: httpx.Client) -> None:
    account = id_of(someone)

    assert admin.delete(f"{ACCOUNTS}/{account}/sessions").status_code == 204

    _ = problem(someone.get(ME), 401)
    _ = problem(admin.delete(f"{ACCOUNTS}/0190a0a0-0000-7000-8000-000000000000/sessions"), 404, "account-not-found")


@pytest.mark.parametrize("change", [{"role": "member"}, {"disabled": True}, {"role": "member", "disabled": True}])
def test_the_last_admin_stays(admin: httpx.Client, sql: Sql, change: Json) -> None:
    me = id_of(admin)
    _ = sql("UPDATE accounts SET role = 'member' WHERE role = 'admin' AND id <> $1", UUID(me))

    _ = problem(admin.patch(f"{ACCOUNTS}/{me}", json=change), 409, "last-admin")

    assert admin.get(ACCOUNTS).status_code == 200


def test_of_two_admins_who_dismiss_each_other_one_stays(signed_in: SignIn, sql: Sql) -> None:
    for _ in range(3):
        _ = sql("UPDATE accounts SET role = 'member' WHERE role = 'admin'")
        two = [signed_in("admin"), signed_in("admin")]
        ids = [id_of(each) for each in two]

        answers = at_once(
            [partial(each.patch, f"{ACCOUNTS}/{whom}", json={"role": "member"}) for each in two for whom in ids]
        )

        # 503: one that waited too long for the lock may try again.
        assert {each.status_code for each in answers} <= {200, 401, 409, 503}
        assert len(sql("SELECT 1 FROM accounts WHERE role = 'admin'")) == 1


@pytest.mark.parametrize(
    ("sent", "where"),
    [
        ({}, "body"),
        ({"role": "root"}, "#/role"),
        ({"role": None}, "#/role"),
        ({"disabled": "perhaps"}, "#/disabled"),
        ({"email": "mine@example.com"}, "#/email"),
    ],
)
def test_a_bad_change_is_refused_at_its_place(
    admin: httpx.Client, someone: httpx.Client, sent: Json, where: str
) -> None:
    answer = admin.patch(f"{ACCOUNTS}/{id_of(someone)}", json=sent)

    _ = problem(answer, 422)
    assert pointers(answer) == {where}


# The audit trail


def test_the_trail_by_row_by_account_and_by_request(admin: httpx.Client, someone: httpx.Client) -> None:
    me = id_of(someone)
    made = someone.post("/v1/items", json={"name": "One"})
    item = str(body(made)["id"])
    _ = someone.delete(f"/v1/items/{item}")

    of_row = rows(admin.get(TRAIL, params={"subject": item}))
    of_account = rows(admin.get(TRAIL, params={"actor": me, "limit": 1}))
    of_request = rows(admin.get(TRAIL, params={"request_id": _id(made)}))

    assert [each["event"] for each in of_row] == ["items.deleted", "items.created"]
    assert of_account == of_row[:1]
    assert of_request == of_row[1:]
    assert {each["actor_id"] for each in of_row} == {me}
    _ = problem(admin.get(TRAIL, params={"subject": item, "actor": me}), 422)


def test_the_trail_in_pages(admin: httpx.Client) -> None:
    first = admin.get(TRAIL, params={"limit": 2})
    second = admin.get(TRAIL, params={"limit": 2, "cursor": str(body(first)["next_cursor"])})

    positions = [int(str(each["position"])) for each in (*rows(first), *rows(second))]
    assert len(positions) == 4
    assert positions == sorted(positions, reverse=True)
    _ = problem(admin.get(TRAIL, params={"cursor": "-1"}), 422)


# The first admin


def create_admin(address: str, *, asked: str | None = None) -> Result:
    return CliRunner().invoke(commands[0], [address], input=asked)


def test_the_first_admin_is_made_by_command(client: httpx.Client, sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    address = new_address()
    done = create_admin(address.upper(), asked=f"{PASSWORD}\n{PASSWORD}\n")

    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    assert sql("SELECT role FROM accounts WHERE email_index = $1", email_index(address)) == [{"role": "admin"}]
    assert client.post(LOGIN, json={"email": address, "password": PASSWORD}).status_code == 200

    monkeypatch.setenv("ADMIN_PASSWORD", PASSWORD)
    assert create_admin(new_address()).exit_code == 0
    monkeypatch.setenv("ADMIN_PASSWORD", "password1234")
    assert "Choose another one" in create_admin(new_address()).output
    monkeypatch.setenv("ADMIN_PASSWORD", "short")
    assert "12 to 128 characters" in create_admin(new_address()).output
    assert create_admin("nobody").exit_code == 2


class ShutGate:
    """Open to those whom an operator vouches for."""

    errors: tuple[type[AppError], ...] = ()

    def __init__(self) -> None:
        self.vouched: set[UUID] = set()

    async def refusal(self, _reader: object, account_id: UUID, *, appointment: bool) -> AppError | None:
        """Why an account is not appointed."""
        return AppError("Show who you are first.") if appointment and account_id not in self.vouched else None

    async def vouch(self, _session: object, account_id: UUID) -> None:
        """Note whom an operator vouches for."""
        self.vouched.add(account_id)


def test_an_account_is_promoted_only_when_every_gate_is_open_to_it(
    client: httpx.Client, signed_in: SignIn, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = ShutGate()
    monkeypatch.setattr(gates, "gates", lambda: (gate,))
    assert "ADMIN_PASSWORD" not in os.environ
    credentials: Json = {}
    member = id_of(signed_in("member", credentials))
    address = str(credentials["email"])
    pair = body(client.post(LOGIN, json=credentials))

    refused = create_admin(address)
    assert (refused.exit_code, "Show who you are first." in refused.output) == (1, True)
    assert sql("SELECT role FROM accounts WHERE id = $1", UUID(member)) == [{"role": "member"}]

    gate.vouched.add(UUID(member))
    _ = sql("UPDATE accounts SET disabled_at = now() WHERE id = $1", UUID(member))
    done = create_admin(address)
    assert done.exit_code == 0, done.output
    row = sql("SELECT role, disabled_at FROM accounts WHERE id = $1", UUID(member))[0]
    assert (row["role"], row["disabled_at"]) == ("admin", None)
    _ = problem(client.post("/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}), 401)

    # Whom an operator makes, they vouch for.
    monkeypatch.setenv("ADMIN_PASSWORD", PASSWORD)
    assert create_admin(new_address()).exit_code == 0
    assert len(gate.vouched) == 2


# Leaving


def leave(*accounts: Credentials) -> list[AppError | None]:
    """What is said to accounts that leave at once, each in a transaction of its own; who may becomes a member."""

    async def run() -> list[AppError | None]:
        database = Database(DatabaseSettings.read(), settings().key_ring)

        async def one(account: Credentials) -> AppError | None:
            async with database.transaction() as session:
                refusal = await departure.refusal(session, account)
                if refusal is None:
                    _ = await management.change(session, account.id, role="member", disabled=False)
            return refusal

        try:
            return list(await asyncio.gather(*(one(each) for each in accounts)))
        finally:
            await database.close()

    return asyncio.run(run())


def credentials_of(client: httpx.Client, role: str) -> Credentials:
    """What is known of an account that is to be deleted."""
    return Credentials(UUID(id_of(client)), "", role, "", None)


def test_the_last_admin_does_not_leave_and_of_two_at_once_one_stays(signed_in: SignIn, sql: Sql) -> None:
    for _ in range(3):
        _ = sql("UPDATE accounts SET role = 'member' WHERE role = 'admin'")
        two = [credentials_of(signed_in("admin"), "admin") for _ in range(2)]

        assert sorted(type(each).__name__ for each in leave(*two)) == ["LastAdmin", "NoneType"]

        assert len(sql("SELECT 1 FROM accounts WHERE role = 'admin'")) == 1
    assert leave(credentials_of(signed_in("member"), "member")) == [None]


def _id(answer: httpx.Response) -> str:
    return header(answer, "x-request-id")
