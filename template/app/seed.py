"""Data for development and for load tests."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert, select

from app import settings as service
from app.adapters.database import Command, DatabaseSettings, Query, arguments, connect
from app.adapters.database.work import Database
from app.adapters.encryption import matches
from app.kit.ids import uuid7
from app.kit.passwords import Passwords
from app.platform.accounts import gates
from app.platform.accounts.models import Account

PASSWORD = "correct horse battery 7"  # noqa: S105 - the point of it is to be known; production refuses to seed

_AUDIT = "ALTER TABLE accounts {0} TRIGGER audit; ALTER TABLE items {0} TRIGGER audit"
_KNOWN = Query(select(Account.id).where(matches(Account.email_index, "address")), UUID)
_ADD = Command(
    insert(Account).values(arguments("id", "email", "email_index", "password_hash")).returning(Account.id),
    UUID,
)


@dataclass(frozen=True, slots=True)
class Added:
    """How much was new."""

    accounts: int
    items: int


def address(number: int) -> str:
    """The e-mail address of a seeded account, from 1 on."""
    return f"person-{number}@example.com"


async def fill(accounts: int, items: int) -> Added:
    """Add accounts with items; those that exist are left as they are."""
    hashed = await Passwords().hash(PASSWORD)
    ring = service.settings().key_ring
    owners: list[UUID] = []
    connection = await connect(DatabaseSettings.read().owner)
    try:
        async with connection.transaction():
            # What nobody did is no history. There is no switch for that but this one, which is the tables' owner's.
            await connection.execute(_AUDIT.format("DISABLE"))
            for email in map(address, range(1, accounts + 1)):
                if await connection.fetchrow(_KNOWN.sql, *_KNOWN.arguments({"address": email}, ring)) is None:
                    owners.append(uuid7())
                    account: dict[str, object] = {"id": owners[-1], "email": email, "password_hash": hashed}
                    await connection.execute(_ADD.sql, *_ADD.arguments(account, ring))
            for owner in owners:
                await connection.copy_records_to_table(
                    "items",
                    columns=["id", "owner_id", "name", "description"],
                    records=[
                        (uuid7(), owner, f"Item {number}", f"The item of number {number}") for number in range(items)
                    ],
                )
            await connection.execute(_AUDIT.format("ENABLE"))
    finally:
        await connection.close()
    await vouch(DatabaseSettings.read(), owners)
    return Added(len(owners), len(owners) * items)


async def vouch(settings: DatabaseSettings, accounts: list[UUID]) -> None:
    """Open every gate to accounts of ours, whose owners nobody can ask for anything."""
    database = Database(settings, service.settings().key_ring)
    try:
        async with database.transaction() as session:
            for account in accounts:
                await gates.vouch(session, account)
    finally:
        await database.close()
