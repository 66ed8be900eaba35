"""An operation that another one replaces says so, is counted, and is gone after its last day."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

import httpx
import pytest
from fastapi import APIRouter

from app.adapters.database import Reader
from app.http.probes import Status
from app.kit import routing, versions
from app.kit.access import public
from app.kit.versions import deprecated
from app.platform.accounts.access import CanReadOwnAccount
from tests.conftest import Log, SignUp, Start
from tests.wire import Json, eventually, header, problem

ANYONE = public("a test has no account")


def old() -> APIRouter:
    """Two operations that others replace, and one of the next version."""
    made = routing.router("", "versions")

    @made.get(
        "/v1/old",
        dependencies=[ANYONE, deprecated(since="2026-01-01", until="2026-12-31", instead="/v97/old")],
    )
    async def ending() -> Status:
        """Answer until the end of the year."""
        return Status(status="old")

    @made.get("/v1/older", dependencies=[deprecated(since="2026-01-01", instead="/v97/old")])
    async def mine(caller: CanReadOwnAccount, reader: Reader) -> Status:
        """Answer until further notice."""
        assert caller
        assert reader
        return Status(status="older")

    @made.get("/v97/old", dependencies=[ANYONE])
    async def current() -> Status:
        """Answer."""
        return Status(status="new")

    return made


@pytest.fixture
def client(start: Start, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A client of a service with them, on the last second of the last day."""
    monkeypatch.setattr(versions, "now", lambda: datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    with start(old(), ENVIRONMENT="development").connect() as found:
        yield found


def test_it_says_since_when_until_when_and_what_to_use(client: httpx.Client) -> None:
    answer = client.get("/v1/old")

    assert answer.json() == {"status": "old"}
    assert header(answer, "deprecation") == "@1767225600"
    assert header(answer, "sunset") == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert header(answer, "link") == '</v97/old>; rel="successor-version"'
    assert "deprecation" not in client.get("/v97/old").headers


def test_after_its_last_day_it_is_gone(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "now", lambda: datetime(2027, 1, 1, tzinfo=UTC))

    said = problem(client.get("/v1/old"), 410, "gone")["detail"]
    assert said == "This operation was offered until 2026-12-31. Use /v97/old instead."
    assert client.get("/v97/old").status_code == 200


def test_its_use_is_counted_and_logged_with_who_it_was(start: Start, sign_up: SignUp, log: Log) -> None:
    service = start(old())
    caller = sign_up(service)
    answer = caller.get("/v1/older")
    assert (answer.status_code, header(answer, "deprecation")) == (200, "@1767225600")
    assert "sunset" not in answer.headers

    eventually(lambda: '"deprecated":true' in log.text())
    (line,) = [each for each in log.lines() if each.get("deprecated")]
    assert (line["route"], bool(line["account_id"])) == ("/v1/older", True)


def test_the_document_says_it_and_there_is_one_of_each_version(client: httpx.Client) -> None:
    paths = cast("dict[str, dict[str, Json]]", client.get("/openapi.json").json()["paths"])
    operation = paths["/v1/old"]["get"]
    assert (operation["deprecated"], operation["x-replaced-by"]) == (True, "/v97/old")
    assert "410" in cast("Json", operation["responses"])
    assert "410" not in cast("Json", paths["/v1/older"]["get"]["responses"])

    assert list(client.get("/openapi/v97.json").json()["paths"]) == ["/v97/old"]
    assert "/v97/old" not in client.get("/openapi/v1.json").json()["paths"]
    _ = problem(client.get("/openapi/v98.json"), 404, "not-found")


def test_a_last_day_before_the_first_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before it begins"):
        _ = deprecated(since="2026-02-01", until="2026-01-01", instead="/v97/old")
