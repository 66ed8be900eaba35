"""Removing entries that need not be kept any longer: what the tables' owner may do, and the service itself may not."""

from datetime import datetime
from typing import cast

import asyncpg
from pydantic import SecretStr

from app.adapters.database import connect, explained

_BATCH = 10_000
_RETIRE = "SELECT audit_retire($1, $2)"


class NotTheOwner(Exception):
    """This role owns no audit trail."""


async def retire(owner: SecretStr, older_than: datetime) -> int:
    """Remove the entries from before a moment, a batch in a transaction, while the service serves.

    Each batch leaves an entry that says which ones are gone; their seals stay, and hold no data. Whoever is interrupted
    begins again and goes on.

    Args:
        owner: the address of the database, for the role that owns its tables.
        older_than: entries that were begun later stay, and so does whatever comes after the first of these.

    Returns:
        How many entries were removed.

    Raises:
        NotTheOwner: where the role may not do that.
        Unavailable: where the database can't be reached, or does not finish in time.
    """
    connection = await connect(owner)
    removed, batch = 0, _BATCH
    try:
        while batch == _BATCH:
            batch = cast("int", await connection.fetchval(_RETIRE, older_than, _BATCH))
            removed += batch
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotTheOwner(
            "The role does not own the audit trail: name the one that runs `app migrate` in DATABASE_OWNER_URL."
        ) from error
    except (asyncpg.PostgresError, OSError) as error:
        raise explained(error) from error
    finally:
        await connection.close()
    return removed
