"""Which other sites may call from a browser: those that CORS_ORIGINS names, each by its exact origin, and no others.

Without such a site this layer is not built, and a browser lets no page but our own read an answer.
"""

from collections.abc import Sequence
from typing import cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = b"GET, POST, PUT, PATCH, DELETE"
_TAKEN = b"Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-CSRF-Token, X-Request-ID"
_SHOWN = b"ETag, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
_SECONDS = b"600"

_VARY = (b"vary", b"Origin")


class Cors:
    """Tells browsers that the pages of some origins may ask with credentials, and answers the questions before that."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        self._app: ASGIApp = app
        self._origins: frozenset[bytes] = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and let pages of the named origins read its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(cast("list[tuple[bytes, bytes]]", scope["headers"]))
        origin = headers.get(b"origin")
        # An answer may differ by Origin even where there is none: a cache has to know.
        own = [_VARY]
        if origin in self._origins:
            own += [(b"access-control-allow-origin", origin), (b"access-control-allow-credentials", b"true")]
            if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
                await _answer_preflight(own, send)
                return
            own.append((b"access-control-expose-headers", _SHOWN))

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *own]
            await send(message)

        await self._app(scope, receive, sent)


async def _answer_preflight(own: list[tuple[bytes, bytes]], send: Send) -> None:
    headers = [
        *own,
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", _TAKEN),
        (b"access-control-max-age", _SECONDS),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
