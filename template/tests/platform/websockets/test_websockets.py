"""A WebSocket is under the rules of every other operation, and ends when what allowed it does."""

import asyncio
import base64
import os
import socket as sockets
from contextlib import ExitStack
from typing import Annotated, NoReturn, Protocol, cast

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Path, WebSocket
from starlette.middleware.gzip import GZipMiddleware
from websockets.exceptions import InvalidStatus

from app import registry
from app.adapters.database import Reader, Session
from app.house import HouseRuleBroken
from app.http.stack import Layer
from app.kit import routing, state
from app.kit.access import public
from app.kit.errors import NotFound
from app.kit.limits import limits
from app.platform.accounts.access import CanReadOwnAccount
from app.platform.auth.tokens import Tokens
from app.platform.websockets import conversation
from app.registry import read_settings
from tests.conftest import Log, SetEnvironment, SignUp, Start
from tests.platform.websockets.talk import closed, opened, refused
from tests.wire import Service, eventually, problem

Name = Annotated[str, Path(max_length=40, pattern="^[a-z]+$")]
ECHO = "/v1/sockets/echo"
PATHS: list[str] = []


class RoomNotFound(NotFound):
    """There is no such room."""


def _router() -> APIRouter:  # noqa: C901, PLR0915 - one after the other
    router = routing.router("/v1/sockets", "sockets")

    @router.websocket("/echo")
    async def echo(websocket: WebSocket, caller: CanReadOwnAccount) -> None:
        """Say everything twice."""
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(f"{caller.account_id}: {text}")

    @router.websocket("/json")
    async def as_json(websocket: WebSocket, caller: CanReadOwnAccount) -> None:
        """Take JSON."""
        assert caller
        await websocket.accept()
        while True:
            await websocket.send_json(await websocket.receive_json())

    @router.websocket("/rooms/{room}")
    async def room(websocket: WebSocket, room: Name, caller: CanReadOwnAccount) -> None:
        """Look for a room that is not there."""
        assert caller
        assert websocket
        raise RoomNotFound(f"There is no room {room}.")

    @router.websocket("/slow", dependencies=[limits(seconds=0.3)])
    async def slow(websocket: WebSocket, caller: CanReadOwnAccount) -> None:
        """Think for too long."""
        assert caller
        assert websocket
        await asyncio.sleep(60)

    @router.websocket("/late")
    async def late(websocket: WebSocket, caller: CanReadOwnAccount) -> None:
        """Answer when many have left."""
        assert caller
        await asyncio.sleep(0.1)
        await websocket.accept()

    @router.websocket("/silent")
    async def silent(websocket: WebSocket, caller: CanReadOwnAccount) -> None:
        """Forget to answer."""
        assert caller
        assert websocket

    @router.websocket("/broken")
    async def broken(websocket: WebSocket, caller: CanReadOwnAccount) -> None:
        """Fail while it is open."""
        assert caller
        await websocket.accept()
        raise ZeroDivisionError

    @router.websocket("/deaf")
    async def deaf(websocket: WebSocket, caller: CanReadOwnAccount) -> None:
        """Listen to nobody, and say nothing."""
        assert caller
        await websocket.accept()
        try:
            await asyncio.sleep(600)
        finally:
            PATHS.append("ended")

    @router.websocket("/flood")
    async def flood(websocket: WebSocket, caller: CanReadOwnAccount) -> None:
        """Say more than anybody reads."""
        assert caller
        await websocket.accept()
        try:
            while True:
                await websocket.send_bytes(b"x" * 1_000_000)
        finally:
            PATHS.append("ended")

    @router.websocket("/read")
    async def read(websocket: WebSocket, reader: Reader, caller: CanReadOwnAccount) -> None:
        """Look things up."""
        assert reader
        assert caller
        await websocket.accept()
        _ = await websocket.receive_text()

    @router.websocket("/small", dependencies=[limits(body=10, rate="2/3600")])
    async def small(websocket: WebSocket, caller: CanReadOwnAccount) -> None:
        """Take little, and seldom."""
        assert caller
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    @router.websocket("/large", dependencies=[limits(body=5_000)])
    async def large(websocket: WebSocket, caller: CanReadOwnAccount) -> None:
        """Take more than others."""
        assert caller
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())

    return router


class Begin(Protocol):
    """Starts a service with these WebSockets."""

    def __call__(self, **environment: str) -> Service:
        """The running service."""
        ...


@pytest.fixture
def begin(start: Start) -> Begin:
    """Start a service with these WebSockets, and settings of a test."""

    def with_sockets(**environment: str) -> Service:
        return start(_router(), **environment)

    return with_sockets


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look every moment at whether a WebSocket may stay."""
    monkeypatch.setattr(conversation, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(conversation, "GRACE_SECONDS", 0.2)


@pytest.fixture(autouse=True)
def no_paths() -> None:
    """Forget what other tests did."""
    PATHS.clear()


def _open(service: Service) -> float:
    with service.connect() as client:
        text = client.get("/metrics", headers={"Authorization": f"Bearer {os.environ['METRICS_TOKEN']}"}).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("websockets_open"))


def test_it_talks_and_is_logged(begin: Begin, sign_up: SignUp, log: Log) -> None:
    service = begin()
    someone = sign_up(service)
    before = _open(service)
    with opened(service, ECHO, someone) as talking:
        talking.send("one")
        assert str(talking.recv(20)).endswith(": one")
        assert _open(service) == before + 1
        response = talking.response
        assert response is not None
        request_id = response.headers["x-request-id"]
        assert response.headers["x-content-type-options"] == "nosniff"
    eventually(lambda: any(line["event"] == "websocket closed" for line in log.lines()))

    assert _open(service) == before
    lines = [line for line in log.lines() if line.get("request_id") == request_id]
    asked, ended = (next(line for line in lines if line["event"] == each) for each in ("request", "websocket closed"))
    assert (asked["status"], asked["route"]) == (101, ECHO)
    assert (ended["code"], ended["received"], ended["sent"], ended["route"]) == (1000, 1, 1, ECHO)
    assert ended["account_id"] == asked["account_id"]
    assert not [line for line in log.lines() if "[accepted]" in str(line["event"])]


def test_it_talks_through_a_layer_that_holds_the_head_back(
    begin: Begin, sign_up: SignUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = registry.layers

    def with_another(app: FastAPI) -> list[Layer]:
        app.add_middleware(GZipMiddleware, minimum_size=10)
        return ours(app)

    monkeypatch.setattr(registry, "layers", with_another)
    service = begin()
    with opened(service, "/v1/sockets/flood", sign_up(service)) as talking:
        assert set(talking.recv(20)) == set(b"x")


def test_whoever_may_not_is_told_so(begin: Begin, someone: httpx.Client, log: Log) -> None:
    service = begin()

    assert refused(opened(service, ECHO))[0] == 401
    assert refused(opened(service, ECHO, headers={"Authorization": "Bearer nonsense"}))[0] == 401
    status, found = refused(opened(service, "/v1/sockets/nothing", someone))
    assert (status, found["type"]) == (404, "urn:problem:not-found")
    # Any other operation is not asked for like this.
    assert refused(opened(service, "/v1/accounts/me", someone))[0] == 405
    elsewhere = Service(service.app, service.url.replace("127.0.0.1", "localhost"))
    assert refused(opened(elsewhere, ECHO, someone))[0] == 421
    # Each is logged as a request, and none as an error.
    asked = [line["status"] for line in log.lines() if line["event"] == "request"]
    assert asked[-5:] == [401, 401, 404, 405, 421]
    assert not [line for line in log.lines() if line["level"] == "error"]


def test_a_request_that_is_no_handshake(begin: Begin, sign_up: SignUp) -> None:
    service = begin()
    someone = sign_up(service)

    answer = someone.get(ECHO)
    _ = problem(answer, 426, "upgrade-required")
    assert answer.headers["upgrade"] == "websocket"
    with service.connect() as nobody:
        _ = problem(nobody.get(ECHO), 401)
    document = someone.get("/openapi.json").json() if someone.get("/openapi.json").status_code == 200 else None
    if document is not None:
        operation = document["paths"][ECHO]["get"]
        assert operation["x-websocket"] is True
        assert {"101", "401", "403", "426", "429"} <= set(operation["responses"])


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://127.0.0.1.evil.example"])
def test_a_page_of_another_site_opens_none(begin: Begin, sign_up: SignUp, origin: str) -> None:
    service = begin(WEBSOCKET_ORIGINS="https://www.example.com")
    someone = sign_up(service)

    status, found = refused(opened(service, ECHO, someone, origin=origin))

    assert (status, found["type"]) == (403, "urn:problem:foreign-page")
    for allowed in ("https://www.example.com", service.url):
        with opened(service, ECHO, someone, origin=allowed) as talking:
            talking.send("here")
            assert str(talking.recv(20)).endswith("here")


def test_an_origin_that_is_none_is_refused_at_the_start(set_environment: SetEnvironment) -> None:
    set_environment(WEBSOCKET_ORIGINS="www.example.com")

    with pytest.raises(ValueError, match="not an origin such as"):
        read_settings()


def test_a_message_of_the_wrong_kind_closes_it_with_a_sentence(begin: Begin, sign_up: SignUp, log: Log) -> None:
    service = begin(MAX_BODY_BYTES="1024")
    someone = sign_up(service)
    for path, message, code, reason in (
        ("json", "{", 1007, "The message is not JSON."),
        ("json", '{"a": NaN}', 1007, "The message is not JSON."),
        ("json", b"{}", 1003, "Send text, not bytes."),
        ("echo", b"\0", 1003, "Send text, not bytes."),
        ("echo", "x" * 1025, 1009, ""),
        ("small", "x" * 11, 1009, ""),
    ):
        with opened(service, f"/v1/sockets/{path}", someone) as talking:
            talking.send(message)
            found = closed(talking)
            assert found[0] == code
            assert reason in found[1]
    with opened(service, "/v1/sockets/large", someone) as talking:
        talking.send("x" * 5_000)
        assert talking.recv(20) == "x" * 5_000
    assert not [line for line in log.lines() if line["level"] == "error"]


def test_one_caller_and_all_of_them_may_have_so_many(begin: Begin, sign_up: SignUp) -> None:
    service = begin(WEBSOCKETS_PER_CALLER="2", WEBSOCKETS="3")
    someone, other = sign_up(service), sign_up(service)
    with ExitStack() as stack:
        for _ in range(2):
            _ = stack.enter_context(opened(service, ECHO, someone))
        status, found = refused(opened(service, ECHO, someone))
        assert (status, found["type"]) == (429, "urn:problem:too-many-sockets")
        _ = stack.enter_context(opened(service, ECHO, other))
        assert refused(opened(service, ECHO, other))[0] == 503
        # Requests are none of them.
        assert other.get("/v1/accounts/me").status_code == 200
    eventually(lambda: _try(service, someone))


def _try(service: Service, who: httpx.Client) -> bool:
    try:
        with opened(service, ECHO, who):
            return True
    except InvalidStatus:
        return False


def test_requests_are_answered_while_more_of_them_are_open_than_requests_may_be(begin: Begin, sign_up: SignUp) -> None:
    service = begin(MAX_IN_FLIGHT="2")
    someone = sign_up(service)
    with ExitStack() as stack:
        talking = [stack.enter_context(opened(service, ECHO, someone)) for _ in range(4)]
        assert someone.get("/v1/accounts/me").status_code == 200
        for each in talking:
            each.send("here")
            assert each.recv(20)


def test_how_often_one_is_opened_is_limited(begin: Begin, sign_up: SignUp) -> None:
    service = begin()
    someone = sign_up(service)
    for _ in range(2):
        with opened(service, "/v1/sockets/small", someone):
            pass
    status, found = refused(opened(service, "/v1/sockets/small", someone))

    assert (status, found["type"]) == (429, "urn:problem:too-many-requests")


def test_messages_past_the_quota_are_read_later(begin: Begin, sign_up: SignUp, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def noted(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(conversation, "sleep", noted)
    service = begin(WEBSOCKET_MESSAGES="2/3600")
    someone = sign_up(service)
    with opened(service, ECHO, someone) as talking:
        for turn in range(3):
            talking.send(str(turn))
            assert talking.recv(20)

    assert [round(each, -2) for each in waited] == [1800]


@pytest.mark.usefixtures("often")
def test_it_ends_with_its_session(begin: Begin, sign_up: SignUp) -> None:
    service = begin()
    someone = sign_up(service)
    with opened(service, ECHO, someone) as talking:
        talking.send("before")
        assert talking.recv(20)
        assert someone.post("/v1/auth/logout").status_code == 204
        code, reason = closed(talking)

    assert code == 1008
    assert "session" in reason


@pytest.mark.usefixtures("often")
def test_it_ends_with_its_token(begin: Begin, sign_up: SignUp, monkeypatch: pytest.MonkeyPatch) -> None:
    service = begin()
    someone = sign_up(service)
    with opened(service, "/v1/sockets/deaf", someone) as talking:
        # An hour passes for whoever looks at the tokens.
        monkeypatch.setattr("app.platform.auth.tokens.time", lambda: 2.0**40)
        code, reason = closed(talking)

    assert (code, reason) == (1008, "The access token has expired: refresh it or sign in again.")
    eventually(lambda: PATHS == ["ended"])
    assert state.find(service.app, Tokens)


@pytest.mark.usefixtures("often")
def test_it_ends_in_time(begin: Begin, sign_up: SignUp) -> None:
    service = begin(STREAM_SECONDS="1")
    someone = sign_up(service)
    with opened(service, "/v1/sockets/deaf", someone) as talking:
        code, reason = closed(talking)

    assert (code, reason) == (1001, "It was open for 1 s: open it again.")
    eventually(lambda: PATHS == ["ended"])


@pytest.mark.usefixtures("often")
def test_an_endpoint_that_listens_to_nobody_ends_when_its_client_leaves(begin: Begin, sign_up: SignUp) -> None:
    service = begin()
    someone = sign_up(service)
    with opened(service, "/v1/sockets/deaf", someone):
        pass

    eventually(lambda: PATHS == ["ended"])
    assert service.lent == 0


def test_what_fails_before_it_is_open_is_answered_as_anywhere(begin: Begin, sign_up: SignUp, log: Log) -> None:
    service = begin()
    someone = sign_up(service)

    status, found = refused(opened(service, "/v1/sockets/rooms/red", someone))
    assert (status, found["type"], found["detail"]) == (404, "urn:problem:room-not-found", "There is no room red.")
    assert refused(opened(service, "/v1/sockets/slow", someone))[0] == 504
    assert refused(opened(service, "/v1/sockets/silent", someone))[0] == 500
    assert "ended without `accept()` or `close()`" in log.text()


def test_what_fails_while_it_is_open_is_logged_and_says_nothing(begin: Begin, sign_up: SignUp, log: Log) -> None:
    service = begin()
    someone = sign_up(service)
    with opened(service, "/v1/sockets/broken", someone) as talking:
        code, reason = closed(talking)

    assert code == 1011
    assert "ZeroDivision" not in reason
    assert "ZeroDivisionError" in log.text()


def _raw(service: Service, who: httpx.Client, path: str, *, answered: bool = True) -> sockets.socket:
    """A WebSocket of a client that does as it likes."""
    host = service.url.removeprefix("http://")
    connection = sockets.create_connection(cast("tuple[str, int]", tuple(host.split(":"))), timeout=20)
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        f"Authorization: {who.headers['Authorization']}\r\n\r\n".encode()
    )
    assert not answered or b" 101 " in connection.recv(4096)
    return connection


@pytest.mark.usefixtures("often")
def test_a_client_that_does_not_read_is_let_go(begin: Begin, sign_up: SignUp) -> None:
    service = begin(STREAM_IDLE_SECONDS="1")
    someone = sign_up(service)
    with _raw(service, someone, "/v1/sockets/flood"):
        eventually(lambda: PATHS == ["ended"])
        eventually(lambda: _open(service) == 0)


def _send_for_ever(connection: sockets.socket, data: bytes) -> NoReturn:
    while True:
        connection.sendall(data)


def test_a_client_that_sends_pings_and_does_not_read_is_let_go(begin: Begin, sign_up: SignUp) -> None:
    service = begin()
    someone = sign_up(service)
    pings = (b"\x89\xfd" + bytes(4) + b"x" * 125) * 100
    with _raw(service, someone, "/v1/sockets/deaf") as connection, pytest.raises(ConnectionError):
        _send_for_ever(connection, pings)


def test_a_client_that_leaves_while_it_is_asked_for_is_no_error(begin: Begin, sign_up: SignUp, log: Log) -> None:
    service = begin()
    someone = sign_up(service)
    for _ in range(20):
        _raw(service, someone, "/v1/sockets/late", answered=False).close()

    eventually(lambda: _open(service) == 0)
    with opened(service, ECHO, someone) as talking:
        talking.send("still here")
        assert talking.recv(20)
    assert not [line for line in log.lines() if line["level"] == "error"]


def test_nothing_of_the_database_is_held(begin: Begin, sign_up: SignUp) -> None:
    service = begin()
    someone = sign_up(service)
    with opened(service, "/v1/sockets/read", someone):
        eventually(lambda: service.lent == 0)


def test_what_would_end_before_it_does_not_start(start: Start) -> None:
    router = routing.router("/v1/sockets", "sockets")

    @router.websocket("", dependencies=[public("a test has no account")])
    async def bad(websocket: WebSocket, session: Session) -> None:
        """Hold a transaction for hours."""
        assert websocket
        assert session

    with pytest.raises(HouseRuleBroken, match=r"goes on after its answer has begun.*Reader"):
        _ = start(router)


def test_one_without_an_access_rule_does_not_start(start: Start) -> None:
    router = routing.router("/v1/sockets", "sockets")

    @router.websocket("")
    async def bad(websocket: WebSocket) -> None:
        """Say nothing of who may."""
        assert websocket

    with pytest.raises(HouseRuleBroken, match="GET /v1/sockets has no access rule"):
        _ = start(router)
