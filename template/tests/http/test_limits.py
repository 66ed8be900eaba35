"""The limits of one request (size, time) and of all together (load)."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import httpx
import pytest

from app.http.exchange import SECURITY_HEADERS
from tests.conftest import Start
from tests.http import trouble
from tests.wire import eventually, header, problem

JSON = {"content-type": "application/json"}


def _in_pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // 256):
        yield b" " * 256


@pytest.mark.parametrize("content", [b" " * 2048, 2048], ids=["announced", "chunked"])
def test_a_body_that_is_too_large_is_413(start: Start, content: bytes | int) -> None:
    with start(MAX_BODY_BYTES="1024").connect() as client:
        sent = content if isinstance(content, bytes) else _in_pieces(content)
        response = client.post("/v1/auth/login", content=sent, headers=JSON)

        assert "1,024 bytes" in str(problem(response, 413, "content-too-large")["detail"])
        assert header(response, "connection") == "close"
        assert client.get("/livez").status_code == 200


@pytest.mark.parametrize("content", [b" " * 1024, 1024], ids=["announced", "chunked"])
def test_a_body_of_the_greatest_size_is_read(start: Start, content: bytes | int) -> None:
    with start(MAX_BODY_BYTES="1024").connect() as client:
        sent = content if isinstance(content, bytes) else _in_pieces(content)
        _ = problem(client.post("/v1/auth/login", content=sent, headers=JSON), 422)


def test_a_request_that_takes_too_long_is_504(start: Start) -> None:
    with start(trouble.router, REQUEST_SECONDS="0.2").connect() as client:
        begun = monotonic()
        response = client.get("/v1/trouble/sleep")

    assert monotonic() - begun < 2
    assert "0.2 s" in str(problem(response, 504, "timed-out")["detail"])


def test_past_its_load_the_service_refuses_at_once_and_recovers(start: Start) -> None:
    release = threading.Event()
    service = start(trouble.holding(release), MAX_IN_FLIGHT="2")
    with service.connect() as client, ThreadPoolExecutor(2) as threads:
        held = [threads.submit(client.get, "/v1/wait") for _ in range(2)]
        eventually(lambda: client.get("/v1/accounts/me").status_code == 503)

        refused = client.get("/v1/accounts/me")
        _ = problem(refused, 503, "unavailable")
        assert header(refused, "retry-after") == "1"
        assert {name.decode() for name, _ in SECURITY_HEADERS} <= refused.headers.keys()
        assert [client.get(path).status_code for path in ("/livez", "/readyz")] == [200, 200]

        release.set()
        assert [each.result().status_code for each in held] == [200, 200]
        assert client.get("/v1/accounts/me").status_code == 401


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b'{"a":' * 40_000, b"[" * 300 + b"]" * 300, b'{"email": "\\ud800"}', b'{"email": "\xed\xa0\x80"}'],
    ids=["lists", "objects", "closed", "half a character", "half a character in UTF-8"],
)
def test_a_body_that_only_a_parser_would_suffer_from_is_422(client: httpx.Client, content: bytes) -> None:
    answer = problem(client.post("/v1/auth/login", content=content, headers=JSON), 422, "invalid")

    assert answer["detail"] == "The body is not JSON."


def test_a_query_parameter_is_given_once(someone: httpx.Client) -> None:
    response = someone.get("/v1/items?limit=1&limit=100")

    assert "it may be given once" in str(problem(response, 422, "invalid")["errors"])
