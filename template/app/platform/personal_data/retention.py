"""How long an account waits for its address to be confirmed."""

from datetime import datetime, timedelta

from app.adapters.database import Session
from app.adapters.retention import Rule
from app.kit.ids import uuid7_floor
from app.platform.personal_data import repository
from app.settings import settings

_KEPT = timedelta(days=30)


async def _unconfirmed(session: Session, now: datetime, most: int) -> int:
    # Where nobody has to confirm an address, an account without is as good as any other.
    if not settings().demands_verified_email:
        return 0
    return await repository.forget_unused(session, uuid7_floor(now - _KEPT), most)


RULES = (Rule("accounts that were never confirmed nor used, after 30 days", _unconfirmed),)
