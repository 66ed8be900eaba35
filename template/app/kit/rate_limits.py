"""How many requests one caller may make: the counting, apart from who is counted and what is answered."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from starlette.types import Scope

_FORM = "a number of requests, a slash, and the seconds in which they become free again: 40/2"
_MOST_REQUESTS = 1_000_000
_MOST_SECONDS = 86_400


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


@dataclass(frozen=True, slots=True)
class Quotas:
    """The quotas of a service: who is counted against which, app/http/rate_limit.py says."""

    principal: Quota
    address: Quota
    attempts: Quota
    probes: Quota
    workers: int = 1
    """Among how many workers the quota of an operation is shared."""


class Attempts:
    """Counts whoever offers a secret; the service keeps one, and a route that takes a secret asks it."""

    def __init__(self, count: Callable[[Scope], Awaitable[None]]) -> None:
        self.count: Callable[[Scope], Awaitable[None]] = count
        """Counts a request; TooManyRequests past the quota."""
