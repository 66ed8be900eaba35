"""The tables of API keys. Owned by the template: an update may add to them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.database import Base


class StoredApiKey(Base):
    """One key; only the hash of its secret is known here."""

    __tablename__: str = "api_keys"
    __table_args__: tuple[object, ...] = (
        # Pages of an account's keys, newest first.
        Index(None, "account_id", "id"),
        # Every worker asks once a second which keys have just been revoked.
        Index(None, "revoked_at", postgresql_where=text("revoked_at IS NOT NULL")),
        {
            "comment": "part: api_keys",
            "info": {"few": "an account has at most fifty, beside those of the last month that were revoked"},
        },
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    # The permissions that it is good for, with spaces between, as RFC 6749 writes scopes.
    scopes: Mapped[str] = mapped_column(String(2600))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    # How whoever made it had proved who they are, as RFC 8176 names it, with spaces between.
    methods: Mapped[str] = mapped_column(String(50))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ApiKeyUse(Base):
    """When a key was last used; apart from the key, which that does not change."""

    __tablename__: str = "api_key_uses"
    __table_args__: tuple[object, ...] = (
        {"comment": "part: api_keys", "info": {"unaudited": "it is noted, not decided; the log has each use"}},
    )

    key_id: Mapped[UUID] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True)
    last_used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
