"""Every statement about links, compiled once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select, update

from app.adapters.database import Command, Query, Reader, Session, arguments
from app.adapters.retention import oldest
from app.kit.ids import uuid7
from app.platform.links.models import Link


@dataclass(frozen=True, slots=True)
class Known:
    """What a link says about whoever has it."""

    account_id: UUID
    bound_to: bytes


@dataclass(frozen=True, slots=True)
class Mailed:
    """A link that an account was sent."""

    purpose: str
    expires_at: datetime
    used_at: datetime | None


_WHAT = (Link.account_id, Link.bound_to)
_VALID = (
    (Link.digest == bindparam("presented"))
    & (Link.purpose == bindparam("wanted"))
    & (Link.expires_at > bindparam("now"))
    & Link.used_at.is_(None)
)
_OF_ACCOUNT = Link.account_id == bindparam("owner")

_FIND = Query(select(*_WHAT).where(_VALID), Known)
_TAKE = Command(update(Link).where(_VALID).values(used_at=bindparam("now")).returning(*_WHAT), Known)
_REMOVE = Command(delete(Link).where(Link.digest == bindparam("presented")).returning(*_WHAT), Known)
_SINCE = Query(
    select(Link.purpose, Link.expires_at, Link.used_at).where(_OF_ACCOUNT, Link.created_at > bindparam("since")), Mailed
)
_VOID = Command(
    update(Link)
    .where(_OF_ACCOUNT, Link.purpose == bindparam("wanted"), Link.used_at.is_(None))
    .values(used_at=bindparam("now"))
    .returning(*_WHAT),
    Known,
)
_DROP_OLD = Command(delete(Link).where(_OF_ACCOUNT, Link.created_at <= bindparam("since")).returning(*_WHAT), Known)
_FORGET = oldest(Link, Link.expires_at < bindparam("until"), Link.expires_at)
_ADD = Command(
    insert(Link)
    .values(arguments("id", "account_id", "purpose", "digest", "bound_to", "expires_at", "created_at"))
    .returning(*_WHAT),
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


async def mailed(session: Session, account_id: UUID, since: datetime) -> list[Mailed]:
    """The links that an account was sent since a moment; the older ones are dropped."""
    _ = await session.all(_DROP_OLD, owner=account_id, since=since)
    return await session.all(_SINCE, owner=account_id, since=since)


async def void(session: Session, account_id: UUID, purpose: str, now: datetime) -> None:
    """Make every link of an account worthless."""
    _ = await session.all(_VOID, owner=account_id, wanted=purpose, now=now)


async def add(  # noqa: PLR0913 - as many as a link has columns
    session: Session,
    account_id: UUID,
    purpose: str,
    *,
    digest: bytes,
    bound_to: bytes,
    created_at: datetime,
    expires_at: datetime,
) -> None:
    """Store a new link."""
    await session.only(
        _ADD,
        id=uuid7(),
        account_id=account_id,
        purpose=purpose,
        digest=digest,
        bound_to=bound_to,
        created_at=created_at,
        expires_at=expires_at,
    )


async def forget(session: Session, until: datetime, most: int) -> int:
    """Drop links that expired before a moment; how many there were."""
    return len(await session.all(_FORGET, until=until, most=most))
