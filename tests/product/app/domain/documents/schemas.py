"""The shapes of documents: what clients get."""

from dataclasses import dataclass
from uuid import UUID

from app.kit.schemas import Identified, Out


class DocumentRead(Identified):
    """A document."""

    booking_id: UUID
    name: str
    size: int
    sha256: str


class Found(Out):
    """Documents that have a name."""

    data: list[DocumentRead]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many documents there are."""

    documents: int


@dataclass(frozen=True, slots=True)
class Content:
    """What a document holds."""

    content: bytes
