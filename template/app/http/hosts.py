"""Only the names that this service goes by: whatever builds an address from the Host header can then trust it."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.exchange import exchange_of
from app.kit.errors import MisdirectedRequest

_NAME = re.compile(r"[a-z0-9._-]+")

# Orchestrators and monitors ask each instance by its own address, which no list can know. Their answers name no host.
_PROBES = frozenset({"/livez", "/readyz", "/metrics"})


class Hosts:
    """Answers 421 to a request for another host; `*.example.com` allows every name below it."""

    def __init__(self, app: ASGIApp, *, allowed: Sequence[str]) -> None:
        self._app: ASGIApp = app
        self._names: frozenset[str] = frozenset(name for name in allowed if not name.startswith("*"))
        self._ends: tuple[str, ...] = tuple(name[1:] for name in allowed if name.startswith("*"))
        self._known: Callable[[bytes], bool] = lru_cache(maxsize=1024)(self._is_allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = exchange_of(scope).headers.get(b"host", b"")
            if not self._known(host) and cast("str", scope["path"]) not in _PROBES:
                raise MisdirectedRequest
        await self._app(scope, receive, send)

    def _is_allowed(self, host: bytes) -> bool:
        name = host.decode("latin-1").lower()
        name = name.partition("]")[0] + "]" if name.startswith("[") else name.partition(":")[0].removesuffix(".")
        return name in self._names or (name.endswith(self._ends) and _NAME.fullmatch(name) is not None)
