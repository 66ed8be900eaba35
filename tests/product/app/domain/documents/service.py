"""What the business says about documents."""

from hashlib import sha256
from uuid import UUID

from fastapi import UploadFile

from app.adapters.database import Database, Reader, Session
from app.domain.bookings import service as bookings
from app.domain.documents import repository
from app.domain.documents.errors import DocumentNotFound
from app.domain.documents.schemas import DocumentRead, Found
from app.kit.access import Principal
from app.kit.logging import get_logger

log = get_logger()

_AT_ONCE = 65_536


async def keep(session: Session, booking_id: UUID, file: UploadFile, caller: Principal) -> DocumentRead:
    """A new document of a booking of the caller."""
    content = bytearray()
    while piece := await file.read(_AT_ONCE):
        content += piece
    _ = await bookings.get(session, booking_id, caller)
    name = (file.filename or "")[:200]
    return await repository.add(session, booking_id, name, bytes(content), sha256(content).hexdigest())


async def named(reader: Reader, booking_id: UUID, name: str, caller: Principal) -> Found:
    """The documents of a booking of the caller that have a name."""
    _ = await bookings.get(reader, booking_id, caller)
    return Found(data=await repository.named(reader, booking_id, name))


async def kept(database: Database, booking_id: UUID) -> None:
    """Note that a booking has one document more."""
    async with database.transaction() as session:
        log.info("document kept", booking_id=str(booking_id), documents=await repository.count(session, booking_id))


async def content(reader: Reader, booking_id: UUID, document_id: UUID, caller: Principal) -> bytes:
    """What a document of a booking of the caller holds."""
    _ = await bookings.get(reader, booking_id, caller)
    found = await repository.content(reader, booking_id, document_id)
    if found is None:
        raise DocumentNotFound
    return found.content
