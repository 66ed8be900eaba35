"""What a schema has, as PostgreSQL tells it: of the database, and of the models, which are created beside it for that.

Nothing here depends on what Alembic compares: what the models make PostgreSQL do is what the database has to have.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError

_MODELS = "made_of_the_models"
_NOT_VALID = " NOT VALID"

# Of every kind: which it is, its table, its name, and what there is to say of it.
_CATALOGUE = text(r"""
WITH relations AS (
  SELECT c.* FROM pg_class c
  WHERE c.relnamespace = to_regnamespace(current_schema()) AND NOT c.relispartition AND c.relname <> 'alembic_version'
    AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
),
tables AS (SELECT * FROM relations WHERE relkind IN ('r', 'p')),
sequences AS (
  SELECT s.seqrelid AS oid, format(
    'AS %s START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s', format_type(s.seqtypid, NULL),
    s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END
  ) AS numbers FROM pg_sequence s
),
facts (kind, belongs_to, name, fact, value) AS (
  SELECT 'table', t.relname, '', f.* FROM tables t, LATERAL (VALUES
    ('comment', obj_description(t.oid, 'pg_class')),
    ('persistence', CASE t.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END),
    ('partition key', pg_get_partkeydef(t.oid)),
    ('options', array_to_string(t.reloptions, ', '))
  ) f
  UNION ALL
  SELECT 'column', t.relname, a.attname, f.* FROM tables t
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type y ON y.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
  LEFT JOIN pg_depend owned ON owned.refclassid = 'pg_class'::regclass AND owned.refobjid = t.oid
    AND owned.refobjsubid = a.attnum AND owned.classid = 'pg_class'::regclass AND owned.deptype IN ('a', 'i')
    AND owned.objid IN (SELECT oid FROM sequences)
  LEFT JOIN sequences s ON s.oid = owned.objid, LATERAL (VALUES
    ('type', format_type(a.atttypid, a.atttypmod)),
    ('collation', (SELECT quote_ident(collname) FROM pg_collation
                   WHERE oid = a.attcollation AND a.attcollation <> y.typcollation)),
    ('nullability', CASE WHEN a.attnotnull THEN 'NOT NULL' ELSE 'NULL' END),
    ('default', CASE WHEN owned.deptype = 'a' THEN 'the next number of its own sequence'
                     WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid, true) END),
    ('generation', CASE a.attgenerated WHEN 's' THEN 'STORED' WHEN 'v' THEN 'VIRTUAL' END),
    ('expression', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid, true) END),
    ('identity', CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END),
    ('numbers', CASE WHEN owned.deptype = 'i' THEN s.numbers END),
    ('comment', col_description(t.oid, a.attnum))
  ) f
  UNION ALL
  SELECT 'constraint', t.relname, c.conname, f.* FROM tables t
  JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype IN ('c', 'f', 'p', 'u', 'x'), LATERAL (VALUES
    ('definition', pg_get_constraintdef(c.oid, true)),
    ('comment', obj_description(c.oid, 'pg_constraint'))
  ) f
  UNION ALL
  SELECT 'index', t.relname, i.relname, f.* FROM tables t
  JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class i ON i.oid = x.indexrelid, LATERAL (VALUES
    ('definition', pg_get_indexdef(i.oid, 0, true) || CASE WHEN x.indisvalid THEN '' ELSE ' (invalid)' END),
    ('comment', obj_description(i.oid, 'pg_class'))
  ) f
  WHERE NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.oid AND c.contype IN ('p', 'u', 'x'))
  UNION ALL
  SELECT 'sequence', '', r.relname, 'numbers', s.numbers FROM relations r JOIN sequences s USING (oid)
  WHERE NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i'))
  UNION ALL
  SELECT 'type', '', y.typname, f.* FROM pg_type y, LATERAL (VALUES
    ('values', (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                FROM pg_enum e WHERE e.enumtypid = y.oid)),
    ('domain', CASE y.typtype WHEN 'd' THEN concat_ws(
      ' ', format_type(y.typbasetype, y.typtypmod), CASE WHEN y.typnotnull THEN 'NOT NULL' END,
      'DEFAULT ' || y.typdefault,
      (SELECT string_agg(format('CONSTRAINT %I %s', conname, pg_get_constraintdef(oid, true)), ' ' ORDER BY conname)
       FROM pg_constraint WHERE contypid = y.oid AND contype = 'c')) END)
  ) f
  WHERE y.typnamespace = to_regnamespace(current_schema()) AND y.typtype IN ('d', 'e')
    AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_type'::regclass AND d.objid = y.oid AND d.deptype = 'e')
)
SELECT kind, belongs_to::text, name::text, fact, value FROM facts WHERE value IS NOT NULL AND value <> ''
""")

Facts = dict[str, str]


@dataclass(frozen=True, slots=True, order=True)
class Thing:
    """One thing of a schema."""

    kind: str
    """table, column, constraint, index, sequence or type."""
    table: str
    name: str


Catalogue = dict[Thing, Facts]


class NotComparable(Exception):
    """The models can't be created beside the database."""


def existing(connection: Connection) -> Catalogue:
    """What the database has."""
    return _read(connection, "public")


def modelled(connection: Connection, metadata: MetaData, without: Collection[str] = ()) -> Catalogue:
    """What the database would have if it were made of the models. They are created in a schema that is given up.

    Args:
        connection: to a database that has what migrations alone make: extensions, functions.
        metadata: the models.
        without: the names of tables that are left out.
    """
    tables = [each for each in metadata.sorted_tables if each.name not in without]
    for each in tables:
        if each.schema is not None:
            raise NotComparable(f"{each.fullname} names a schema: the tables of this service are in `public`.")
    with connection.begin_nested() as attempt:
        _ = connection.exec_driver_sql(f"CREATE SCHEMA {_MODELS}")
        _ = connection.exec_driver_sql(f"SET LOCAL search_path TO {_MODELS}, public")
        try:
            metadata.create_all(connection, tables if without else None, checkfirst=False)
        except DBAPIError as error:
            raise NotComparable(f"PostgreSQL does not make the models: {error.orig}") from error
        found = _read(connection, f"{_MODELS}, public")
        attempt.rollback()
    for table in tables:
        for constraint in table.constraints:
            # A new table has no rows, so PostgreSQL takes this for said and keeps no word of it.
            if constraint.dialect_kwargs.get("postgresql_not_valid"):
                found[Thing("constraint", table.name, str(constraint.name))]["definition"] += _NOT_VALID
    return found


def _read(connection: Connection, path: str) -> Catalogue:
    found: Catalogue = {}
    with connection.begin_nested() as attempt:
        _ = connection.exec_driver_sql(f"SET LOCAL search_path TO {path}")
        _ = connection.exec_driver_sql("SET LOCAL jit = off")  # ten times as fast
        for row in connection.execute(_CATALOGUE):
            kind, table, name, fact, value = cast("tuple[str, str, str, str, str]", tuple(row))
            found.setdefault(Thing(kind, table, name), {})[fact] = value
        attempt.rollback()
    return found


def differences(connection: Connection, metadata: MetaData, without: Collection[str] = ()) -> list[str]:
    """In what the database differs from the models: a sentence for each."""
    there = {thing: facts for thing, facts in existing(connection).items() if thing.table not in without}
    return list(compared(there, modelled(connection, metadata, without)))


def compared(there: Catalogue, wanted: Catalogue) -> Iterator[str]:
    """In what a database differs from the models: a sentence for each."""
    for each in sorted(there.keys() | wanted.keys()):
        table = Thing("table", each.table, "")
        if each != table and (table in there) != (table in wanted):
            continue  # said of the table
        if each not in there:
            yield f"{called(each)} is in the models and not in the database."
        elif each not in wanted:
            if not is_by_hand(each, wanted):
                yield f"{called(each)} is in the database and not in the models."
        else:
            for fact, have, want in changed(there[each], wanted[each]):
                yield f"{called(each)}: the models say {fact} {want or 'none'}, and the database has {have or 'none'}."


def changed(there: Facts, wanted: Facts) -> Iterator[tuple[str, str, str]]:
    """What is said of a thing here and otherwise there: the fact, and both."""
    for fact in sorted(there.keys() | wanted.keys()):
        have, want = there.get(fact, ""), wanted.get(fact, "")
        if fact == "options" and {*want.split(", ")} - {""} <= {*have.split(", ")}:
            continue  # how a table is stored may be settled for one database alone
        if _plain(have) != _plain(want) and have + _NOT_VALID != want:
            yield fact, have, want


def _plain(value: str) -> str:
    """PostgreSQL shows some casts of texts in another place once it has read what it showed."""
    return re.sub(r"::(text|character varying)(\[\])?", "", value)


def is_by_hand(each: Thing, wanted: Catalogue) -> bool:
    """Whether a migration may have made it without a model: a sequence, or a type that a column names."""
    types = {facts.get("type", "").removesuffix("[]") for facts in wanted.values()}
    return each.kind == "sequence" or (each.kind == "type" and each.name in types)


def called(each: Thing) -> str:
    """What a thing is called in a sentence."""
    if each.kind == "table":
        return f"The table {each.table}"
    return f"The {each.kind} {each.name}" + (f" of {each.table}" if each.table else "")
