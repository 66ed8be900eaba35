"""The shapes of documents: what clients get."""

from dataclasses import dataclass
from uuid import UUID

from app.kit.schemas import Identified


class DocumentRead(Identified):
    """A document."""

    booking_id: UUID
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a document holds."""

    content: bytes
