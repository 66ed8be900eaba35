"""API keys over HTTP: made, used within their scopes, revoked, and attacked."""

from datetime import datetime, timedelta
from time import monotonic
from typing import Annotated, cast
from uuid import UUID

import httpx
import pytest
from click.testing import CliRunner
from fastapi import Depends

from app import cli, defaults
from app.kit import clock, logging, routing
from app.kit.access import Principal, require
from app.kit.ids import uuid7, uuid7_floor
from app.platform.api_keys import verification
from app.platform.api_keys.keys import FORM, ApiKey
from app.platform.api_keys.schemas import LONGEST_DAYS
from app.platform.auth import revocation
from tests.conftest import PASSWORD, Log, SignUp, Sql, Start
from tests.wire import Json, body, eventually, header, pointers, problem, rows

KEYS = "/v1/api-keys"
ITEMS = "/v1/items"
ME = "/v1/accounts/me"


def asked(*scopes: str, **changed: object) -> Json:
    return {"name": "Nightly import", "scopes": list(scopes), "password": PASSWORD} | changed


def made(owner: httpx.Client, *scopes: str, **changed: object) -> Json:
    answer = owner.post(KEYS, json=asked(*scopes, **changed))
    assert answer.status_code == 201, answer.text
    return body(answer)


def bearer(key: Json) -> dict[str, str]:
    return {"authorization": f"Bearer {key['key']}"}


def test_a_key_does_what_its_scopes_say_for_its_owner(client: httpx.Client, someone: httpx.Client) -> None:
    key = made(someone, "items:read", "items:write")

    item = client.post(ITEMS, json={"name": "Kettle"}, headers=bearer(key))

    assert item.status_code == 201, item.text
    assert body(item)["owner_id"] == body(someone.get(ME))["id"]
    assert [each["name"] for each in rows(someone.get(ITEMS))] == ["Kettle"]


def test_it_is_shown_once_and_stored_as_a_hash(someone: httpx.Client, sql: Sql) -> None:
    key = made(someone, "items:write", "items:read", "items:read")

    assert FORM.fullmatch(str(key["key"]).encode())
    assert str(key["key"]).startswith(f"{defaults.PROJECT_SLUG}_")
    assert key["scopes"] == ["items:read", "items:write"]
    lifetime = datetime.fromisoformat(str(key["expires_at"])) - datetime.fromisoformat(str(key["created_at"]))
    assert abs(lifetime - timedelta(days=90)) < timedelta(seconds=30)
    parsed = ApiKey.parse(str(key["key"]).encode())
    assert parsed is not None
    listed = someone.get(KEYS)
    stored = sql("SELECT * FROM api_keys WHERE id = $1", key["id"])
    assert rows(listed) == [{name: value for name, value in key.items() if name != "key"}]
    assert parsed.secret not in listed.text
    assert parsed.secret not in str(stored)
    assert parsed.secret not in repr(parsed)


def test_it_does_no_more_than_its_scopes_say(client: httpx.Client, someone: httpx.Client) -> None:
    key = made(someone, "items:read")

    assert client.get(ITEMS, headers=bearer(key)).status_code == 200
    refused = problem(client.post(ITEMS, json={"name": "Kettle"}, headers=bearer(key)), 403, "forbidden")
    assert "items:write" in str(refused["detail"])
    _ = problem(client.get(ME, headers=bearer(key)), 403, "forbidden")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", KEYS),
        ("GET", KEYS),
        ("DELETE", f"{KEYS}/0190a0a0-0000-7000-8000-000000000000"),
        ("POST", "/v1/passwords/change"),
        ("POST", "/v1/auth/logout"),
        ("GET", "/v1/auth/sessions"),
        ("DELETE", "/v1/auth/sessions"),
        ("DELETE", "/v1/auth/sessions/0190a0a0-0000-7000-8000-000000000000"),
    ],
)
def test_it_is_not_good_for_what_is_for_people(
    client: httpx.Client, someone: httpx.Client, method: str, path: str, sql: Sql
) -> None:
    key = made(someone, "items:read")
    # Not even if a scope for it stood in the table.
    _ = sql(
        "UPDATE api_keys SET scopes = 'api-keys:manage-own api-keys:read-own passwords:change-own auth:sign-out "
        "auth:read-sessions auth:end-sessions' WHERE id = $1",
        key["id"],
    )

    refused = problem(client.request(method, path, headers=bearer(key)), 403, "forbidden")

    assert "sign in" in str(refused["detail"])


@pytest.mark.parametrize("scope", ["api-keys:manage-own", "auth:sign-out", "items:nothing", "x:y"])
def test_a_scope_that_no_key_may_have_is_refused(someone: httpx.Client, scope: str) -> None:
    refused = someone.post(KEYS, json=asked("items:read", scope))

    assert "items:read, items:write" in str(problem(refused, 422, "invalid"))
    assert pointers(refused) == {"#/scopes/1"}


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"scopes": []}, "#/scopes"),
        ({"scopes": ["items read"]}, "#/scopes/0"),
        ({"name": "a\nb"}, "#/name"),
        ({"expires_in_days": 366}, "#/expires_in_days"),
        ({"expires_in_days": 0}, "#/expires_in_days"),
        ({"account_id": "0190a0a0-0000-7000-8000-000000000000"}, "#/account_id"),
        ({"role": "clerk"}, "#/role"),
        ({"methods": "mfa"}, "#/methods"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "#/expires_at"),
    ],
)
def test_what_does_not_fit_is_refused(someone: httpx.Client, changed: Json, where: str) -> None:
    refused = someone.post(KEYS, json=asked("items:read") | changed)

    _ = problem(refused, 422, "invalid")
    assert pointers(refused) == {where}


def test_it_needs_the_password_and_guesses_are_counted(someone: httpx.Client, sql: Sql) -> None:
    for _ in range(5):
        _ = problem(someone.post(KEYS, json=asked("items:read", password="wrong")), 403, "wrong-password")

    _ = problem(someone.post(KEYS, json=asked("items:read")), 429, "too-many-attempts")
    found = sql("SELECT DISTINCT outcome, reason FROM audit_entries WHERE event = 'api-keys.create'")
    assert {"outcome": "refused", "reason": "wrong password"} in found
    assert rows(someone.get(KEYS)) == []


def test_a_revoked_one_is_refused_at_once(client: httpx.Client, someone: httpx.Client) -> None:
    key, other = made(someone, "items:read"), made(someone, "items:read")
    assert client.get(ITEMS, headers=bearer(key)).status_code == 200

    assert someone.delete(f"{KEYS}/{key['id']}").status_code == 204

    assert "revoked" in str(problem(client.get(ITEMS, headers=bearer(key)), 401, "unauthorized")["detail"])
    assert client.get(ITEMS, headers=bearer(other)).status_code == 200
    assert [each["id"] for each in rows(someone.get(KEYS))] == [other["id"]]
    _ = problem(someone.delete(f"{KEYS}/{key['id']}"), 404, "api-key-not-found")


def test_another_instance_refuses_a_revoked_one_within_two_seconds(
    start: Start, client: httpx.Client, someone: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = made(someone, "items:read")
    monkeypatch.setattr(revocation, "EVERY_SECONDS", 0.02)
    with start().connect() as elsewhere:
        assert elsewhere.get(ITEMS, headers=bearer(key)).status_code == 200

        assert someone.delete(f"{KEYS}/{key['id']}").status_code == 204

        eventually(lambda: elsewhere.get(ITEMS, headers=bearer(key)).status_code == 401, seconds=2)
    assert client.get(ITEMS, headers=bearer(key)).status_code == 401


def test_it_loses_what_its_owners_role_loses(
    start: Start, sign_up: SignUp, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = routing.router("/v1/probe", "probe")

    @probe.get("")
    async def read_probe(caller: Annotated[Principal, Depends(require("probe:read", "clerk"))]) -> dict[str, str]:
        """Say with which role somebody asks."""
        return {"role": caller.role}

    service = start(probe)
    owner = sign_up(service, role="clerk")
    key = made(owner, "probe:read", "items:read")
    with service.connect() as machine:
        machine.headers.update(bearer(key))
        assert machine.get("/v1/probe").status_code == 200

        _ = sql("UPDATE accounts SET role = 'member' WHERE id = $1", UUID(str(body(owner.get(ME))["id"])))
        monkeypatch.setattr(verification, "monotonic", lambda: monotonic() + 30)

        _ = problem(machine.get("/v1/probe"), 403, "forbidden")
        assert machine.get(ITEMS).status_code == 200


def test_somebody_elses_is_404_and_stays(client: httpx.Client, someone: httpx.Client, sign_up: SignUp) -> None:
    key = made(someone, "items:read")

    _ = problem(sign_up().delete(f"{KEYS}/{key['id']}"), 404, "api-key-not-found")

    assert client.get(ITEMS, headers=bearer(key)).status_code == 200


def test_an_expired_one_is_refused_known_or_not(client: httpx.Client, someone: httpx.Client, sql: Sql) -> None:
    key = made(someone, "items:read")
    _ = sql("UPDATE api_keys SET expires_at = now() WHERE id = $1", key["id"])

    for _ in range(2):
        assert "expired" in str(problem(client.get(ITEMS, headers=bearer(key)), 401, "unauthorized")["detail"])


def test_what_is_no_key_is_401(client: httpx.Client, someone: httpx.Client) -> None:
    real = ApiKey.parse(str(made(someone, "items:read")["key"]).encode())
    assert real is not None
    false = [
        ApiKey.new(real.id).text(),
        ApiKey(uuid7(), real.secret).text(),
        real.text()[:-1] + ("0" if real.text()[-1] != "0" else "1"),
        real.text().upper(),
        real.text() + "0",
        f"{defaults.PROJECT_SLUG}_",
        f"{defaults.PROJECT_SLUG}_{'0' * 10_000}",
    ]

    for each in false:
        refused = client.get(ITEMS, headers={"authorization": f"Bearer {each}"})
        assert header(refused, "www-authenticate") == "Bearer"
        _ = problem(refused, 401, "unauthorized")


def test_a_browsers_cookie_is_no_place_for_it(client: httpx.Client, someone: httpx.Client) -> None:
    key = made(someone, "items:read")

    _ = problem(client.get(ITEMS, headers={"cookie": f"__Host-access={key['key']}"}), 401, "unauthorized")


def test_guessing_keys_is_limited_by_address(start: Start) -> None:
    with start(RATE_LIMIT_ADDRESS="3/60").connect() as guesser:
        answers = [
            guesser.get(ITEMS, headers={"authorization": f"Bearer {ApiKey.new(uuid7()).text()}"}) for _ in range(5)
        ]

    assert [each.status_code for each in answers] == [401, 401, 401, 429, 429]


def test_keys_share_the_limit_of_their_owner(start: Start, sign_up: SignUp) -> None:
    service = start(RATE_LIMIT_PRINCIPAL="7/60")
    owner = sign_up(service)
    keys = [made(owner, "items:read") for _ in range(2)]
    with service.connect() as machine:
        for key in keys:  # looked up, which counts for the address
            assert machine.get(ITEMS, headers=bearer(key)).status_code == 200
        answers = [machine.get(ITEMS, headers=bearer(keys[turn % 2])).status_code for turn in range(6)]

    assert answers == [200] * 5 + [429]


def test_its_last_use_is_noted_once_a_minute_and_at_the_end(
    start: Start, someone: httpx.Client, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = made(someone, "items:read")
    monkeypatch.setattr(verification, "WRITTEN_EVERY_SECONDS", 0.05)

    def used() -> object:
        return next(each["last_used_at"] for each in rows(someone.get(KEYS)) if each["id"] == key["id"])

    assert verification.WRITTEN_EVERY_SECONDS < 1
    with start().connect() as machine:
        assert machine.get(ITEMS, headers=bearer(key)).status_code == 200
        eventually(lambda: used() is not None)
    # It is older than what is known, so it says nothing new.
    _ = sql("UPDATE api_key_uses SET last_used_at = last_used_at + interval '1 hour' WHERE key_id = $1", key["id"])
    later = used()
    with start().connect() as machine:
        assert machine.get(ITEMS, headers=bearer(key)).status_code == 200
        eventually(lambda: sql("SELECT 1 FROM api_key_uses WHERE key_id = $1", key["id"]) != [])
    assert used() == later


def test_the_trail_says_which_key_changed_something(client: httpx.Client, someone: httpx.Client, sql: Sql) -> None:
    key = made(someone, "items:write")
    item = body(client.post(ITEMS, json={"name": "Kettle"}, headers=bearer(key)))
    assert someone.delete(f"{KEYS}/{key['id']}").status_code == 204

    entry = sql("SELECT event, credential_id::text FROM audit_entries WHERE subject_id = $1", item["id"])
    assert entry == [{"event": "items.created", "credential_id": key["id"]}]
    of_key = sql("SELECT event FROM audit_entries WHERE subject_id = $1 ORDER BY position", key["id"])
    assert [each["event"] for each in of_key] == ["api_keys.created", "api_keys.updated"]


def test_no_line_of_the_log_shows_it(client: httpx.Client, someone: httpx.Client, log: Log) -> None:
    key = made(someone, "items:read")

    assert client.get(ITEMS, headers=bearer(key)).status_code == 200
    assert client.get(f"/v1/nowhere/{key['key']}").status_code == 404
    logging.get_logger().warning(f"a library says {key['key']}")

    # The line of a request follows its answer.
    eventually(lambda: "/v1/nowhere/***" in log.text())
    said = log.text()
    assert str(key["key"]) not in said
    assert "a library says ***" in said


def test_keys_that_are_good_for_nothing_are_forgotten_in_time(someone: httpx.Client, sql: Sql) -> None:
    stays, young, old = (made(someone, "items:read")["id"] for _ in range(3))
    for each in (young, old):
        assert someone.delete(f"{KEYS}/{each}").status_code == 204
    _ = sql("UPDATE api_keys SET revoked_at = now() - interval '31 days' WHERE id = $1", old)
    expired, used_till_lately = (uuid7_floor(clock.now() - timedelta(days=LONGEST_DAYS + each)) for each in (31, 29))
    for each in (expired, used_till_lately):
        _ = sql(
            "INSERT INTO api_keys (id, account_id, name, scopes, digest, methods, expires_at) "
            "SELECT $2, account_id, name, scopes, sha256(uuid_send($2)), false, now() FROM api_keys WHERE id = $1",
            stays,
            each,
        )

    done = CliRunner().invoke(cli.cli, ["retention"])

    assert done.exit_code == 0, done.output
    assert "1  API keys, 30 days after they were revoked" in done.output
    every = [stays, young, old, expired, used_till_lately]
    left = sql("SELECT id::text FROM api_keys WHERE id = ANY($1)", every)
    assert {each["id"] for each in left} == {stays, young, str(used_till_lately)}


def test_there_may_be_fifty(someone: httpx.Client, sql: Sql) -> None:
    first = made(someone, "items:read")
    _ = sql(
        "INSERT INTO api_keys (id, account_id, name, scopes, digest, methods, expires_at) "
        "SELECT gen_random_uuid(), account_id, name, scopes, digest, false, expires_at "
        "FROM api_keys, generate_series(1, 49) WHERE id = $1",
        first["id"],
    )

    _ = problem(someone.post(KEYS, json=asked("items:read")), 409, "too-many-api-keys")

    assert len(rows(someone.get(KEYS, params={"limit": "100"}))) == 50
    assert someone.delete(f"{KEYS}/{first['id']}").status_code == 204
    _ = made(someone, "items:read")


def test_the_documentation_names_the_scope_of_each_operation(client: httpx.Client) -> None:
    paths = body(client.get("/openapi.json"))["paths"]

    def keys(path: str, method: str) -> list[Json]:
        security = cast("dict[str, dict[str, dict[str, list[Json]]]]", paths)[path][method]["security"]
        return [each for each in security if "apiKey" in each]

    assert keys(ITEMS, "get") == [{"apiKey": ["items:read"]}]
    assert keys(KEYS, "post") == []
