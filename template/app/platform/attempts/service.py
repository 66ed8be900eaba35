"""What the business says about wrong passwords.

Three counts slow an attacker down: the pair of an account and a place soonest; the account from anywhere, and a place
with any account, later, and not for a pair that has signed in lately. With the numbers that no standard asked for, none
of them locks an owner out. An unknown address is counted like a known one.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from app import defaults
from app.adapters.database import Session
from app.adapters.database.work import Database
from app.kit import clock
from app.platform.attempts import repository
from app.platform.attempts.errors import TooManyAttempts
from app.platform.attempts.repository import Counted
from app.settings import settings

_KNOWN = timedelta(days=defaults.KNOWN_PLACE_DAYS)
_SWEPT = 10
_DOUBLINGS = 20


@dataclass(frozen=True, slots=True)
class Backoff:
    """So many wrong passwords cost nothing; from then on the wait doubles from the first to the longest, in seconds.

    After a time without one they are forgotten. Unless that is much longer than the longest wait, patience gains more
    than haste: tests/platform/attempts/test_numbers.py counts what the best plan gets.
    """

    free: int
    longest: int
    first: int = 1
    forgotten: timedelta = timedelta(hours=1)

    def wait(self, counted: Counted, now: datetime) -> float:
        """Seconds until the next attempt is looked at."""
        over = counted.failures - self.free
        if over < 0 or self.is_over(counted, now):
            return 0
        delay = min(self.first << min(over, _DOUBLINGS), self.longest)
        return delay - (now - counted.failed_at).total_seconds()

    def is_over(self, counted: Counted, now: datetime) -> bool:
        """Whether the failures are so old that the next one is the first."""
        return now - counted.failed_at >= self.forgotten


PAIR = Backoff(free=5, longest=900, forgotten=timedelta(days=1))
ACCOUNT = Backoff(
    free=defaults.ACCOUNT_ATTEMPTS,
    longest=defaults.ACCOUNT_LONGEST_WAIT_SECONDS,
    first=defaults.ACCOUNT_FIRST_WAIT_SECONDS,
)
PLACE = Backoff(free=100, longest=60)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, by the keys under which it is counted."""

    pair: bytes
    account: bytes
    place: bytes

    @property
    def keys(self) -> tuple[bytes, bytes, bytes]:
        """All of its keys."""
        return self.pair, self.account, self.place


@dataclass(frozen=True, slots=True)
class AttemptCounter:
    """Counts the attempts that come from one place."""

    database: Database
    place: str

    def of(self, email: str) -> Attempt:
        """An attempt at the account with an address, not counted."""
        place = self.place
        return Attempt(digest("pair", email, place), account_key(email), digest("place", place))

    async def begin(self, email: str) -> Attempt:
        """Count an attempt before its password is looked at, so that many at once are no way around it."""
        attempt = self.of(email)
        async with self.database.transaction() as session:
            await _count(session, attempt)
        return attempt


async def _count(session: Session, attempt: Attempt) -> None:
    now = clock.now()
    known = await repository.locked(session, attempt.keys)
    if (seconds := _wait(attempt, known, now)) > 0:
        raise TooManyAttempts(int(seconds) + 1)
    await repository.count(session, attempt.keys, _over(attempt, known, now), now)
    _ = await repository.forget(session, now, _SWEPT)


async def succeed(session: Session, attempt: Attempt) -> None:
    """The password was right: what was counted for the account is forgotten, and the place is known to it."""
    now = clock.now()
    _ = await repository.locked(session, attempt.keys)
    await repository.clear(session, (attempt.pair, attempt.account), now, now + _KNOWN)
    # Somebody who signs in to an account of their own has not thereby tried fewer passwords of others.
    await repository.give_back(session, (attempt.place,))


async def lift(session: Session, *keys: bytes) -> None:
    """A new password was set by whoever the account belongs to: wrong ones that others gave before hold nobody up."""
    now = clock.now()
    known = await repository.locked(session, keys)
    await repository.clear(session, tuple(known), now, now + _KNOWN)


def account_key(email: str) -> bytes:
    """Under what the attempts at an account are counted, from wherever they come."""
    return digest("account", email)


def _wait(attempt: Attempt, known: dict[bytes, Counted], now: datetime) -> float:
    pair = known[attempt.pair]
    wait = PAIR.wait(pair, now)
    if pair.succeeded_at is None or now - pair.succeeded_at > _KNOWN:
        wait = max(wait, ACCOUNT.wait(known[attempt.account], now), PLACE.wait(known[attempt.place], now))
    return wait


def _over(attempt: Attempt, known: dict[bytes, Counted], now: datetime) -> list[bytes]:
    limits = zip(attempt.keys, (PAIR, ACCOUNT, PLACE), strict=True)
    return [key for key, limit in limits if limit.is_over(known[key], now)]


def digest(*parts: str) -> bytes:
    """The key of a count. It is a keyed digest: who reads the table alone can't try addresses until one fits."""
    return hmac.digest(_key(), "\0".join(parts).encode(), "sha256")


@cache
def _key() -> bytes:
    # A new signing key makes new counts; the old ones are swept away.
    seed = bytes.fromhex(settings().auth_signing_keys[0].get_secret_value())
    return hmac.digest(seed, b"the keys of sign_in_attempts", "sha256")
