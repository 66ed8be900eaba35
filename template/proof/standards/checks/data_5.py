"""DATA-5: every foreign key is enforced by the database, and an index begins with its columns."""

from collections.abc import Iterator
from dataclasses import dataclass

from proof.standards.context import Context
from proof.standards.outcome import Outcome, Table, judged

# An index counts when it is ready, covers all rows, and its first columns are those of the key, in any order. A key is
# enforced when it was validated, is not declared otherwise (PostgreSQL 18), and its triggers fire for ordinary users.
_KEYS = """
SELECT c.conrelid::regclass::text AS "table", c.conname::text AS name, pg_get_constraintdef(c.oid) AS definition,
       c.convalidated AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true) AS valid,
       (SELECT count(*) FROM pg_trigger t WHERE t.tgconstraint = c.oid AND t.tgenabled <> 'O') AS disabled,
       (SELECT min(i.indexrelid::regclass::text) FROM pg_index i
         WHERE i.indrelid = c.conrelid AND i.indisvalid AND i.indpred IS NULL
           AND (string_to_array(i.indkey::text, ' ')::smallint[])[1:cardinality(c.conkey)] @> c.conkey) AS index
FROM pg_constraint c WHERE c.contype = 'f' ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class _Key:
    table: str
    name: str
    definition: str
    valid: bool
    disabled: int
    index: str | None


def check(context: Context) -> Outcome:
    """Ask the catalogue of the migrated database."""
    keys = context.rows(_Key, _KEYS)
    faults = [fault for each in keys for fault in _faults(each)]
    if not keys:
        faults.append("the database has no foreign key. Run `app migrate`, or declare what belongs to what.")
    sound = sum(not list(_faults(each)) for each in keys)
    return judged(
        faults,
        f"{sound} of {len(keys)}",
        "foreign keys are enforced and indexed",
        tables=[
            Table(
                "Foreign keys",
                ("table", "definition", "index"),
                [(each.table, each.definition, each.index or "none") for each in keys],
            )
        ],
    )


def _faults(key: _Key) -> Iterator[str]:
    if key.index is None:
        yield (
            f"{key.table} has no index that begins with the columns of {key.name} ({key.definition}), so a DELETE of "
            "what it refers to reads the whole table. Add `index=True` to the column, and write the migration."
        )
    if not key.valid:
        yield (
            f"{key.name} of {key.table} is not enforced: it is not valid. "
            f"Mend the rows that break it, then ALTER TABLE {key.table} VALIDATE CONSTRAINT {key.name}."
        )
    if key.disabled:
        yield (
            f"{key.name} of {key.table} is not enforced: {key.disabled} of its triggers are disabled. "
            f"ALTER TABLE {key.table} ENABLE TRIGGER ALL, and check the rows that came in meanwhile."
        )
