"""The table of attempts. Owned by the template: an update may add to it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, Integer, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.database import Base


class Attempts(Base):
    """How often in a row a password was wrong: for an account, from a place, or both. Which one, the digest hides."""

    __tablename__: str = "sign_in_attempts"
    __table_args__: tuple[object, ...] = (
        CheckConstraint("failures >= 0", "failures_are_counted"),
        {"info": {"unaudited": "a count of attempts, each of which is decided and recorded by whoever looked at it"}},
    )

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    failed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    succeeded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    kept_until: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now(), index=True)
