"""Accounts, their sessions, and the attempts to sign in."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "platform_0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = ("platform",)
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
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.LargeBinary(), nullable=False),
        sa.Column("email_index", sa.LargeBinary(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), server_default="member", nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "get_byte(email, 0) = 1 AND octet_length(email) >= 37", name=op.f("ck_accounts_email_is_sealed")
        ),
        sa.CheckConstraint("octet_length(email_index) = 32", name=op.f("ck_accounts_email_index_is_digest")),
        sa.CheckConstraint("role ~ '^[a-z][a-z-]{0,19}$'", name=op.f("ck_accounts_role_is_well_formed")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("email_index", name=op.f("uq_accounts_email_index")),
    )
    op.create_index("ix_accounts_role", "accounts", ["role", "id"], postgresql_where=sa.text("role <> 'member'"))
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("methods", sa.String(length=50), server_default="pwd", nullable=False),
        sa.Column("user_agent", sa.String(length=200), nullable=True),
        sa.Column("address", sa.String(length=50), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_sessions_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_account_id_id"), "sessions", ["account_id", "id"])
    op.create_index(
        op.f("ix_sessions_ended_at"), "sessions", ["ended_at"], postgresql_where=sa.text("ended_at IS NOT NULL")
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_refresh_tokens_session_id_sessions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_refresh_tokens_digest")),
    )
    op.create_index(op.f("ix_refresh_tokens_session_id"), "refresh_tokens", ["session_id"])
    op.create_table(
        "deleted_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deleted_sessions")),
    )
    op.create_index(op.f("ix_deleted_sessions_deleted_at"), "deleted_sessions", ["deleted_at"])
    op.execute(_REMEMBER)
    op.execute(_REMEMBERED)
    op.create_table(
        "sign_in_attempts",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept_until", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_sign_in_attempts_failures_are_counted")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_attempts")),
    )
    op.create_index(op.f("ix_sign_in_attempts_kept_until"), "sign_in_attempts", ["kept_until"])


def downgrade() -> None:
    op.drop_table("sign_in_attempts")
    op.drop_table("refresh_tokens")
    op.drop_table("sessions")
    op.execute("DROP FUNCTION remember_deleted_session()")
    op.drop_table("deleted_sessions")
    op.drop_table("accounts")
