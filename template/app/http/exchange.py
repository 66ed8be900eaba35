"""What the layers share about one request: made once, read by name, and the one place where an answer passes."""

from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.client_address import ClientAddress, Network
from app.http.headers import MAY_DIFFER, SECURITY_HEADERS
from app.http.request_id import request_id_of
from app.kit import logging
from app.kit.addresses import truncated


class Exchange:
    """One request and its answer."""

    __slots__: tuple[str, ...] = (
        "_head",
        "_send",
        "client",
        "extra",
        "headers",
        "kept_address",
        "request_id",
        "sent",
        "started",
        "status",
    )

    def __init__(self, scope: Scope, send: Send, client: str) -> None:
        raw = cast("list[tuple[bytes, bytes]]", scope["headers"])
        self.started: float = perf_counter()
        self.headers: dict[bytes, bytes] = dict(raw)
        self.request_id: str = request_id_of(self.headers)
        self.client: str = client
        self.kept_address: str = ""
        self.extra: tuple[tuple[bytes, bytes], ...] = ()
        self.status: int = 0
        self.sent: int = 0
        self._head: tuple[bytes, bytes] = (b"x-request-id", self.request_id.encode())
        self._send: Send = send

    async def send(self, message: Message) -> None:
        """Pass a message on; the first one gets the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = cast("list[tuple[bytes, bytes]]", message["headers"])
            message["headers"] = [*own, self._head, *self.extra, *_wanted(own)]
        else:
            self.sent += len(cast("bytes", message.get("body", b"")))
        await self._send(message)


def _wanted(own: list[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    """The security headers, less those that the answer brings itself."""
    for name, _ in own:
        if name in MAY_DIFFER:
            names = {name for name, _ in own}
            return [header for header in SECURITY_HEADERS if header[0] not in names]
    return SECURITY_HEADERS


def exchange_of(scope: Scope) -> Exchange:
    """The exchange that a layer inside `Exchanges` is part of."""
    return cast("Exchange", scope["exchange"])


class Exchanges:
    """The outermost layer: from here on there is a request id, on every line and every answer."""

    def __init__(self, app: ASGIApp, *, trusted: Sequence[Network], whole_addresses: bool) -> None:
        self._app: ASGIApp = app
        self._address: ClientAddress = ClientAddress(trusted)
        self._whole: bool = whole_addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = scope["exchange"] = Exchange(scope, send, self._address.find(scope))
        # For log, trail and sessions: the kit and the nouns know no exchange.
        exchange.kept_address = scope["kept_address"] = exchange.client if self._whole else truncated(exchange.client)
        logging.request_id.set(exchange.request_id)
        await self._app(scope, receive, exchange.send)
