"""How long sessions and their tokens are kept."""

from datetime import datetime, timedelta

from app.adapters.database import Session
from app.adapters.retention import Rule
from app.kit.ids import uuid7_floor
from app.platform.auth import repository
from app.settings import settings

# Long enough for somebody who looks into what happened; the audit trail keeps that there was a session.
_KEPT = timedelta(days=30)
_DAY = timedelta(days=1)


async def _tokens(session: Session, now: datetime, most: int) -> int:
    return await repository.forget_tokens(session, uuid7_floor(now - settings().refresh_lifetime - _DAY), most)


async def _sessions(session: Session, now: datetime, most: int) -> int:
    return await repository.forget(session, uuid7_floor(now - settings().session_lifetime - _KEPT), most)


async def _deleted(session: Session, now: datetime, most: int) -> int:
    return await repository.forget_deleted(session, now - _DAY, most)


RULES = (
    Rule("refresh tokens, a day after the last moment at which they could be used", _tokens),
    Rule("sessions, 30 days after the last moment at which they could be used", _sessions),
    Rule("notes of deleted sessions, after a day", _deleted),
)
