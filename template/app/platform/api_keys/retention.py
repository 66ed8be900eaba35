"""How long keys are kept that are good for nothing any more."""

from datetime import datetime, timedelta

from app.adapters.database import Session
from app.adapters.retention import Rule
from app.kit.ids import uuid7_floor
from app.platform.api_keys import repository
from app.platform.api_keys.schemas import LONGEST_DAYS

# As long as sessions: for somebody who looks into what happened.
_KEPT = timedelta(days=30)
_LONGEST = timedelta(days=LONGEST_DAYS)


async def _revoked(session: Session, now: datetime, most: int) -> int:
    return await repository.forget_revoked(session, now - _KEPT, most)


async def _expired(session: Session, now: datetime, most: int) -> int:
    return await repository.forget(session, uuid7_floor(now - _LONGEST - _KEPT), most)


RULES = (
    Rule("API keys, 30 days after they were revoked", _revoked),
    Rule("API keys, 30 days after the last moment at which one of their age could be used", _expired),
)
