"""What the business says about bookings."""

from collections.abc import AsyncGenerator
from decimal import Decimal
from uuid import UUID

from prometheus_client import Counter

from app.adapters.channel.client import Channel
from app.adapters.database import Reader, Session
from app.adapters.orm import OrmSession
from app.domain.bookings import repository
from app.domain.bookings.errors import BookingNotFound, BookingSettled
from app.domain.bookings.models import Status
from app.domain.bookings.schemas import (
    BookingCreate,
    BookingList,
    BookingRead,
    BookingWhole,
    Exported,
    Found,
    Occupancy,
)
from app.domain.companies import service as companies
from app.domain.extras import service as extras
from app.domain.members import service as members
from app.domain.rooms import service as rooms
from app.kit.access import Principal
from app.kit.logging import get_logger
from app.kit.pagination import Page

_confirmed = Counter("bookings_confirmed_total", "Bookings that a manager has confirmed.")

log = get_logger()


async def create(session: Session, orm: OrmSession, data: BookingCreate, caller: Principal) -> BookingWhole:
    """A new booking of the caller; it may refer to what is theirs."""
    _ = await companies.get(session, data.company_id, caller)
    _ = await rooms.get(session, data.room_id, caller)
    for each in data.extra_ids:
        _ = await extras.get(session, each, caller)
    price = sum((each.amount for each in data.lines), Decimal(0))
    return BookingWhole.model_validate(await repository.add(orm, data, price, caller.account_id))


async def get(reader: Reader | Session, booking_id: UUID, caller: Principal) -> BookingRead:
    """One booking of the caller; BookingNotFound when they have no such booking."""
    found = await repository.by_id(reader, booking_id, caller.account_id)
    if found is None:
        raise BookingNotFound
    return found


async def whole(orm: OrmSession, booking_id: UUID, caller: Principal) -> BookingWhole:
    """One booking of the caller with its lines and extras; BookingNotFound when they have no such booking."""
    found = await repository.whole(orm, booking_id, caller.account_id)
    if found is None:
        raise BookingNotFound
    return BookingWhole.model_validate(found)


async def listed(reader: Reader, asked: BookingList, caller: Principal) -> Page[BookingRead]:
    """A page of the caller's bookings."""
    return await repository.listed(reader, asked, caller.account_id)


async def search(reader: Reader, words: str, caller: Principal) -> Found:
    """The bookings of the caller whose notes hold some words."""
    return Found(data=await repository.found(reader, words, caller.account_id))


async def export(reader: Reader, caller: Principal) -> AsyncGenerator[Exported]:
    """All bookings of the caller, however many."""
    return await repository.exported(reader, caller.account_id)


async def occupancy(reader: Reader) -> Occupancy:
    """How many rooms are taken at this moment."""
    return await repository.taken(reader) or Occupancy(rooms=0)


async def confirm(
    reader: Reader, session: Session, channel: Channel, booking_id: UUID, caller: Principal
) -> BookingRead:
    """Confirm a booking of a company that the caller belongs to.

    The other sites are told before the first statement of the transaction, so none waits for them.
    """
    draft = await repository.anybodys(reader, booking_id)
    if draft is None or not await members.belongs(reader, draft.company_id, caller.account_id):
        raise BookingNotFound
    if draft.status is not Status.DRAFT:
        raise BookingSettled
    reference = await channel.block(draft.id, draft.room_id, draft.starts_at, draft.ends_at)
    confirmed = await repository.confirm(session, booking_id, reference)
    if confirmed is None:
        raise BookingSettled
    _confirmed.inc()
    log.info("booking confirmed", booking_id=str(booking_id), channel_reference=reference)
    return confirmed
