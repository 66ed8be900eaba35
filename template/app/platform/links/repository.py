"""Every statement about links, compiled once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select

from app.adapters.database import Command, Query, Reader, Session, arguments
from app.adapters.retention import oldest
from app.kit.ids import uuid7
from app.platform.links.models import Link


@dataclass(frozen=True, slots=True)
class Known:
    """What a link says about whoever has it."""

    account_id: UUID
    bound_to: bytes


_WHAT = (Link.account_id, Link.bound_to)
_VALID = (
    (Link.digest == bindparam("presented"))
    & (Link.purpose == bindparam("wanted"))
    & (Link.expires_at > bindparam("now"))
)
_OF_ACCOUNT = (Link.account_id == bindparam("owner")) & (Link.purpose == bindparam("wanted"))

_FIND = Query(select(*_WHAT).where(_VALID), Known)
_TAKE = Command(delete(Link).where(_VALID).returning(*_WHAT), Known)
_REMOVE = Command(delete(Link).where(Link.digest == bindparam("presented")).returning(*_WHAT), Known)
_ALL = Query(select(*_WHAT).where(_OF_ACCOUNT), Known)
_DROP = Command(delete(Link).where(_OF_ACCOUNT).returning(*_WHAT), Known)
_DROP_OLD = Command(delete(Link).where(_OF_ACCOUNT, Link.expires_at <= bindparam("now")).returning(*_WHAT), Known)
_FORGET = oldest(Link, Link.expires_at < bindparam("until"), Link.expires_at)
_ADD = Command(
    insert(Link).values(arguments("id", "account_id", "purpose", "digest", "bound_to", "expires_at")).returning(*_WHAT),
    Known,
)


async def find(reader: Reader, purpose: str, digest: bytes, now: datetime) -> Known | None:
    """What a link says, which stays good."""
    return await reader.one(_FIND, presented=digest, wanted=purpose, now=now)


async def take(session: Session, purpose: str, digest: bytes, now: datetime) -> Known | None:
    """What a link says; of several who take it at once, one gets it."""
    return await session.one(_TAKE, presented=digest, wanted=purpose, now=now)


async def remove(session: Session, digest: bytes) -> None:
    """Make one link worthless."""
    await session.one(_REMOVE, presented=digest)


async def count(session: Session, account_id: UUID, purpose: str, now: datetime) -> int:
    """How many links an account holds, without those that have expired, which are dropped."""
    _ = await session.all(_DROP_OLD, owner=account_id, wanted=purpose, now=now)
    return len(await session.all(_ALL, owner=account_id, wanted=purpose))


async def drop(session: Session, account_id: UUID, purpose: str) -> None:
    """Make every link of an account worthless."""
    _ = await session.all(_DROP, owner=account_id, wanted=purpose)


async def add(  # noqa: PLR0913 - as many as a link has columns
    session: Session, account_id: UUID, purpose: str, *, digest: bytes, bound_to: bytes, expires_at: datetime
) -> None:
    """Store a new link."""
    await session.only(
        _ADD,
        id=uuid7(),
        account_id=account_id,
        purpose=purpose,
        digest=digest,
        bound_to=bound_to,
        expires_at=expires_at,
    )


async def forget(session: Session, until: datetime, most: int) -> int:
    """Drop links that expired before a moment; how many there were."""
    return len(await session.all(_FORGET, until=until, most=most))
