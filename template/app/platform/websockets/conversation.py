"""A WebSocket, from its handshake until one of the two closes it, or what allowed it has ended."""

import asyncio
from asyncio import sleep
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import cast

from fastapi import FastAPI, WebSocket
from prometheus_client import Counter as Metric
from prometheus_client import Gauge
from pydantic_core import from_json
from starlette.exceptions import HTTPException, WebSocketException
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect, WebSocketState
from typing_extensions import override

from app.kit import state
from app.kit.access import Caller, Principal
from app.kit.authentication import Identification
from app.kit.errors import AppError, Forbidden
from app.kit.logging import get_logger
from app.kit.peers import network
from app.kit.rate_limits import Quota, Who
from app.kit.routing import Route
from app.platform.websockets.errors import ForeignPage, SocketsFull, TooManySockets
from app.platform.websockets.protocol import Connection

# How long a WebSocket may outlive what allowed it: a token, a session, a role.
CHECK_SECONDS = 5.0
# How long an endpoint may take to end once its client has left.
GRACE_SECONDS = 5.0

_UPGRADED = 101
_SERVER_ERROR = 500
_SCHEMES = {"ws": "http", "wss": "https"}
# RFC 6455, 7.4.1; the reason of a close frame has 123 bytes at most.
_AWAY, _NOT_THIS_KIND, _NOT_VALID, _REFUSED, _TOO_LARGE, _FAILED, _LATER = 1001, 1003, 1007, 1008, 1009, 1011, 1013
_REASON_BYTES = 123

_open = Gauge("websockets_open", "WebSockets that are open at this moment.", multiprocess_mode="livesum")
_failed = Metric("websocket_unhandled_errors_total", "WebSockets that ended in an error that nobody expected.")

log = get_logger()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What holds for every WebSocket of a service."""

    message_bytes: int
    messages: Quota
    origins: frozenset[bytes]
    longest: float
    """Seconds after which it is closed, whatever is said on it."""
    idle: float
    """Seconds that a message may take to be sent."""


class OpenSockets:
    """Those that are open on this worker, by who opened them."""

    def __init__(self, most: int, per_caller: int) -> None:
        self._most: int = most
        self._per_caller: int = per_caller
        self._by: Counter[Who] = Counter()

    def enter(self, who: Who) -> None:
        """Count one more; SocketsFull or TooManySockets past the bounds."""
        if self._by.total() >= self._most:
            raise SocketsFull
        if self._by[who] >= self._per_caller:
            raise TooManySockets(f"{self._per_caller} WebSockets of yours are open: close one first.")
        self._by[who] += 1
        _open.inc()

    def leave(self, who: Who) -> None:
        """Count one less."""
        _open.dec()
        self._by[who] -= 1
        if not self._by[who]:
            del self._by[who]


class Socket(WebSocket):
    """FastAPI's WebSocket. A message of the wrong kind closes it with a sentence."""

    @property
    @override
    def path_params(self) -> dict[str, object]:
        # Those of the request are converted after this was made.
        return cast("dict[str, object]", cast("Scope", self.scope["request"]).get("path_params", {}))

    @override
    async def receive_text(self) -> str:
        return cast("str", await self._data("text"))

    @override
    async def receive_bytes(self) -> bytes:
        return cast("bytes", await self._data("bytes"))

    @override
    async def receive_json(self, mode: str = "text") -> object:
        if mode not in {"text", "binary"}:
            raise RuntimeError('The "mode" argument should be "text" or "binary".')
        data = await self._data("text" if mode == "text" else "bytes")
        try:
            return cast("object", from_json(data, allow_inf_nan=False))
        except ValueError:
            raise WebSocketException(_NOT_VALID, "The message is not JSON.") from None

    async def _data(self, kind: str) -> str | bytes:
        if self.application_state is not WebSocketState.CONNECTED:
            raise RuntimeError('WebSocket is not connected. Need to call "accept" first.')
        message = await self.receive()
        self._raise_on_disconnect(message)
        data = cast("str | bytes | None", message.get(kind))
        if data is None:
            raise WebSocketException(_NOT_THIS_KIND, f"Send {kind}, not {'bytes' if kind == 'text' else 'text'}.")
        return data


class Conversation:
    """One WebSocket: as a request while it is asked for, and afterwards by itself."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, bounds: Bounds, others: OpenSockets) -> None:
        self.request: Scope = {
            **scope,
            "type": "http",
            "method": "GET",
            "scheme": _SCHEMES[cast("str", scope["scheme"])],
            "conversation": self,
        }
        self._scope: Scope = scope
        self._connection: Connection | None = cast("Connection | None", scope.get("connection"))
        self._receive: Receive = receive
        self._send: Send = send
        self._bounds: Bounds = bounds
        self._message_bytes: int = bounds.message_bytes
        self._others: OpenSockets = others
        self._counted_as: Who | None = None
        self._account_id: str | None = None
        self._socket: Socket | None = None
        self._route: Route | None = None
        self._layers: Send = send
        self._task: asyncio.Task[None] | None = None
        self._decided: asyncio.Event = asyncio.Event()
        self._subprotocol: str | None = None
        self._accepted: bool = False
        self._answered: bool = False
        self._denied: str | None = None
        self._opened: float = 0.0
        self._free: float = 0.0
        self._received_count: int = 0
        self._sent_count: int = 0
        self._code: int = 1006

    async def begin(self, endpoint: Coroutine[object, object, None], route: Route, send: Send) -> None:
        """Start the endpoint, and return when it has accepted or refused."""
        try:
            self._refuse_foreign()
            self._count()
        except AppError:
            endpoint.close()
            raise
        self._route, self._layers = route, send
        self._message_bytes = route.limits.body or self._bounds.message_bytes
        if self._connection is not None:
            self._connection.bound(self._message_bytes)
        seen: Scope = {**self.request, "type": "websocket", "scheme": self._scope["scheme"], "request": self.request}
        self._socket = self.request["websocket"] = Socket(seen, self._next, self._said)
        self._task = asyncio.create_task(endpoint)
        decided = asyncio.create_task(self._decided.wait())
        try:
            _ = await asyncio.wait({self._task, decided}, return_when=asyncio.FIRST_COMPLETED)
            if not self._accepted:
                await self._task
        except WebSocketException as error:
            raise Forbidden(error.reason or None) from error
        finally:
            _ = decided.cancel()
        if self._denied is not None:
            raise Forbidden(self._denied or None)
        if not (self._accepted or self._answered):
            raise RuntimeError(f"{route.path_format} ended without `accept()` or `close()`")

    def _refuse_foreign(self) -> None:
        """A browser lets any page open a WebSocket as whoever uses it, and names the page's origin."""
        headers = dict(cast("list[tuple[bytes, bytes]]", self.request["headers"]))
        origin = headers.get(b"origin")
        if origin is None or origin in self._bounds.origins or headers.get(b"sec-fetch-site") == b"same-origin":
            return
        if origin.partition(b"://")[2] != headers.get(b"host"):
            raise ForeignPage

    def _count(self) -> None:
        caller = cast("Caller", self.request["caller"])
        client = cast("tuple[str, int] | None", self.request["client"])
        who = caller.counted_as if isinstance(caller, Principal) else network(client[0] if client else "")
        self._others.enter(who)
        self._counted_as = who
        self._account_id = str(caller.account_id) if isinstance(caller, Principal) else None

    async def answer(self, message: Message) -> None:
        """What the service answers to the handshake."""
        if message["type"] == "http.response.start":
            if message["status"] == _UPGRADED:
                start: Message = {"type": "websocket.accept", "subprotocol": self._subprotocol}
                await self._send({**start, "headers": message["headers"]})
                return
            self._answered = True
            await self._send({**message, "type": "websocket.http.response.start"})
        elif not self._accepted:
            await self._send({**message, "type": "websocket.http.response.body"})

    async def _said(self, message: Message) -> None:
        """What the endpoint says."""
        kind = cast("str", message["type"])
        if kind == "websocket.accept":
            self._subprotocol = cast("str | None", message.get("subprotocol"))
            self._accepted, self._opened = True, monotonic()
            headers = list(cast("list[tuple[bytes, bytes]]", message.get("headers") or []))
            try:
                await self._layers({"type": "http.response.start", "status": _UPGRADED, "headers": headers})
                # A layer may hold the head back until it has seen the body.
                await self._layers({"type": "http.response.body", "body": b""})
            except OSError:
                raise WebSocketDisconnect(1006, "The client left before it was open.") from None
            finally:
                self._decided.set()
        elif self._accepted:
            if kind == "websocket.close":
                self._code = cast("int", message.get("code", 1000))
            else:
                self._sent_count += 1
            await self._sent(message)
        elif kind == "websocket.close":
            self._denied = cast("str | None", message.get("reason")) or ""
        else:
            await self._layers({**message, "type": kind.removeprefix("websocket.")})

    async def _sent(self, message: Message) -> None:
        try:
            async with asyncio.timeout(self._bounds.idle):
                await self._send(message)
        except TimeoutError:
            raise WebSocketDisconnect(1006, "The client does not read.") from None

    async def _next(self) -> Message:
        """What the client says. Past the quota it is read later, and so it is sent later."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._code = cast("int", message.get("code") or self._code)
        if message["type"] != "websocket.receive":
            return message
        data = cast("str | bytes", message.get("bytes") or message.get("text") or b"")
        if len(data) > self._message_bytes:
            raise WebSocketException(_TOO_LARGE, f"A message has at most {self._message_bytes:,} bytes.")
        self._received_count += 1
        now = monotonic()
        self._free = max(self._free, now) + self._bounds.messages.interval
        if (wait := self._free - now - self._bounds.messages.seconds) > 0:
            await sleep(wait)
        return message

    async def go_on(self) -> None:
        """Let the endpoint go on until it ends, its client leaves, or what allowed it has ended."""
        task = self._task
        if task is None or not self._accepted:
            return
        waited: set[asyncio.Task[object]] = {cast("asyncio.Task[object]", task)}
        left: asyncio.Task[object] | None = None
        if self._connection is not None:
            left = cast("asyncio.Task[object]", asyncio.create_task(self._connection.ended.wait()))
            waited.add(left)
        try:
            while not task.done():
                rest = self._opened + self._bounds.longest - monotonic()
                _ = await asyncio.wait(
                    waited, timeout=max(0.0, min(rest, CHECK_SECONDS)), return_when=asyncio.FIRST_COMPLETED
                )
                if task.done():
                    break
                if left is not None and left.done():
                    _ = await asyncio.wait({task}, timeout=GRACE_SECONDS)
                    break
                if self._opened + self._bounds.longest <= monotonic():
                    await self._close(_AWAY, f"It was open for {self._bounds.longest:g} s: open it again.")
                    break
                if (refused := await self._refused()) is not None:
                    await self._close(_LATER if refused.status >= _SERVER_ERROR else _REFUSED, refused.detail)
                    break
        finally:
            if left is not None:
                _ = left.cancel()
        if task.done():
            await self._finish(task)

    async def _refused(self) -> AppError | None:
        """Why it would not be opened now; None where it would be."""
        request, route = self.request, self._route
        if route is None:
            return None
        try:
            await state.find(cast("FastAPI", request["app"]), Identification).again(route.access, request)
        except AppError as error:
            return error
        return None

    async def _finish(self, task: asyncio.Task[None]) -> None:
        """Close it as its endpoint ended."""
        error = task.exception() if not task.cancelled() else None
        if error is None:
            await self._close(1000, "")
        elif isinstance(error, WebSocketException):
            await self._close(error.code, error.reason)
        elif isinstance(error, HTTPException):
            await self._close(_REFUSED if error.status_code < _SERVER_ERROR else _FAILED, str(error.detail))
        elif isinstance(error, AppError):
            await self._close(_REFUSED if error.status < _SERVER_ERROR else _FAILED, error.detail)
        elif not isinstance(error, WebSocketDisconnect):
            _failed.inc()
            log.error("unhandled error", exc_info=error)
            await self._close(_FAILED, "An internal error occurred. The log has it under the request id.")

    async def _close(self, code: int, reason: str) -> None:
        socket = self._socket
        if socket is None or WebSocketState.DISCONNECTED in {socket.application_state, socket.client_state}:
            return
        self._code = code
        text = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        # Whoever has left, or reads nothing, is not waited for.
        with suppress(OSError, RuntimeError, TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(GRACE_SECONDS):
                await self._send({"type": "websocket.close", "code": code, "reason": text})

    async def end(self) -> None:
        """End the endpoint, if it has not ended, and whatever was held for it."""
        if self._task is not None and not self._task.done():
            _ = self._task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._task
        if self._counted_as is not None:
            self._others.leave(self._counted_as)
            self._counted_as = None
        if self._accepted and self._route is not None:
            log.info(
                "websocket closed",
                route=self._route.path_format,
                code=self._code,
                seconds=round(monotonic() - self._opened, 1),
                received=self._received_count,
                sent=self._sent_count,
                client=cast("str", self.request["kept_address"]),
                account_id=self._account_id,
            )
