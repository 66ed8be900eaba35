"""Documents over HTTP: each route is one sentence, its docstring its documentation."""

from uuid import UUID

from fastapi import BackgroundTasks, Response, UploadFile

from app.adapters.database import Database, Reader, Session
from app.domain.bookings.access import CanReadBookings, CanWriteBookings
from app.domain.bookings.errors import BookingNotFound
from app.domain.documents import service
from app.domain.documents.errors import DocumentNotFound
from app.domain.documents.schemas import DocumentRead, Found
from app.kit import routing
from app.kit.errors import answers
from app.kit.limits import limits
from app.kit.schemas import Line

router = routing.router("/v1/bookings/{booking_id}/documents", "documents")


@router.post("", status_code=201, dependencies=[limits(body=6_000_000, seconds=30)], responses=answers(BookingNotFound))
async def keep_document(
    booking_id: UUID,
    file: UploadFile,
    caller: CanWriteBookings,
    session: Session,
    database: Database,
    tasks: BackgroundTasks,
) -> DocumentRead:
    """Keep a document of one of your bookings."""
    tasks.add_task(service.kept, database, booking_id)
    return await service.keep(session, booking_id, file, caller)


@router.get("", responses=answers(BookingNotFound))
async def find_documents(booking_id: UUID, name: Line, caller: CanReadBookings, reader: Reader) -> Found:
    """Find the documents of one of your bookings that have a name, the last twenty."""
    return await service.named(reader, booking_id, name, caller)


class Bytes(Response):
    """What was kept, as it came."""

    media_type: str | None = "application/octet-stream"


@router.get("/{document_id}", response_class=Bytes, responses=answers(BookingNotFound, DocumentNotFound))
async def read_document(booking_id: UUID, document_id: UUID, caller: CanReadBookings, reader: Reader) -> Bytes:
    """Read a document of one of your bookings."""
    return Bytes(await service.content(reader, booking_id, document_id, caller))
