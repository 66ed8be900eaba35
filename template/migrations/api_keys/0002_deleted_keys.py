"""Deleted keys are remembered for as long as a worker may take one for valid, as deleted sessions are."""

from collections.abc import Sequence

from alembic import op

revision: str = "api_keys_0002"
down_revision: str | None = "api_keys_0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Not those that were good for nothing any more: retention deletes many of them.
_REMEMBERED = """
CREATE TRIGGER remember_deleted_key AFTER DELETE ON api_keys FOR EACH ROW
WHEN (OLD.expires_at > now() AND coalesce(OLD.revoked_at, now()) > now() - interval '1 day')
EXECUTE FUNCTION remember_deleted_session()
"""


def upgrade() -> None:
    op.execute(_REMEMBERED)


def downgrade() -> None:
    op.execute("DROP TRIGGER remember_deleted_key ON api_keys")
