"""The migrations: up, down and up again on data; two at once; and no difference to the models."""

import asyncio
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, cast
from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Table, func, insert, inspect, select, table, types
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app import registry
from app.adapters import schema
from app.adapters.database import Base
from app.adapters.encryption import BlindIndex, Encrypted
from app.adapters.schema import BRANCHES, MIGRATIONS
from proof.queries.rows import admitted
from tests import database, example
from tests.wire import eventually

T = TypeVar("T")


_VALUES: dict[type[object], Callable[[], object]] = {
    Encrypted: lambda: b"\x01" + bytes(60),
    BlindIndex: lambda: bytes(32),
    types.Uuid: uuid4,
    types.JSON: dict,
    types.ARRAY: list,
    types.Date: lambda: datetime.now(UTC).date(),
    types.Time: lambda: datetime.now(UTC).time(),
    types.DateTime: lambda: datetime.now(UTC),
    types.LargeBinary: lambda: b"some bytes",
    types.Boolean: lambda: True,
    types.Numeric: lambda: 1,
    types.Float: lambda: 1.0,
    types.Integer: lambda: 1,
}


def looked_at(url: str, work: Callable[[Connection], T]) -> T:
    """What a function finds or does on a connection to a database."""

    async def run() -> T:
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
        )
        async with engine.begin() as connection:
            return await connection.run_sync(work)

    return asyncio.run(run())


def differences(connection: Connection) -> list[object]:
    """What the models say and the database does not have, or the other way round."""
    registry.load_models()
    options = {"compare_type": True, "compare_server_default": True, "include_object": _is_ours}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


def _is_ours(each: object, *_: object) -> bool:
    return not (isinstance(each, Table) and example.is_stand_in(cast("Table", each)))


def fill(connection: Connection) -> None:
    """Put a row into every table of the models, whatever tables there are."""
    registry.load_models()
    rows: dict[str, dict[str, object]] = {}
    for each in Base.metadata.sorted_tables:
        if example.is_stand_in(each):
            continue
        row = {column.name: _value(column, rows) for column in each.columns if column.server_default is None}
        _ = connection.execute(insert(each).values(row))
        rows[each.name] = row


def _value(column: Column[object], rows: dict[str, dict[str, object]]) -> object:
    for key in column.foreign_keys:
        # The first row of a table refers to no other one of it.
        return rows[key.column.table.name][key.column.name] if key.column.table is not column.table else None
    limits = admitted(column)
    if limits.choices:
        return limits.choices[0]
    if (bound := limits.most if limits.least is None else limits.least) is not None:
        return bound
    return next((value() for kind, value in _VALUES.items() if isinstance(column.type, kind)), "text")


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
