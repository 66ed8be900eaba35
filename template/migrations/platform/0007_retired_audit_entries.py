"""Old entries of the audit trail can be retired by the tables' owner, and the trail says which ones are gone."""

from collections.abc import Sequence

from alembic import op

revision: str = "platform_0007"
down_revision: str | None = "platform_0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# What audit_retire() removes is let through; whoever may run it may switch the trigger off, too.
_REFUSE = """
CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  {}
  RAISE EXCEPTION '% is append-only: what it says can be neither changed nor removed (%).', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege', HINT = 'docs/security/audit.md says how old entries are retired.';
END $$
"""
_BUT_OLD_ONES = """
  IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit_entries' AND current_setting('audit.retiring', true) = 'on' THEN
    RETURN NULL;
  END IF;
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
    op.execute(_REFUSE.format(_BUT_OLD_ONES))
    op.execute(_RETIRE)
    op.execute("REVOKE EXECUTE ON FUNCTION audit_retire(timestamptz, integer) FROM PUBLIC")


def downgrade() -> None:
    op.execute("DROP FUNCTION audit_retire(timestamptz, integer)")
    op.execute(_REFUSE.format(""))
