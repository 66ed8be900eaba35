"""What a session shows its owner, and which sessions have just ended."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "platform_0003"
down_revision: str | None = "platform_0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "sessions",
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.add_column("sessions", sa.Column("user_agent", sa.String(length=200), nullable=True))
    op.add_column("sessions", sa.Column("address", sa.String(length=50), nullable=True))
    op.create_index(
        op.f("ix_sessions_ended_at"), "sessions", ["ended_at"], postgresql_where=sa.text("ended_at IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_sessions_ended_at"), "sessions")
    op.drop_column("sessions", "address")
    op.drop_column("sessions", "user_agent")
    op.drop_column("sessions", "last_used_at")
