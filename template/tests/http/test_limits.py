"""The limits of one request (size, time) and of all together (load)."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import monotonic
from urllib.parse import urlsplit

import httpx
import pytest

from app.http.exchange import SECURITY_HEADERS
from app.http.probes import Status
from app.kit import routing
from app.kit.limits import limits
from app.platform.accounts.access import CanReadOwnAccount
from tests.conftest import Log, SignUp, Start
from tests.http import trouble
from tests.wire import eventually, header, problem

JSON = {"content-type": "application/json"}
BYTES = {"content-type": "application/octet-stream"}


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

    assert monotonic() - begun < 20
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


def _unfinished(url: str, headers: Mapping[str, str]) -> socket.socket:
    """A connection whose request lacks the last byte of its body."""
    given = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    made = socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=20)
    made.sendall(f"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\n{given}Content-Length: 2\r\n\r\n{{".encode())
    return made


def _refusal(made: socket.socket) -> str:
    """The status line of what was answered already; empty where nothing was."""
    made.settimeout(0.0)
    try:
        return made.recv(4096).decode().partition("\r\n")[0]
    except BlockingIOError:
        return ""


def test_bodies_that_never_come_keep_nobody_else_out(start: Start) -> None:
    service = start(MAX_IN_FLIGHT="4", TRUSTED_PROXIES="127.0.0.1", ALLOWED_HOSTS="*")
    json = {"Content-Type": "application/json"}
    with ExitStack() as stack, service.connect() as client:
        # One address may have 8 unfinished, its /24 16: both are more than may be answered at once.
        made = [
            stack.enter_context(_unfinished(service.url, json | {"X-Forwarded-For": address}))
            for address in ["203.0.113.7"] * 10 + [f"203.0.113.{number}" for number in range(20, 36)]
        ]
        refused: set[int] = set()

        def look() -> bool:
            refused.update(index for index, each in enumerate(made) if index not in refused and "429" in _refusal(each))
            return len(refused) == len(made) - 16

        eventually(look)
        assert len([each for each in refused if each < 10]) == 2

        for address in ("203.0.114.1", "2001:db8::1"):
            answer = client.post("/v1/auth/login", json={}, headers={"X-Forwarded-For": address})
            assert answer.status_code == 422, answer.text
        assert client.get("/v1/accounts/me").status_code == 401

        # Those that wait are answered when their bodies come.
        waiting = next(each for index, each in enumerate(made) if index not in refused)
        waiting.setblocking(True)  # noqa: FBT003
        waiting.sendall(b"}")
        assert "422" in waiting.recv(4096).decode().partition("\r\n")[0]


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


def test_an_operation_has_a_body_limit_of_its_own(start: Start) -> None:
    with start(trouble.bounded, MAX_BODY_BYTES="1024").connect() as client:
        for sent in (b"x" * 4096, _in_pieces(4096)):
            assert client.post("/v1/bounded/body", content=sent, headers=BYTES).json() == {"status": "4096"}
        for sent in (b"x" * 4352, _in_pieces(4352)):
            answer = problem(client.post("/v1/bounded/body", content=sent, headers=BYTES), 413, "content-too-large")
            assert "4,096 bytes" in str(answer["detail"])
        # FastAPI's own way to say it.
        assert client.post("/v1/bounded/fastapi", content=b"x" * 2048, headers=BYTES).status_code == 200
        _ = problem(client.post("/v1/bounded/fastapi", content=b"x" * 2304, headers=BYTES), 413, "content-too-large")


def test_an_operation_has_a_time_limit_of_its_own(start: Start) -> None:
    with start(trouble.bounded, REQUEST_SECONDS="0.2").connect() as client:
        assert client.get("/v1/bounded/longer").status_code == 200
        assert "0.1 s" in str(problem(client.get("/v1/bounded/shorter"), 504, "timed-out")["detail"])


def test_an_operation_has_a_rate_of_its_own(start: Start) -> None:
    with start(trouble.bounded).connect() as client:
        answers = [client.get("/v1/bounded/rare") for _ in range(4)]

        assert [each.status_code for each in answers] == [200, 200, 200, 429]
        assert header(answers[0], "ratelimit-policy") == '"operation";q=3;w=3600'
        assert client.get("/v1/bounded/longer").status_code == 200


def test_bounds_of_its_own_stand_in_the_document(start: Start) -> None:
    with start(trouble.bounded, ENVIRONMENT="development").connect() as client:
        paths = client.get("/openapi.json").json()["paths"]

    assert paths["/v1/bounded/body"]["post"]["x-limits"] == {"body": 4096}
    assert paths["/v1/bounded/longer"]["get"]["x-limits"] == {"seconds": 30.0}
    assert paths["/v1/bounded/rare"]["get"]["x-limits"] == {"rate": "3/3600"}
    assert "x-limits" not in paths["/v1/items"]["get"]


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (lambda: limits(body=0), r"limits\(body=0\) is out of range: 1 to"),
        (lambda: limits(seconds=601), r"limits\(seconds=601\) is out of range: more than 0, up to 600"),
        (lambda: limits(rate="often"), r"limits\(rate='often'\) is not a rate limit: give a number of requests"),
    ],
    ids=["body", "seconds", "rate"],
)
def test_a_bound_out_of_range_is_refused_where_it_is_declared(declare: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        _ = declare()


def test_a_stream_may_take_longer_than_a_request(start: Start) -> None:
    with start(trouble.bounded, REQUEST_SECONDS="1").connect() as client:
        answer = client.get("/v1/bounded/slow-stream")

    assert answer.text == "first, last"


@pytest.mark.parametrize("bound", ["STREAM_SECONDS", "STREAM_IDLE_SECONDS"])
def test_a_stream_without_end_is_cut_off(start: Start, log: Log, bound: str) -> None:
    path = "/v1/bounded/endless" if bound == "STREAM_SECONDS" else "/v1/bounded/stuck"
    with start(trouble.bounded, **{bound: "1"}).connect() as client, client.stream("GET", path) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            _ = answer.read()

    eventually(lambda: "answer cut off" in log.text())


def test_a_stream_ends_with_the_session_of_whoever_asked(
    start: Start, sign_up: SignUp, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.limits.AGAIN_SECONDS", 0.1)
    router = routing.router("/v1/follow", "follow")

    @router.get("")
    async def follow(caller: CanReadOwnAccount) -> AsyncIterable[Status]:
        """Go on and on."""
        while True:
            yield Status(status=str(caller.account_id))
            await asyncio.sleep(0.02)

    service = start(router)
    someone, other = sign_up(service), sign_up(service)
    with someone.stream("GET", "/v1/follow") as answer, other.stream("GET", "/v1/follow") as unmoved:
        lines, others = answer.iter_lines(), unmoved.iter_lines()
        for _ in range(20):
            assert next(lines) != next(others)
        with service.connect() as again:
            again.headers.update(someone.headers)
            assert again.post("/v1/auth/logout").status_code == 204

        with pytest.raises(httpx.RemoteProtocolError):
            for _ in lines:
                pass
        # Nobody else's ends.
        for _ in range(200):
            assert next(others)
    assert "answer cut off" in log.text()


def test_a_background_task_may_take_longer_than_a_request(start: Start) -> None:
    with start(trouble.bounded, REQUEST_SECONDS="1", STREAM_IDLE_SECONDS="1").connect() as client:
        trouble.done.clear()
        assert client.get("/v1/bounded/later").status_code == 200
        eventually(trouble.done.is_set)
