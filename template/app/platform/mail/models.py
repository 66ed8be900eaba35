"""The table of what is to be sent. Owned by the template: an update may add to it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Integer, String, func
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.database import Base
from app.adapters.encryption import Encrypted, sealed


class OutgoingMail(Base):
    """One letter to one address. It holds no secret: a link is made just before the letter leaves."""

    __tablename__: str = "mail_outbox"
    __table_args__: tuple[object, ...] = (
        sealed("recipient"),
        {
            "comment": "part: email",
            "info": {"unaudited": "a letter is on its way, and what it tells of has an entry of its own"},
        },
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    letter: Mapped[str] = mapped_column(String(40))
    recipient: Mapped[str] = mapped_column(Encrypted())
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now(), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
