"""Every statement about documents, compiled once."""

from uuid import UUID

from sqlalchemy import bindparam, insert, select

from app.adapters.database import Command, Query, Reader, Session, arguments
from app.domain.documents.models import Document
from app.domain.documents.schemas import Content, DocumentRead
from app.kit.ids import uuid7

_ADD = Command(
    insert(Document)
    .values(arguments("id", "booking_id", "size", "sha256", "content"))
    .returning(Document.id, Document.booking_id, Document.size, Document.sha256),
    DocumentRead,
)
_CONTENT = Query(
    select(Document.content).where(
        Document.id == bindparam("document_id"), Document.booking_id == bindparam("booking_id")
    ),
    Content,
)


async def add(session: Session, booking_id: UUID, content: bytes, sha256: str) -> DocumentRead:
    """Store a new document."""
    return await session.only(
        _ADD, id=uuid7(), booking_id=booking_id, size=len(content), sha256=sha256, content=content
    )


async def content(reader: Reader, booking_id: UUID, document_id: UUID) -> Content | None:
    """What a document of a booking holds."""
    return await reader.one(_CONTENT, document_id=document_id, booking_id=booking_id)
