"""Every statement about what is to be sent, compiled once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select, update

from app.adapters.database import Command, Query, Session, arguments
from app.kit.ids import uuid7
from app.platform.mail.models import OutgoingMail


@dataclass(frozen=True, slots=True)
class Due:
    """A letter that is to be sent now."""

    id: UUID
    letter: str
    recipient: str
    attempts: int
    created_at: datetime


_WHOLE = (
    OutgoingMail.id,
    OutgoingMail.letter,
    OutgoingMail.recipient,
    OutgoingMail.attempts,
    OutgoingMail.created_at,
)
_THIS = OutgoingMail.id == bindparam("mail_id")

_ADD = Command(insert(OutgoingMail).values(arguments("id", "letter", "recipient")).returning(*_WHOLE), Due)
# Whoever takes a letter locks it; the others look for the next one.
_NEXT = Query(
    select(*_WHOLE)
    .where(OutgoingMail.due_at <= bindparam("now"))
    .order_by(OutgoingMail.due_at)
    .limit(1)
    .with_for_update(skip_locked=True),
    Due,
)
_POSTPONE = Command(
    update(OutgoingMail)
    .where(_THIS)
    .values(due_at=bindparam("until"), attempts=OutgoingMail.attempts + bindparam("tried"))
    .returning(*_WHOLE),
    Due,
)
_REMOVE = Command(delete(OutgoingMail).where(_THIS).returning(*_WHOLE), Due)


async def add(session: Session, letter: str, recipient: str) -> None:
    """Store a letter that is to be sent."""
    await session.only(_ADD, id=uuid7(), letter=letter, recipient=recipient)


async def next_due(session: Session, now: datetime) -> Due | None:
    """The letter that has waited longest, for this transaction alone."""
    return await session.one(_NEXT, now=now)


async def postpone(session: Session, mail_id: UUID, until: datetime, *, tried: int) -> None:
    """Send a letter later, having tried so many times more."""
    await session.one(_POSTPONE, mail_id=mail_id, until=until, tried=tried)


async def remove(session: Session, mail_id: UUID) -> None:
    """Forget a letter."""
    await session.one(_REMOVE, mail_id=mail_id)
