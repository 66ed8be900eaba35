"""The request id: a trusted proxy's where it is harmless, made here otherwise; the log has a stranger's beside it."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import PASSWORD, Log, Sql, Start, new_address
from tests.wire import Service, header, problem

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


@pytest.fixture
def proxy(start: Start) -> Iterator[httpx.Client]:
    """A client whose word about its requests counts."""
    with start(TRUSTED_PROXIES="127.0.0.1").connect() as found:
        yield found


def test_every_answer_has_an_id_of_its_own(client: httpx.Client) -> None:
    first, second = (header(client.get("/livez"), "x-request-id") for _ in range(2))

    assert UUID7.fullmatch(first)
    assert first != second


@pytest.mark.parametrize("given", ["a1b2c3d4", "Some.Request_Id-7", "x" * 64])
def test_a_well_formed_id_of_a_trusted_proxy_is_kept(proxy: httpx.Client, given: str) -> None:
    response = proxy.get("/nowhere", headers={"x-request-id": given})

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
def test_a_hostile_id_is_replaced(proxy: httpx.Client, client: httpx.Client, log: Log, given: bytes) -> None:
    for each in (proxy, client):
        assert UUID7.fullmatch(header(each.get("/nowhere", headers={b"x-request-id": given}), "x-request-id"))

    assert not [line for line in log.lines() if "client_request_id" in line]


def test_a_trace_of_a_trusted_proxy_lends_its_id(proxy: httpx.Client) -> None:
    assert header(proxy.get("/livez", headers=TRACED), "x-request-id") == TRACE
    both = TRACED | {"x-request-id": "one-of-my-own"}
    assert header(proxy.get("/livez", headers=both), "x-request-id") == "one-of-my-own"


@pytest.mark.parametrize(
    "given", [f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE.upper()}-00f067aa0ba902b7-01", TRACE]
)
def test_a_malformed_trace_is_ignored(proxy: httpx.Client, given: str) -> None:
    assert UUID7.fullmatch(header(proxy.get("/livez", headers={"traceparent": given}), "x-request-id"))


@pytest.mark.parametrize("trusted", ["", "192.0.2.1"])
@pytest.mark.parametrize(
    ("given", "said"), [({"x-request-id": "one-of-my-own"}, "one-of-my-own"), (TRACED, TRACE)], ids=["id", "trace"]
)
def test_a_strangers_id_stands_beside_the_services_own_in_the_log(
    start: Start, log: Log, trusted: str, given: dict[str, str], said: str
) -> None:
    with start(TRUSTED_PROXIES=trusted).connect() as stranger:
        response = stranger.get("/nowhere", headers=given)

    made = header(response, "x-request-id")
    assert UUID7.fullmatch(made)
    assert problem(response, 404)["request_id"] == made
    (line,) = [each for each in log.lines() if each.get("client_request_id") == said]
    assert (line["event"], line["request_id"]) == ("request", made)


# What proxies, meshes and clients call a request, its client or its place by.
NAMES = (
    *("x-request-id", "traceparent", "tracestate", "baggage", "x-correlation-id", "correlation-id", "request-id"),
    *("x-amzn-trace-id", "x-cloud-trace-context", "x-b3-traceid", "b3", "uber-trace-id", "x-client-request-id"),
    *("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"),
    *("x-forwarded-prefix", "x-forwarded-user", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"),
    *(
        "x-cluster-client-ip",
        "x-original-url",
        "x-rewrite-url",
        "x-original-host",
        "x-host",
        "x-http-method-override",
        "x-remote-user",
    ),
)


def test_nothing_that_a_stranger_says_about_a_request_is_believed(service: Service, sql: Sql, log: Log) -> None:
    said = {name: f"said-{number:04}" for number, name in enumerate(NAMES)}
    said |= {"x-forwarded-for": "203.0.113.77", "x-forwarded-proto": "https", "traceparent": TRACED["traceparent"]}
    credentials = {"email": new_address(), "password": PASSWORD}
    with service.connect() as stranger:
        stranger.headers.update(said)
        answers = [
            stranger.post("/v1/accounts", json=credentials),
            stranger.post("/v1/auth/login", json=credentials),
            stranger.get("/nowhere"),
        ]

    written = [
        str({name: value for name, value in line.items() if name != "client_request_id"}) for line in log.lines()
    ]
    told = [f"{each.headers} {each.text}" for each in answers]
    ours = [header(each, "x-request-id") for each in answers]
    trail = [str(each) for each in sql("SELECT * FROM audit_entries WHERE request_id = ANY($1)", ours)]
    assert trail
    believed = {
        (name, place)
        for name, value in said.items()
        for place, texts in (("log", written), ("answer", told), ("trail", trail))
        for text in texts
        if (TRACE if name == "traceparent" else value) in text
    }
    # The scheme is a word that any text may hold.
    assert {each for each in believed if each[0] != "x-forwarded-proto"} == set()
    assert {each.get("client_request_id") for each in log.lines() if each["event"] == "request"} == {"said-0000"}
