"""Sessions as one kind of credential among others: revoked together, and followed by every worker."""

from datetime import timedelta
from uuid import UUID

from app.adapters.database import Reader, Session
from app.platform.auth import repository


async def revoke_all(session: Session, account_id: UUID) -> list[UUID]:
    """End every session of an account."""
    return await repository.end_all(session, account_id, None)


async def revoked(primary: Reader, within: timedelta) -> list[UUID]:
    """The sessions that ended in a span of time until now, by the database's clock."""
    return await repository.ended(primary, within)
