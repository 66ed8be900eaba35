"""Bounds on what a client does before and after a request, where no layer runs: an endless head, a slow goodbye.

Uvicorn's parser keeps the header fields of a request in memory until the last one has come, however many there are and
however long that takes. This protocol is uvicorn's own, and ends such a connection with 431 or 408. It also keeps to
RFC 9110 and 9112 where uvicorn does not: the host of an absolute target, fields after a body, the offer of another
protocol.
"""

import sys
from asyncio import BaseTransport, TimerHandle, Transport
from typing import cast

from fastapi.sse import EventSourceResponse
from httptools import HttpParserUpgrade, HttpRequestParser
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.http.exchange import SECURITY_HEADERS
from app.kit.routing import Route

# Both leave room: what came in one piece with its end is judged by limits.py, which answers in our own form.
MOST_BYTES = 65_536
SECONDS = 15.0
FAREWELL_SECONDS = 1.0

_IN_A_HOST = bytes(each for each in range(256) if each not in b"/?#")


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
    _read: int = 0
    _timer: TimerHandle | None = None
    _between: bool = False
    _fresh: bool = False
    _instead: bytes = b""

    @override
    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast("Transport", transport))
        # A connection that asks nothing at all is as idle as one that never ends its question.
        self._timer = self.loop.call_later(SECONDS, self._end, _TOO_LATE)

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._instead:
            self._go_on(data)
        elif self._fresh:
            self._fresh = False
        elif self._unfinished or self._between:
            self._seen += len(data)
            if self._seen > MOST_BYTES:
                self._end(_TOO_LARGE)
            elif self._unfinished and self._timer is None:
                self._timer = self.loop.call_later(SECONDS, self._end, _TOO_LATE)

    @override
    def on_message_begin(self) -> None:
        self._unfinished = True
        self._fresh = False
        self._seen = 0
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._unfinished = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.url[:1] != b"/":
            self._take_target()
        if self.expect_100_continue and self.parser.get_http_version() == "1.0":
            self.expect_100_continue = False
        super().on_headers_complete()
        # Uvicorn would add the fields that follow a body in chunks, and nobody has judged those.
        self.headers: list[tuple[bytes, bytes]] = self.headers.copy()

    @override
    def on_body(self, body: bytes) -> None:
        self._between = False
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """A piece of the body comes, or, after the last one, fields that might never end."""
        # What came in one piece with it may be body.
        self._between = self._fresh = True
        self._seen = 0

    def on_chunk_complete(self) -> None:
        """They have come."""
        self._between = False

    def _take_target(self) -> None:
        """Read a target with scheme and host as RFC 9112 has it (3.2.2): its host counts, and not that of `Host`."""
        scheme, found, rest = self.url.partition(b"://")
        if self.url == b"*":
            return
        if not found or scheme.lower() not in {b"http", b"https"}:
            raise ValueError("the target is no address of HTTP")
        path = rest.lstrip(_IN_A_HOST)
        authority = rest[: len(rest) - len(path)]
        self.url: bytes = path if path.startswith(b"/") else b"/" + path
        self.headers[:] = [(name, authority if name == b"host" else value) for name, value in self.headers]

    @override
    def _should_upgrade(self) -> bool:
        # Asked only where the parser takes the rest for another protocol.
        return self.parser.get_method() != b"CONNECT"

    @override
    def handle_websocket_upgrade(self) -> None:
        if super()._should_upgrade() and self.parser.get_http_version() == "1.1":
            super().handle_websocket_upgrade()
            return
        fields = [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        version = self.parser.get_http_version().encode()
        target = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)
        self._instead = b"\r\n".join((target, *fields, b"", b""))
        self._read = cast("HttpParserUpgrade", sys.exc_info()[1]).args[0]

    def _go_on(self, data: bytes) -> None:
        """Read a request again as one that offers no other protocol: the parser throws away all that follows it."""
        head, self._instead = self._instead, b""
        self.parser: HttpRequestParser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(head + data[self._read :])

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
        self._write(_answer(b"400 Bad Request", msg.encode("ascii")))
        self.transport.close()

    def _write(self, answer: bytes) -> None:
        first, end, rest = answer.partition(b"\r\n")
        dated = b"".join(b"%s: %s\r\n" % each for each in self.server_state.default_headers)
        self.transport.write(first + end + dated + rest)

    def _end(self, answer: bytes) -> None:
        self._timer = None
        # While an earlier request of this connection is being answered, nothing can be put in between.
        earlier = cast("RequestResponseCycle | None", self.cycle)
        if not self.transport.is_closing():
            if earlier is None or earlier.response_complete:
                self._write(answer)
            self.transport.close()


def _are_events(route: Route) -> bool:
    kind = cast("object", route.response_class)
    return isinstance(kind, type) and issubclass(kind, EventSourceResponse)
