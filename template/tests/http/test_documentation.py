"""The documentation page: it works offline, under its own policy."""

import re
import secrets

import httpx
import pytest

from app import defaults
from tests.conftest import Start
from tests.wire import header, problem

KEYS = secrets.token_hex(32)


def test_the_page_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs")

    assert page.status_code == 200
    assert header(page, "content-type") == "text/html; charset=utf-8"
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for each in loaded:
        assert each.startswith(("/docs/", "data:"))
        if each.startswith("/"):
            assert client.get(each).status_code == 200
    for text in (page.text, client.get("/docs/start.js").text):
        assert not re.search(r"(https?:)?//\w", text.replace("// ", ""))


def test_the_policy_of_the_page_lets_it_run_and_nothing_else(client: httpx.Client) -> None:
    # Two policies would both hold, and the stricter one forbids the page's own script.
    (policy,) = client.get("/docs").headers.get_list("content-security-policy")

    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    ("name", "kind"),
    [("start.js", "text/javascript"), ("swagger-ui-bundle.js", "text/javascript"), ("swagger-ui.css", "text/css")],
)
def test_the_assets_have_their_types(client: httpx.Client, name: str, kind: str) -> None:
    assert header(client.get(f"/docs/{name}"), "content-type").startswith(kind)


@pytest.mark.parametrize("name", ["secret.js", "..%2f..%2fpyproject.toml", "index.css"])
def test_there_are_no_other_assets(client: httpx.Client, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404


def test_production_shows_the_page_where_the_data_allows(start: Start) -> None:
    with start(ENVIRONMENT="production", AUTH_SIGNING_KEYS=KEYS).connect() as client:
        for path in ("/docs", "/openapi.json"):
            if defaults.DOCS_IN_PRODUCTION:
                assert client.get(path).status_code == 200
            else:
                _ = problem(client.get(path), 404, "not-found")
