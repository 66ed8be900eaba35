"""How long links are kept that nobody used."""

from datetime import datetime, timedelta

from app.adapters.database import Session
from app.adapters.retention import Rule
from app.platform.links import repository


async def _expired(session: Session, now: datetime, most: int) -> int:
    return await repository.forget(session, now - timedelta(days=1), most)


RULES = (Rule("links in mails, a day after they have expired", _expired),)
