"""PostgreSQL: the connections, and the two ways to use them.

A `Reader` runs each query by itself, outside any transaction, on a connection that it holds for that query alone. A
`Session` is one transaction; it commits before the answer leaves. The signature of a function says which it needs.

Statements are written with SQLAlchemy's expressions, compiled once when their module is imported, and run on asyncpg.
Decisions 7 and 8 in docs/decisions/platform/ say why the ORM's session is not used, nor asyncpg's own pool.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, ClassVar, Generic, Literal, Self, TypeAlias, TypeVar, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg
from fastapi import Depends, FastAPI, Request
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import BindParameter, Delete, Insert, MetaData, SelectBase, Update, bindparam
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.orm import DeclarativeBase

from app import defaults
from app import settings as service
from app.adapters.encryption import Sealing
from app.kit import state
from app.kit.crypto import KeyRing
from app.kit.errors import AppError, Unavailable, type_by_constraint
from app.kit.logging import get_logger, writer
from app.kit.origins import Origin
from app.settings import ENV_FILE

log = get_logger()

_DIALECT = asyncpg_dialect()
_WAIT_SECONDS = 1.0
_CONNECT_SECONDS = 5.0
_SECRET_LENGTH = 8
_UNREACHABLE = "The database can't be reached: try again shortly."

R = TypeVar("R")

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection  # not generic at run time


class DatabaseSettings(BaseSettings):
    """Where the database is and how it is used; every name has the prefix DATABASE_ in the environment."""

    model_config = SettingsConfigDict(
        env_prefix="DATABASE_", env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    url: SecretStr = Field(description="postgresql://user:password@host/database, the primary")
    read_url: SecretStr | None = Field(default=None, description="A replica for `Reader`; the primary when it is unset")
    owner_url: SecretStr | None = Field(
        default=None,
        description="Who owns the tables, for `app migrate` and `app audit retire`; the role of `url` when it is unset",
    )
    pool_size: int = Field(default=defaults.POOL_SIZE, ge=1, le=100, description="Connections of one worker")
    statement_timeout_ms: int = Field(default=5_000, ge=100, le=600_000, description="No statement runs longer")
    lock_timeout_ms: int = Field(default=2_000, ge=100, le=600_000, description="No statement waits longer for a lock")
    without_tls_because: str | None = Field(
        default=None, min_length=10, max_length=200, description="Why production may talk to it in plain text"
    )

    @classmethod
    def read(cls) -> Self:
        """The settings of this process."""
        return cls.model_validate({})

    @property
    def owner(self) -> SecretStr:
        """The address for whoever changes the schema."""
        return self.owner_url or self.url

    @field_validator("url", "read_url", "owner_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("is not a PostgreSQL address: it is written postgresql://user:password@host/database")
        return url

    @model_validator(mode="after")
    def _is_safe_in_production(self) -> Self:
        process = service.settings()
        if process.production:
            for name, url in (("URL", self.url), ("READ_URL", self.read_url), ("OWNER_URL", self.owner_url)):
                if url is None:
                    continue
                if _password(url) in process.secrets:
                    raise ValueError(f"DATABASE_{name} has a password that is another secret, too: make one of its own")
                if not (_verifies(url) or _is_local(url) or self.without_tls_because):
                    raise ValueError(
                        f"DATABASE_{name} does not ask for TLS: end it with ?sslmode=verify-full&sslrootcert=… (or say "
                        "in DATABASE_WITHOUT_TLS_BECAUSE why nobody can listen on the way)"
                    )
        return self


def _verifies(url: SecretStr) -> bool:
    return _parameters(url).get("sslmode") == "verify-full"


def _is_local(url: SecretStr) -> bool:
    """Whether it is a socket of this machine, which has no wire to listen on."""
    return (_parameters(url).get("host") or unquote(urlsplit(url.get_secret_value()).hostname or "")).startswith("/")


def _password(url: SecretStr) -> str:
    return unquote(urlsplit(url.get_secret_value()).password or "")


def _parameters(url: SecretStr) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url.get_secret_value()).query))


def _tls(url: SecretStr) -> ssl.SSLContext:
    """TLS 1.3 with the server's name checked against `sslrootcert`, or against the authorities of the system."""
    authority = _parameters(url).get("sslrootcert", "system")
    context = ssl.create_default_context(cafile=None if authority == "system" else authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


async def connect(url: SecretStr, **server_settings: str) -> Connection:
    """One connection, the way that every connection of this service is made; the caller closes it.

    Raises Unavailable when there is none to be had; the log says why.
    """
    try:
        return await asyncpg.connect(
            url.get_secret_value(),
            ssl=_tls(url) if _verifies(url) else None,
            timeout=_CONNECT_SECONDS,
            server_settings={"application_name": defaults.PROJECT_SLUG, "timezone": "UTC", **server_settings},
        )
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        log.error("database unreachable", reason=str(error) or type(error).__name__)  # noqa: TRY400 - the reason says it all
        raise Unavailable(_UNREACHABLE) from error


class Base(DeclarativeBase):
    """The base of every table. The names of constraints are part of the schema, so they are fixed here once."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


class _Compiled(Generic[R]):
    """SQL text, the order of its arguments, and what a row becomes."""

    def __init__(self, statement: SelectBase | Insert | Update | Delete, into: Callable[..., R]) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.sql: str = str(compiled)
        self.into: Callable[..., R] = into
        self.names: tuple[str, ...] = tuple(compiled.positiontup or [])
        """The names of its arguments in the order of `$1, $2, …`."""
        self._sealing: Sealing = Sealing(statement, compiled.binds)
        self._fixed: dict[str, object] = {
            name: value for name, value in cast("dict[str, object]", compiled.params).items() if value is not None
        }
        self.wanted: frozenset[str] = frozenset(self.names) - self._fixed.keys() - self._sealing.derived.keys()
        """The names of the arguments that it has to be given."""
        self._to_database: dict[str, Callable[[object], object]] = {}
        for name, bind in compiled.binds.items():
            processor = bind.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
            if processor is not None:
                self._to_database[name] = processor
        self._from_database: dict[str, Callable[[object], object]] = {}
        for column in statement.exported_columns:
            processor = column.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
            if processor is not None:
                self._from_database[str(column.key)] = processor

    def arguments(self, given: dict[str, object], ring: KeyRing) -> list[object]:
        """The values in the order of `$1, $2, …`, sealed where their column is encrypted."""
        if given.keys() != self.wanted:
            raise TypeError(f"this statement takes {sorted(self.wanted)}, and was given {sorted(given)}: {self.sql}")
        if self._fixed:
            given = self._fixed | given
        if self._sealing.touches:
            given = self._sealing.sealed(given, ring)
        if self._to_database:
            given = {name: self._to_database.get(name, _same)(value) for name, value in given.items()}
        return [given[name] for name in self.names]

    def row(self, record: asyncpg.Record, ring: KeyRing) -> R:
        """What a row of the result becomes; Unreadable when an encrypted value does not belong where it stands."""
        if self._sealing.opens:
            return self.into(**self._sealing.opened(dict(self._items(record)), ring))
        if self._from_database:
            return self.into(**dict(self._items(record)))
        return self.into(**dict(record))

    def _items(self, record: asyncpg.Record) -> Iterator[tuple[str, object]]:
        for name, value in cast("Iterator[tuple[str, object]]", record.items()):
            yield name, self._from_database.get(name, _same)(value)


def _same(value: object) -> object:
    return value


def arguments(*names: str) -> Mapping[str, BindParameter[object]]:
    """The named arguments of a statement, for its `values(…)`."""
    return {name: bindparam(name) for name in names}


class Query(_Compiled[R]):
    """A SELECT: `BY_ID = Query(select(Item).where(Item.id == bindparam("id")), ItemRead)`.

    `into` is called with the columns of each row by name. `whole` is the reason why it may read a whole table, for one
    that no request waits for; `make queries` then does not ask for an index.
    """

    def __init__(self, statement: SelectBase, into: Callable[..., R], *, whole: str = "") -> None:
        super().__init__(statement, into)
        self.whole: str = whole


class Command(_Compiled[R]):
    """An INSERT, UPDATE or DELETE with a RETURNING clause, which only a `Session` can run."""

    def __init__(self, statement: Insert | Update | Delete, into: Callable[..., R]) -> None:
        super().__init__(statement, into)


def explained(error: Exception) -> Exception:
    """What an error of the driver means to a client, where it means something; otherwise the error itself."""
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        known = type_by_constraint.get(error.constraint_name or "")
        return known() if known else error
    if isinstance(error, asyncpg.QueryCanceledError | asyncpg.LockNotAvailableError | asyncpg.DeadlockDetectedError):
        return Unavailable("The database did not finish in time: try again shortly.")
    if isinstance(error, _LOST):
        return Unavailable(_UNREACHABLE)
    return error


_LOST = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # How asyncpg stumbles over the farewell of a server that arrived while the connection idled.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
)


# What a statement can end in, other than a result. Only after the first of them is the connection still good.
_FAILED = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class Connections:
    """Up to `size` connections, opened when they are first needed and lent one at a time, the last used first.

    Waiting is bounded: past `_WAIT_SECONDS` the answer is 503, not a hang. A connection whose use ended in anything but
    an answer of the database is closed and never lent again.
    """

    def __init__(self, open_one: Callable[[], Awaitable[Connection]], size: int) -> None:
        self._open_one: Callable[[], Awaitable[Connection]] = open_one
        self._size: int = size
        self._open: int = 0
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()

    @property
    def lent(self) -> int:
        """How many connections are in use at this moment."""
        return self._open - len(self._idle)

    async def take(self) -> Connection:
        """A connection, for the caller alone until it is given back."""
        while True:
            if self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._open -= 1
            elif self._open < self._size:
                return await self._connect()
            elif (handed := await self._wait()) is not None:
                return handed

    def give_back(self, connection: Connection, *, sound: bool) -> None:
        """Return a connection; `sound` is false when its state is unknown."""
        if not sound or connection.is_closed():
            connection.terminate()
            self._open -= 1
            self._wake(None)
        elif not self._wake(connection):
            self._idle.append(connection)

    async def close(self) -> None:
        """Close what is idle; whoever still holds one gives it back to nobody."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close(timeout=_CONNECT_SECONDS)

    async def _connect(self) -> Connection:
        self._open += 1
        try:
            return await self._open_one()
        except BaseException:
            self._open -= 1
            self._wake(None)
            raise

    async def _wait(self) -> Connection | None:
        """A connection that was given back, or None when there is room to open one."""
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                return await waiter
        except BaseException as error:
            # Too late or cancelled, perhaps in the moment of being served: what was handed over is passed on.
            if waiter.done() and not waiter.cancelled():
                self._pass_on(waiter.result())
            waiter.cancel()
            if isinstance(error, TimeoutError):
                raise Unavailable("All connections to the database are busy: try again shortly.") from None
            raise

    def _pass_on(self, handed: Connection | None) -> None:
        if handed is None:
            self._wake(None)
        else:
            self.give_back(handed, sound=True)

    def _wake(self, connection: Connection | None) -> bool:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False


class Autocommit:
    """Runs each query by itself; nothing is held between two of them. Annotate a parameter with `Reader` to get it."""

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
        except _FAILED as error:
            sound = isinstance(error, asyncpg.PostgresError)
            raise explained(error) from error
        finally:
            self._connections.give_back(connection, sound=sound)
        return result


class Transaction:
    """One unit of work: all of it is committed, or nothing. Annotate a parameter with `Session` to get it.

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
        connection = self._connection or await self._begin()
        try:
            record = await connection.fetchrow(statement.sql, *values)
        except _FAILED as error:
            raise explained(error) from error
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
        connection = self._connection or await self._begin()
        try:
            records = await connection.fetch(statement.sql, *values)
        except _FAILED as error:
            raise explained(error) from error
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
        except _FAILED as error:
            raise explained(error) from error
        finally:
            self._connections.give_back(connection, sound=sound)

    def abandon(self) -> None:
        """Close the connection, whatever it is doing; the database rolls back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._connections.give_back(connection, sound=False)

    async def _begin(self) -> Connection:
        connection = self._connection = await self._connections.take()
        try:
            # Both in one round trip. The second ends with the transaction, so it never tells of another one.
            await connection.execute(self._begin_with)
        except _FAILED as error:
            raise explained(error) from error
        return connection


class Database:
    """The service's connections to PostgreSQL."""

    def __init__(self, settings: DatabaseSettings, ring: KeyRing) -> None:
        passwords = [_password(url) for url in (settings.url, settings.read_url) if url is not None]
        # A short one may be a word, and would blot it out of every line.
        writer.hide(each for each in passwords if len(each) >= _SECRET_LENGTH)
        self._settings: DatabaseSettings = settings
        self._ring: KeyRing = ring
        self._primary: Connections = Connections(lambda: self._connect(settings.url), settings.pool_size)
        replica = settings.read_url
        self._replica: Connections | None = (
            Connections(lambda: self._connect(replica), settings.pool_size) if replica else None
        )
        self.reader: Autocommit = Autocommit(self._replica or self._primary, ring)
        self.primary: Autocommit = Autocommit(self._primary, ring)

    @property
    def lent(self) -> int:
        """How many connections are in use at this moment."""
        return self._primary.lent + (self._replica.lent if self._replica else 0)

    @asynccontextmanager
    async def transaction(self, origin: Origin | None = None) -> AsyncGenerator[Transaction]:
        """One transaction: committed at the end, rolled back on any error but one that `keeps_writes`."""
        transaction = Transaction(self._primary, self._ring, origin)
        try:
            yield transaction
            await transaction.end("COMMIT")
        except AppError as error:
            await transaction.end("COMMIT" if error.keeps_writes else "ROLLBACK")
            raise
        except Exception:
            await transaction.end("ROLLBACK")
            raise
        finally:
            # Cancelled on the way: nobody knows what the connection is doing.
            transaction.abandon()

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


async def _reader(request: Request) -> Autocommit:
    return state.of(request, Database).reader


async def _database(request: Request) -> Database:
    return state.of(request, Database)


async def _transaction(request: Request) -> AsyncGenerator[Transaction]:
    async with state.of(request, Database).transaction(Origin.of(request)) as transaction:
        yield transaction


Reader = Annotated[Autocommit, Depends(_reader)]
Session = Annotated[Transaction, Depends(_transaction, scope="function")]

Transactions = Annotated[Database, Depends(_database)]
"""For what has to be committed before the operation goes on: `async with database.transaction() as session`."""


@asynccontextmanager
async def part(app: FastAPI) -> AsyncGenerator[None]:
    """Opens with the service and closes after the last request."""
    settings = DatabaseSettings.read()
    if settings.without_tls_because is not None:
        log.warning("database without TLS", reason=settings.without_tls_because)
    database = Database(settings, state.find(app, KeyRing))
    state.keep(app, database)
    try:
        yield
    finally:
        await database.close()
