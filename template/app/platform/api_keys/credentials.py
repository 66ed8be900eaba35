"""API keys as one kind of credential among others."""

from uuid import UUID

from app.adapters.database import Session
from app.platform.api_keys import repository


async def revoke_all(session: Session, account_id: UUID) -> list[UUID]:
    """Revoke every key of an account."""
    return await repository.revoke_all(session, account_id)
