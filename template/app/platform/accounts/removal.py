"""Deleting accounts. It comes and goes with the erasure of personal data."""

from uuid import UUID

from sqlalchemy import bindparam, delete

from app.adapters.database import Command, Session, identity
from app.platform.accounts.models import Account

_REMOVE = Command(delete(Account).where(Account.id == bindparam("account_id")).returning(Account.id), identity)


async def remove(session: Session, account_id: UUID) -> None:
    """Delete an account with everything that belongs to it."""
    await session.one(_REMOVE, account_id=account_id)
