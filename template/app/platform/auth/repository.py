"""Every statement about sessions, compiled once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from sqlalchemy import Interval, Uuid, bindparam, func, insert, select, tuple_, union_all, update

from app import defaults
from app.adapters.database import Command, Query, Reader, Session, arguments, identity
from app.adapters.retention import oldest
from app.kit.ids import uuid7
from app.platform.auth.devices import Device
from app.platform.auth.models import DeletedSession, RefreshToken, SignIn
from app.platform.auth.schemas import SessionRead
from app.settings import settings


@dataclass(frozen=True, slots=True)
class Presented:
    """What is known of a refresh token that somebody presents."""

    id: UUID
    session_id: UUID
    started_at: datetime
    expires_at: datetime
    used_at: datetime | None
    ended_at: datetime | None
    account_id: UUID
    methods: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A session, and when it began."""

    id: UUID
    created_at: datetime
    methods: str


_OPEN = Command(
    insert(SignIn)
    .values(arguments("id", "account_id", "methods", "user_agent", "address"))
    .returning(SignIn.id, SignIn.created_at, SignIn.methods),
    Opened,
)
# Locked together with its session: of two uses at once, the second sees the first.
_PRESENTED = Query(
    select(
        RefreshToken.id,
        RefreshToken.session_id,
        SignIn.created_at.label("started_at"),
        RefreshToken.expires_at,
        RefreshToken.used_at,
        SignIn.ended_at,
        SignIn.account_id,
        SignIn.methods,
    )
    .join(SignIn, SignIn.id == RefreshToken.session_id)
    .where(RefreshToken.digest == bindparam("presented"))
    .with_for_update(of=[RefreshToken.__table__, SignIn.__table__]),
    Presented,
)
_KEEP = Command(
    insert(RefreshToken).values(arguments("id", "session_id", "digest", "expires_at")).returning(RefreshToken.id),
    identity,
)
_USE = Command(
    update(RefreshToken)
    .where(RefreshToken.id == bindparam("token_id"))
    .values(used_at=func.now())
    .returning(RefreshToken.id),
    identity,
)
_TOUCH = Command(
    update(SignIn).where(SignIn.id == bindparam("sign_in_id")).values(last_used_at=func.now()).returning(SignIn.id),
    identity,
)


@cache
def _newest(idle: timedelta, whole: timedelta) -> Query[SessionRead]:
    expires_at = func.least(SignIn.last_used_at + idle, SignIn.created_at + whole)
    return Query(
        select(
            SignIn.id,
            SignIn.created_at,
            SignIn.last_used_at,
            expires_at.label("expires_at"),
            SignIn.user_agent,
            SignIn.address,
            SignIn.id.is_not_distinct_from(bindparam("current", type_=Uuid())).label("current"),
        )
        # By the owner's part of the index on both columns, as with items.
        .where(
            SignIn.account_id >= bindparam("owner"),
            tuple_(SignIn.account_id, SignIn.id) < tuple_(bindparam("owner"), bindparam("before")),
            SignIn.ended_at.is_(None),
            func.now() < expires_at,
        )
        .order_by(SignIn.account_id.desc(), SignIn.id.desc())
        .limit(bindparam("most")),
        SessionRead,
    )


# With the longest lifetimes, which are the usual ones, so that `make queries` judges it.
_NEWEST = _newest(timedelta(seconds=defaults.REFRESH_TOKEN_SECONDS), timedelta(seconds=defaults.SESSION_SECONDS))
_WITHIN = func.now() - bindparam("within", type_=Interval())
_ENDED = Query(
    union_all(
        select(SignIn.id).where(SignIn.ended_at > _WITHIN),
        select(DeletedSession.id).where(DeletedSession.deleted_at > _WITHIN),
    ),
    identity,
)
_END_OWN = Command(
    update(SignIn)
    .where(SignIn.id == bindparam("sign_in_id"), SignIn.account_id == bindparam("owner"), SignIn.ended_at.is_(None))
    .values(ended_at=func.now())
    .returning(SignIn.id),
    identity,
)
_END_ALL = Command(
    update(SignIn)
    .where(
        SignIn.account_id == bindparam("owner"),
        SignIn.id.is_distinct_from(bindparam("kept", type_=Uuid())),
        SignIn.ended_at.is_(None),
    )
    .values(ended_at=func.now())
    .returning(SignIn.id),
    identity,
)
_STILL_OPEN = Query(
    select(SignIn.id).where(
        SignIn.id == bindparam("sign_in_id"), SignIn.account_id == bindparam("owner"), SignIn.ended_at.is_(None)
    ),
    identity,
)
_END = Command(
    update(SignIn)
    .where(SignIn.id == bindparam("sign_in_id"), SignIn.ended_at.is_(None))
    .values(ended_at=func.now())
    .returning(SignIn.id),
    identity,
)
# Keys begin with the time at which they were made, so what is old is found by the primary key.
_FORGET = oldest(SignIn, SignIn.id < bindparam("before"), SignIn.id)
_FORGET_TOKENS = oldest(RefreshToken, RefreshToken.id < bindparam("before"), RefreshToken.id)
_FORGET_DELETED = oldest(DeletedSession, DeletedSession.deleted_at < bindparam("until"), DeletedSession.deleted_at)


async def open_session(session: Session, account_id: UUID, device: Device, methods: str) -> Opened:
    """Begin a session of an account."""
    return await session.only(
        _OPEN,
        id=uuid7(),
        account_id=account_id,
        methods=methods,
        user_agent=device.user_agent,
        address=device.address,
    )


async def presented(session: Session, digest: bytes) -> Presented | None:
    """What is known of a refresh token."""
    return await session.one(_PRESENTED, presented=digest)


async def keep(session: Session, sign_in_id: UUID, digest: bytes, expires_at: datetime) -> None:
    """Store a new refresh token of a session."""
    await session.only(_KEEP, id=uuid7(), session_id=sign_in_id, digest=digest, expires_at=expires_at)


async def use(session: Session, token_id: UUID, sign_in_id: UUID) -> None:
    """Note that a refresh token has had its one use, and its session was used."""
    await session.only(_USE, token_id=token_id)
    await session.only(_TOUCH, sign_in_id=sign_in_id)


async def is_open(session: Session, sign_in_id: UUID, owner: UUID) -> bool:
    """Whether a session of an account has not ended."""
    return await session.one(_STILL_OPEN, sign_in_id=sign_in_id, owner=owner) is not None


async def end(session: Session, sign_in_id: UUID) -> None:
    """End a session, if it has not ended yet."""
    await session.one(_END, sign_in_id=sign_in_id)


async def end_own(session: Session, sign_in_id: UUID, owner: UUID) -> UUID | None:
    """End an open session of an account; None when it has no such session."""
    return await session.one(_END_OWN, sign_in_id=sign_in_id, owner=owner)


async def end_all(session: Session, owner: UUID, kept: UUID | None) -> list[UUID]:
    """End every open session of an account, but for one that is kept, and say which they were."""
    return await session.all(_END_ALL, owner=owner, kept=kept)


async def newest(reader: Reader, owner: UUID, current: UUID | None, before: UUID, most: int) -> list[SessionRead]:
    """An account's open sessions that are older than the session `before`, newest first."""
    query = _newest(settings().refresh_lifetime, settings().session_lifetime)
    return await reader.all(query, owner=owner, current=current, before=before, most=most)


async def ended(primary: Reader, within: timedelta) -> list[UUID]:
    """The sessions that ended in a span of time until now, by the database's clock."""
    return await primary.all(_ENDED, within=within)


async def forget(session: Session, before: UUID, most: int) -> int:
    """Delete sessions from before a key; how many there were."""
    return len(await session.all(_FORGET, before=before, most=most))


async def forget_tokens(session: Session, before: UUID, most: int) -> int:
    """Delete refresh tokens from before a key; how many there were."""
    return len(await session.all(_FORGET_TOKENS, before=before, most=most))


async def forget_deleted(session: Session, until: datetime, most: int) -> int:
    """Forget sessions that were deleted before a moment; how many there were."""
    return len(await session.all(_FORGET_DELETED, until=until, most=most))
