"""Attacks of the OWASP API Security Top 10 that no noun's own tests make; docs/security names the test of each."""

import json
import os
import re
import socket
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, cast
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter, Depends

from app.http.probes import Status
from app.kit import routing
from app.kit.access import Principal, require
from app.kit.rate_limits import Quota
from app.settings import Settings
from tests.conftest import PASSWORD, Log, SignUp, Sql, Start, email_index, new_address
from tests.wire import Json, Service, body, eventually, header, problem, rows

_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
SOME_ID = "0190a0a0-0000-7000-8000-000000000000"
ITEMS = "/v1/items"
ME = "/v1/accounts/me"
LOGIN = "/v1/auth/login"

Keeper = Annotated[Principal, Depends(require("a-test:rule", "keeper"))]


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> Json:
    """The OpenAPI document, over the wire."""
    return body(client.get("/openapi.json"))


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Every operation: its method, an address of it, what is said of it."""
    for path, methods in cast("dict[str, dict[str, Json]]", document["paths"]).items():
        for method, operation in methods.items():
            yield method.upper(), re.sub(r"\{\w+\}", SOME_ID, path), operation


def account(client: httpx.Client) -> Json:
    """The address and the password of a new account."""
    made: Json = {"email": new_address(), "password": PASSWORD}
    assert client.post("/v1/accounts", json=made).status_code == 202
    return made


def token(client: httpx.Client, credentials: Json) -> str:
    """The access token of somebody who signs in."""
    return str(body(client.post(LOGIN, json=credentials))["access_token"])


# API2: broken authentication


def test_a_password_is_compared_whole_and_exactly(client: httpx.Client) -> None:
    longest = ("Correct-Horse 7 battery\tstaple\N{SNOWMAN} " * 5)[:128]
    made: Json = {"email": new_address(), "password": longest}
    assert client.post("/v1/accounts", json=made).status_code == 202

    near = [longest[:-1], longest[:72], longest.lower(), longest.swapcase(), longest.replace(" ", ""), longest[1:]]
    answers = [client.post(LOGIN, json={**made, "password": each}).status_code for each in near[:4]]

    assert answers == [401] * 4
    assert client.post(LOGIN, json=made).status_code == 200
    assert [client.post(LOGIN, json={**made, "password": each}).status_code for each in near[4:]] == [401] * 2


def is_long_and_random(secret: str) -> bool:
    """Whether a secret has at least 32 bytes, which do not repeat all the time."""
    raw = urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    return len(raw) >= 32 and len(set(raw)) > 16


def test_no_secret_repeats_or_is_short(client: httpx.Client) -> None:
    credentials = account(client)
    refresh = [str(body(client.post(LOGIN, json=credentials))["refresh_token"]) for _ in range(3)]
    refresh.append(str(body(client.post("/v1/auth/refresh", json={"refresh_token": refresh[0]}))["refresh_token"]))
    secrets = refresh
    assert len(set(secrets)) == len(secrets) == 4
    for each in secrets:
        assert is_long_and_random(each), each


def test_no_secret_goes_into_an_address(document: Json, client: httpx.Client, someone: httpx.Client) -> None:
    parameters = [
        cast("Json", each)
        for _, _, operation in operations(document)
        for each in cast("list[object]", operation.get("parameters", []))
    ]
    assert len(parameters) > 5
    for each in parameters:
        if each["in"] in {"path", "query"}:
            assert not re.search(r"passw|secret|token|key(?!_id$)|code", str(each["name"]), re.IGNORECASE), each
            assert "password" not in str(each["schema"]), each

    held = someone.headers["authorization"].removeprefix("Bearer ")
    for name in ("access_token", "token", "authorization"):
        assert client.get(ME, params={name: held}).status_code in {401, 422}


# API3: what a field may hold, and what text may do


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE items; --",
        "x' OR '1'='1",
        "$1 :name %s %(name)s {0} {name.__class__} %n",
        "{{7*7}} ${7*7} <%= 7*7 %> #{7*7}",
        "<script>alert(1)</script> &lt;b&gt; <!--",
        "%41%2e%2e%2f %252e \\u0041 \\x41 &#65; =cmd|' /C calc'!A0",
        "../../etc/passwd file:///etc/passwd",
        "$(id) `id` ; id | id && id",
        "${jndi:ldap://127.0.0.1/a} *)(uid=*))(|(uid=*",
        '"}, {"name": "another"}',
    ],
)
def test_hostile_text_is_data(someone: httpx.Client, text: str) -> None:
    made = body(someone.post(ITEMS, json={"name": text, "description": f"{text}\n{text}"}))

    assert (made["name"], made["description"]) == (text, f"{text}\n{text}")
    assert rows(someone.get(ITEMS)) == [made]
    changed = body(someone.patch(f"{ITEMS}/{made['id']}", json={"name": f"{text}!"}))
    assert changed["name"] == f"{text}!"
    for response in (
        someone.get(ITEMS, params={"cursor": text}),
        someone.get(ITEMS, params={"limit": text}),
        someone.post(LOGIN, json={"email": text, "password": PASSWORD}),
    ):
        _ = problem(response, 422, "invalid")
    assert someone.get(f"{ITEMS}/{text}").status_code in {404, 422}
    assert len(rows(someone.get(ITEMS))) == 1


# API5: what only some roles may


def _of_keepers() -> APIRouter:
    router = routing.router("/v1/a-test", "a-test")

    @router.get("/rule")
    async def read(caller: Keeper) -> Status:
        """Read what is a keeper's."""
        return Status(status=caller.role)

    @router.delete("/rule", status_code=204)
    async def remove(caller: Keeper) -> None:
        """Remove what is a keeper's."""
        assert caller

    assert [read, remove]
    return router


def test_a_member_does_nothing_that_another_role_may(start: Start, sql: Sql) -> None:
    with start(_of_keepers()).connect() as client:
        credentials = account(client)
        held = token(client, credentials)
        head, said, signature = held.split(".")
        forged = urlsafe_b64decode(said + "==").replace(b'"member"', b'"keeper"')
        assert forged != urlsafe_b64decode(said + "==")

        for method in ("GET", "HEAD", "DELETE"):
            for pretended in ({}, {"X-Role": "keeper"}, {"X-HTTP-Method-Override": "GET"}, {"X-Original-URL": ME}):
                headers = {"Authorization": f"Bearer {held}", **pretended}
                assert client.request(method, "/v1/a-test/rule", headers=headers).status_code == 403
            promoted = f"Bearer {head}.{urlsafe_b64encode(forged).rstrip(b'=').decode()}.{signature}"
            assert client.request(method, "/v1/a-test/rule", headers={"Authorization": promoted}).status_code == 401

        _ = sql("UPDATE accounts SET role = 'keeper' WHERE email_index = $1", email_index(credentials["email"]))
        keeper = {"Authorization": f"Bearer {token(client, credentials)}"}
        assert body(client.get("/v1/a-test/rule", headers=keeper)) == {"status": "keeper"}
        assert client.delete("/v1/a-test/rule", headers=keeper).status_code == 204


# API6: a business flow, again and again


def test_one_place_makes_only_so_many_accounts(start: Start, sql: Sql) -> None:
    allowed = cast("Quota", Settings.model_fields["rate_limit_attempts"].default)
    addresses = [new_address() for _ in range(allowed.requests + 5)]
    with start(RATE_LIMIT_ATTEMPTS=f"{allowed.requests}/{allowed.seconds * 60}").connect() as client:
        answers = [
            client.post(
                "/v1/accounts",
                json={"email": address, "password": PASSWORD},
                headers={"X-Forwarded-For": f"192.0.2.{number}", "User-Agent": f"Somebody/{number}"},
            ).status_code
            for number, address in enumerate(addresses)
        ]

    assert answers == [202] * allowed.requests + [429] * 5
    indexes = [email_index(each) for each in addresses]
    assert len(sql("SELECT id FROM accounts WHERE email_index = ANY($1::bytea[])", indexes)) == allowed.requests


# API7: making the service call somebody


def _filled(schema: Json, document: Json, text: str) -> object:
    """A value that a schema allows as far as it can be one, with a text of our own in every string."""
    if "$ref" in schema:
        named = str(schema["$ref"]).rpartition("/")[2]
        return _filled(cast("dict[str, dict[str, Json]]", document["components"])["schemas"][named], document, text)
    if "anyOf" in schema:
        return _filled(cast("list[Json]", schema["anyOf"])[0], document, text)
    if schema.get("type") == "object":
        properties = cast("dict[str, Json]", schema.get("properties", {}))
        return {name: _filled(each, document, text) for name, each in properties.items()}
    if schema.get("format") == "email":
        return new_address()
    return text if schema.get("type") == "string" else schema.get("minimum", True)


def _bodies(operation: Json) -> Iterable[tuple[str, Json]]:
    """What an operation takes as its body, by media type."""
    content = cast("Json", operation.get("requestBody", {})).get("content", {})
    return cast("dict[str, Json]", content).items()


def test_no_input_makes_the_service_call_anybody(document: Json, client: httpx.Client, someone: httpx.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        bait = f"http://127.0.0.1:{listener.getsockname()[1]}/a"
        names = ("Origin", "Referer", "X-Forwarded-Host", "X-Original-URL", "Forwarded", "From", "Link", "Destination")
        headers = {**dict.fromkeys(names, bait), "Sec-Fetch-Site": "same-origin"}
        jku = urlsafe_b64encode(json.dumps({"alg": "EdDSA", "typ": "at+jwt", "jku": bait, "x5u": bait}).encode())
        taken = 0
        for method, path, operation in operations(document):
            for asked in (client, someone):
                sent: dict[str, object] = {}
                for kind, media in _bodies(operation):
                    sent["data" if kind in _FORMS else "json"] = _filled(cast("Json", media["schema"]), document, bait)
                if path.startswith("/v1/auth/sessions") or path.endswith("logout"):
                    continue  # it would sign the attacker out
                form = cast("Json | None", sent.get("data"))
                taken += asked.request(method, path, json=sent.get("json"), data=form, headers=headers).is_success
                _ = asked.request(method, path, params={"url": bait, "callback": bait}, headers=headers)
        _ = client.get(ME, headers={"Authorization": f"Bearer {jku.rstrip(b'=').decode()}.e30.AAAA"})
        assert taken > 5

        try:
            called, _ = listener.accept()
        except BlockingIOError:
            return
        called.close()
        pytest.fail("the service called an address that a client chose")


# API8: what was left open


@pytest.mark.parametrize(
    "path",
    [
        *("/.env", "/.git/config", "/app/settings.py", "/pyproject.toml", "/uv.lock", "/static/", "/docs/", "/app"),
        *("/debug", "/redoc", "/console", "/server-status", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"),
        "/docs/..%2f..%2f.env",
    ],
)
def test_nothing_of_the_project_is_served(client: httpx.Client, path: str) -> None:
    assert problem(client.get(path), 404, "not-found")["title"] == "There is nothing at this address."


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "DEBUG"])
def test_no_request_is_echoed(client: httpx.Client, method: str) -> None:
    response = client.request(method, ME, headers={"X-Planted": "planted-in-a-header"})

    assert response.status_code in {400, 405}
    assert "planted-in-a-header" not in response.text


def test_the_headers_say_what_browsers_are_to_do(client: httpx.Client, someone: httpx.Client) -> None:
    for response in (client.get("/livez"), client.get("/nowhere"), someone.get(ME), client.get("/docs")):
        age = re.fullmatch(r"max-age=(\d+); includeSubDomains", header(response, "strict-transport-security"))
        assert age is not None
        assert int(age[1]) >= 365 * 24 * 3600
        assert header(response, "x-content-type-options") == "nosniff"
        assert header(response, "referrer-policy") == "no-referrer"
        assert header(response, "cross-origin-resource-policy") == "same-origin"
        policy = [each.strip() for each in header(response, "content-security-policy").split(";")]
        assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy)
        assert response.headers.get("access-control-allow-origin") is None
    assert header(someone.get(ME), "cache-control") == "no-store"


def test_every_body_says_its_type_and_its_encoding(client: httpx.Client, someone: httpx.Client) -> None:
    metrics = {"Authorization": f"Bearer {os.environ['METRICS_TOKEN']}"}
    answers = [client.get(path) for path in ("/livez", "/nowhere", "/openapi.json", "/docs", "/docs/start.js")]
    answers += [client.get("/docs/swagger-ui.css"), client.get("/metrics", headers=metrics), someone.get(ME)]
    answers += [client.put(ME), client.get("/.well-known/jwks.json")]

    for each in answers:
        kind = header(each, "content-type")
        assert each.content
        if kind.startswith("text/"):
            assert "charset=utf-8" in kind
        else:
            assert kind in {"application/json", "application/problem+json"}
            assert body(each)


def test_refusals_are_logged_with_who_when_and_from_where(start: Start, sign_up: SignUp, log: Log) -> None:
    service = start(RATE_LIMIT_ADDRESS="2/3600")
    member = sign_up(service)
    with service.connect() as client:
        answers = [
            client.get(ME, headers={"Authorization": "Bearer nonsense"}),
            client.get("/metrics", headers={"Authorization": "Bearer nonsense"}),
            member.get(f"{ITEMS}/{uuid4()}"),
            member.post(ITEMS, json={"name": "x" * 101}),
            member.post(ITEMS, content=b"<x/>", headers={"content-type": "application/xml"}),
            *(client.get(ME) for _ in range(3)),
        ]
    assert {each.status_code for each in answers} == {401, 404, 415, 422, 429}

    eventually(lambda: all(header(each, "x-request-id") in log.text() for each in answers))
    lines = {each["request_id"]: each for each in log.lines() if each["event"] == "request"}
    for each in answers:
        line = lines[header(each, "x-request-id")]
        assert (line["status"], line["path"], line["method"]) == (
            each.status_code,
            each.request.url.path,
            each.request.method,
        )
        assert str(line["client"]).startswith("127.0.0.")
        assert str(line["time"]).endswith("Z")
        assert abs((datetime.fromisoformat(str(line["time"])) - datetime.now(UTC)).total_seconds()) < 60
        by_member = each.request.headers.get("authorization") == member.headers["authorization"]
        assert (line["account_id"] is not None) == by_member


# API9: what nobody knows of


def test_what_is_answered_is_published(document: Json, service: Service, client: httpx.Client) -> None:
    published = set(cast("Json", document["paths"]))
    answered = {route.path_format for route in service.app.routes if isinstance(route, routing.Route)}

    assert answered - published == {"/openapi.json", "/openapi/{version}.json", "/docs", "/docs/{name}"}
    assert published <= answered
    for path in sorted(published):
        for other in ("/v0/", "/v2/", "/beta/", "/internal/"):
            # A second version that you offer beside the first is answered, and is in the document.
            if path.startswith("/v1/") and path.replace("/v1/", other, 1) not in published:
                address = re.sub(r"\{\w+\}", SOME_ID, path).replace("/v1/", other, 1)
                assert client.get(address).status_code == 404, address


# What a page of another site can have a browser ask


def test_reading_changes_nothing(document: Json, someone: httpx.Client, sql: Sql) -> None:
    made = body(someone.post(ITEMS, json={"name": "Blue kettle"}))
    asked: list[str] = []
    for method, path, _ in operations(document):
        if method in {"GET", "HEAD"}:
            asked.append(header(someone.get(path.replace(SOME_ID, str(made["id"]))), "x-request-id"))
            asked.append(header(someone.options(path), "x-request-id"))

    assert len(asked) > 10
    assert sql("SELECT event FROM audit_entries WHERE request_id = ANY($1::text[])", asked) == []
