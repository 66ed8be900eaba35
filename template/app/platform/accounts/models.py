"""The table of accounts. Owned by the template: an update may add to it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, Integer, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.database import Base
from app.adapters.encryption import BlindIndex, Encrypted, digested, sealed


class Account(Base):
    """Somebody who may sign in."""

    __tablename__: str = "accounts"
    __table_args__: tuple[object, ...] = (
        UniqueConstraint("email_index"),
        sealed("email"),
        digested("email_index"),
        # Which roles there are is known to the nouns: their roles.py.
        CheckConstraint("role ~ '^[a-z][a-z-]{0,19}$'", "role_is_well_formed"),
        # The few who are more than members.
        Index("ix_accounts_role", "role", "id", postgresql_where=text("role <> 'member'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(Encrypted())
    # One spelling for one mailbox: nobody gets a second account by writing theirs in capitals.
    email_index: Mapped[bytes] = mapped_column(BlindIndex("email", str.lower))
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20), server_default="member")
    disabled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
