"""A session in a browser's cookies; and what another site, or a thief of a cookie, does with it."""

from base64 import urlsafe_b64decode
from collections.abc import Iterator
from http.cookies import SimpleCookie
from uuid import UUID

import httpx
import pytest

from app import defaults
from tests.conftest import PASSWORD, SignUp, Sql, email_index, new_address
from tests.wire import Json, Service, body, header, problem, rows

LOGIN = "/v1/auth/browser/login"
REFRESH = "/v1/auth/browser/refresh"
LOGOUT = "/v1/auth/browser/logout"
CSRF = "/v1/auth/browser/csrf-token"
ITEMS = "/v1/items"
ACCESS_COOKIE = "__Host-access"
REFRESH_COOKIE = "__Secure-refresh"
ITEM: Json = {"name": "Blue kettle"}
OWN_PAGE = {"sec-fetch-site": "same-origin"}


class Browser:
    """Keeps cookies as a browser does on https, which the tests do not speak; a page of it sends what pages send."""

    def __init__(self, client: httpx.Client) -> None:
        self.client: httpx.Client = client
        self.cookies: dict[str, str] = {}
        self.said: dict[str, dict[str, object]] = {}
        self.csrf: str = ""

    def ask(self, method: str, path: str, sent: Json | None = None, /, **headers: str) -> httpx.Response:
        """Send a request from a page: its headers, with `_` for `-`."""
        wanted = {name.replace("_", "-"): value for name, value in headers.items()}
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.client.request(method, path, json=sent, headers={"cookie": cookies, **wanted})
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.said[name] = {key: value for key, value in morsel.items() if value != ""}
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        if answer.status_code == 200 and "csrf_token" in answer.text:
            self.csrf = str(body(answer)["csrf_token"])
        return answer


@pytest.fixture
def browser(service: Service, credentials: Json) -> Iterator[Browser]:
    """A browser that has signed in."""
    with service.connect() as client:
        found = Browser(client)
        assert found.ask("POST", LOGIN, credentials, **OWN_PAGE).status_code == 200
        yield found


def test_the_tokens_are_in_cookies_and_nowhere_else(browser: Browser, credentials: Json) -> None:
    answer = browser.ask("POST", LOGIN, credentials)

    assert sorted(body(answer)) == ["csrf_token", "expires_in"]
    strict = {"httponly": True, "secure": True, "samesite": "strict"}
    access, refresh = str(defaults.ACCESS_TOKEN_SECONDS), browser.said[REFRESH_COOKIE]["max-age"]
    assert browser.said == {
        ACCESS_COOKIE: {"path": "/", "max-age": access, **strict},
        REFRESH_COOKIE: {"path": "/v1/auth/browser", "max-age": refresh, **strict},
    }
    assert 0 <= defaults.REFRESH_TOKEN_SECONDS - int(str(refresh)) < 60


def test_a_page_reads_and_writes(browser: Browser) -> None:
    assert browser.ask("POST", ITEMS, ITEM, x_csrf_token=browser.csrf, **OWN_PAGE).status_code == 201
    assert len(rows(browser.ask("GET", ITEMS))) == 1
    assert browser.ask("HEAD", ITEMS).status_code == 200


def test_a_page_that_was_loaded_anew_asks_for_its_csrf_token(browser: Browser) -> None:
    known, browser.csrf = browser.csrf, ""

    assert browser.ask("GET", CSRF).status_code == 200
    assert browser.csrf == known


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "CSRF token"),
        ({"x_csrf_token": ""}, "CSRF token"),
        ({"x_csrf_token": "x" * 43}, "CSRF token"),
        ({"sec_fetch_site": "same-origin"}, "CSRF token"),
        ({"x_csrf_token": "mine", "sec_fetch_site": "cross-site"}, "another site"),
        ({"x_csrf_token": "mine", "sec_fetch_site": "same-site"}, "another site"),
        ({"x_csrf_token": "mine", "sec_fetch_site": "none"}, "another site"),
        ({"x_csrf_token": "mine", "origin": "https://evil.example"}, "another site"),
        ({"x_csrf_token": "mine", "origin": "null"}, "another site"),
        ({"x_csrf_token": "mine", "origin": "https://evil.example", "sec_fetch_site": "cross-site"}, "another site"),
    ],
)
def test_a_stolen_cookie_changes_nothing(browser: Browser, headers: dict[str, str], why: str) -> None:
    sent = {name: browser.csrf if value == "mine" else value for name, value in headers.items()}

    for method, path in (("POST", ITEMS), ("DELETE", f"{ITEMS}/{UUID(int=7)}"), ("DELETE", "/v1/auth/sessions")):
        refused = browser.ask(method, path, ITEM if method == "POST" else None, **sent)
        assert why in str(problem(refused, 403, "cross-site-refused")["detail"])
    assert rows(browser.ask("GET", ITEMS)) == []


def test_the_csrf_token_of_another_session_is_refused(browser: Browser, credentials: Json) -> None:
    other = Browser(browser.client)
    _ = other.ask("POST", LOGIN, credentials)
    assert other.csrf != browser.csrf

    _ = problem(browser.ask("POST", ITEMS, ITEM, x_csrf_token=other.csrf), 403, "cross-site-refused")


def test_an_old_browser_says_its_origin(browser: Browser) -> None:
    origin = str(browser.client.base_url).rstrip("/")

    assert browser.ask("POST", ITEMS, ITEM, x_csrf_token=browser.csrf, origin=origin).status_code == 201


def test_a_bearer_token_needs_no_csrf_token_and_wins(browser: Browser, sign_up: SignUp) -> None:
    bearer = header_of(someone := sign_up())

    made = browser.ask("POST", ITEMS, ITEM, authorization=bearer, sec_fetch_site="cross-site")

    assert made.status_code == 201
    assert rows(browser.ask("GET", ITEMS)) == []
    assert len(rows(someone.get(ITEMS))) == 1
    _ = problem(browser.ask("GET", ITEMS, authorization="Bearer x"), 401, "unauthorized")


def header_of(client: httpx.Client) -> str:
    """What a signed-in client sends."""
    return str(client.headers["authorization"])


@pytest.mark.parametrize("cookies", ["__Host-access=", "__Host-access=x.y.z", "x__Host-access=1", "__Host-access", ";"])
def test_a_cookie_that_is_no_token_is_401(client: httpx.Client, cookies: str) -> None:
    _ = problem(client.get(ITEMS, headers={"cookie": cookies}), 401, "unauthorized")
    _ = problem(client.post(ITEMS, json=ITEM, headers={"cookie": cookies}), 401, "unauthorized")


def test_a_renewal_replaces_both_cookies_and_keeps_the_csrf_token(browser: Browser) -> None:
    before, csrf = dict(browser.cookies), browser.csrf

    assert browser.ask("POST", REFRESH, **OWN_PAGE).status_code == 200

    assert all(browser.cookies[name] != before[name] for name in (ACCESS_COOKIE, REFRESH_COOKIE))
    assert browser.csrf == csrf
    assert browser.ask("GET", ITEMS).status_code == 200


def test_a_cookie_that_is_used_twice_ends_the_session(browser: Browser) -> None:
    thief = Browser(browser.client)
    thief.cookies = dict(browser.cookies)
    assert thief.ask("POST", REFRESH).status_code == 200

    _ = problem(browser.ask("POST", REFRESH), 401, "refresh-token-reused")

    _ = problem(thief.ask("GET", ITEMS), 401, "unauthorized")
    _ = problem(thief.ask("POST", REFRESH), 401, "refresh-token-refused")


def test_a_renewal_without_a_cookie_is_401(client: httpx.Client) -> None:
    _ = problem(client.post(REFRESH), 401, "refresh-token-refused")


@pytest.mark.parametrize("path", [LOGIN, REFRESH, LOGOUT])
def test_another_site_neither_signs_in_nor_renews_nor_signs_out(
    browser: Browser, credentials: Json, path: str, sql: Sql
) -> None:
    counted = "SELECT count(*) FROM sessions JOIN accounts ON accounts.id = account_id WHERE email_index = $1"
    for headers in ({"sec_fetch_site": "cross-site"}, {"origin": "https://evil.example"}):
        refused = browser.ask("POST", path, credentials if path == LOGIN else None, **headers)
        _ = problem(refused, 403, "cross-site-refused")
        assert "set-cookie" not in refused.headers

    assert sql(counted, email_index(credentials["email"]))[0]["count"] == 1
    assert browser.ask("GET", ITEMS).status_code == 200


def test_signing_out_ends_the_session_and_clears_the_cookies(browser: Browser) -> None:
    kept = dict(browser.cookies)

    assert browser.ask("POST", LOGOUT, **OWN_PAGE).status_code == 204

    assert browser.cookies == {}
    browser.cookies = kept
    _ = problem(browser.ask("GET", ITEMS), 401, "unauthorized")
    _ = problem(browser.ask("POST", REFRESH), 401, "refresh-token-refused")
    assert browser.ask("POST", LOGOUT).status_code == 204


def test_a_wrong_password_sets_no_cookie(client: httpx.Client, credentials: Json) -> None:
    refused = client.post(LOGIN, json={**credentials, "password": "wrong horse battery"})

    _ = problem(refused, 401, "wrong-credentials")
    assert "set-cookie" not in refused.headers
    assert header(refused, "www-authenticate") == "Bearer"


def test_no_csrf_token_repeats_or_is_short(client: httpx.Client) -> None:
    credentials = {"email": new_address(), "password": PASSWORD}
    assert client.post("/v1/accounts", json=credentials).status_code == 202

    tokens = [str(body(client.post(LOGIN, json=credentials))["csrf_token"]) for _ in range(3)]

    assert len(set(tokens)) == 3
    assert all(len(urlsafe_b64decode(each + "=")) >= 32 for each in tokens)
