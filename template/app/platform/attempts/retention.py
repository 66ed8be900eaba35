"""How long wrong passwords are remembered."""

from datetime import datetime

from app.adapters.database import Session
from app.adapters.retention import Rule
from app.platform.attempts import repository


async def _over(session: Session, now: datetime, most: int) -> int:
    return await repository.forget(session, now, most)


RULES = (Rule("counts of wrong passwords that no longer count", _over),)
