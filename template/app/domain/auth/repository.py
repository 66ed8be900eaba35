"""Every statement about sessions, compiled once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, update

from app.adapters.database import Command, Query, Session, arguments
from app.domain.accounts.models import Account
from app.domain.auth.models import RefreshToken, SignIn
from app.kit.ids import uuid7


@dataclass(frozen=True, slots=True)
class Presented:
    """What is known of a refresh token that somebody presents."""

    id: UUID
    session_id: UUID
    expires_at: datetime
    used_at: datetime | None
    ended_at: datetime | None
    account_id: UUID
    role: str


def _identity(id: UUID) -> UUID:  # noqa: A002 - the column's name
    return id


_OPEN = Command(insert(SignIn).values(arguments("id", "account_id")).returning(SignIn.id), _identity)
# Locked together with its session: of two uses at once, the second sees the first.
_PRESENTED = Query(
    select(
        RefreshToken.id,
        RefreshToken.session_id,
        RefreshToken.expires_at,
        RefreshToken.used_at,
        SignIn.ended_at,
        SignIn.account_id,
        Account.role,
    )
    .join(SignIn, SignIn.id == RefreshToken.session_id)
    .join(Account, Account.id == SignIn.account_id)
    .where(RefreshToken.digest == bindparam("presented"))
    .with_for_update(of=[RefreshToken.__table__, SignIn.__table__]),
    Presented,
)
_KEEP = Command(
    insert(RefreshToken).values(arguments("id", "session_id", "digest", "expires_at")).returning(RefreshToken.id),
    _identity,
)
_USE = Command(
    update(RefreshToken)
    .where(RefreshToken.id == bindparam("token_id"))
    .values(used_at=func.now())
    .returning(RefreshToken.id),
    _identity,
)
_END = Command(
    update(SignIn)
    .where(SignIn.id == bindparam("session_id"), SignIn.ended_at.is_(None))
    .values(ended_at=func.now())
    .returning(SignIn.id),
    _identity,
)


async def open_session(session: Session, account_id: UUID) -> UUID:
    """Begin a session of an account."""
    return await session.only(_OPEN, id=uuid7(), account_id=account_id)


async def presented(session: Session, digest: bytes) -> Presented | None:
    """What is known of a refresh token."""
    return await session.one(_PRESENTED, presented=digest)


async def keep(session: Session, session_id: UUID, digest: bytes, expires_at: datetime) -> None:
    """Store a new refresh token of a session."""
    await session.only(_KEEP, id=uuid7(), session_id=session_id, digest=digest, expires_at=expires_at)


async def use(session: Session, token_id: UUID) -> None:
    """Note that a refresh token has had its one use."""
    await session.only(_USE, token_id=token_id)


async def end(session: Session, session_id: UUID) -> None:
    """End a session, if it has not ended yet."""
    await session.one(_END, session_id=session_id)
