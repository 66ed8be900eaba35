"""Takes a handshake through everything that a request goes through, then lets the two talk."""

from collections.abc import Callable
from typing import cast

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from app.kit import routing, state
from app.platform.websockets.conversation import Bounds, Conversation, OpenSockets
from app.platform.websockets.route_adapter import SocketRoute
from app.platform.websockets.settings import SocketSettings
from app.settings import Settings


class Sockets:
    """Answers what comes as a WebSocket.

    A handshake is a GET (RFC 6455), so it goes through the whole service once more as one: hosts, limits, credentials,
    access rule, errors, log. What is refused is answered as to any other request.
    """

    def __init__(self, app: ASGIApp, *, service: FastAPI) -> None:
        configuration, own = state.find(service, Settings), SocketSettings.read()
        self._app: ASGIApp = app
        self._service: FastAPI = service
        self._table: ASGIApp = routing.Table(service).find(_look)
        self._open: OpenSockets = OpenSockets(own.websockets, own.websockets_per_caller)
        self._bounds: Bounds = Bounds(
            message_bytes=configuration.max_body_bytes,
            messages=own.websocket_messages,
            origins=frozenset(origin.encode() for origin in own.websocket_origins),
            longest=configuration.stream_seconds,
            idle=configuration.stream_idle_seconds,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is none; open what is, and stay until it is closed."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        conversation = Conversation(scope, receive, send, self._bounds, self._open)
        request = conversation.request
        await self._table(dict(request, looked=request), receive, send)
        try:
            await self._service(request, _no_body, conversation.answer)
            await conversation.go_on()
        finally:
            await conversation.end()


async def _look(scope: Scope, _receive: Receive, _send: Send) -> None:
    """Any other operation is not asked for like this: it might answer with more than a handshake may hold."""
    if not isinstance(cast("object", scope.get("route")), SocketRoute):
        cast("Scope", scope["looked"])["method"] = "UPGRADE"


async def _no_body() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}


def layer(app: FastAPI) -> Callable[[ASGIApp], ASGIApp]:
    """Made once for a service."""
    return lambda inner: Sockets(inner, service=app)
