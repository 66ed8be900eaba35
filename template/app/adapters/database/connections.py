"""Connecting to PostgreSQL, and lending connections one at a time."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias
from weakref import WeakSet

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from pydantic import SecretStr

from app import defaults
from app.adapters.database.address import Address
from app.adapters.database.errors import UNREACHABLE
from app.kit.errors import Unavailable
from app.kit.logging import get_logger

log = get_logger()

_WAIT_SECONDS = 1.0
_CONNECT_SECONDS = 5.0

# After these the next host of the address is tried; any other error would be the same there.
_ELSEWHERE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TargetServerAttributeNotMatched,
)
_TURNS: Final[Mapping[str, tuple[SessionAttribute, ...]]] = {
    "prefer-standby": (SessionAttribute.standby, SessionAttribute.any)
}

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection  # not generic at run time


async def connect(url: SecretStr, **server_settings: str) -> Connection:
    """One connection, the way that every connection of this service is made; the caller closes it.

    Raises Unavailable when there is none to be had; the log says why.
    """
    address = Address.parse(url.get_secret_value())
    wanted = address.parameters.get("target_session_attrs", "any")
    failed: Exception | None = None
    for kind, place in (
        (kind, place) for kind in _TURNS.get(wanted, (SessionAttribute(wanted),)) for place in address.places
    ):
        try:
            return await _connected(address, place, kind, server_settings)
        except _ELSEWHERE as error:
            failed = error
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            failed = error
            break
    log.error("database unreachable", reason=str(failed) or type(failed).__name__)
    raise Unavailable(UNREACHABLE) from failed


async def _connected(
    address: Address, place: tuple[str | None, int | None], kind: SessionAttribute, server_settings: dict[str, str]
) -> Connection:
    return await asyncpg.connect(
        host=place[0],
        port=place[1],
        user=address.user,
        password=address.password or None,
        passfile=address.parameters.get("passfile"),
        database=address.dbname,
        ssl=address.tls(),
        target_session_attrs=kind,
        timeout=address.seconds or _CONNECT_SECONDS,
        server_settings={
            "application_name": defaults.PROJECT_SLUG,
            **address.server_settings,
            "timezone": "UTC",
            **server_settings,
        },
    )


class Connections:
    """Up to `size` connections, opened when they are first needed and lent one at a time, the last used first.

    Waiting is bounded: past `_WAIT_SECONDS` the answer is 503, not a hang. A connection whose use ended in anything but
    an answer of the database is closed and never lent again.
    """

    def __init__(self, open_one: Callable[[], Awaitable[Connection]], size: int) -> None:
        self._open_one: Callable[[], Awaitable[Connection]] = open_one
        self._size: int = size
        self._open: int = 0
        self._closed: bool = False
        self.most_streams: int = max(1, size // 2)
        """How many of them results may be streamed from at once: the others are for everything else."""
        self.streams: int = 0
        self._idle: list[Connection] = []
        # Those that were opened since the server last turned out to be another one.
        self._current: WeakSet[Connection] = WeakSet()
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()

    @property
    def lent(self) -> int:
        """How many connections are in use at this moment."""
        return self._open - len(self._idle)

    async def take(self) -> Connection:
        """A connection, for the caller alone until it is given back."""
        if self._closed:
            raise RuntimeError("the database was used after it was closed: end what uses it before the service does")
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
        if not sound or self._closed or connection.is_closed() or connection not in self._current:
            connection.terminate()
            self._open -= 1
            self._wake(None)
        elif not self._wake(connection):
            self._idle.append(connection)

    def renew(self) -> None:
        """Lend none again of those that are open: what stands behind the address has changed."""
        self._current.clear()
        idle, self._idle = self._idle, []
        for connection in idle:
            self.give_back(connection, sound=False)

    async def close(self) -> None:
        """Close what is idle; what is still lent is closed when it is given back."""
        self._closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close(timeout=_CONNECT_SECONDS)

    async def _connect(self) -> Connection:
        self._open += 1
        try:
            connection = await self._open_one()
        except BaseException:
            self._open -= 1
            self._wake(None)
            raise
        self._current.add(connection)
        return connection

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
