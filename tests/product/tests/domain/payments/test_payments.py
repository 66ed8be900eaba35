"""Payments over HTTP, as their provider tells of them."""

import hmac
import json
from uuid import UUID, uuid4

import httpx

from tests.conftest import Sql
from tests.domain.payments.settings import PRODUCTION
from tests.nouns import made
from tests.wire import header, problem

PATH = "/v1/payments"


def told(client: httpx.Client, content: bytes, secret: str = PRODUCTION["PAYMENTS_SECRET"]) -> httpx.Response:
    """The answer to something signed."""
    signature = hmac.digest(secret.encode(), content, "sha256").hex()
    return client.post(PATH, content=content, headers={"X-Signature": signature})


def paid(booking_id: str) -> bytes:
    """A payment."""
    return json.dumps({"id": str(uuid4()), "booking_id": booking_id, "amount": "12.50"}).encode()


def test_what_is_signed_is_taken_once(client: httpx.Client, someone: httpx.Client, sql: Sql) -> None:
    booking = made(someone, "/v1/bookings")
    content = paid(booking)

    assert [told(client, content).status_code for _ in range(2)] == [204, 204]

    assert len(sql("SELECT id FROM payments WHERE booking_id = $1", UUID(booking))) == 1


def test_what_is_not_signed_is_refused(client: httpx.Client, someone: httpx.Client, sql: Sql) -> None:
    content = paid(made(someone, "/v1/bookings"))

    refused = told(client, content, "another secret")
    _ = problem(refused, 403, "wrong-signature")
    noted = sql(
        "SELECT event, outcome, reason FROM audit_entries WHERE request_id = $1", header(refused, "x-request-id")
    )
    assert noted == [{"event": "payments.receive", "outcome": "refused", "reason": "signature"}]
    _ = problem(client.post(PATH, content=content), 422, "invalid")
    _ = problem(told(client, b'{"id": 7}'), 422, "invalid")
    _ = problem(told(client, paid(str(uuid4()))), 404, "booking-not-found")
