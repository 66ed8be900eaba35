"""Results that are streamed, and what is used after its end."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Annotated

import asyncpg
import httpx
import pytest
from asyncpg.cursor import Cursor
from fastapi import Query as Parameter
from fastapi.responses import StreamingResponse
from sqlalchemy import Integer, bindparam, column, func, select, text

from app.adapters.database import DatabaseSettings, Query, Reader, Session
from app.adapters.database.work import Database
from app.kit import routing
from app.kit.access import public
from app.kit.errors import Unavailable
from app.platform.auth.errors import RefreshTokenReused
from app.settings import settings
from tests.conftest import Log, SetEnvironment, Start
from tests.wire import eventually, problem

Row = dict[str, object]
_NUMBERS = Query(select(func.generate_series(1, bindparam("most", type_=Integer), type_=Integer).label("number")), Row)
_FAILS = Query(
    text("SELECT 1 / (3 - number) AS one FROM generate_series(1, 9) AS number").columns(column("one", Integer)), Row
)
_ONE = Query(select(func.pg_backend_pid(type_=Integer).label("pid")), Row)
Most = Annotated[int, Parameter(ge=0, le=10_000_000)]
_ANYONE = [public("a test has no account")]

router = routing.router("/v1/streams", "streams")


@router.get("/numbers", dependencies=_ANYONE, response_class=StreamingResponse)
async def numbers(reader: Reader, most: Most) -> StreamingResponse:
    """Stream many rows."""
    rows = await reader.stream(_NUMBERS, most=most)

    async def lines() -> AsyncGenerator[str]:
        async for row in rows:
            yield f"{row['number']}\n"

    return StreamingResponse(lines(), media_type="text/csv")


@router.get("/late", dependencies=_ANYONE, response_class=StreamingResponse)
async def late(session: Session) -> StreamingResponse:
    """Use a transaction after its end."""

    async def lines() -> AsyncGenerator[str]:
        yield str(await session.one(_ONE))

    return StreamingResponse(lines(), media_type="text/plain")


def with_database(use: Callable[[Database], Awaitable[None]]) -> None:
    """Run something with a database of its own, which has every connection back at the end."""

    async def run() -> None:
        database = Database(DatabaseSettings.read(), settings().key_ring)
        await use(database)
        assert database.lent == 0
        await database.close()

    asyncio.run(run())


@pytest.mark.parametrize("begun", [True, False])
def test_a_session_is_of_no_use_after_its_end(*, begun: bool) -> None:
    async def use(database: Database) -> None:
        async with database.transaction() as session:
            if begun:
                _ = await session.one(_ONE)
        with pytest.raises(RuntimeError, match="this Session has ended"):
            _ = await session.one(_ONE)
        with pytest.raises(RuntimeError, match="this Session has ended"):
            _ = await session.connection()

    with_database(use)


def test_a_session_that_ends_while_it_waits_for_a_connection_takes_none(set_environment: SetEnvironment) -> None:
    set_environment(DATABASE_POOL_SIZE="1")

    async def use(database: Database) -> None:
        async with database.transaction() as holding:
            _ = await holding.one(_ONE)
            async with database.transaction() as session:
                left = asyncio.create_task(session.one(_ONE))
                await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="this Session has ended"):
            _ = await left

    with_database(use)


@pytest.mark.parametrize("end", ["quietly", "keeping"])
def test_what_was_not_committed_is_never_taken_for_done(end: str) -> None:
    """PostgreSQL rolls back what failed, also when the error was caught and a COMMIT follows."""

    async def fail(database: Database) -> None:
        async with database.transaction() as session:
            with suppress(asyncpg.PostgresError):
                _ = await session.all(_FAILS)
            if end == "keeping":
                raise RefreshTokenReused

    async def use(database: Database) -> None:
        with pytest.raises(RuntimeError, match="nothing was committed"):
            await fail(database)

    with_database(use)


def test_two_first_statements_at_once_are_refused_and_leave_no_connection_behind() -> None:
    async def use(database: Database) -> None:
        async with database.transaction() as session:
            done = await asyncio.gather(session.one(_ONE), session.one(_ONE), return_exceptions=True)
        assert sorted(type(each).__name__ for each in done) == ["RuntimeError", "dict"]

    with_database(use)


def test_sessions_that_are_used_late_leave_the_service_ready(start: Start, log: Log) -> None:
    service = start(router, DATABASE_POOL_SIZE="2")
    with service.connect() as client:
        for _ in range(4):
            # Never a whole answer: it is cut off, or, where a layer of yours holds back its beginning, a 500.
            with suppress(httpx.RemoteProtocolError):
                assert client.get("/v1/streams/late").status_code == 500
        assert client.get("/readyz").status_code == 200
    assert "this Session has ended" in log.text()


def test_a_database_is_of_no_use_after_its_end() -> None:
    async def use(database: Database) -> None:
        async with database.transaction() as session:
            _ = await session.one(_ONE)
            await database.close()
        with pytest.raises(RuntimeError, match="after it was closed"):
            _ = await database.reader.one(_ONE)

    with_database(use)


def test_every_row_is_streamed(start: Start) -> None:
    with start(router).connect() as client:
        assert client.get("/v1/streams/numbers?most=2500").text.split() == [str(n) for n in range(1, 2501)]
        assert client.get("/v1/streams/numbers?most=0").text == ""


def test_a_stream_asks_for_a_few_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[int] = []
    fetch = Cursor.fetch

    async def counting(cursor: "Cursor[asyncpg.Record]", many: int) -> list[asyncpg.Record]:
        found = await fetch(cursor, many)
        fetched.append(len(found))
        return found

    monkeypatch.setattr(Cursor, "fetch", counting)

    async def use(database: Database) -> None:
        rows = await database.reader.stream(_NUMBERS, most=1_000_000)
        _ = await anext(rows)
        await rows.aclose()

    with_database(use)

    assert fetched == [500]


def test_a_reader_of_a_stream_who_leaves_gives_the_connection_back(start: Start) -> None:
    service = start(router, DATABASE_POOL_SIZE="1")
    with service.connect() as client:
        for _ in range(3):
            with client.stream("GET", "/v1/streams/numbers?most=10000000") as response:
                assert response.status_code == 200
                _ = next(response.iter_lines())
            eventually(lambda: service.lent == 0)
        assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("how", ["dropped", "broken off", "never begun", "cancelled"])
def test_a_stream_that_is_left_gives_its_connection_back(how: str) -> None:
    async def read(database: Database, reached: asyncio.Event) -> None:
        async for _ in await database.reader.stream(_NUMBERS, most=10_000):
            reached.set()
            if how == "cancelled":
                await asyncio.Event().wait()
            break

    async def use(database: Database) -> None:
        reached = asyncio.Event()
        if how == "never begun":
            await database.reader.stream(_NUMBERS, most=10_000)
        elif how == "dropped":
            rows = await database.reader.stream(_NUMBERS, most=10_000)
            _ = await anext(rows)
            del rows
        else:
            task = asyncio.create_task(read(database, reached))
            _ = await reached.wait()
            if how == "cancelled":
                _ = task.cancel()
            _ = await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(30):
            while database.lent:  # noqa: ASYNC110 - nothing tells when the loop has closed it
                await asyncio.sleep(0)

    with_database(use)


def test_half_of_the_connections_may_stream_and_the_next_is_refused_before_its_answer(
    set_environment: SetEnvironment,
) -> None:
    set_environment(DATABASE_POOL_SIZE="4")

    async def use(database: Database) -> None:
        rows = [await database.reader.stream(_NUMBERS, most=1000) for _ in range(2)]
        with pytest.raises(Unavailable, match="Too many"):
            _ = await database.reader.stream(_NUMBERS, most=1)
        assert await database.reader.one(_ONE)
        for each in rows:
            await each.aclose()
        assert [row async for row in await database.reader.stream(_NUMBERS, most=2)] == [{"number": 1}, {"number": 2}]

    with_database(use)


def test_a_stream_that_is_refused_is_an_error_answer(start: Start) -> None:
    path = "/v1/streams/numbers?most=10000000"
    with start(router, DATABASE_POOL_SIZE="1").connect() as client, client.stream("GET", path) as response:
        assert response.status_code == 200
        _ = problem(client.get(path), 503, "unavailable")


def test_a_stream_that_fails_in_the_middle_says_so_and_gives_its_connection_back() -> None:
    async def use(database: Database) -> None:
        with pytest.raises(asyncpg.DivisionByZeroError):
            _ = [row async for row in await database.reader.stream(_FAILS)]
        assert await database.reader.one(_ONE)

    with_database(use)
