"""How often one caller may ask. Every request passes here, so no route can be without a limit.

A caller with an access token is counted as the principal that it proves, everybody else by their address. An operation
that takes a password or a token is counted once more, by address and against a stricter limit (`Route.attempt` in
kit/routing.py says which these are). docs/security/limits.md has the numbers and the headers.
"""

from collections.abc import Callable
from math import ceil
from time import monotonic
from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.exchange import Exchange, exchange_of
from app.http.limits import PROBES
from app.kit.access import Caller, Principal
from app.kit.errors import TooManyRequests
from app.kit.peers import network
from app.kit.rate_limits import Attempts, Counted, Counters, Quota, Quotas, Who
from app.kit.routing import Route

# An answer says what is left once less than this share of the limit is: most answers need no header for it.
_LOW = 0.2

# Whole requests are counted in seconds, and a sum of those may end just below a whole one.
_ROUNDING = 1e-6

# The last request of a burst must not fail by the rounding of a sum.
_HAIR = 1e-6


class RateLimit:
    """Answers 429 past a limit."""

    def __init__(self, app: ASGIApp, *, quotas: Quotas) -> None:
        self._app: ASGIApp = app
        self._principal: _Policy = _Policy("principal", quotas.principal)
        self._address: _Policy = _Policy("address", quotas.address)
        self._attempts: _Policy = _Policy("attempts", quotas.attempts)
        self._workers: int = quotas.workers
        # Of the operations that declare one.
        self._own: dict[str, _Policy] = {}
        probes = _Policy("probes", quotas.probes)
        self.attempts: Attempts = Attempts(self._attempt)
        # Probes have a limit of their own, so that no crowd behind the same address makes them fail. Liveness has none:
        # it is answered before this, unless it is asked with more than its address.
        self._apart: dict[str, _Policy] = dict.fromkeys(PROBES, probes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            caller = cast("Caller", scope["caller"])
            exchange = exchange_of(scope)
            if isinstance(caller, Principal):
                await self._principal.count(caller.counted_as, exchange)
            else:
                policy = self._apart.get(cast("str", scope["path"]), self._address)
                await policy.count(network(exchange.client), exchange)
            route = cast("Route | None", scope.get("route"))
            if route is not None and route.limits.rate is not None:
                who = caller.counted_as if isinstance(caller, Principal) else network(exchange.client)
                await self._policy(route, route.limits.rate).count(who, exchange, tell=True)
        await self._app(scope, receive, send)

    def _policy(self, route: Route, quota: Quota) -> "_Policy":
        if route.unique_id not in self._own:
            self._own[route.unique_id] = _Policy("operation", quota.shared_by(self._workers))
        return self._own[route.unique_id]

    async def _attempt(self, scope: Scope) -> None:
        """Count somebody who offers a secret: by address, and by principal, too, when there is one."""
        exchange = exchange_of(scope)
        caller = cast("Caller", scope["caller"])
        if isinstance(caller, Principal):
            # A stolen token must not let many addresses guess the password that goes with it.
            await self._attempts.count(caller.counted_as, exchange)
        await self._attempts.count(network(exchange.client), exchange, tell=True)


class _Policy:
    """A quota under the name that clients read, and who has used how much of it."""

    def __init__(self, name: str, quota: Quota) -> None:
        self._name: str = name
        self._quota: Quota = quota
        self._counters: Counters = InProcess(quota)
        self._low: float = (1 - _LOW) * quota.seconds
        self._head: tuple[bytes, bytes] = (
            b"ratelimit-policy",
            f'"{name}";q={quota.requests};w={quota.seconds}'.encode(),
        )

    async def count(self, who: Who, exchange: Exchange, *, tell: bool = False) -> None:
        """Count a request; TooManyRequests past the limit."""
        counted = await self._counters.take(who)
        if not counted.allowed:
            seconds = str(ceil(counted.wait))
            exchange.extra = self._state(0, seconds)
            raise TooManyRequests(
                f"More than {self._quota.requests} requests in {self._quota.seconds} s: try again in {seconds} s.",
                headers={"Retry-After": seconds},
            )
        if tell or counted.used > self._low:
            left = int((self._quota.seconds - counted.used) / self._quota.interval + _ROUNDING)
            exchange.extra = self._state(left, str(ceil(counted.used)))

    def _state(self, left: int, seconds: str) -> tuple[tuple[bytes, bytes], ...]:
        return self._head, (b"ratelimit", f'"{self._name}";r={left};t={seconds}'.encode())


class InProcess:
    """Counters in the memory of this process, by the generic cell rate algorithm: one time per caller, no timers.

    Memory is bounded: callers who have not come for as long as the limit takes to become free again are forgotten,
    which changes nothing for them. Past `most` callers at once the oldest are forgotten sooner, in their favour.
    """

    def __init__(self, quota: Quota, *, most: int = 50_000, clock: Callable[[], float] = monotonic) -> None:
        self._interval: float = quota.interval
        self._seconds: float = float(quota.seconds)
        self._most: int = most
        self._clock: Callable[[], float] = clock
        # When each caller's limit will be whole again. Two generations, so that forgetting needs no search.
        self._young: dict[Who, float] = {}
        self._old: dict[Who, float] = {}
        self._turn: float = clock() + self._seconds

    @property
    def size(self) -> int:
        """How many callers are remembered."""
        return len(self._young) + len(self._old)

    async def take(self, who: Who) -> Counted:
        """Count a request, if it is within the quota."""
        now = self._clock()
        young = self._young
        if now >= self._turn or len(young) >= self._most:
            self._old, self._young = young, {}
            self._turn = now + self._seconds
            young = self._young
        whole = young.get(who)
        if whole is None:
            whole = self._old.get(who, now)
        used = max(whole - now, 0.0) + self._interval
        if used > self._seconds + _HAIR:
            return Counted(False, used - self._seconds, used - self._interval)  # noqa: FBT003 - the tuple names it
        young[who] = now + used
        return Counted(True, 0.0, min(used, self._seconds))  # noqa: FBT003
