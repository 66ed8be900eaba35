"""The table of confirmed addresses. Owned by the template: an update may add to it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.database import Base


class ConfirmedAddress(Base):
    """An account whose owner has shown that its address is theirs."""

    __tablename__: str = "confirmed_addresses"
    __table_args__: tuple[object, ...] = ({"comment": "part: email"},)

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    confirmed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
