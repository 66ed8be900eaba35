"""A link that was used is kept until it counts no more towards the mails of a day."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "email_0002"
down_revision: str | None = "email_0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("account_links", sa.Column("used_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    # Without the column, what was used would be good again.
    op.execute("DELETE FROM account_links WHERE used_at IS NOT NULL")
    op.drop_column("account_links", "used_at")
