"""The request id: taken over where it is harmless, made anew otherwise."""

import re

import httpx
import pytest

from tests.wire import header, problem

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_every_answer_has_an_id_of_its_own(client: httpx.Client) -> None:
    first, second = (header(client.get("/livez"), "x-request-id") for _ in range(2))

    assert UUID7.fullmatch(first)
    assert first != second


@pytest.mark.parametrize("given", ["a1b2c3d4", "Some.Request_Id-7", "x" * 64])
def test_a_well_formed_id_is_kept(client: httpx.Client, given: str) -> None:
    response = client.get("/nowhere", headers={"x-request-id": given})

    assert header(response, "x-request-id") == given
    assert problem(response, 404)["request_id"] == given


@pytest.mark.parametrize(
    "given",
    [
        b"short",
        b"x" * 65,
        b"two words",
        b'{"level":"error"}',
        b"<script>alert",
        b"id\xc3\xa9id\xff\xfe",
        b"a\tb-c-d-e-f",
    ],
)
def test_a_hostile_id_is_replaced(client: httpx.Client, given: bytes) -> None:
    response = client.get("/livez", headers={b"x-request-id": given})

    assert UUID7.fullmatch(header(response, "x-request-id"))


def test_a_trace_lends_its_id(client: httpx.Client) -> None:
    traced = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}

    assert header(client.get("/livez", headers=traced), "x-request-id") == TRACE
    both = traced | {"x-request-id": "one-of-my-own"}
    assert header(client.get("/livez", headers=both), "x-request-id") == "one-of-my-own"


@pytest.mark.parametrize(
    "given", [f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE.upper()}-00f067aa0ba902b7-01", TRACE]
)
def test_a_malformed_trace_is_ignored(client: httpx.Client, given: str) -> None:
    assert UUID7.fullmatch(header(client.get("/livez", headers={"traceparent": given}), "x-request-id"))
