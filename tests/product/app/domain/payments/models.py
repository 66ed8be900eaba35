"""The table of payments."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.database import Base


class Payment(Base):
    """What was paid for a booking."""

    __tablename__: str = "payments"
    __table_args__: tuple[object, ...] = (Index(None, "booking_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"))
    amount: Mapped[Decimal] = mapped_column(Numeric(12, 2))
