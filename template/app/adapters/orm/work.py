"""The ORM's session, and the connection that it borrows."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import NoReturn, cast

from sqlalchemy import Engine, event, make_url, orm
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection
from sqlalchemy.engine import Connection as Lending
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import NullPool
from sqlalchemy.util import await_only, greenlet_spawn
from typing_extensions import override

from app.adapters.database import Connection, Session
from app.adapters.database.statements import DIALECT
from app.adapters.orm import encryption

_ENDS = (
    "the transaction of an OrmSession begins with its first statement and is committed before the answer leaves: use "
    "`flush()`, or `async with orm.begin_nested()` for what may fail alone"
)


class _Borrowed(AsyncAdapt_asyncpg_connection):
    """A connection as SQLAlchemy wants one; its transaction is the `Session`'s to begin and to end."""

    __slots__: tuple[str, ...] = ("rolled_back",)

    @override
    async def _start_transaction(self) -> None:
        """The Session has."""

    @override
    def commit(self) -> NoReturn:
        raise RuntimeError(_ENDS)

    @override
    def rollback(self) -> None:
        self.rolled_back: bool = True

    @override
    def close(self) -> None:
        """The Session gives it back."""

    @override
    def set_isolation_level(self, level: object) -> NoReturn:
        raise RuntimeError("the transaction of an OrmSession has begun: it can't change its isolation")


# One for each connection, since it remembers the statements that are prepared there.
_BORROWED: dict[Connection, _Borrowed] = {}
_FROM: ContextVar[Session] = ContextVar("from")


def _borrow() -> DBAPIConnection:
    connection = await_only(_FROM.get().connection())
    found = _BORROWED.get(connection)
    if found is None:
        found = _BORROWED[connection] = _Borrowed(DIALECT.dbapi, connection)
        connection.add_termination_listener(_forget)
    found.rolled_back = False
    return cast("DBAPIConnection", cast("object", found))


def _forget(connection: object) -> None:
    _ = _BORROWED.pop(cast("Connection", connection), None)


_ENGINE = Engine(
    NullPool(_borrow, dialect=DIALECT, reset_on_return=None),
    DIALECT,
    make_url("postgresql+asyncpg://"),
    hide_parameters=True,
)


class _Joined(orm.Session):
    """The ORM's work, on one connection, which it takes with its first statement."""

    lending: Lending | None = None

    @override
    def get_bind(self, *_: object, **__: object) -> Lending:
        if self.lending is None:
            session = cast("Session", self.info["session"])
            token = _FROM.set(session)
            try:
                self.lending = _ENGINE.connect().execution_options(ring=session.ring)
            finally:
                _FROM.reset(token)
        return self.lending

    @property
    def rolled_back(self) -> bool:
        """Whether the ORM gave up what it did: something failed, and was caught."""
        return self.lending is not None and cast("_Borrowed", self.lending.connection.dbapi_connection).rolled_back

    def give_back(self) -> None:
        """End the use of the connection, which remains the Session's."""
        if self.lending is not None:
            self.lending.close()


event.listen(_ENGINE, "before_execute", encryption.seal, retval=True)


class OrmSession(AsyncSession):
    """SQLAlchemy's `AsyncSession`, in the transaction of a `Session`: what is pending is written before its commit."""

    sync_session_class: type[orm.Session] = _Joined

    @override
    def begin(self) -> NoReturn:
        raise RuntimeError(_ENDS)

    @override
    async def commit(self) -> NoReturn:
        raise RuntimeError(_ENDS)

    @override
    async def rollback(self) -> NoReturn:
        raise RuntimeError(_ENDS)


@asynccontextmanager
async def within(session: Session) -> AsyncGenerator[OrmSession]:
    """The ORM in the transaction of a Session that was opened by hand."""
    opened = OrmSession(info={"session": session}, expire_on_commit=False)
    joined = cast("_Joined", opened.sync_session)
    try:
        yield opened
        await opened.flush()
        if joined.rolled_back:
            raise RuntimeError(f"nothing was committed: a statement failed, and its error was caught; {_ENDS}")
    except DBAPIError as error:
        cause = error.orig.__cause__ if error.orig else None
        raise (session.explained(cause) if isinstance(cause, Exception) else error) from error
    finally:
        await opened.close()
        await greenlet_spawn(joined.give_back)


async def orm_session(session: Session) -> AsyncGenerator[OrmSession]:
    """The ORM in the transaction of a request."""
    async with within(session) as opened:
        yield opened
