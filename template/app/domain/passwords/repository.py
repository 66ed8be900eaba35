"""Every statement about passwords, compiled once."""

from uuid import UUID

from sqlalchemy import bindparam, func, update

from app.adapters.database import Command, Session
from app.domain.auth.models import SignIn


def _identity(id: UUID) -> UUID:  # noqa: A002 - the column's name
    return id


_END_OTHERS = Command(
    update(SignIn)
    .where(
        SignIn.account_id == bindparam("owner"),
        SignIn.id.is_distinct_from(bindparam("kept")),
        SignIn.ended_at.is_(None),
    )
    .values(ended_at=func.now())
    .returning(SignIn.id),
    _identity,
)


async def end_sessions(session: Session, account_id: UUID, *, but: UUID | None) -> None:
    """End every session of an account, but one."""
    _ = await session.all(_END_OTHERS, owner=account_id, kept=but)
