"""The audit trail: its two tables, what writes them, what keeps them as they were written, and what retires the old."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "platform_0002"
down_revision: str | None = "platform_0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# The trail is written with the rights of the tables' owner, whoever changes a row. The path ends with pg_temp, so that
# nobody can put a table of their own in its place; dates and bytes are written as text in one form, whatever a session
# has set.
_AS_OWNER = """
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' SET bytea_output = 'hex'
"""

# Its arguments are the columns of the table's primary key. A statement that leaves a row as it was changes no state.
_CHANGE = """
CREATE FUNCTION audit_change() RETURNS trigger AS_OWNER AS $$
DECLARE
  origin CONSTANT text[] := string_to_array(nullif(current_setting('audit.origin', true), ''), ' ', '-');
  old_row jsonb;
  new_row jsonb;
  names CONSTANT jsonb := '{"INSERT": "created", "UPDATE": "updated", "DELETE": "deleted", "TRUNCATE": "truncated"}';
BEGIN
  IF TG_OP IN ('UPDATE', 'DELETE') THEN old_row := to_jsonb(OLD); END IF;
  IF TG_OP IN ('INSERT', 'UPDATE') THEN new_row := to_jsonb(NEW); END IF;
  IF old_row = new_row THEN RETURN NULL; END IF;
  INSERT INTO audit_entries (actor_id, credential_id, event, outcome, subject_table, subject_id,
                             before_digest, after_digest, request_id, address, reason)
  VALUES (
    origin[1]::uuid, origin[2]::uuid, TG_TABLE_NAME || '.' || (names ->> TG_OP), 'changed', TG_TABLE_NAME,
    (SELECT left(string_agg(coalesce(old_row, new_row) ->> key, ','), 200) FROM unnest(TG_ARGV) AS key),
    sha256(convert_to(old_row::text, 'UTF8')), sha256(convert_to(new_row::text, 'UTF8')), origin[3], origin[4],
    CASE WHEN origin IS NULL THEN 'by the database user ' || session_user END
  );
  RETURN NULL;
END $$
"""

# At the commit, so that the lock is held for the length of a commit alone, and by a transaction that waits for no row
# any more. Sixteen chains, of which a connection always uses the same, so that commits seldom wait for each other.
_SEAL = """
CREATE FUNCTION audit_seal() RETURNS trigger AS_OWNER AS $$
DECLARE
  own CONSTANT integer := pg_backend_pid() % 16;
  last_number bigint;
  last_hash bytea;
BEGIN
  PERFORM pg_advisory_xact_lock(7461923, own);
  SELECT number, hash INTO last_number, last_hash FROM audit_seals WHERE chain = own ORDER BY number DESC LIMIT 1;
  INSERT INTO audit_seals (chain, number, position, hash)
  VALUES (own, coalesce(last_number, 0) + 1, NEW.position,
          sha256(coalesce(last_hash, '') || convert_to(jsonb_strip_nulls(to_jsonb(NEW))::text, 'UTF8')));
  RETURN NULL;
END $$
"""

# What audit_retire() removes is let through; whoever may run it may switch the trigger off, too.
_REFUSE = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit_entries' AND current_setting('audit.retiring', true) = 'on' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION '% is append-only: what it says can be neither changed nor removed (%).', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege', HINT = 'docs/security/audit.md says how old entries are retired.';
END $$
"""

# The oldest entries, up to the first that is too young: what is left begins with one entry, and all after it are there.
# An entry about the last one that is gone says so, and is sealed with all others. Only another one waits for this: it
# locks the rows that it removes, and takes the right to remove them for as long as it runs.
_RETIRE = """
CREATE FUNCTION audit_retire(older_than timestamptz, most integer) RETURNS integer LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  last_one bigint;
  removed integer;
BEGIN
  PERFORM pg_advisory_xact_lock(7461923, 16);  -- after those of the sixteen chains
  WITH oldest AS (SELECT position, at FROM audit_entries ORDER BY position LIMIT most)
  SELECT max(position) INTO last_one FROM oldest
  WHERE position < coalesce((SELECT min(position) FROM oldest WHERE at >= older_than), 9223372036854775807);
  IF last_one IS NULL THEN RETURN 0; END IF;
  EXECUTE 'GRANT DELETE ON audit_entries TO CURRENT_USER';
  PERFORM set_config('audit.retiring', 'on', true);
  DELETE FROM audit_entries WHERE position <= last_one;
  GET DIAGNOSTICS removed = ROW_COUNT;
  PERFORM set_config('audit.retiring', 'off', true);
  EXECUTE 'REVOKE DELETE ON audit_entries FROM CURRENT_USER';
  INSERT INTO audit_entries (event, subject_table, subject_id, reason) VALUES (
    'audit.retired', 'audit_entries', last_one::text,
    left(format('%s entries up to this one, by the database user %s', removed, session_user), 200)
  );
  RETURN removed;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("credential_id", sa.Uuid(), nullable=True),
        sa.Column("event", sa.String(length=100), nullable=False),
        sa.Column("outcome", sa.String(length=10), server_default="changed", nullable=False),
        sa.Column("subject_table", sa.String(length=63), nullable=True),
        sa.Column("subject_id", sa.String(length=200), nullable=True),
        sa.Column("before_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("after_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('changed', 'granted', 'refused')", name=op.f("ck_audit_entries_outcome_is_known")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_actor_id_position"), "audit_entries", ["actor_id", "position"])
    op.create_index(op.f("ix_audit_entries_subject_id_position"), "audit_entries", ["subject_id", "position"])
    op.create_index(op.f("ix_audit_entries_request_id"), "audit_entries", ["request_id"])
    op.create_table(
        "audit_seals",
        sa.Column("chain", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("chain", "number", name=op.f("pk_audit_seals")),
    )
    op.create_index(op.f("ix_audit_seals_position"), "audit_seals", ["position"])
    for function in (_CHANGE, _SEAL, _REFUSE, _RETIRE):
        op.execute(function.replace("AS_OWNER", _AS_OWNER))
    op.execute(
        "REVOKE EXECUTE ON FUNCTION audit_change(), audit_seal(), audit_retire(timestamptz, integer) FROM PUBLIC"
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER audit_seal AFTER INSERT ON audit_entries DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION audit_seal()"
    )
    for table in ("audit_entries", "audit_seals"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
        )
        # The owner, too, would first have to give the right back to themselves.
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM PUBLIC, CURRENT_USER")


def downgrade() -> None:
    # Takes the triggers of every table with it.
    op.execute("DROP FUNCTION audit_change() CASCADE")
    op.drop_table("audit_seals")
    op.drop_table("audit_entries")
    op.execute("DROP FUNCTION audit_seal()")
    op.execute("DROP FUNCTION audit_refuse()")
    op.execute("DROP FUNCTION audit_retire(timestamptz, integer)")
