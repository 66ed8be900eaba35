"""Which hosts this service answers for, and which other sites may ask it from a browser."""

import secrets

import httpx

from tests.conftest import Start
from tests.wire import header, problem

SITE = "https://www.example.com"


def asked(client: httpx.Client, host: str, path: str = "/v1/accounts/me") -> httpx.Response:
    """What a request for a host is answered."""
    return client.get(path, headers={"host": host})


OURS = ("api.example.com", "API.Example.com:8443", "api.example.com.", "a.internal.example.com", "[::1]:8000")
THEIRS = (
    "internal.example.com",
    "evil.com",
    "api.example.com.evil.com",
    "evil-api.example.com",
    "api.example.com@evil.com",
    "evil.com/.internal.example.com",
    "evil.com:.internal.example.com",
    "",
)


def test_only_the_named_hosts_are_answered_for(start: Start) -> None:
    with start(ALLOWED_HOSTS="api.example.com,*.internal.example.com,[::1]").connect() as client:
        for host in OURS:
            _ = problem(asked(client, host), 401)
        for host in THEIRS:
            _ = problem(asked(client, host), 421, "misdirected-request")
            # Orchestrators ask each instance by an address of its own.
            assert asked(client, host, "/readyz").status_code == 200


def test_outside_production_this_machine_is_the_default(start: Start) -> None:
    with start(ALLOWED_HOSTS="").connect() as client:
        assert [asked(client, host).status_code for host in ("localhost:8000", "127.0.0.1", "evil.com")] == [
            401,
            401,
            421,
        ]


def preflight(client: httpx.Client, origin: str) -> httpx.Response:
    """What a browser asks before it sends a change for the page of another site."""
    headers = {
        "origin": origin,
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "authorization,if-match",
    }
    return client.options(f"/v1/items/{secrets.token_hex(4)}", headers=headers)


def test_no_other_site_may_ask_unless_it_is_named(client: httpx.Client) -> None:
    for response in (preflight(client, SITE), client.get("/livez", headers={"origin": SITE})):
        assert not [name for name in response.headers if name.startswith("access-control-")]


def test_a_named_site_may_ask_with_credentials_and_read_errors(start: Start) -> None:
    with start(CORS_ORIGINS=f"{SITE},http://localhost:3000").connect() as client:
        before = preflight(client, SITE)
        response = client.get("/v1/accounts/me", headers={"origin": SITE})

    assert before.status_code == 204
    assert "PATCH" in header(before, "access-control-allow-methods")
    assert {"authorization", "if-match"} <= set(header(before, "access-control-allow-headers").lower().split(", "))
    assert header(before, "access-control-max-age") == "600"
    assert response.status_code == 401
    assert "ETag" in header(response, "access-control-expose-headers")
    for each in (before, response):
        assert header(each, "access-control-allow-origin") == SITE
        assert header(each, "access-control-allow-credentials") == "true"
        assert header(each, "vary") == "Origin"
        assert header(each, "x-request-id")


OTHERS = (
    "https://evil.com",
    "null",
    "*",
    SITE + ".evil.com",
    SITE.upper(),
    SITE + ":443",
    SITE + "/",
    "http://www.example.com",
)


def test_no_other_origin_is_let_in(start: Start) -> None:
    with start(CORS_ORIGINS=SITE).connect() as client:
        for origin in OTHERS:
            for response in (preflight(client, origin), client.get("/v1/accounts/me", headers={"origin": origin})):
                assert response.status_code in {401, 405}
                assert not [name for name in response.headers if name.startswith("access-control-")]
                assert header(response, "vary") == "Origin"
