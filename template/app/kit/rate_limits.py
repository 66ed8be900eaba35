"""How many requests one caller may make: the counting, apart from who is counted and what is answered."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple, Protocol

from starlette.types import Scope

_FORM = "a number of requests, a slash, and the seconds in which they become free again: 40/2"
_MOST_REQUESTS = 1_000_000
_MOST_SECONDS = 86_400

# The last request of a burst must not fail by the rounding of a sum.
_HAIR = 1e-6


@dataclass(frozen=True, slots=True)
class Quota:
    """So many requests at once, which become free again evenly over so many seconds."""

    requests: int
    seconds: int

    @property
    def interval(self) -> float:
        """Seconds after which one more request is free."""
        return self.seconds / self.requests

    @classmethod
    def parse(cls, value: object) -> object:
        """The quota that a setting such as `40/2` means; ValueError with a sentence for any other text."""
        if not isinstance(value, str):
            return value
        requests, _, seconds = value.partition("/")
        if not (requests.isascii() and requests.isdigit() and seconds.isascii() and seconds.isdigit()):
            raise ValueError(f"is not a rate limit: give {_FORM}")
        quota = cls(int(requests[:9]), int(seconds[:9]))
        if not (1 <= quota.requests <= _MOST_REQUESTS and 1 <= quota.seconds <= _MOST_SECONDS):
            raise ValueError(f"is out of range: 1 to {_MOST_REQUESTS:,} requests, over 1 to {_MOST_SECONDS:,} seconds")
        return quota

    def shared_by(self, workers: int) -> "Quota":
        """The part of one of several workers, so that all of them together give no more than this, but for rounding."""
        if workers == 1:
            return self
        return Quota(-(-self.requests // workers), self.seconds)


Who = int | str
"""Whom a limit counts: an account by its number, an address by its text."""


class Counted(NamedTuple):
    """What came of one request."""

    allowed: bool
    wait: float
    """Seconds until the next one is allowed, for a request that is not."""
    used: float
    """How much of the quota is in use, in its seconds: all of it is free again so many seconds from now."""


class Counters(Protocol):
    """Counts requests of many callers against one quota. Asynchronous, so that a store may keep the counts."""

    async def take(self, who: Who) -> Counted:
        """Count a request, if it is within the quota."""
        ...


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


@dataclass(frozen=True, slots=True)
class Quotas:
    """The quotas of a service: who is counted against which, app/http/rate_limit.py says."""

    principal: Quota
    address: Quota
    attempts: Quota
    probes: Quota


class Attempts:
    """Counts whoever offers a secret; the service keeps one, and a route that takes a secret asks it."""

    def __init__(self, count: Callable[[Scope], Awaitable[None]]) -> None:
        self.count: Callable[[Scope], Awaitable[None]] = count
        """Counts a request; TooManyRequests past the quota."""
