"""Sessions as one kind of credential among others."""

from uuid import UUID

from app.adapters.database import Session
from app.platform.auth import repository


async def revoke_all(session: Session, account_id: UUID) -> list[UUID]:
    """End every session of an account."""
    return await repository.end_all(session, account_id, None)
