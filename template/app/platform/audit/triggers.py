"""What makes every change leave an entry: two triggers on each table of the models, attached after each migration."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, String, Table, column, select, table, text

# What the database has: each trigger of ours with its arguments, which are text that ends in \000 each.
_ATTACHED = text("""
SELECT c.relname::text AS name, t.tgname::text AS trigger, encode(t.tgargs, 'escape') AS arguments, t.tgenabled = 'O'
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.proname = 'audit_change' AND c.relnamespace = 'public'::regnamespace
""")
_TABLES = (
    select(column("tablename", String)).select_from(table("pg_tables")).where(column("schemaname", String) == "public")
)
_READY = text("SELECT to_regproc('public.audit_change') IS NOT NULL")
_EVENTS = {
    "audit": "AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW",
    "audit_truncate": "AFTER TRUNCATE ON {} FOR EACH STATEMENT",
}

Attached = set[tuple[str, str, str, bool]]


def unaudited(table: Table) -> str | None:
    """The reason why a table leaves no entries: the `info={"unaudited": "…"}` of its model."""
    reason: object = table.info.get("unaudited")
    return reason if isinstance(reason, str) else None


def wanted(tables: Iterable[Table]) -> Attached:
    """The table, the name, the arguments and the state of each trigger that the models ask for."""
    return {
        (table.name, trigger, "".join(f"{column.name}\\000" for column in table.primary_key.columns), True)
        for table in tables
        if unaudited(table) is None
        for trigger in _EVENTS
    }


def attached(connection: Connection) -> Attached:
    """The triggers that the database has."""
    return {(row[0], row[1], row[2], row[3]) for row in connection.execute(_ATTACHED)}


def attach(connection: Connection, tables: Iterable[Table]) -> None:
    """Bring the triggers in line with the models. It changes nothing, and locks nothing, where they are."""
    if not connection.execute(_READY).scalar_one():
        return  # before the migration that makes the trail
    present = set(connection.execute(_TABLES).scalars())
    models = {table.name: table for table in tables}
    known = {each for each in wanted(models.values()) if each[0] in present}
    found = {each for each in attached(connection) if each[0] in models}
    quoted = connection.dialect.identifier_preparer.quote
    for name, trigger, _, _ in sorted(found - known):
        connection.execute(text(f"DROP TRIGGER {trigger} ON {quoted(name)}"))
    for name, trigger, _, _ in sorted(known - found):
        key = ", ".join(_literals(models[name]))
        connection.execute(
            text(
                f"CREATE TRIGGER {trigger} {_EVENTS[trigger].format(quoted(name))} EXECUTE FUNCTION audit_change({key})"
            )
        )


_KEPT = text("SELECT extract(epoch FROM audit_retention())::bigint / 3600")
_KEEPS = text("SELECT to_regproc('public.audit_retention') IS NOT NULL")


def keep(connection: Connection, days: int) -> None:
    """Have the database refuse to retire what is younger. It changes nothing where it does."""
    if not connection.execute(_KEEPS).scalar_one() or connection.execute(_KEPT).scalar_one() == 24 * days:
        return
    connection.execute(
        text(
            "CREATE OR REPLACE FUNCTION audit_retention() RETURNS interval LANGUAGE sql IMMUTABLE AS "
            f"$$ SELECT make_interval(hours => {24 * days}) $$"
        )
    )


def grant(connection: Connection, service: str) -> None:
    """Let the service's role use the tables that another role owns, and only add to the trail."""
    if not connection.execute(_READY).scalar_one():
        return
    role = connection.dialect.identifier_preparer.quote(service)
    for statement in (
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}",
        "REVOKE UPDATE, DELETE ON audit_entries FROM {}",
        "REVOKE INSERT, UPDATE, DELETE ON audit_seals, alembic_version FROM {}",
    ):
        connection.execute(text(statement.format(role)))


def _literals(table: Table) -> Iterator[str]:
    for each in table.primary_key.columns:
        yield "'" + each.name.replace("'", "''") + "'"
