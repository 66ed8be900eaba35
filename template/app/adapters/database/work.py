"""The two ways to use the database, and the database that they are made by."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from copy import copy
from typing import Literal, TypeVar, cast
from uuid import UUID

import asyncpg
from fastapi import Request
from pydantic import SecretStr

from app.adapters.database.connections import Connection, Connections, connect
from app.adapters.database.errors import FAILED, UNREACHABLE, explained
from app.adapters.database.settings import DatabaseSettings
from app.adapters.database.statements import Command, Query
from app.kit import state
from app.kit.access import Origin
from app.kit.crypto import KeyRing
from app.kit.errors import AppError, Unavailable
from app.kit.logging import writer

_SECRET_LENGTH = 8
_STREAMED_AT_ONCE = 500
_HEARD_AT_MOST = 1000

R = TypeVar("R")


class Reader:
    """Runs each query by itself; nothing is held between two of them."""

    def __init__(self, connections: Connections, ring: KeyRing) -> None:
        self._connections: Connections = connections
        self._ring: KeyRing = ring

    async def one(self, query: Query[R], **arguments: object) -> R | None:
        """The first row, or None."""
        values = query.arguments(arguments, self._ring)
        record = await self._lend(lambda connection: connection.fetchrow(query.sql, *values))
        return None if record is None else query.row(record, self._ring)

    async def all(self, query: Query[R], **arguments: object) -> list[R]:
        """Every row."""
        values = query.arguments(arguments, self._ring)
        records = await self._lend(lambda connection: connection.fetch(query.sql, *values))
        return [query.row(record, self._ring) for record in records]

    async def stream(self, query: Query[R], **arguments: object) -> AsyncGenerator[R]:
        """Row after row, however many: `async for row in await reader.stream(EXPORT, owner=owner)`.

        They are read with a cursor, a few hundred at a time, all as they were when it began. It holds a connection
        until it is exhausted, closed or dropped. Half of the connections may be held so; Unavailable when they are. A
        consumer that pauses for longer than twice DATABASE_STATEMENT_TIMEOUT_MS gets Unavailable instead of a row.
        """
        rows = self._rows(query, query.arguments(arguments, self._ring))
        # Begun here: what fails does so before an answer has begun, and one that was never read ends as any other.
        _ = await anext(rows)
        return cast("AsyncGenerator[R]", rows)

    async def _rows(self, query: Query[R], values: list[object]) -> AsyncGenerator[R | None]:
        connections = self._connections
        if connections.streams >= connections.most_streams:
            raise Unavailable("Too many results are being read at this moment: try again shortly.")
        connections.streams += 1
        try:
            connection = await connections.take()
            sound = False
            try:
                _ = await connection.execute("BEGIN READ ONLY")
                cursor = await connection.cursor(query.sql, *values)
                yield None
                while records := await cursor.fetch(_STREAMED_AT_ONCE):
                    for record in records:
                        yield query.row(record, self._ring)
                _ = await connection.execute("COMMIT")
                sound = True
            finally:
                # One that was left in the middle is closed: nobody waits for it to be tidied up.
                connections.give_back(connection, sound=sound)
        except FAILED as error:
            raise explained(error) from error
        finally:
            connections.streams -= 1

    async def _lend(self, use: Callable[[Connection], Awaitable[R]]) -> R:
        connection = await self._connections.take()
        sound = False
        try:
            result = await use(connection)
            sound = True
        except FAILED as error:
            sound = isinstance(error, asyncpg.PostgresError)
            raise _told(error, self._connections) from error
        finally:
            self._connections.give_back(connection, sound=sound)
        return result


class Session:
    """One transaction: all of it is committed, or nothing.

    It takes its connection with its first statement, so slow work belongs before that. Its changes are recorded in the
    audit trail with the `origin` that the database is told at its beginning.
    """

    def __init__(self, connections: Connections, ring: KeyRing, origin: Origin | None = None) -> None:
        self.origin: Origin = origin or Origin()
        self._connections: Connections = connections
        self.ring: KeyRing = ring
        # SET LOCAL is run as it is read; `SELECT set_config(…)` would be planned, which costs the database 40 µs more.
        self._begin_with: str = f"BEGIN; SET LOCAL audit.origin = '{origin.text}'" if origin else "BEGIN"
        self._connection: Connection | None = None
        self._begun: bool = False
        self._ended: bool = False
        self._depth: int = 0

    async def one(self, statement: Query[R] | Command[R], **arguments: object) -> R | None:
        """The first row that the statement returns, or None."""
        values = statement.arguments(arguments, self.ring)
        record = await self._run(lambda connection: connection.fetchrow(statement.sql, *values))
        return None if record is None else statement.row(record, self.ring)

    async def only(self, statement: Query[R] | Command[R], **arguments: object) -> R:
        """The row of a statement that always returns one; LookupError when it did not."""
        row = await self.one(statement, **arguments)
        if row is None:
            raise LookupError(f"no row from a statement that always returns one: {statement.sql}")
        return row

    async def all(self, statement: Query[R] | Command[R], **arguments: object) -> list[R]:
        """Every row that the statement returns."""
        values = statement.arguments(arguments, self.ring)
        records = await self._run(lambda connection: connection.fetch(statement.sql, *values))
        return [statement.row(record, self.ring) for record in records]

    async def many(self, command: Command[R], rows: Iterable[Mapping[str, object]]) -> None:
        """Run a command once for each of the rows, in one batch; what it returns is left out."""
        values = [command.arguments(dict(row), self.ring) for row in rows]
        await self._run(lambda connection: connection.executemany(command.sql, values))

    @asynccontextmanager
    async def nested(self) -> AsyncGenerator[None]:
        """A part that may fail alone: `async with session.nested(): …` undoes that part, and raises its error."""
        self._depth += 1
        point = f"nested_{self._depth}"
        release = f"RELEASE SAVEPOINT {point}"
        await self._execute(f"SAVEPOINT {point}")
        try:
            yield
        except Exception as error:
            kept = isinstance(error, AppError) and error.keeps_writes
            await self._execute(release if kept else f"ROLLBACK TO SAVEPOINT {point}; {release}")
            raise
        else:
            await self._execute(release)
        finally:
            self._depth -= 1

    async def connection(self) -> Connection:
        """The driver's own connection, in this transaction: for what a statement of SQLAlchemy can't do, as COPY.

        Leave the transaction as it is: no BEGIN, COMMIT, ROLLBACK, SET or LISTEN. Do not keep it.
        """
        return await self._run(_itself)

    async def _execute(self, command: str) -> None:
        _ = await self._run(lambda connection: connection.execute(command))

    async def end(self, command: Literal["COMMIT", "ROLLBACK"]) -> None:
        """Commit or roll back, and give the connection back; RuntimeError when what was to be committed had failed."""
        self._ended = True
        connection, self._connection = self._connection, None
        if connection is None:
            return
        sound = False
        try:
            done = await connection.execute(command)
            sound = True
        except FAILED as error:
            raise _told(error, self._connections) from error
        finally:
            self._connections.give_back(connection, sound=sound)
        # PostgreSQL answers the COMMIT of a transaction in which something failed by rolling it back.
        if done != command:
            raise RuntimeError(
                "nothing was committed: a statement of this transaction failed, and its error was caught. What may "
                "fail alone belongs into `async with session.nested()`"
            )

    def abandon(self) -> None:
        """Close the connection, whatever it is doing; the database rolls back."""
        self._ended = True
        connection, self._connection = self._connection, None
        if connection is not None:
            self._connections.give_back(connection, sound=False)

    async def _run(self, use: Callable[[Connection], Awaitable[R]]) -> R:
        try:
            return await use(self._connection or await self._begin())
        except FAILED as error:
            raise self.explained(error) from error

    def explained(self, error: Exception) -> Exception:
        """What an error of a statement means to the client."""
        return _told(error, self._connections, self.origin.account_id)

    async def _begin(self) -> Connection:
        self._refuse_if_ended()
        if self._begun:
            raise RuntimeError("a Session runs one statement after the other: await the first before the second")
        self._begun = True
        try:
            connection = await self._connections.take()
        except BaseException:
            self._begun = False
            raise
        if self._ended:
            self._connections.give_back(connection, sound=True)
        self._refuse_if_ended()
        self._connection = connection
        # Both in one round trip. The second ends with the transaction, so it never tells of another one.
        _ = await connection.execute(self._begin_with)
        return connection

    def _refuse_if_ended(self) -> None:
        if self._ended:
            raise RuntimeError(
                "this Session has ended: its transaction is over before the answer leaves. For a stream, a background "
                "task or a later moment take a Reader, or `async with database.transaction() as session`"
            )


def _told(error: Exception, connections: Connections, account_id: UUID | None = None) -> Exception:
    """What an error of a statement means to a client."""
    # The primary has become a standby, and its connections stay open: new ones find the new primary.
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        connections.renew()
    return explained(error, account_id)


async def _itself(connection: Connection) -> Connection:
    return connection


class Database:
    """The service's connections to PostgreSQL."""

    def __init__(self, settings: DatabaseSettings, ring: KeyRing) -> None:
        # A short one may be a word, and would blot it out of every line.
        writer.hide(each for each in settings.passwords if len(each) >= _SECRET_LENGTH)
        self._settings: DatabaseSettings = settings
        self.origin: Origin | None = None
        """Whom the audit trail names for what a transaction changes that is given none."""
        self._ring: KeyRing = ring
        self._primary: Connections = Connections(lambda: self._connect(settings.url), settings.pool_size)
        replica = settings.read_url
        self._replica: Connections | None = (
            Connections(lambda: self._connect(replica), settings.pool_size) if replica else None
        )
        self.reader: Reader = Reader(self._replica or self._primary, ring)
        self.primary: Reader = Reader(self._primary, ring)

    @property
    def lent(self) -> int:
        """How many connections are in use at this moment."""
        return self._primary.lent + (self._replica.lent if self._replica else 0)

    def used_by(self, origin: Origin) -> "Database":
        """The same, whose transactions have this origin in the audit trail."""
        made = copy(self)
        made.origin = origin
        return made

    @asynccontextmanager
    async def transaction(self, origin: Origin | None = None) -> AsyncGenerator[Session]:
        """One transaction: committed at the end, rolled back on any error but one that `keeps_writes`."""
        session = Session(self._primary, self._ring, origin or self.origin)
        try:
            yield session
            await session.end("COMMIT")
        except AppError as error:
            await session.end("COMMIT" if error.keeps_writes else "ROLLBACK")
            raise
        except asyncpg.PostgresError as error:
            await session.end("ROLLBACK")
            raise explained(error) from error
        except Exception:
            await session.end("ROLLBACK")
            raise
        finally:
            # Cancelled on the way: nobody knows what the connection is doing.
            session.abandon()

    @asynccontextmanager
    async def listening(self, channel: str) -> AsyncGenerator[AsyncGenerator[str]]:
        """What is told by NOTIFY: `async with database.listening("orders") as told: async for text in told: …`.

        It has a connection of its own, beside DATABASE_POOL_SIZE: one for a process, not for a request. Unavailable
        when that is lost, or when a thousand messages wait; whoever listens again asks the tables what they missed.
        """
        waiting: asyncio.Queue[str | None] = asyncio.Queue()
        connection = await self._connect(self._settings.url)

        def hear(*told: object) -> None:
            waiting.put_nowait(str(told[-1]))
            if waiting.qsize() > _HEARD_AT_MOST:
                connection.terminate()

        async def messages() -> AsyncGenerator[str]:
            while (text := await waiting.get()) is not None:
                yield text
            raise Unavailable(UNREACHABLE)

        try:
            connection.add_termination_listener(lambda _: waiting.put_nowait(None))
            await connection.add_listener(channel, hear)
            yield messages()
        finally:
            connection.terminate()

    async def close(self) -> None:
        """Close every connection."""
        await self._primary.close()
        if self._replica:
            await self._replica.close()

    async def _connect(self, url: SecretStr) -> Connection:
        settings = self._settings
        return await connect(
            url,
            statement_timeout=str(settings.statement_timeout_ms),
            lock_timeout=str(settings.lock_timeout_ms),
            idle_in_transaction_session_timeout=str(settings.statement_timeout_ms * 2),
        )


async def database(request: Request) -> Database:
    """The database of this service, as a request uses it."""
    return state.of(request, Database).used_by(Origin.of(request))


async def reader(request: Request) -> Reader:
    """What reads for a request."""
    return state.of(request, Database).reader


async def session(request: Request) -> AsyncGenerator[Session]:
    """The transaction of a request: committed before its answer leaves."""
    async with state.of(request, Database).transaction(Origin.of(request)) as opened:
        yield opened
