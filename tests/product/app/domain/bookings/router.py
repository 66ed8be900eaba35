"""Bookings over HTTP: each route is one sentence, its docstring its documentation."""

from collections.abc import AsyncIterable
from typing import Annotated
from uuid import UUID

from fastapi import Query, WebSocket
from fastapi.sse import EventSourceResponse

from app.adapters.channel.client import ChannelManager, ChannelUnavailable
from app.adapters.database import Reader, Session
from app.adapters.orm import OrmSession
from app.domain.bookings import service
from app.domain.bookings.access import CanConfirmBookings, CanReadBookings, CanWriteBookings
from app.domain.bookings.errors import BookingNotFound, BookingSettled, ExtraNamedTwice, RoomTaken
from app.domain.bookings.export import CsvResponse, written
from app.domain.bookings.feed import Followed
from app.domain.bookings.schemas import BookingCreate, BookingList, BookingRead, BookingWhole, Found, Told
from app.domain.companies.errors import CompanyNotFound
from app.domain.extras.errors import ExtraNotFound
from app.domain.rooms.errors import RoomNotFound
from app.kit import routing
from app.kit.errors import Invalid, answers
from app.kit.limits import limits
from app.kit.pagination import Page
from app.kit.schemas import Line

router = routing.router("/v1/bookings", "bookings")


@router.post("", status_code=201, responses=answers(CompanyNotFound, ExtraNotFound, RoomNotFound, ExtraNamedTwice))
async def create_booking(
    data: BookingCreate, caller: CanWriteBookings, session: Session, orm: OrmSession
) -> BookingWhole:
    """Create a booking.

    It is a draft until a manager of the company confirms it. Its price is the sum of its lines.
    """
    return await service.create(session, orm, data, caller)


@router.get("", responses=answers(Invalid))
async def list_bookings(
    asked: Annotated[BookingList, Query()], caller: CanReadBookings, reader: Reader
) -> Page[BookingRead]:
    """List your bookings."""
    return await service.listed(reader, asked, caller)


@router.get("/search")
async def search_bookings(q: Line, caller: CanReadBookings, reader: Reader) -> Found:
    """Search the notes of your bookings.

    Words, "a phrase", `or`, and a minus before what should not be there.
    """
    return await service.search(reader, q, caller)


@router.get("/export", response_class=CsvResponse)
async def export_bookings(caller: CanReadBookings, reader: Reader) -> CsvResponse:
    """Export all your bookings as a file for spreadsheets."""
    return CsvResponse(written(await service.export(reader, caller)))


@router.get("/events", response_class=EventSourceResponse)
async def follow_bookings(caller: CanReadBookings, feed: Followed) -> AsyncIterable[Told]:
    """Follow your bookings as they are confirmed."""
    async for told in feed.follow(caller.account_id):
        yield told


@router.get("/{booking_id}", responses=answers(BookingNotFound))
async def read_booking(booking_id: UUID, caller: CanReadBookings, orm: OrmSession) -> BookingWhole:
    """Read one of your bookings, with its lines and extras."""
    return await service.whole(orm, booking_id, caller)


@router.post(
    "/{booking_id}/confirm",
    dependencies=[limits(seconds=20)],
    responses=answers(BookingNotFound, BookingSettled, RoomTaken, ChannelUnavailable),
)
async def confirm_booking(
    booking_id: UUID, caller: CanConfirmBookings, reader: Reader, session: Session, channel: ChannelManager
) -> BookingRead:
    """Confirm a booking of a company that you manage.

    The room is blocked on all other sites first, which takes some seconds.
    """
    return await service.confirm(reader, session, channel, booking_id, caller)


@router.websocket("/{booking_id}/live")
async def follow_booking(
    websocket: WebSocket, booking_id: UUID, caller: CanReadBookings, reader: Reader, feed: Followed
) -> None:
    """Tell when one of your bookings is confirmed."""
    _ = await service.get(reader, booking_id, caller)
    await websocket.accept()
    async for told in feed.follow(caller.account_id):
        if told.booking_id == booking_id:
            await websocket.send_text(told.model_dump_json())
