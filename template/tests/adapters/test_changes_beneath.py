"""The database changes while the service serves: its tables, its server, its means. Nobody is answered 500 for it."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, text

from app.adapters.database import Command, DatabaseSettings, Query
from app.adapters.database.errors import explained
from app.adapters.database.work import Database
from app.adapters.orm import within
from app.kit.errors import Unavailable
from app.settings import settings
from tests.conftest import PASSWORD, SetEnvironment, Sql, Start, new_address
from tests.wire import Service, problem

_THINGS = Table("things", MetaData(), Column("id", Integer), Column("name", String(20)))
_ALL = Query(select(_THINGS), dict[str, object])
_ADD = Command(insert(_THINGS).values(id=1, name="one").returning(_THINGS), dict[str, object])

# What an operator does to a table, or a migration of the next release.
CHANGES = [
    "ALTER TABLE things ALTER COLUMN id TYPE bigint",
    "ALTER TABLE things ALTER COLUMN name TYPE varchar(200)",
    "ALTER TABLE things ADD COLUMN note text",
    "ALTER TABLE things RENAME TO former; CREATE TABLE things (id text, name text)",
    "DROP TABLE things; CREATE TABLE things (name varchar(20), id integer)",
    "CREATE INDEX ON things (name); ANALYZE things",
]


@pytest.fixture
def other(scratch: str, set_environment: SetEnvironment) -> Iterator[Sql]:
    """Runs SQL in a database of this test's own, which a Database made in it has, too."""
    set_environment(DATABASE_URL=scratch, DATABASE_POOL_SIZE="2")
    found = Sql(scratch)
    _ = found("CREATE TABLE things (id integer, name varchar(20))")
    yield found
    found.close()


@pytest.mark.parametrize("change", CHANGES)
def test_a_table_that_changed_costs_no_more_than_one_try_of_each_connection(other: Sql, change: str) -> None:
    async def written(database: Database) -> None:
        async with database.transaction() as session:
            _ = await session.all(_ALL)
            _ = await session.one(_ADD) if "text)" not in change else None

    async def run() -> list[str]:
        database = Database(DatabaseSettings.read(), settings().key_ring)
        for _ in range(3):
            _ = await asyncio.gather(written(database), written(database))
            _ = await asyncio.gather(database.reader.all(_ALL), database.reader.all(_ALL))
        for statement in change.split("; "):
            _ = await asyncio.to_thread(other, statement)
        said: list[str] = []
        for turn in range(3):
            for result in await asyncio.gather(
                written(database), written(database), database.reader.all(_ALL), return_exceptions=True
            ):
                if isinstance(result, BaseException):
                    assert isinstance(result, Unavailable), result
                    said.append(f"{turn}: {result}")
        assert database.lent == 0
        await database.close()
        return said

    said = asyncio.run(run())

    # Each connection finds out once.
    assert not [each for each in said if each.startswith("2")], said


@pytest.fixture
def standby(scratch: str, sql: Sql) -> str:
    """A database that takes no writes, as after its server has become a standby."""
    name = urlsplit(scratch).path.lstrip("/")
    _ = sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    return name


def _signed_up(service: Service) -> httpx.Response:
    with service.connect() as client:
        return client.post("/v1/accounts", json={"email": new_address(), "password": PASSWORD})


def test_a_server_that_has_become_a_standby_is_left(start: Start, scratch: str, standby: str, sql: Sql) -> None:
    service = start(DATABASE_URL=scratch, DATABASE_POOL_SIZE="2")
    _ = problem(_signed_up(service), 503, "unavailable")

    # The address leads to a primary again; the connections of before are still open, and still read-only.
    _ = sql(f'ALTER DATABASE "{standby}" RESET default_transaction_read_only')

    assert _signed_up(service).status_code == 202
    assert _signed_up(service).status_code == 202


def test_the_orm_leaves_it_too(set_environment: SetEnvironment, scratch: str, standby: str, sql: Sql) -> None:
    set_environment(DATABASE_URL=scratch, DATABASE_POOL_SIZE="1")

    async def written(database: Database) -> None:
        async with database.transaction() as session, within(session) as orm:
            _ = await orm.execute(text("CREATE TABLE things (id integer)"))

    async def run() -> None:
        database = Database(DatabaseSettings.read(), settings().key_ring)
        with pytest.raises(Unavailable):
            await written(database)
        _ = await asyncio.to_thread(sql, f'ALTER DATABASE "{standby}" RESET default_transaction_read_only')
        await written(database)
        await database.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DiskFullError,
        asyncpg.OutOfMemoryError,
        asyncpg.TooManyConnectionsError,
        asyncpg.ConfigurationLimitExceededError,
        asyncpg.PostgresIOError,
        asyncpg.PostgresSystemError,
        asyncpg.AdminShutdownError,
        asyncpg.DatabaseDroppedError,
        asyncpg.InvalidCachedStatementError,
    ],
)
def test_what_is_the_databases_own_trouble_is_503(error: type[asyncpg.PostgresError]) -> None:
    assert isinstance(explained(error("at host db.internal")), Unavailable)
    assert "db.internal" not in str(explained(error("at host db.internal")))
