"""Every statement about documents, compiled once."""

from uuid import UUID

from sqlalchemy import bindparam, func, insert, select

from app.adapters.database import Command, Query, Reader, Session, arguments
from app.adapters.encryption import matches
from app.domain.documents.models import Document
from app.domain.documents.schemas import Content, Counted, DocumentRead
from app.kit.ids import uuid7

_SHOWN = (Document.id, Document.booking_id, Document.name, Document.size, Document.sha256)
_ADD = Command(
    insert(Document)
    .values(arguments("id", "booking_id", "name", "name_index", "size", "sha256", "content"))
    .returning(*_SHOWN),
    DocumentRead,
)
_NAMED = Query(
    select(*_SHOWN)
    .where(Document.booking_id == bindparam("booking_id"), matches(Document.name_index, "name"))
    .order_by(Document.id.desc())
    .limit(20),
    DocumentRead,
)
_COUNT = Query(
    select(func.count(Document.id).label("documents")).where(Document.booking_id == bindparam("booking_id")), Counted
)
_CONTENT = Query(
    select(Document.content).where(
        Document.id == bindparam("document_id"), Document.booking_id == bindparam("booking_id")
    ),
    Content,
)


async def add(session: Session, booking_id: UUID, name: str, content: bytes, sha256: str) -> DocumentRead:
    """Store a new document."""
    return await session.only(
        _ADD, id=uuid7(), booking_id=booking_id, name=name, size=len(content), sha256=sha256, content=content
    )


async def named(reader: Reader, booking_id: UUID, name: str) -> list[DocumentRead]:
    """The documents of a booking that have a name, the newest first."""
    return await reader.all(_NAMED, booking_id=booking_id, name=name)


async def count(session: Session, booking_id: UUID) -> int:
    """How many documents a booking has."""
    return (await session.only(_COUNT, booking_id=booking_id)).documents


async def content(reader: Reader, booking_id: UUID, document_id: UUID) -> Content | None:
    """What a document of a booking holds."""
    return await reader.one(_CONTENT, document_id=document_id, booking_id=booking_id)
