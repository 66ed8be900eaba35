"""The migrations: up, down and up again on data; two at once; and no difference to the models."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, MetaData, Table, func, insert, inspect, select, table, types
from sqlalchemy.exc import IntegrityError

from app import registry
from app.adapters import schema
from app.adapters.database import Base
from app.adapters.encryption import BlindIndex, Encrypted
from app.adapters.schema import BRANCHES, MIGRATIONS
from proof.queries.rows import admitted
from proof.rig import looked_at
from proof.workshop import catalogue
from tests import database, example
from tests.wire import eventually

_VALUES: dict[type[object], Callable[[], object]] = {
    Encrypted: lambda: b"\x01" + bytes(60),
    BlindIndex: lambda: bytes(32),
    types.Uuid: uuid4,
    types.JSON: dict,
    types.ARRAY: list,
    types.Date: lambda: datetime.now(UTC).date(),
    types.Time: lambda: datetime.now(UTC).time(),
    types.DateTime: lambda: datetime.now(UTC),
    types.Interval: timedelta,
    types.LargeBinary: lambda: b"some bytes",
    types.Boolean: lambda: True,
    types.Numeric: lambda: 1,
    types.Float: lambda: 1.0,
    types.Integer: lambda: 1,
}


def differences(connection: Connection) -> list[str]:
    """What the models say and the database does not have, or the other way round."""
    registry.load_models()
    return catalogue.differences(connection, Base.metadata, [example.EXAMPLE] if example.FORGOTTEN else [])


def fill(connection: Connection) -> None:
    """Put a row into every table that the database has, as far as the models tell what fits."""
    registry.load_models()
    there = MetaData()
    there.reflect(connection)
    rows: dict[str, dict[str, object]] = {}
    for each in there.sorted_tables:
        if each.name == "alembic_version":
            continue
        if found := connection.execute(select(each)).mappings().first():
            rows[each.name] = dict(found)
            continue
        columns = [column for column in each.columns if column.server_default is None]
        # What the models have no more, they don't tell the values of.
        is_known = each.name in Base.metadata.tables and not (
            {column.name for column in columns} - {*Base.metadata.tables[each.name].columns.keys()}
        )
        with nullcontext() if is_known else suppress(IntegrityError, LookupError), connection.begin_nested():
            row = {column.name: _value(column, rows) for column in columns}
            _ = connection.execute(insert(each).values(row))
            rows[each.name] = row


def _value(column: Column[object], rows: dict[str, dict[str, object]]) -> object:
    for key in column.foreign_keys:
        # The first row of a table refers to no other one of it.
        return rows[key.column.table.name][key.column.name] if key.column.table is not column.table else None
    model = Base.metadata.tables.get(column.table.name)
    known = column if model is None else model.columns.get(column.name, column)
    limits = admitted(known)
    if limits.choices:
        return limits.choices[0]
    if (bound := limits.most if limits.least is None else limits.least) is not None:
        return bound
    kind = cast("object", known.type)
    if isinstance(kind, types.Enum):
        return kind.enums[0]
    if isinstance(kind, types.String):
        return "text"[: kind.length]
    value = next((value() for each, value in _VALUES.items() if isinstance(kind, each)), None)
    assert value is not None or column.nullable, f"_VALUES in this file has no value for {column}, {kind!r}: add one"
    return value


def counts(connection: Connection) -> dict[str, int]:
    """How many rows each table of the database has."""
    found = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
    return {name: connection.execute(select(func.count()).select_from(table(name))).scalar_one() for name in found}


def test_models_and_migrations_agree(database_url: str) -> None:
    assert looked_at(database_url, differences) == []


def test_up_down_and_up_again_on_data(empty_database: str) -> None:
    schema.migrate()
    looked_at(empty_database, fill)
    full = looked_at(empty_database, counts)
    assert min(full.values()) >= 1

    command.downgrade(schema.alembic_config(), "base")
    assert looked_at(empty_database, counts) == {}

    schema.migrate()
    assert looked_at(empty_database, counts) == dict.fromkeys(full, 0)
    assert looked_at(empty_database, differences) == []
    looked_at(empty_database, fill)


@pytest.mark.parametrize("branch", BRANCHES)
def test_the_newest_migration_runs_on_the_rows_of_the_one_before(empty_database: str, branch: str) -> None:
    newest = next(each for each in schema.newest() if each.branch == branch)
    schema.migrate()
    command.downgrade(schema.alembic_config(), f"{newest.revision}-1")
    looked_at(empty_database, fill)

    schema.migrate()

    looked_at(empty_database, fill)
    assert looked_at(empty_database, differences) == []


def test_migrating_what_is_current_changes_nothing(empty_database: str) -> None:
    schema.migrate()
    looked_at(empty_database, fill)
    full = looked_at(empty_database, counts)

    schema.migrate()

    assert looked_at(empty_database, counts) == full


def test_two_at_once_both_succeed(empty_database: str, tmp_path: Path) -> None:
    app = shutil.which("app", path=str(Path(sys.executable).parent))
    assert app is not None
    waiting = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND query LIKE 'SELECT pg_try_advisory_lock(%'"
    )

    def both_ask(connection: Connection) -> bool:
        _ = connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
        return cast("int", connection.exec_driver_sql(waiting).scalar_one()) == 2

    def hold_back(connection: Connection) -> "subprocess.Popen[bytes]":
        # Whoever migrates takes this lock first (migrations/env.py), so here both begin at the same moment.
        _ = connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7461923)")
        here.set()
        other = subprocess.Popen([app, "migrate"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        eventually(lambda: both_ask(connection))
        assert connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar_one() is None
        return other

    with ThreadPoolExecutor(1) as threads:
        here = threading.Event()
        mine = threads.submit(lambda: (here.wait(), schema.migrate()))
        there = looked_at(empty_database, hold_back)
        _ = mine.result(30)
        said = there.communicate(timeout=30)[0].decode()

    assert there.returncode == 0, said
    assert looked_at(empty_database, differences) == []


def test_no_migration_waits_long_for_a_lock(empty_database: str) -> None:
    database.execute(
        empty_database,
        "CREATE TABLE seen (lock_timeout text)",
        """CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS
        $$ BEGIN
          -- DROP INDEX CONCURRENTLY has to come first in its transaction.
          IF tg_tag <> 'DROP INDEX' THEN INSERT INTO seen VALUES (current_setting('lock_timeout')); END IF;
        END $$""",
        "CREATE EVENT TRIGGER see ON ddl_command_start EXECUTE FUNCTION see()",
    )

    schema.migrate()

    query = "SELECT DISTINCT lock_timeout FROM seen"
    assert looked_at(empty_database, lambda connection: connection.exec_driver_sql(query).scalars().all()) == ["5s"]


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_branch_has_one_head_and_its_own_folder(branch: str) -> None:
    script = ScriptDirectory.from_config(schema.alembic_config())

    heads = [each for each in map(script.get_revision, script.get_heads()) if each and branch in each.branch_labels]
    assert len(heads) == 1, f"merge the heads of {branch}, or rewrite the newer one that is not released"
    for each in script.iterate_revisions(f"{branch}@head", f"{branch}@base"):
        if branch in each.branch_labels:
            assert Path(each.path).parent == MIGRATIONS / branch


def test_every_table_has_a_primary_key_and_named_constraints() -> None:
    registry.load_models()
    tables: list[Table] = list(Base.metadata.tables.values())

    for one in tables:
        assert list(one.primary_key.columns), one.name
        for each in (*one.constraints, *one.indexes):
            assert each.name, f"{one.name} has a constraint without a name"
