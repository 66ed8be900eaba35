"""What the business says about exporting and erasing what is held about a person."""

from time import monotonic

from app.adapters.database import Database, Reader, Session
from app.kit.access import Principal
from app.kit.errors import Invalid
from app.platform.accounts import removal
from app.platform.accounts import service as accounts
from app.platform.accounts.dependencies import Passwords
from app.platform.accounts.errors import AccountGone
from app.platform.accounts.schemas import Credentials
from app.platform.attempts import service as attempts
from app.platform.attempts.dependencies import AttemptCounter
from app.platform.audit import service as audit
from app.platform.auth import service as auth
from app.platform.auth.dependencies import Tokens
from app.platform.personal_data import departures, repository
from app.platform.personal_data.belongings import Key
from app.platform.personal_data.errors import ErasureRefused, ErasureUnderWay
from app.platform.personal_data.schemas import Erasure, Export, ExportedRow, cursor

# What one transaction erases; each row leaves an entry in the audit trail.
_BATCH = 1_000
# Well within the time of a request. What is erased stays so, and the next request goes on.
_SECONDS = 4.0


async def export(reader: Reader, caller: Principal, limit: int, given: str | None) -> Export:
    """The rows that belong to the caller, table by table, in the order of their keys."""
    begun, key = _start(given)
    found: list[tuple[str, Key, ExportedRow]] = []
    for table in repository.tables()[begun:]:
        name = table.table.name
        after = table.first if key is None else key
        rows = await repository.page(reader, table, caller.account_id, after, limit + 1 - len(found))
        found += [(name, each, ExportedRow(table=name, row=row)) for each, row in rows]
        key = None
        if len(found) > limit:
            break
    if not found and given is None:
        raise AccountGone
    last = found[limit - 1] if len(found) > limit else None
    return Export(data=[row for _, _, row in found[:limit]], next_cursor=cursor(last[0], last[1]) if last else None)


def _start(given: str | None) -> tuple[int, Key | None]:
    """The place of the table that an export goes on with, and the key after which it does."""
    if given is None:
        return 0, None
    name, _, key = given.partition(".")
    tables = repository.tables()
    try:
        place = [each.table.name for each in tables].index(name)
        return place, tables[place].decoded(key)
    except ValueError:
        wanted = "this is not a cursor: use the `next_cursor` of an earlier part as it came"
        raise Invalid("The cursor was refused.", fields={"query cursor": wanted}) from None


async def erase(  # noqa: PLR0913 - what it works with
    session: Session, passwords: Passwords, tokens: Tokens, data: Erasure, caller: Principal, *, guesses: AttemptCounter
) -> None:
    """Delete the caller's account and all that belongs to it, if they know its password."""
    account = await accounts.credentials_of(guesses.database.primary, caller.account_id)
    if account is None:
        raise AccountGone
    attempt = await guesses.begin(account.email)
    if not await passwords.matches(data.password.get_secret_value(), account.password_hash):
        await audit.decided(session, "accounts.erasure", "refused", account_id=account.id, reason="wrong password")
        raise ErasureRefused
    await _erase_most(session, guesses.database, account)
    await departures.refuse(session, account)
    # Whatever has changed meanwhile, its owner asks once more.
    now = await auth.held(session, caller)
    if (now.password_hash, now.role) != (account.password_hash, account.role):
        raise ErasureUnderWay
    await attempts.succeed(session, attempt)
    await audit.decided(session, "accounts.erasure", "granted", account_id=account.id)
    await auth.revoke_all(session, tokens, account.id)
    await removal.remove(session, account.id)


async def _erase_most(session: Session, database: Database, account: Credentials) -> None:
    """Delete all but the newest rows of each table, in transactions of their own."""
    end = monotonic() + _SECONDS
    more = True
    while more:
        if monotonic() > end:
            raise ErasureUnderWay
        async with database.transaction(session.origin) as part:
            await departures.refuse(part, account)
            more = await repository.erase_some(part, account.id, _BATCH)
