"""The statements that lead from one schema to another.

Alembic's autogenerate writes most of it, and sees no checks, no computed columns, no values of an enum, no collations
and half of an index. So what it wrote is run, in a database that nobody uses, and what still differs is written after
it: the two are the same then, or a sentence names what has no statement.
"""

import re
from collections.abc import Iterator
from textwrap import dedent
from typing import Literal, cast
from warnings import catch_warnings, simplefilter

import sqlalchemy
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations, ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Enum, MetaData
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from app.adapters.encryption import BlindIndex, Encrypted
from proof.workshop.catalogue import Catalogue, Facts, Thing, changed, compared, existing, is_by_hand

quoted = postgresql.dialect().identifier_preparer.quote
_LITERAL = re.compile(r"E?'(?:[^']|'')*'")
# What text() would take for an argument.
_ARGUMENT = re.compile(r"(?<![:\w\\]):(?=\w+(?!:))")
_NUMBER = re.compile(r"NO CYCLE|CYCLE|[A-Z]+(?: WITH| BY)? -?\d+")


class NoStatement(Exception):
    """There is a change that no statement makes, or none that is known here."""


class Draft:
    """A migration while it is written. Every statement is run as it is added, so those that stand there work."""

    def __init__(self, connection: Connection, metadata: MetaData) -> None:
        self._connection: Connection = connection
        self._metadata: MetaData = metadata
        self._imports: set[str] = set()
        self.lines: list[str] = []

    @property
    def imports(self) -> str:
        """The modules that its lines name."""
        text = "\n".join(self.lines)
        named = ["from sqlalchemy.dialects import postgresql"] if "postgresql." in text else []
        return "\n".join(sorted([*self._imports, *named]))

    def add(self, code: str) -> None:
        """Run a piece of the migration, and keep it."""
        namespace = {"op": Operations(self._context()), "sa": sqlalchemy, "postgresql": postgresql}
        whole = "\n".join([*sorted(self._imports), dedent("    " + code)])
        try:
            with self._connection.begin_nested():
                exec(whole, namespace)  # noqa: S102 - what was written here, the way a migration runs it
        except Exception as error:
            said = error.orig if isinstance(error, DBAPIError) else repr(error)
            raise NoStatement(f"This does not run, {said}:\n{code}") from error
        self.lines.append(code)

    def reached(self) -> Catalogue:
        """The schema so far."""
        return existing(self._connection)

    def operations(self) -> ops.MigrationScript:
        """What Alembic sees to do."""
        with catch_warnings():
            simplefilter("ignore")  # what it can't do is done here
            return produce_migrations(self._context(), self._metadata)

    def reach(self, wanted: Catalogue, operations: ops.UpgradeOps | ops.DowngradeOps) -> None:
        """Make the schema the wanted one, with what Alembic has found and with what it hasn't.

        Raises NoStatement for what is still another then.
        """
        there = self.reached()
        for line in (*_loosened(there, wanted), *_prepared(there, wanted)):
            self.add(line)
        failed: list[str] = []
        for each in _single(operations.ops):
            try:
                self.add(self._rendered(each))
            except NoStatement as failure:  # written below, if it can be
                failed.append(str(failure))
        try:
            for _ in range(2):  # what is new gets its comment in the second
                for line in list(_completed(self.reached(), wanted)):
                    self.add(line)
        except NoStatement as failure:  # mostly because of an earlier one
            raise NoStatement("\n".join([*failed, str(failure)])) from failure
        if left := list(compared(self.reached(), wanted)):
            raise NoStatement("\n".join([*left, *failed]))

    def _context(self) -> MigrationContext:
        options = {"target_metadata": self._metadata, "compare_type": True, "compare_server_default": False}
        return MigrationContext.configure(self._connection, opts=options)

    def _rendered(self, operation: MigrateOperation) -> str:
        text = render_python_code(
            ops.UpgradeOps([operation]), render_item=self._render, migration_context=self._context()
        )
        return "\n".join(text.split("\n")[1:-1]).strip()  # without Alembic's remarks

    def _render(self, kind: str, item: object, context: AutogenContext) -> str | Literal[False]:
        if isinstance(item, Enum) and cast("bool", item.native_enum) and item.name:
            # The type is made by a statement of its own.
            listed = ", ".join(map(repr, item.enums))
            return f"postgresql.ENUM({listed}, name={str(item.name)!r}, create_type=False)"
        found = as_the_database_sees_it(kind, item, context)
        module = type(item).__module__
        if kind == "type" and not found and not module.startswith("sqlalchemy."):
            self._imports.add(f"import {module}")
        return found


def as_the_database_sees_it(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """How a migration writes a type: to the database an encrypted column is bytes."""
    return "sa.LargeBinary()" if kind == "type" and isinstance(item, Encrypted | BlindIndex) else False


def execute(statement: str) -> str:
    """The line of a migration that runs a statement."""
    return f"op.execute({_plain(statement)!r})"


def _plain(text: str) -> str:
    """What text() takes for the text, with no arguments in it."""
    return _ARGUMENT.sub(r"\\:", text)


def _single(operations: list[MigrateOperation]) -> Iterator[MigrateOperation]:
    for each in operations:
        if isinstance(each, ops.ModifyTableOps):
            yield from _single(each.ops)
        else:
            yield each


def _loosened(there: Catalogue, wanted: Catalogue) -> Iterator[str]:
    """What goes before the columns that it is about."""
    for each, facts in sorted(there.items()):
        if each.kind != "constraint" or Thing("table", each.table, "") not in wanted:
            continue
        definition = facts["definition"]
        want = wanted.get(each, {}).get("definition", "")
        if definition.startswith(("CHECK", "EXCLUDE")) and definition not in (want, f"{want} NOT VALID"):
            yield _drop(each)


def _prepared(there: Catalogue, wanted: Catalogue) -> Iterator[str]:
    """What has to be there before the columns that name it."""
    for each, facts in sorted(wanted.items()):
        name, have = quoted(each.name), there.get(each, {})
        if each.kind == "sequence" and have != facts:
            yield execute(f"{'ALTER SEQUENCE' if have else 'CREATE SEQUENCE IF NOT EXISTS'} {name} {facts['numbers']}")
        elif each.kind == "type" and not have:
            domain, values = facts.get("domain"), facts.get("values")
            yield execute(f"CREATE DOMAIN {name} AS {domain}" if domain else f"CREATE TYPE {name} AS ENUM ({values})")
        elif each.kind == "type" and "values" in facts:
            yield from _values_added(name, _LITERAL.findall(have["values"]), _LITERAL.findall(facts["values"]))


def _values_added(name: str, have: list[str], want: list[str]) -> Iterator[str]:
    if [each for each in want if each in have] != have:
        return  # one is gone or stands elsewhere, which no statement does
    for at, value in enumerate(want):
        if value not in have:
            place = f"AFTER {want[at - 1]}" if at else f"BEFORE {have[0]}"
            # There again after a downgrade, which can't take it out.
            yield execute(f"ALTER TYPE {name} ADD VALUE IF NOT EXISTS {value} {place}")


def _completed(there: Catalogue, wanted: Catalogue) -> Iterator[str]:
    """What Alembic hasn't written."""
    for each in sorted(there.keys() - wanted.keys()):
        if each.kind == "type" and not is_by_hand(each, wanted):
            yield execute(f"DROP {'DOMAIN' if 'domain' in there[each] else 'TYPE'} {quoted(each.name)}")
        elif each.kind in ("constraint", "index") and Thing("table", each.table, "") in wanted:
            yield _drop(each)
    for each, facts in sorted(wanted.items()):
        if each.kind in ("constraint", "index"):
            if each not in there:
                yield _create(each, facts)
                continue
            yield from _redefined(each, there[each], facts)
        if each in there:
            yield from _altered(each, there[each], facts)


def _redefined(each: Thing, there: Facts, wanted: Facts) -> Iterator[str]:
    for fact, have, want in changed(there, wanted):
        if fact == "definition" and have == f"{want} NOT VALID":
            yield execute(f"ALTER TABLE {quoted(each.table)} VALIDATE CONSTRAINT {quoted(each.name)}")
        elif fact == "definition":
            yield _drop(each)
            yield _create(each, wanted)


def _drop(each: Thing) -> str:
    if each.kind == "index":
        return f"op.drop_index(op.f({each.name!r}), table_name={each.table!r})"
    return f"op.drop_constraint(op.f({each.name!r}), {each.table!r})"


def _create(each: Thing, facts: Facts) -> str:
    definition = facts["definition"]
    if each.kind == "index":
        return execute(definition)
    if check := re.fullmatch(r"CHECK \((.*)\)", definition, re.DOTALL):
        return f"op.create_check_constraint(op.f({each.name!r}), {each.table!r}, {_plain(check[1])!r})"
    return execute(f"ALTER TABLE {quoted(each.table)} ADD CONSTRAINT {quoted(each.name)} {definition}")


def _altered(each: Thing, there: Facts, wanted: Facts) -> Iterator[str]:
    table, name = quoted(each.table), quoted(each.name)
    differ = {fact: want for fact, _, want in changed(there, wanted)}
    if "comment" in differ:
        of = {"column": f"{table}.{name}", "constraint": f"{name} ON {table}", "table": table}.get(each.kind, name)
        said = "'" + differ["comment"].replace("'", "''") + "'" if differ["comment"] else "NULL"
        yield execute(f"COMMENT ON {each.kind.upper()} {of} IS {said}")
    if each.kind == "table":
        if "persistence" in differ:
            yield execute(f"ALTER TABLE {table} SET {differ['persistence']}")
        if "options" in differ:
            yield execute(f"ALTER TABLE {table} SET ({differ['options']})")
    if each.kind == "column":
        default = differ.pop("default", None)
        if default == "":
            yield f"op.alter_column({each.table!r}, {each.name!r}, server_default=None)"
        for change in _of_the_column(name, differ, there, wanted):
            yield execute(f"ALTER TABLE {table} ALTER COLUMN {name} {change}")
        if default:
            yield f"op.alter_column({each.table!r}, {each.name!r}, server_default=sa.text({_plain(default)!r}))"


def _of_the_column(name: str, differ: Facts, there: Facts, wanted: Facts) -> Iterator[str]:
    if "type" in differ or "collation" in differ:
        collation = " COLLATE " + wanted.get("collation", '"default"') if "collation" in differ else ""
        yield f"TYPE {wanted['type']}{collation} USING {name}::{wanted['type']}"
    if "nullability" in differ:
        yield f"{'SET' if wanted['nullability'] == 'NOT NULL' else 'DROP'} NOT NULL"
    if "expression" in differ and "expression" in there:
        yield f"SET EXPRESSION AS ({differ['expression']})" if differ["expression"] else "DROP EXPRESSION"
    numbers: list[str] = _NUMBER.findall(wanted.get("numbers", ""))
    if "identity" in differ and "identity" not in wanted:
        yield "DROP IDENTITY"
    elif "identity" in differ and "identity" not in there:
        yield f"ADD GENERATED {wanted['identity']} AS IDENTITY ({' '.join(numbers)})"
    elif "identity" in differ or "numbers" in differ:
        yield " ".join([f"SET GENERATED {wanted['identity']}", *(f"SET {each}" for each in numbers)])
