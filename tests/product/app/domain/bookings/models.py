"""The tables of bookings."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Computed,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.adapters.database import Base


class Status(StrEnum):
    """How far a booking is."""

    DRAFT = "draft"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


def _words(kind: type[Status]) -> list[str]:
    return [each.value for each in kind]


class Booking(Base):
    """A room, for some hours."""

    __tablename__: str = "bookings"
    __table_args__: tuple[object, ...] = (
        CheckConstraint("starts_at < ends_at", "it_ends_after_it_starts"),
        CheckConstraint("price >= 0", "price_is_in_range"),
        # No two confirmed bookings of one room overlap; errors.py says so to the client. Equality of keys in a gist
        # index needs the extension btree_gist, which a migration makes.
        ExcludeConstraint(
            ("room_id", "="),
            (func.tstzrange(text("starts_at"), text("ends_at")), "&&"),
            name="ex_bookings_room_id_during",
            using="gist",
            where=text("status = 'confirmed'"),
        ),
        Index(None, "company_id"),
        Index(None, "room_id"),
        Index(None, "search", postgresql_using="gin"),
        # Each way to list them in each order.
        Index(None, "owner_id", "id"),
        Index(None, "owner_id", "status", "id"),
        Index(None, "owner_id", "room_id", "id"),
        Index(None, "owner_id", "starts_at", "id"),
        Index(None, "owner_id", "status", "starts_at", "id"),
        Index(None, "owner_id", "room_id", "starts_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    company_id: Mapped[UUID] = mapped_column(ForeignKey("companies.id", ondelete="CASCADE"))
    room_id: Mapped[UUID] = mapped_column(ForeignKey("rooms.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    status: Mapped[Status] = mapped_column(
        Enum(Status, name="booking_status", values_callable=_words), server_default=Status.DRAFT.value
    )
    tags: Mapped[list[str]] = mapped_column(ARRAY(String(100)))
    price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    notes: Mapped[str] = mapped_column(String(2000))
    search: Mapped[str] = mapped_column(
        TSVECTOR, Computed("to_tsvector('english', notes)", persisted=True), deferred=True
    )
    reference: Mapped[str | None] = mapped_column(String(100))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    lines: Mapped[list["BookingLine"]] = relationship(lazy="raise", order_by="BookingLine.position")
    extras: Mapped[list["BookingExtra"]] = relationship(lazy="raise", order_by="BookingExtra.id")

    @property
    def extra_ids(self) -> list[UUID]:
        """The extras that go with it."""
        return [each.extra_id for each in self.extras]


class BookingLine(Base):
    """What is to be paid for one thing of a booking."""

    __tablename__: str = "booking_lines"
    __table_args__: tuple[object, ...] = (CheckConstraint("amount >= 0", "amount_is_in_range"),)

    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    label: Mapped[str] = mapped_column(String(100))
    amount: Mapped[Decimal] = mapped_column(Numeric(12, 2))


class BookingExtra(Base):
    """A booking and one of its extras."""

    __tablename__: str = "booking_extras"
    __table_args__: tuple[object, ...] = (UniqueConstraint("booking_id", "extra_id"), Index(None, "extra_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"))
    extra_id: Mapped[UUID] = mapped_column(ForeignKey("extras.id", ondelete="CASCADE"))
