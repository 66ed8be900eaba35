"""The tables of sessions. Owned by the template: an update may add to them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.database import Base
from app.platform.auth.devices import LONGEST


class SignIn(Base):
    """A session of an account, from its login until it ends; `Session` is a transaction of the database."""

    __tablename__: str = "sessions"
    __table_args__: tuple[object, ...] = (
        # Pages of an account's sessions, newest first.
        Index(None, "account_id", "id"),
        # Every worker asks once a second which sessions have just ended.
        Index(None, "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    last_used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    # How its owner proved who they are, as RFC 8176 names it, with spaces between.
    methods: Mapped[str] = mapped_column(String(50), server_default="pwd")
    user_agent: Mapped[str | None] = mapped_column(String(LONGEST))
    address: Mapped[str | None] = mapped_column(String(50))


class DeletedSession(Base):
    """A session whose row is gone, for as long as an access token of it may hold; a trigger of `sessions` adds it."""

    __tablename__: str = "deleted_sessions"
    __table_args__: tuple[object, ...] = (
        {"info": {"unaudited": "it repeats for a day that a session was deleted, which has an entry"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    deleted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now(), index=True)


class RefreshToken(Base):
    """One refresh token; only its hash is known here. Each is good for one use."""

    __tablename__: str = "refresh_tokens"
    __table_args__: tuple[object, ...] = (
        UniqueConstraint("digest"),
        {"info": {"unaudited": "each use of one is recorded as a decision"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
