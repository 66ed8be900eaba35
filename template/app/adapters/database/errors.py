"""What an error of the driver means to a client."""

from uuid import UUID

import asyncpg

from app.kit.errors import Unauthorized, Unavailable, type_by_constraint

UNREACHABLE = "The database can't be reached: try again shortly."

# What a statement can end in, other than a result. Only after the first of them is the connection still good.
FAILED = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

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
    asyncpg.DatabaseDroppedError,
    asyncpg.ReadOnlySQLTransactionError,
)

# What is over when it is tried again, and what is said of it; the first that fits.
_PASSING: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError),
        "The database did not finish in time: try again shortly.",
    ),
    (
        (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError),
        "The tables of the database have just changed: try again.",
    ),
    # No memory, no space, no more connections; the disk itself: SQLSTATE classes 53 and 58.
    (
        (asyncpg.InsufficientResourcesError, asyncpg.PostgresSystemError),
        "The database lacks the means for this: try again shortly.",
    ),
    (_LOST, UNREACHABLE),
)


def explained(error: Exception, account_id: UUID | None = None) -> Exception:
    """What an error of the driver means to a client, where it means something; otherwise the error itself.

    `account_id` is the caller's: a row that would have been theirs has no owner when they have just left.
    """
    if (
        account_id is not None
        and isinstance(error, asyncpg.ForeignKeyViolationError)
        and f"({account_id})" in str(error.detail)
    ):
        return Unauthorized("The account of this credential is gone.")
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        known = type_by_constraint.get(error.constraint_name or "")
        return known() if known else error
    return next((Unavailable(text) for kinds, text in _PASSING if isinstance(error, kinds)), error)
