"""Pages of an account's sessions by an index of their own, made while the service serves."""

from collections.abc import Sequence

from alembic import op

revision: str = "platform_0008"
down_revision: str | None = "platform_0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _replace(old: str, new: str, columns: list[str]) -> None:
    # Concurrently, so that nobody waits to sign in. What a run left that was cut off is no index, and goes first.
    with op.get_context().autocommit_block():
        op.drop_index(new, "sessions", if_exists=True, postgresql_concurrently=True)
        op.create_index(new, "sessions", columns, postgresql_concurrently=True)
        op.drop_index(old, "sessions", if_exists=True, postgresql_concurrently=True)


def upgrade() -> None:
    _replace(op.f("ix_sessions_account_id"), op.f("ix_sessions_account_id_id"), ["account_id", "id"])


def downgrade() -> None:
    _replace(op.f("ix_sessions_account_id_id"), op.f("ix_sessions_account_id"), ["account_id"])
