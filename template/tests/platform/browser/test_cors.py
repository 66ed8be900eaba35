"""Which other sites may ask from a browser."""

import secrets

import httpx
import pytest
from pydantic import ValidationError

from app.platform.browser.settings import BrowserSettings
from tests.conftest import Start
from tests.wire import header

SITE = "https://www.example.com"


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


def test_origins_are_named_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for origins, said in (
        ("*", "contains '*', which is not an origin"),
        (f"{SITE}/", f"contains '{SITE}/', which is not an origin"),
    ):
        monkeypatch.setenv("CORS_ORIGINS", origins)
        with pytest.raises(ValidationError) as refused:
            _ = BrowserSettings.read()
        assert said in str(refused.value)
    monkeypatch.setenv("CORS_ORIGINS", f"{SITE}, http://localhost:3000")

    assert BrowserSettings.read().cors_origins == (SITE, "http://localhost:3000")
