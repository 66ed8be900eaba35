"""Bounds on what a client does before and after a request, where no layer runs: an endless head, a slow goodbye.

Uvicorn's parser keeps the header fields of a request in memory until the last one has come, however many there are and
however long that takes. This protocol is uvicorn's own, and ends such a connection with 431 or 408.
"""

from asyncio import BaseTransport, TimerHandle, Transport
from typing import cast

from fastapi.sse import EventSourceResponse
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.http.exchange import SECURITY_HEADERS
from app.kit.routing import Route

# Both leave room: what came in one piece with its end is judged by limits.py, which answers in our own form.
MOST_BYTES = 65_536
SECONDS = 15.0
FAREWELL_SECONDS = 1.0


def _answer(status: bytes, text: bytes = b"") -> bytes:
    """An answer that passes no layer: with the headers that every other one has, and the end of the connection."""
    fields = [(b"content-length", b"%d" % len(text)), *SECURITY_HEADERS, (b"connection", b"close")]
    if text:
        fields.insert(0, (b"content-type", b"text/plain; charset=utf-8"))
    return b"".join((b"HTTP/1.1 ", status, b"\r\n", *(b"%s: %s\r\n" % each for each in fields), b"\r\n", text))


_TOO_LARGE = _answer(b"431 Request Header Fields Too Large")
_TOO_LATE = _answer(b"408 Request Timeout")


class HeadGuard(HttpToolsProtocol):
    """Uvicorn's protocol, with bounds: bytes and seconds of an unfinished head, seconds of closing a connection."""

    _unfinished: bool = False
    _seen: int = 0
    _timer: TimerHandle | None = None

    @override
    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast("Transport", transport))
        # A connection that asks nothing at all is as idle as one that never ends its question.
        self._timer = self.loop.call_later(SECONDS, self._end, _TOO_LATE)

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._unfinished:
            self._seen += len(data)
            if self._seen > MOST_BYTES:
                self._end(_TOO_LARGE)
            elif self._timer is None:
                self._timer = self.loop.call_later(SECONDS, self._end, _TOO_LATE)

    @override
    def on_message_begin(self) -> None:
        self._unfinished = True
        self._seen = 0
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._unfinished = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().on_headers_complete()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)

    @override
    def shutdown(self) -> None:
        super().shutdown()
        # Events have no end to wait for, and whoever reads them connects again.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        route = None if cycle is None or cycle.response_complete else cast("object", cycle.scope.get("route"))
        if isinstance(route, Route) and _are_events(route):
            self.transport.close()
        # By TLS, closing waits for the client to say goodbye, too, and one that idles would hold up the end for 30 s.
        if self.transport.is_closing():
            _ = self.loop.call_later(FAREWELL_SECONDS, self.transport.abort)

    @override
    def send_400_response(self, msg: str) -> None:
        self.transport.write(_answer(b"400 Bad Request", msg.encode("ascii")))
        self.transport.close()

    def _end(self, answer: bytes) -> None:
        self._timer = None
        # While an earlier request of this connection is being answered, nothing can be put in between.
        earlier = cast("RequestResponseCycle | None", self.cycle)
        if not self.transport.is_closing():
            if earlier is None or earlier.response_complete:
                self.transport.write(answer)
            self.transport.close()


def _are_events(route: Route) -> bool:
    kind = cast("object", route.response_class)
    return isinstance(kind, type) and issubclass(kind, EventSourceResponse)
