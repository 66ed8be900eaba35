"""How long bookings are kept."""

from datetime import datetime, timedelta

from app.adapters.database import Session
from app.adapters.retention import Rule
from app.domain.bookings import repository
from app.kit.ids import uuid7_floor


async def _old(session: Session, now: datetime, most: int) -> int:
    return await repository.forget(session, uuid7_floor(now - timedelta(days=3650)), most)


RULES = (Rule("bookings, ten years after they were made", _old),)
