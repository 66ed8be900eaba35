"""Uvicorn's WebSocket protocol, with what it leaves open: who is told of the end, and what a client may pile up."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame
from websockets.http11 import Request

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

FAREWELL_SECONDS = 3.0

# Uvicorn would log each address whole, with its query.
_log = logging.getLogger("uvicorn.websockets")
_log.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Connection:
    """What an application knows of its connection, beside ASGI: `scope["connection"]`."""

    ended: asyncio.Event
    """Set when the client has left, or the process is about to end."""
    bound: Callable[[int], None]
    """Takes no message of more bytes than this."""


class SocketGuard(WebSocketsSansIOProtocol):
    """Bounds what waits to be sent, and the goodbye."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger: logging.Logger = _log
        self.close_timeout: float = FAREWELL_SECONDS
        self._ended: asyncio.Event = asyncio.Event()

    @override
    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.initial_scope is not None:
            self.initial_scope["connection"] = Connection(self._ended, self._bound)

    @property
    def initial_scope(self) -> dict[str, object] | None:
        """The scope that the application gets when its task begins; None for what is no WebSocket handshake."""
        return cast("dict[str, object] | None", vars(self).get("scope"))

    def _bound(self, most: int) -> None:
        self.conn.max_message_size = most

    @override
    def handle_ping(self) -> None:
        # Whoever sends pings and reads none of the answers would have all of them kept here.
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.transport.abort()

    @override
    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self._ended.set()

    @override
    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self._ended.set()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._ended.set()

    @override
    async def send(self, message: "ASGISendEvent") -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            # A refusal completes the handshake, too; uvicorn would log an error for each.
            self.handshake_complete: bool = True

    @override
    def shutdown(self) -> None:
        super().shutdown()
        self._ended.set()
        self._leave()

    @override
    async def run_asgi(self) -> None:
        await super().run_asgi()
        self._leave()

    def _leave(self) -> None:
        """Closing waits until everything was sent; whoever does not read it is let go."""
        _ = self.loop.call_later(FAREWELL_SECONDS + 1, self.transport.abort)
