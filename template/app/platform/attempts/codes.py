"""Counting attempts at the codes of an account, from anywhere. It comes and goes with the second factor."""

from datetime import timedelta
from uuid import UUID

from app.adapters.database import Session
from app.kit import clock
from app.platform.attempts import repository
from app.platform.attempts.errors import TooManyAttempts
from app.platform.attempts.service import AttemptCounter, Backoff, digest

# Whoever gets to try one knows the password, or has the session.
LIMIT = Backoff(free=5, longest=3600, forgotten=timedelta(days=1))


async def begin(guesses: AttemptCounter, account_id: UUID) -> bytes:
    """Count an attempt before its code is looked at; answers what `succeed` takes."""
    key = digest("code", str(account_id))
    async with guesses.database.transaction() as session:
        now = clock.now()
        known = await repository.locked(session, [key])
        if (seconds := LIMIT.wait(known[key], now)) > 0:
            raise TooManyAttempts(int(seconds) + 1)
        await repository.count(session, [key], [key] if LIMIT.is_over(known[key], now) else [], now)
    return key


async def succeed(session: Session, key: bytes) -> None:
    """The code was right: what was counted is forgotten."""
    now = clock.now()
    await repository.clear(session, [key], now, now)
