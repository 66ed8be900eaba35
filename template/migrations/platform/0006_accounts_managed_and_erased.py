"""Accounts can be disabled and are versioned; a deleted session is remembered while a token of it may still hold."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "platform_0006"
down_revision: str | None = "platform_0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Whoever deletes it: the service, a cascade from its account, a person with psql. A session that nobody has used for a
# day has no access token that holds.
_REMEMBER = """
CREATE FUNCTION remember_deleted_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.deleted_sessions (id) VALUES (OLD.id) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$
"""
_REMEMBERED = """
CREATE TRIGGER remember_deleted_session AFTER DELETE ON sessions FOR EACH ROW
WHEN (coalesce(OLD.ended_at, OLD.last_used_at) > now() - interval '1 day')
EXECUTE FUNCTION remember_deleted_session()
"""


def upgrade() -> None:
    op.add_column("accounts", sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("accounts", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.create_index(
        "ix_accounts_admins",
        "accounts",
        ["id"],
        postgresql_where=sa.text("role = 'admin' AND disabled_at IS NULL"),
    )
    op.create_index("ix_accounts_unverified", "accounts", ["id"], postgresql_where=sa.text("email_verified_at IS NULL"))
    op.create_table(
        "deleted_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deleted_sessions")),
    )
    op.create_index(op.f("ix_deleted_sessions_deleted_at"), "deleted_sessions", ["deleted_at"])
    op.create_index(op.f("ix_account_links_expires_at"), "account_links", ["expires_at"])
    op.execute(_REMEMBER)
    op.execute(_REMEMBERED)


def downgrade() -> None:
    # Takes the trigger with it.
    op.execute("DROP FUNCTION remember_deleted_session() CASCADE")
    op.drop_index(op.f("ix_account_links_expires_at"), "account_links")
    op.drop_table("deleted_sessions")
    op.drop_index("ix_accounts_unverified", "accounts")
    op.drop_index("ix_accounts_admins", "accounts")
    op.drop_column("accounts", "version")
    op.drop_column("accounts", "disabled_at")
