"""What is refused before any work: a wrong host, too large a head or body, too much at once, too slow."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache, partial
from itertools import chain
from math import inf
from typing import cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.exchange import exchange_of, names_host
from app.kit.access import Caller, Principal
from app.kit.addresses import truncated
from app.kit.authentication import Identification
from app.kit.errors import (
    AppError,
    BadRequest,
    CodingUnknown,
    ContentTooLarge,
    HeadersTooLarge,
    MisdirectedRequest,
    TimedOut,
    TooManyRequests,
    Unavailable,
    UriTooLong,
)
from app.kit.limits import Limits
from app.kit.logging import get_logger, readable_path
from app.kit.peers import network
from app.kit.rate_limits import Who
from app.kit.routing import Route

log = get_logger()

_NO_LIMITS = Limits()

_NAME = re.compile(r"[a-z0-9._-]+")

# Orchestrators and monitors ask each instance by its own address, which no list can know, and under load, too, or they
# would restart what is merely busy.
PROBES = frozenset({"/livez", "/readyz", "/metrics"})

# How long an answer in pieces may go on for somebody who would not be let in any more.
AGAIN_SECONDS = 5.0

MOST_PATH = 2_048
MOST_QUERY = 4_096
MOST_FIELDS = 100
MOST_FIELD_BYTES = 16_384


# What decides who asks whom for what: a second one would let two readers of the same request understand it differently.
_ONCE = (b"host", b"authorization", b"content-type", b"origin")

# Lists, of which each line is a part (RFC 9110, 5.3).
_IN_PARTS = (b"if-match", b"if-none-match")


def limits_of(scope: Scope) -> Limits:
    """The bounds that the operation of a request has of its own."""
    route = cast("Route | None", scope.get("route"))
    return _NO_LIMITS if route is None else route.limits


class Hosts:
    """Answers 421 to a request for another host, and 400 to one without a proper one.

    `*.example.com` allows every name below it, and `*` every name.
    """

    def __init__(self, app: ASGIApp, *, allowed: Sequence[str]) -> None:
        self._app: ASGIApp = app
        self._names: frozenset[str] = frozenset(name for name in allowed if not name.startswith("*"))
        self._ends: tuple[str, ...] = tuple(name[1:] for name in allowed if name.startswith("*"))
        self._any: bool = "*" in allowed
        self._known: Callable[[bytes | None], bool] = lru_cache(maxsize=1024)(self._is_allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = exchange_of(scope).headers.get(b"host")
            if not self._known(host):
                if not names_host(host, cast("str", scope["http_version"])):
                    raise BadRequest("A request names its host in one well-formed Host header field.")
                if not self._any and cast("str", scope["path"]) not in PROBES:
                    raise MisdirectedRequest
        await self._app(scope, receive, send)

    def _is_allowed(self, host: bytes | None) -> bool:
        if host is None or not names_host(host, ""):
            return False
        name = host.decode("latin-1").lower()
        name = name.partition("]")[0] + "]" if name.startswith("[") else name.partition(":")[0].removesuffix(".")
        return self._any or name in self._names or (name.endswith(self._ends) and _NAME.fullmatch(name) is not None)


class HeadLimit:
    """Answers 414 to an address and 431 to header fields past their bounds, 400 to a field that may come once only.

    A body in a transfer coding that the server has not undone is answered 501.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app: ASGIApp = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            fields = cast("list[tuple[bytes, bytes]]", scope["headers"])
            if len(cast("bytes", scope["raw_path"])) > MOST_PATH:
                raise UriTooLong(f"The path of the address is longer than {MOST_PATH:,} bytes.")
            if len(cast("bytes", scope["query_string"])) > MOST_QUERY:
                raise UriTooLong(f"The query of the address is longer than {MOST_QUERY:,} bytes.")
            if len(fields) > MOST_FIELDS:
                raise HeadersTooLarge(f"The request has more than {MOST_FIELDS} header fields.")
            if sum(map(len, chain.from_iterable(fields))) > MOST_FIELD_BYTES:
                raise HeadersTooLarge(f"The header fields are larger than {MOST_FIELD_BYTES:,} bytes.")
            headers = exchange_of(scope).headers
            if len(headers) != len(fields):
                _refuse_repeated(fields)
                _join(fields, headers)
            if b"transfer-encoding" in headers:
                if scope["http_version"] == "1.0":
                    raise BadRequest("HTTP/1.0 knows no Transfer-Encoding.")
                if headers[b"transfer-encoding"].strip().lower() != b"chunked":
                    raise CodingUnknown
        await self._app(scope, receive, send)


def _refuse_repeated(fields: list[tuple[bytes, bytes]]) -> None:
    names = [name for name, _ in fields]
    for name in _ONCE:
        if names.count(name) > 1:
            raise BadRequest(f"The header field {name.decode().title()} may be given once.")


def _join(fields: list[tuple[bytes, bytes]], headers: dict[bytes, bytes]) -> None:
    names = [name for name, _ in fields]
    for name in _IN_PARTS:
        if names.count(name) > 1:
            headers[name] = b", ".join(value for key, value in fields if key == name)
            fields[:] = [*(each for each in fields if each[0] != name), (name, headers[name])]


class BodyLimit:
    """Answers 413 to a body of more than `most` bytes, or of more than the operation declares."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app: ASGIApp = app
        self._most: int = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            exchange = exchange_of(scope)
            most = limits_of(scope).body or self._most
            announced = exchange.headers.get(b"content-length")
            if announced is not None:
                # The server has checked that it is a number, and lets no more bytes through than that.
                if int(announced) > most:
                    raise _too_large(most)
            elif b"transfer-encoding" in exchange.headers:
                receive = _counting(receive, most)
        await self._app(scope, receive, send)


def _counting(receive: Receive, most: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(cast("bytes", message.get("body", b"")))
        if seen > most:
            raise _too_large(most)
        return message

    return counted


def _too_large(most: int) -> ContentTooLarge:
    # The rest of the body is not read, so the connection can't be used again.
    return ContentTooLarge(
        f"The request body is larger than the {most:,} bytes that this operation accepts.",
        headers={"Connection": "close"},
    )


class LoadLimit:
    """Answers 503 while `most` requests are being answered by this worker.

    One whose body is still awaited is none of them. Of those, whoever asks may have a quarter of `most`, and so may a
    network; half of it a wider network. Past that they are answered 429, and nobody else is.
    """

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app: ASGIApp = app
        self._most: int = most
        self._now: int = 0
        self._bounds: tuple[int, ...] = (max(8, most // 4), max(8, most // 4), max(16, most // 2))
        self._awaited: Counter[Who] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The probes must answer under load, or the orchestrator restarts what is merely busy.
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        self._enter()
        whole = not _has_body(scope)
        held = True

        async def received() -> Message:
            nonlocal whole, held
            if whole:
                return await receive()
            self._now -= 1
            held = False
            message = await self._arriving(scope, receive)
            self._enter()
            held = True
            whole = not message.get("more_body")
            return message

        try:
            await self._app(scope, receive if whole else received, send)
        finally:
            self._now -= held

    def _enter(self) -> None:
        if self._now >= self._most:
            raise Unavailable("The service is at its limit of requests: try again shortly.")
        self._now += 1

    async def _arriving(self, scope: Scope, receive: Receive) -> Message:
        """The next piece of a body, for which not too many are waiting already."""
        caller, address = cast("Caller", scope.get("caller")), exchange_of(scope).client
        asking = caller.counted_as if isinstance(caller, Principal) else ""
        who: tuple[Who, ...] = (asking, network(address), f"{truncated(address)} in all")
        if any(self._awaited[each] >= most for each, most in zip(who, self._bounds, strict=True) if each):
            raise TooManyRequests(
                "Too many of your requests have not arrived whole: finish those first.",
                headers={"Retry-After": "1", "Connection": "close"},
            )
        self._awaited.update(who)
        try:
            return await receive()
        finally:
            self._awaited.subtract(who)
            for each in who:
                if not self._awaited[each]:
                    del self._awaited[each]


def _has_body(scope: Scope) -> bool:
    headers = exchange_of(scope).headers
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


class TimeLimit:
    """Answers 504 when an answer has not begun after `seconds`, and bounds one that is sent in pieces.

    Such an answer ends when it has taken `stream_seconds`, when no piece of it could be sent for `idle_seconds`, or
    when whoever asked would not be let in any more: its connection is closed, since nothing else would tell that it is
    not whole. After the last piece there is no limit: background tasks take what they take.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        seconds: float,
        stream_seconds: float,
        idle_seconds: float,
        identification: Identification,
    ) -> None:
        self._app: ASGIApp = app
        self._identification: Identification = identification
        self._seconds: float = seconds
        self._stream_seconds: float = stream_seconds
        self._idle_seconds: float = idle_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seconds = limits_of(scope).seconds or self._seconds
        timer = asyncio.timeout(None)
        try:
            async with timer:
                still = partial(self._still, scope)
                watch = _Watch(timer, send, still, (seconds, self._stream_seconds, self._idle_seconds))
                try:
                    await self._app(scope, receive, watch.send)
                finally:
                    watch.end()
        except TimeoutError as error:
            if not timer.expired():
                raise
            exchange = exchange_of(scope)
            if exchange.status:
                path = readable_path(
                    cast("str", scope["path"]), cast("dict[str, object]", scope.get("path_params") or {})
                )
                log.warning("answer cut off", path=path, bytes=exchange.sent)
            raise TimedOut(f"The request took longer than the {seconds:g} s that this operation allows.") from error

    async def _still(self, scope: Scope) -> bool:
        """Whether whoever asked would be let in now."""
        route = cast("Route | None", scope.get("route"))
        try:
            await self._identification.again(route.access if route is not None else (), scope)
        except AppError:
            return False
        return True


class _Watch:
    """Ends a request when it is late. What is sent moves the time; the timer is set again only when it goes off."""

    __slots__: tuple[str, ...] = (
        "_due",
        "_idle",
        "_longest",
        "_loop",
        "_seen",
        "_send",
        "_still",
        "_stream",
        "_timeout",
        "_timer",
    )

    def __init__(
        self,
        timeout: asyncio.Timeout,
        send: Send,
        still: Callable[[], Awaitable[bool]],
        bounds: tuple[float, float, float],
    ) -> None:
        seconds, stream_seconds, idle_seconds = bounds
        self._loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._timeout: asyncio.Timeout = timeout
        self._send: Send = send
        self._still: Callable[[], Awaitable[bool]] = still
        self._seen: float = 0.0
        self._stream: float = stream_seconds
        self._idle: float = idle_seconds
        self._longest: float = 0.0
        self._due: float = self._loop.time() + seconds
        self._timer: asyncio.TimerHandle = self._loop.call_at(self._due, self._look)

    async def send(self, message: Message) -> None:
        now = self._loop.time()
        if message["type"] == "http.response.start":
            self._longest = now + self._stream
            self._seen = now
        elif now - self._seen > AGAIN_SECONDS:
            self._seen = now
            if not await self._still():
                self._timeout.reschedule(now)
                await self._loop.create_future()
        self._due = min(self._longest, now + self._idle)
        if self._due < self._timer.when():
            # The time until the answer begins may be longer than a stream may pause.
            self._timer.cancel()
            self._timer = self._loop.call_at(self._due, self._look)
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._due = inf

    def end(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        if self._loop.time() >= self._due:
            self._timeout.reschedule(self._due)
        elif self._due != inf:
            self._timer = self._loop.call_at(self._due, self._look)
