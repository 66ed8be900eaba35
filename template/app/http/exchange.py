"""What the layers share about one request: made once, read by name, and the one place where an answer passes.

Every answer has the same security headers and a request id. What a request says about itself is text that anyone can
send, so `X-Request-ID`, `traceparent` and `X-Forwarded-*` count only from the peers that TRUSTED_PROXIES names: with
them one id spans services, and another's id would hide in the trail what a stranger did. A stranger's id is logged
beside the one made here. `X-Forwarded-For` is read from its right end: each entry was written by the hop to the right
of it, so the first one that is no proxy of ours is the last address that we know. Log, limits and audit all use this
answer.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from time import perf_counter
from typing import cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kit import logging
from app.kit.addresses import truncated
from app.kit.ids import uuid7_text
from app.kit.routing import Route

Network = IPv4Network | IPv6Network

_SCHEMES = frozenset({"http", "https"})

# Nothing that could break a log line or a header passes; traceparent is W3C Trace Context, version 00.
_OURS = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

# An API needs no script, no frame, no sniffing and no cache of its own.
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
    (b"cache-control", b"no-store"),
)

# The two that an answer may bring itself; the others are never weaker than here.
MAY_DIFFER = frozenset({b"content-security-policy", b"cache-control"})


# RFC 3986's host and port. Both may be empty.
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]*)(:[0-9]*)?")


@lru_cache(maxsize=1024)
def names_host(host: bytes | None, version: str) -> bool:
    """Whether a request names its host as it has to; only one of HTTP/1.0 may leave it out."""
    return version == "1.0" if host is None else _HOST.fullmatch(host) is not None


def given_id(headers: dict[bytes, bytes]) -> str | None:
    """The id that a request brings, if it is well-formed: `X-Request-ID`, else the trace id of `traceparent`."""
    given = headers.get(b"x-request-id")
    if given is not None and _OURS.fullmatch(given):
        return given.decode()
    trace = headers.get(b"traceparent")
    if trace is not None and (match := _TRACEPARENT.fullmatch(trace)) and match[1] != b"0" * 32:
        return match[1].decode()
    return None


class ClientAddress:
    """Finds the address of the client; for a request through a trusted proxy also the scheme that the client used."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted: tuple[Network, ...] = tuple(trusted)

    def find(self, scope: Scope) -> tuple[str, bool]:
        """The client's address, empty on a socket of this machine, and whether a trusted proxy sent the request."""
        client = cast("tuple[str, int] | None", scope["client"])
        peer = plain(client[0]) if client else ""
        if not self._trusted or not self._is_proxy(peer):
            return peer, False
        headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
        scheme = _all(headers, b"x-forwarded-proto")[-1].lower()
        if scheme in _SCHEMES:
            scope["scheme"] = scheme
        found = peer
        for hop in reversed(_all(headers, b"x-forwarded-for")):
            address = plain(hop)
            if not address:
                # No proxy of ours writes that, so nothing to the left of it was written by one.
                break
            found = address
            if not self._is_proxy(address):
                break
        # For whoever asks ASGI: the kit knows no exchange.
        scope["client"] = (found, 0)
        return found, True

    def _is_proxy(self, address: str) -> bool:
        return bool(address) and any(ip_address(address) in network for network in self._trusted)


def _all(headers: list[tuple[bytes, bytes]], name: bytes) -> list[str]:
    """The entries of a header that may come more than once, in order."""
    return [entry.strip() for key, value in headers if key == name for entry in value.decode("latin-1").split(",")] or [
        ""
    ]


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """An address in its usual spelling, without port and zone; empty when the text is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    address = _parsed(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address) if address else ""


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


class Exchange:
    """One request and its answer."""

    __slots__: tuple[str, ...] = (
        "_head",
        "_send",
        "client",
        "client_request_id",
        "extra",
        "headers",
        "kept_address",
        "request_id",
        "sent",
        "started",
        "status",
    )

    def __init__(self, scope: Scope, send: Send, client: str, *, believed: bool) -> None:
        raw = cast("list[tuple[bytes, bytes]]", scope["headers"])
        self.started: float = perf_counter()
        self.headers: dict[bytes, bytes] = dict(raw)
        given = given_id(self.headers)
        self.request_id: str = (given if believed else None) or uuid7_text()
        self.client_request_id: str | None = None if believed else given
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
        client, believed = self._address.find(scope)
        exchange = scope["exchange"] = Exchange(scope, send, client, believed=believed)
        scope["fields"] = exchange.headers
        # For log, trail and sessions, as the fields for operations: the kit and the nouns know no exchange.
        exchange.kept_address = scope["kept_address"] = exchange.client if self._whole else truncated(exchange.client)
        logging.request_id.set(exchange.request_id)
        await self._app(scope, receive, exchange.send)


class Constant:
    """Answers GET and HEAD of one path with bytes that never differ, before anything that could be busy or broken.

    The operation is declared and documented as any other, and what asks for more goes the way of every request. Through
    all layers `GET /livez` cost 46 µs of processor time more than an empty ASGI application, and here 17.
    """

    def __init__(self, app: ASGIApp, *, route: Route, body: bytes) -> None:
        self._app: ASGIApp = app
        self._route: Route = route
        self._body: bytes = body
        self._headers: list[tuple[bytes, bytes]] = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope.get("path") != self._route.path_format
            or scope.get("method") not in {"GET", "HEAD"}
            or scope["query_string"]
            or len(exchange_of(scope).headers) != len(cast("list[object]", scope["headers"]))
            or not names_host(exchange_of(scope).headers.get(b"host"), cast("str", scope["http_version"]))
        ):
            await self._app(scope, receive, send)
            return
        scope["route"] = self._route
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})
