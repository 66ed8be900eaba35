"""How long an account waits for its address to be confirmed."""

from datetime import datetime, timedelta

from app.adapters.database import Session
from app.adapters.retention import Rule
from app.kit.ids import uuid7_floor
from app.platform.verifications import repository
from app.platform.verifications.settings import demanded

_KEPT = timedelta(days=30)


async def _unconfirmed(session: Session, now: datetime, most: int) -> int:
    # Where nobody has to confirm an address, an account without is as good as any other.
    return await repository.forget_unused(session, uuid7_floor(now - _KEPT), most) if demanded() else 0


RULES = (Rule("accounts that were never confirmed nor used, after 30 days", _unconfirmed),)
