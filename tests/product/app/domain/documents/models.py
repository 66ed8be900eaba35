"""The table of documents."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.database import Base
from app.adapters.encryption import BlindIndex, Encrypted, digested, sealed


class Document(Base):
    """A file that belongs to a booking."""

    __tablename__: str = "documents"
    __table_args__: tuple[object, ...] = (
        sealed("name"),
        digested("name_index"),
        Index(None, "booking_id", "name_index", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Encrypted())
    name_index: Mapped[bytes] = mapped_column(BlindIndex("name"))
    size: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary)
