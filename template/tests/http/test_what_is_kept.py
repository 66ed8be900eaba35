"""What stays of a request in log, trail and metrics: no secret from its path, and an address as far as allowed."""

import os
import secrets
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter

from app import defaults
from app.kit import routing
from app.kit.access import public
from app.kit.errors import NotFound, answers
from app.kit.schemas import Line
from tests.conftest import PASSWORD, Log, Sql, Start, new_address
from tests.http.trouble import Status

SHORT = "7f3k9q"


def links() -> APIRouter:
    """An operation that takes a secret in its path, as links in mails of other services do."""
    router = routing.router("/v1/links", "links")

    @router.get("/{token}", dependencies=[public("a test")], responses=answers(NotFound))
    async def use(token: Line) -> Status:
        """Use a link."""
        return Status(status=str(len(token)))

    assert use
    return router


@pytest.mark.parametrize(
    "secret",
    [
        secrets.token_urlsafe(32),
        secrets.token_hex(16),
        f"eyJhbGciOiJFZERTQSJ9.{secrets.token_urlsafe(24)}.{secrets.token_urlsafe(48)}",
        "A" * 24,
    ],
    ids=["base64", "hexadecimal", "token", "letters"],
)
def test_a_secret_in_a_path_is_in_no_log_and_no_metric(start: Start, log: Log, secret: str) -> None:
    service = start(links())
    with service.connect() as client:
        for path in (f"/v1/links/{secret}", f"/v1/links/{SHORT}", f"/reset/{secret}", f"/reset/{secret}/more"):
            _ = client.get(path)
        measured = client.get("/metrics", headers={"authorization": f"Bearer {os.environ['METRICS_TOKEN']}"})

    assert measured.status_code == 200
    # The client of this test runs in the same process.
    written = str(log.lines())
    for said in (written, measured.text):
        assert secret not in said
        assert SHORT not in said
    paths = [str(line["path"]) for line in log.lines() if line["event"] == "request"]
    assert paths[:4] == ["/v1/links/***", "/v1/links/***", "/reset/***", "/reset/***/more"]


def test_a_path_without_a_secret_is_logged_as_it_is(client: httpx.Client, log: Log) -> None:
    paths = [
        f"/v1/items/{uuid4()}",
        "/a-page-with-a-very-long-name-of-words",
        "/docs/swagger-ui-bundle.js",
        "/v1/2026-11-28",
    ]
    for each in paths:
        _ = client.get(each)

    assert [line["path"] for line in log.lines() if line["event"] == "request"] == paths


@pytest.mark.parametrize("whole", [True, False])
def test_log_and_trail_keep_an_address_as_the_class_of_the_data_says(
    monkeypatch: pytest.MonkeyPatch, start: Start, sql: Sql, log: Log, *, whole: bool
) -> None:
    monkeypatch.setattr(defaults, "LOG_CLIENT_ADDRESS", whole)
    address, network = ("203.0.113.77", "") if whole else ("198.51.100.77", "198.51.100.0/24")
    credentials = {"email": new_address(), "password": PASSWORD}
    with start(TRUSTED_PROXIES="127.0.0.1").connect() as client:
        client.headers["x-forwarded-for"] = address
        ids = [
            client.post(path, json=credentials).headers["x-request-id"] for path in ("/v1/accounts", "/v1/auth/login")
        ]

    entries = sql("SELECT address FROM audit_entries WHERE request_id = ANY($1)", ids)
    lines = [line["client"] for line in log.lines() if line.get("request_id") in ids and line["event"] == "request"]
    kept = {str(each["address"]) for each in entries} | {str(each) for each in lines}
    assert kept == {address if whole else network}
    assert (address in log.text()) is whole
    every = sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    holding = [
        each["table_name"]
        for each in every
        if sql(f"SELECT 1 FROM {each['table_name']} AS row WHERE row::text LIKE $1 LIMIT 1", f"%{address}%")  # noqa: S608
    ]
    assert whole or not holding
