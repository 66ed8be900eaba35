"""Every statement about attempts, compiled once; rows are locked in the order of their keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, LargeBinary, any_, bindparam, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.adapters.database import Command, Session
from app.platform.attempts.models import Attempts


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known of one key."""

    digest: bytes
    failures: int
    failed_at: datetime
    succeeded_at: datetime | None


# As long as any failure counts.
_KEPT = timedelta(days=1)
_DIGESTS = bindparam("digests", type_=ARRAY(LargeBinary))
_ROW = (Attempts.digest, Attempts.failures, Attempts.failed_at, Attempts.succeeded_at)
_OVER = Attempts.digest == any_(bindparam("over", type_=ARRAY(LargeBinary)))
_THESE = Attempts.digest == func.any(_DIGESTS)

# A row that is there is written as it was, which locks it: `DO NOTHING` would leave it to be swept away meanwhile.
_LOCK = Command(
    insert(Attempts)
    .from_select(["digest"], select(func.unnest(_DIGESTS)))
    .on_conflict_do_update(index_elements=["digest"], set_={"failures": Attempts.failures})
    .returning(*_ROW),
    Counted,
)
_COUNT = Command(
    update(Attempts)
    .where(_THESE)
    .values(
        failures=case((_OVER, 1), else_=Attempts.failures + 1),
        failed_at=bindparam("now"),
        kept_until=func.greatest(Attempts.kept_until, bindparam("keep")),
    )
    .returning(*_ROW),
    Counted,
)
_CLEAR = Command(
    update(Attempts)
    .where(_THESE)
    .values(failures=0, succeeded_at=bindparam("now"), kept_until=bindparam("keep"))
    .returning(*_ROW),
    Counted,
)
_GIVE_BACK = Command(
    update(Attempts).where(_THESE).values(failures=func.greatest(Attempts.failures - 1, 0)).returning(*_ROW), Counted
)
_OLD = (
    select(Attempts.digest)
    .where(Attempts.kept_until < bindparam("now"))
    .order_by(Attempts.kept_until)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_FORGET = Command(delete(Attempts).where(Attempts.digest.in_(_OLD)).returning(*_ROW), Counted)


async def locked(session: Session, digests: Sequence[bytes]) -> dict[bytes, Counted]:
    """What is known of some keys, which nobody else can change until the transaction ends."""
    return {each.digest: each for each in await session.all(_LOCK, digests=sorted(digests))}


async def count(session: Session, digests: Sequence[bytes], over: Sequence[bytes], now: datetime) -> None:
    """Count one more attempt for each of some keys, and for those that are `over` the first."""
    _ = await session.all(_COUNT, digests=list(digests), over=list(over), now=now, keep=now + _KEPT)


async def clear(session: Session, digests: Sequence[bytes], now: datetime, keep: datetime) -> None:
    """Note that the right password was given."""
    _ = await session.all(_CLEAR, digests=list(digests), now=now, keep=keep)


async def give_back(session: Session, digests: Sequence[bytes]) -> None:
    """Take one counted attempt back."""
    _ = await session.all(_GIVE_BACK, digests=list(digests))


async def forget(session: Session, now: datetime, most: int) -> int:
    """Drop some of what need not be kept; how many there were."""
    return len(await session.all(_FORGET, now=now, most=most))
