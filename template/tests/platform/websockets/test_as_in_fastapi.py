"""What FastAPI documents of WebSockets is asked of this service and of plain FastAPI, and comes out alike."""

from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Annotated

import pytest
from fastapi import (
    APIRouter,
    Cookie,
    Depends,
    FastAPI,
    HTTPException,
    Path,
    Query,
    WebSocket,
    WebSocketDisconnect,
    WebSocketException,
)
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from websockets.sync.client import ClientConnection

from app import main, registry
from app.kit import routing
from app.kit.access import public
from tests.platform.websockets.talk import closed, opened, refused
from tests.wire import Service, eventually, running

PREFIX = "/v1/sockets"
CALLED: list[str] = []


def declare(router: APIRouter) -> APIRouter:  # noqa: C901, PLR0915 - one after the other, as on FastAPI's pages
    """The WebSockets of FastAPI's pages, and some more."""

    async def cookie_or_token(
        websocket: WebSocket,
        session: Annotated[str | None, Cookie(max_length=40, pattern="^[a-z]*$")] = None,
        token: Annotated[str | None, Query(max_length=40, pattern="^[a-z]*$")] = None,
    ) -> str:
        assert isinstance(websocket, WebSocket)
        if session is None and token is None:
            raise WebSocketException(code=1008, reason="Neither a session nor a token.")
        return session or token or ""

    async def lent() -> AsyncGenerator[str]:
        CALLED.append("lent")
        yield "lent"
        CALLED.append("given back")

    @router.websocket("/echo")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(f"Message text was: {text}")
        CALLED.append("left")

    @router.websocket("/items/{item_id}/ws")
    async def item(
        *,
        websocket: WebSocket,
        item_id: Annotated[str, Path(max_length=40, pattern="^[a-z]*$")],
        q: Annotated[int | None, Query(ge=0, le=99)] = None,
        proof: Annotated[str, Depends(cookie_or_token)],
    ) -> None:
        await websocket.accept()
        await websocket.send_json({"item": item_id, "q": q, "proof": proof})
        await websocket.send_json({"data": await websocket.receive_json()})

    @router.websocket("/numbers/{number:int}")
    async def number(
        websocket: WebSocket, number: Annotated[int, Path(ge=0, le=99)], connection: HTTPConnection
    ) -> None:
        await websocket.accept(subprotocol="chat", headers=[(b"x-number", str(number).encode())])
        await websocket.send_text(f"{number} {websocket.path_params['number']!r} {connection.url.path}")
        await websocket.send_text(f"{websocket.query_params} {websocket.headers['host'] != ''}")
        data = await websocket.receive_bytes()
        await websocket.send_bytes(data[::-1])
        await websocket.close(4001, "That was it.")

    @router.websocket("/lent")
    async def lends(websocket: WebSocket, thing: Annotated[str, Depends(lent)]) -> None:
        await websocket.accept()
        await websocket.send_text(f"{thing} {CALLED}")
        _ = await websocket.receive_text()

    @router.websocket("/leaving")
    async def leaving(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                _ = await websocket.receive()
        except RuntimeError:
            CALLED.append("disconnected")

    @router.websocket("/left")
    async def left(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            _ = await websocket.receive_text()
        except WebSocketDisconnect as gone:
            CALLED.append(f"{gone.code} {gone.reason}")

    @router.websocket("/no")
    async def no(websocket: WebSocket) -> None:
        await websocket.close(1008, "No.")

    @router.websocket("/never")
    async def never() -> None:
        raise WebSocketException(1008, "Never.")

    @router.websocket("/later")
    async def later(websocket: WebSocket) -> None:
        await websocket.accept()
        raise WebSocketException(4002, "Later.")

    @router.websocket("/teapot")
    async def teapot(websocket: WebSocket) -> None:
        await websocket.send_denial_response(PlainTextResponse("short and stout", 418, {"X-Kind": "pot"}))

    @router.websocket("/payment")
    async def payment() -> None:
        raise HTTPException(402, "Pay first.")

    return router


@pytest.fixture(scope="module")
def ours(database_url: str) -> Iterator[Service]:
    """The service, with these declared."""
    assert database_url
    nouns = registry.routers()
    router = declare(routing.router(PREFIX, "sockets", dependencies=[public("a test has no account")]))
    for each in router.routes:
        each.endpoint.__doc__ = "Talk."  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "routers", lambda: [*nouns, router])
        app = main.create_app()
    with running(app) as service:
        yield service


@pytest.fixture(scope="module")
def plain() -> Iterator[Service]:
    """Plain FastAPI, with the same declared."""
    app = FastAPI()
    app.include_router(declare(APIRouter(prefix=PREFIX)))
    with running(app) as service:
        yield service


def _echo(socket: ClientConnection) -> list[object]:
    socket.send("one")
    socket.send("two")
    said: list[object] = [socket.recv(20), socket.recv(20)]
    socket.close()
    eventually(lambda: CALLED == ["left"])
    return [*said, *CALLED]


def _item(socket: ClientConnection) -> list[object]:
    first = socket.recv(20)
    socket.send('{"a": [1]}')
    return [first, socket.recv(20), closed(socket)[0] in {1000, 1005, 1006}]


def _number(socket: ClientConnection) -> list[object]:
    said: list[object] = [socket.recv(20), socket.recv(20)]
    socket.send(b"\0\1")
    response = socket.response
    assert response is not None
    return [*said, socket.recv(20), socket.subprotocol, response.headers["x-number"], closed(socket)]


def _lent(socket: ClientConnection) -> list[object]:
    said: list[object] = [socket.recv(20)]
    socket.send("done")
    eventually(lambda: CALLED == ["lent", "given back"])
    return said


def _leaving(socket: ClientConnection) -> list[object]:
    socket.send("once")
    socket.close()
    eventually(lambda: bool(CALLED))
    return [*CALLED]


def _left(socket: ClientConnection) -> list[object]:
    socket.close(4003, "Enough.")
    eventually(lambda: bool(CALLED))
    return [*CALLED]


def _later(socket: ClientConnection) -> list[object]:
    return [closed(socket)]


@pytest.mark.parametrize(
    ("path", "talk"),
    [
        ("/echo", _echo),
        ("/items/lamp/ws?token=fresh&q=3", _item),
        ("/numbers/7", _number),
        ("/lent", _lent),
        ("/leaving", _leaving),
        ("/left", _left),
        ("/later", _later),
    ],
)
def test_it_talks_as_in_fastapi(
    ours: Service, plain: Service, path: str, talk: Callable[[ClientConnection], list[object]]
) -> None:
    said: list[list[object]] = []
    for each in (plain, ours):
        CALLED.clear()
        with opened(each, PREFIX + path, subprotocols=("chat",) if "numbers" in path else ()) as socket:
            said.append(talk(socket))

    assert said[0] == said[1]


@pytest.mark.parametrize("path", ["/items/lamp/ws", "/no", "/never", "/teapot", "/payment", "/numbers/x"])
def test_it_refuses_as_in_fastapi(ours: Service, plain: Service, path: str) -> None:
    expected, _ = refused(opened(plain, PREFIX + path))
    status, found = refused(opened(ours, PREFIX + path))

    # FastAPI closes it for whatever is wrong; here a wrong path and a missing payment keep their status.
    wanted = {"/numbers/x": 404, "/payment": 402}.get(path, expected)
    assert status == wanted
    if path != "/teapot":
        assert found["status"] == wanted


def test_what_a_route_does_not_declare_is_refused(ours: Service) -> None:
    status, found = refused(opened(ours, f"{PREFIX}/echo?page=2"))

    assert (status, found["type"]) == (422, "urn:problem:invalid")


def test_a_value_out_of_bounds_is_refused(ours: Service) -> None:
    status, _ = refused(opened(ours, f"{PREFIX}/items/lamp/ws?token=a&q=1000"))

    assert status == 422
