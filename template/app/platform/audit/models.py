"""The tables of the audit trail. Owned by the template: an update may add to them.

An entry is sealed with the text of all its columns that have a value, so a new column has to be NULL in old entries.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Index, LargeBinary, SmallInteger, String, func
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.database import Base


class AuditEntry(Base):
    """One change of one row, or one decision. It names what may be gone by now, so it has no foreign keys."""

    __tablename__: str = "audit_entries"
    __table_args__: tuple[object, ...] = (
        CheckConstraint("outcome IN ('changed', 'granted', 'refused')", "outcome_is_known"),
        Index(None, "actor_id", "position"),
        Index(None, "subject_id", "position"),
        Index(None, "request_id"),
        {"info": {"unaudited": "it is the trail"}},
    )

    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    actor_id: Mapped[UUID | None]
    credential_id: Mapped[UUID | None]
    event: Mapped[str] = mapped_column(String(100))
    outcome: Mapped[str] = mapped_column(String(10), server_default="changed")
    subject_table: Mapped[str | None] = mapped_column(String(63))
    subject_id: Mapped[str | None] = mapped_column(String(200))
    before_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    after_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    request_id: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(200))


class AuditSeal(Base):
    """The place of one entry in one of the chains: its hash covers the entry and the hash before it."""

    __tablename__: str = "audit_seals"
    __table_args__: tuple[object, ...] = (Index(None, "position"), {"info": {"unaudited": "it seals the trail"}})

    chain: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
