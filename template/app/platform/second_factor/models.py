"""The tables of second factors. Owned by the template: an update may add to them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.database import Base
from app.adapters.encryption import Encrypted, sealed


class SecondFactor(Base):
    """What an account shares with an authenticator app; it counts once a first code has confirmed it."""

    __tablename__: str = "second_factors"
    __table_args__: tuple[object, ...] = (sealed("secret"), {"comment": "part: second_factor"})

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(Encrypted())
    # The time step of the last code: that one and all before it are refused.
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class RecoveryCode(Base):
    """One recovery code; only its hash is known here, and its row is gone once it was used."""

    __tablename__: str = "recovery_codes"
    __table_args__: tuple[object, ...] = (
        {"comment": "part: second_factor", "info": {"few": "an account has at most ten"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
