"""The two ways to use the database, and the database that they are made by."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal, TypeVar

import asyncpg
from fastapi import Request
from pydantic import SecretStr

from app.adapters.database.connections import Connection, Connections, connect
from app.adapters.database.errors import FAILED, explained
from app.adapters.database.settings import DatabaseSettings, password
from app.adapters.database.statements import Command, Query
from app.kit import state
from app.kit.access import Origin
from app.kit.crypto import KeyRing
from app.kit.errors import AppError
from app.kit.logging import writer

_SECRET_LENGTH = 8

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

    async def _lend(self, use: Callable[[Connection], Awaitable[R]]) -> R:
        connection = await self._connections.take()
        sound = False
        try:
            result = await use(connection)
            sound = True
        except FAILED as error:
            sound = isinstance(error, asyncpg.PostgresError)
            raise explained(error) from error
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
        self._ring: KeyRing = ring
        # SET LOCAL is run as it is read; `SELECT set_config(…)` would be planned, which costs the database 40 µs more.
        self._begin_with: str = f"BEGIN; SET LOCAL audit.origin = '{origin.text}'" if origin else "BEGIN"
        self._connection: Connection | None = None

    async def one(self, statement: Query[R] | Command[R], **arguments: object) -> R | None:
        """The first row that the statement returns, or None."""
        values = statement.arguments(arguments, self._ring)
        record = await self._run(lambda connection: connection.fetchrow(statement.sql, *values))
        return None if record is None else statement.row(record, self._ring)

    async def only(self, statement: Query[R] | Command[R], **arguments: object) -> R:
        """The row of a statement that always returns one; LookupError when it did not."""
        row = await self.one(statement, **arguments)
        if row is None:
            raise LookupError(f"no row from a statement that always returns one: {statement.sql}")
        return row

    async def all(self, statement: Query[R] | Command[R], **arguments: object) -> list[R]:
        """Every row that the statement returns."""
        values = statement.arguments(arguments, self._ring)
        records = await self._run(lambda connection: connection.fetch(statement.sql, *values))
        return [statement.row(record, self._ring) for record in records]

    async def end(self, command: Literal["COMMIT", "ROLLBACK"]) -> None:
        """Commit or roll back, and give the connection back."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        sound = False
        try:
            await connection.execute(command)
            sound = True
        except FAILED as error:
            raise explained(error) from error
        finally:
            self._connections.give_back(connection, sound=sound)

    def abandon(self) -> None:
        """Close the connection, whatever it is doing; the database rolls back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._connections.give_back(connection, sound=False)

    async def _run(self, use: Callable[[Connection], Awaitable[R]]) -> R:
        try:
            if self._connection is None:
                self._connection = await self._connections.take()
                # Both in one round trip. The second ends with the transaction, so it never tells of another one.
                await self._connection.execute(self._begin_with)
            return await use(self._connection)
        except FAILED as error:
            raise explained(error) from error


class Database:
    """The service's connections to PostgreSQL."""

    def __init__(self, settings: DatabaseSettings, ring: KeyRing) -> None:
        passwords = [password(url) for url in (settings.url, settings.read_url) if url is not None]
        # A short one may be a word, and would blot it out of every line.
        writer.hide(each for each in passwords if len(each) >= _SECRET_LENGTH)
        self._settings: DatabaseSettings = settings
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

    @asynccontextmanager
    async def transaction(self, origin: Origin | None = None) -> AsyncGenerator[Session]:
        """One transaction: committed at the end, rolled back on any error but one that `keeps_writes`."""
        session = Session(self._primary, self._ring, origin)
        try:
            yield session
            await session.end("COMMIT")
        except AppError as error:
            await session.end("COMMIT" if error.keeps_writes else "ROLLBACK")
            raise
        except Exception:
            await session.end("ROLLBACK")
            raise
        finally:
            # Cancelled on the way: nobody knows what the connection is doing.
            session.abandon()

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
    """The database of this service."""
    return state.of(request, Database)


async def reader(request: Request) -> Reader:
    """What reads for a request."""
    return state.of(request, Database).reader


async def session(request: Request) -> AsyncGenerator[Session]:
    """The transaction of a request: committed before its answer leaves."""
    async with state.of(request, Database).transaction(Origin.of(request)) as opened:
        yield opened
