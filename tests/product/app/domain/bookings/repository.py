"""Every statement about bookings, compiled once. All ask for the owner: what is foreign does not exist."""

from collections.abc import AsyncGenerator
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Text, bindparam, func, select, update
from sqlalchemy.orm import selectinload

from app.adapters.database import Command, Listing, Query, Reader, Session
from app.adapters.orm import OrmSession
from app.adapters.retention import oldest
from app.domain.bookings.models import Booking, BookingExtra, BookingLine, Status
from app.domain.bookings.schemas import BookingCreate, BookingList, BookingRead, Exported, Occupancy, Told
from app.kit.ids import uuid7
from app.kit.pagination import Page

CHANNEL = "bookings"

_LIST = Listing(BookingList, select(Booking), BookingRead, of=Booking.owner_id)
_ANYBODYS = Query(select(Booking).where(Booking.id == bindparam("booking_id")), BookingRead)
_BY_ID = Query(
    select(Booking).where(Booking.id == bindparam("booking_id"), Booking.owner_id == bindparam("owner")), BookingRead
)
_ASKED = func.websearch_to_tsquery("english", bindparam("words", type_=Text))
_SEARCH = Query(
    select(Booking)
    .where(Booking.search.op("@@")(_ASKED), Booking.owner_id == bindparam("owner"))
    .order_by(func.ts_rank(Booking.search, _ASKED).desc(), Booking.id.desc())
    .limit(20),
    BookingRead,
)
_EXPORT = Query(
    select(Booking.id, Booking.starts_at, Booking.ends_at, Booking.status, Booking.price)
    .where(Booking.owner_id == bindparam("owner"))
    .order_by(Booking.id),
    Exported,
    whole="an export reads all that somebody has",
)
_TAKEN = Query(
    select(func.count(Booking.room_id.distinct()).label("rooms")).where(
        Booking.status == Status.CONFIRMED, func.tstzrange(Booking.starts_at, Booking.ends_at).op("@>")(func.now())
    ),
    Occupancy,
)
_CONFIRM = Command(
    update(Booking)
    .where(Booking.id == bindparam("booking_id"), Booking.status == Status.DRAFT)
    .values(
        status=Status.CONFIRMED,
        reference=bindparam("reference"),
        version=Booking.version + 1,
        updated_at=func.now(),
    )
    .returning(Booking),
    BookingRead,
)
_FORGET = oldest(Booking, Booking.id < bindparam("before"), Booking.id)
_TELL: Command[dict[str, object]] = Command(select(func.pg_notify(CHANNEL, bindparam("told", type_=Text))), dict)


async def add(orm: OrmSession, data: BookingCreate, price: Decimal, owner: UUID) -> Booking:
    """Store a new booking, with its lines and extras."""
    booking = Booking(
        id=uuid7(),
        owner_id=owner,
        price=price,
        lines=[
            BookingLine(position=position, label=each.label, amount=each.amount)
            for position, each in enumerate(data.lines)
        ],
        extras=[BookingExtra(id=uuid7(), extra_id=each) for each in data.extra_ids],
        **data.model_dump(exclude={"lines", "extra_ids"}),
    )
    orm.add(booking)
    await orm.flush()
    return booking


async def whole(orm: OrmSession, booking_id: UUID, owner: UUID) -> Booking | None:
    """One booking of an owner, with its lines and extras."""
    query = select(Booking).where(Booking.id == booking_id, Booking.owner_id == owner)
    return await orm.scalar(query.options(selectinload(Booking.lines), selectinload(Booking.extras)))


async def by_id(reader: Reader | Session, booking_id: UUID, owner: UUID) -> BookingRead | None:
    """One booking of an owner."""
    return await reader.one(_BY_ID, booking_id=booking_id, owner=owner)


async def anybodys(reader: Reader | Session, booking_id: UUID) -> BookingRead | None:
    """One booking, whoever owns it."""
    return await reader.one(_ANYBODYS, booking_id=booking_id)


async def listed(reader: Reader, asked: BookingList, owner: UUID) -> Page[BookingRead]:
    """A page of an owner's bookings."""
    return await _LIST.page(reader, asked, owner)


async def found(reader: Reader, words: str, owner: UUID) -> list[BookingRead]:
    """The bookings of an owner whose notes hold some words, the best first."""
    return await reader.all(_SEARCH, words=words, owner=owner)


async def exported(reader: Reader, owner: UUID) -> AsyncGenerator[Exported]:
    """All bookings of an owner, however many."""
    return await reader.stream(_EXPORT, owner=owner)


async def taken(reader: Reader) -> Occupancy | None:
    """How many rooms are taken at this moment."""
    return await reader.one(_TAKEN)


async def forget(session: Session, before: UUID, most: int) -> int:
    """Delete up to so many bookings that were made before one, and say how many there were."""
    return len(await session.all(_FORGET, before=before, most=most))


async def confirm(session: Session, booking_id: UUID, reference: str) -> BookingRead | None:
    """Confirm a draft, and tell so once that is committed."""
    confirmed = await session.one(_CONFIRM, booking_id=booking_id, reference=reference)
    if confirmed is not None:
        told = Told(booking_id=confirmed.id, owner_id=confirmed.owner_id)
        _ = await session.one(_TELL, told=told.model_dump_json())
    return confirmed
