"""How the owner of a session proved who they are."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "platform_0005"
down_revision: str | None = "platform_0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("methods", sa.String(length=50), server_default="pwd", nullable=False))


def downgrade() -> None:
    op.drop_column("sessions", "methods")
