"""How often one caller may ask. Every request passes here, so no route can be without a limit.

A caller with an access token is counted as the principal that it proves, everybody else by their address. An operation
that takes a password or a token is counted once more, by address and against a stricter limit (`Route.attempt` in
kit/routing.py says which these are). docs/security/limits.md has the numbers and the headers.
"""

from functools import lru_cache
from ipaddress import ip_network
from math import ceil
from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.exchange import Exchange, exchange_of
from app.kit.access import Caller, Principal
from app.kit.errors import TooManyRequests
from app.kit.rate_limits import Counters, InProcess, Limit, Limits, Who

# An answer says what is left once less than this share of the limit is: most answers need no header for it.
_LOW = 0.2

# Whole requests are counted in seconds, and a sum of those may end just below a whole one.
_ROUNDING = 1e-6


class RateLimit:
    """Answers 429 past a limit."""

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self._app: ASGIApp = app
        self._principal: _Policy = _Policy("principal", limits.principal)
        self._address: _Policy = _Policy("address", limits.address)
        self._attempts: _Policy = _Policy("attempts", limits.attempts)
        probes = _Policy("probes", limits.probes)
        # Probes have a limit of their own, so that no crowd behind the same address makes them fail. Liveness has none
        # (its reason is beside its route, in probes.py).
        self._apart: dict[str, _Policy | None] = {"/livez": None, "/readyz": probes, "/metrics": probes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            caller = cast("Caller", scope["caller"])
            exchange = exchange_of(scope)
            if isinstance(caller, Principal):
                await self._principal.count(caller.counted_as, exchange)
            else:
                policy = self._apart.get(cast("str", scope["path"]), self._address)
                if policy is not None:
                    await policy.count(counted_as(exchange.client), exchange)
            scope["attempts"] = self
        await self._app(scope, receive, send)

    async def attempt(self, scope: Scope) -> None:
        """Count somebody who offers a secret: by address, and by principal, too, when there is one."""
        exchange = exchange_of(scope)
        caller = cast("Caller", scope["caller"])
        if isinstance(caller, Principal):
            # A stolen token must not let many addresses guess the password that goes with it.
            await self._attempts.count(caller.counted_as, exchange)
        await self._attempts.count(counted_as(exchange.client), exchange, tell=True)


class _Policy:
    """A limit under the name that clients read, and who has used how much of it."""

    def __init__(self, name: str, limit: Limit) -> None:
        self._name: str = name
        self._limit: Limit = limit
        self._counters: Counters = InProcess(limit)
        self._low: float = -_LOW * limit.seconds
        self._head: tuple[bytes, bytes] = (
            b"ratelimit-policy",
            f'"{name}";q={limit.requests};w={limit.seconds}'.encode(),
        )

    async def count(self, who: Who, exchange: Exchange, *, tell: bool = False) -> None:
        """Count a request; TooManyRequests past the limit."""
        wait = await self._counters.take(who)
        if wait > 0:
            seconds = str(ceil(wait))
            exchange.extra = self._state(0, seconds)
            raise TooManyRequests(
                f"More than {self._limit.requests} requests in {self._limit.seconds} s: try again in {seconds} s.",
                headers={"Retry-After": seconds},
            )
        if tell or wait > self._low:
            left = int(-wait / self._limit.interval + _ROUNDING)
            exchange.extra = self._state(left, str(ceil(self._limit.seconds + wait)))

    def _state(self, left: int, seconds: str) -> tuple[tuple[bytes, bytes], ...]:
        return self._head, (b"ratelimit", f'"{self._name}";r={left};t={seconds}'.encode())


@lru_cache(maxsize=4096)
def counted_as(address: str) -> str:
    """An address as it is counted: IPv6 by its /64, because whoever has one address there has them all."""
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address
