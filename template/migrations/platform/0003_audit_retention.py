"""Entries of the audit trail are kept for as long as this service promises, whatever date its owner gives."""

from collections.abc import Sequence

from alembic import op

from app import defaults

revision: str = "platform_0003"
down_revision: str | None = "platform_0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# In hours: a day has 23 or 25 of them where clocks are changed. `app migrate` writes it anew when the promise changes.
_RETENTION = """
CREATE FUNCTION audit_retention() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT make_interval(hours => {}) $$
"""

# The date up to which entries are gone stands in the entry that says so, and is sealed with it.
_RETIRE = """
CREATE OR REPLACE FUNCTION audit_retire(older_than timestamptz, most integer) RETURNS integer LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  youngest CONSTANT timestamptz := now() - audit_retention();
  cut_off CONSTANT timestamptz := least(older_than, youngest);
  last_one bigint;
  removed integer;
BEGIN
  -- The clock of whoever asks may be ahead of this one.
  IF older_than > youngest + interval '1 hour' THEN
    RAISE EXCEPTION 'Entries younger than % are kept: give a date from before %.', audit_retention(), youngest
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM pg_advisory_xact_lock(7461923, 16);  -- after those of the sixteen chains
  WITH oldest AS (SELECT position, at FROM audit_entries ORDER BY position LIMIT most)
  SELECT max(position) INTO last_one FROM oldest
  WHERE position < coalesce((SELECT min(position) FROM oldest WHERE at >= cut_off), 9223372036854775807);
  IF last_one IS NULL THEN RETURN 0; END IF;
  EXECUTE 'GRANT DELETE ON audit_entries TO CURRENT_USER';
  PERFORM set_config('audit.retiring', 'on', true);
  DELETE FROM audit_entries WHERE position <= last_one;
  GET DIAGNOSTICS removed = ROW_COUNT;
  PERFORM set_config('audit.retiring', 'off', true);
  EXECUTE 'REVOKE DELETE ON audit_entries FROM CURRENT_USER';
  INSERT INTO audit_entries (event, subject_table, subject_id, reason) VALUES (
    'audit.retired', 'audit_entries', last_one::text,
    left(format('%s entries up to this one, by the database user %s, from before %s', removed, session_user,
                to_char(cut_off AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), 200)
  );
  RETURN removed;
END $$
"""

# As platform_0002 has it.
_RETIRE_BEFORE = """
CREATE OR REPLACE FUNCTION audit_retire(older_than timestamptz, most integer) RETURNS integer LANGUAGE plpgsql
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

# Entries from before this function say no date: `app audit verify` accepts those that this one comes after.
_BEFORE_THIS = """
INSERT INTO audit_entries (event, subject_table, reason)
SELECT 'audit.retention', 'audit_entries', 'retired entries say from here on from before when they were'
WHERE EXISTS (SELECT FROM audit_entries WHERE event = 'audit.retired')
"""


def upgrade() -> None:
    op.execute(_RETENTION.format(24 * defaults.AUDIT_RETENTION_DAYS))
    op.execute(_RETIRE)
    op.execute(_BEFORE_THIS)


def downgrade() -> None:
    op.execute(_RETIRE_BEFORE)
    op.execute("DROP FUNCTION audit_retention()")
