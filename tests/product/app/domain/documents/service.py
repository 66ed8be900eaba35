"""What the business says about documents."""

from hashlib import sha256
from uuid import UUID

from fastapi import UploadFile

from app.adapters.database import Reader, Session
from app.domain.bookings import service as bookings
from app.domain.documents import repository
from app.domain.documents.errors import DocumentNotFound
from app.domain.documents.schemas import DocumentRead
from app.kit.access import Principal

_AT_ONCE = 65_536


async def keep(session: Session, booking_id: UUID, file: UploadFile, caller: Principal) -> DocumentRead:
    """A new document of a booking of the caller."""
    content = bytearray()
    while piece := await file.read(_AT_ONCE):
        content += piece
    _ = await bookings.get(session, booking_id, caller)
    return await repository.add(session, booking_id, bytes(content), sha256(content).hexdigest())


async def content(reader: Reader, booking_id: UUID, document_id: UUID, caller: Principal) -> bytes:
    """What a document of a booking of the caller holds."""
    _ = await bookings.get(reader, booking_id, caller)
    found = await repository.content(reader, booking_id, document_id)
    if found is None:
        raise DocumentNotFound
    return found.content
