"""The table of members."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.database import Base


class Member(Base):
    """An account that belongs to a company."""

    __tablename__: str = "members"
    __table_args__: tuple[object, ...] = (
        UniqueConstraint("company_id", "account_id"),
        Index(None, "company_id", "id"),
        Index(None, "account_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("companies.id", ondelete="CASCADE"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
