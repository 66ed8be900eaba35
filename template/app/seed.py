"""Data for development and for load tests."""

from dataclasses import dataclass
from uuid import UUID

from app import settings as service
from app.adapters.database import Database, DatabaseSettings, connect
from app.domain.accounts import repository
from app.kit.ids import uuid7
from app.kit.passwords import Passwords

PASSWORD = "correct horse battery"  # noqa: S105 - the point of it is to be known; production refuses to seed


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
    settings = DatabaseSettings.read()
    database = Database(settings, service.settings().key_ring)
    owners: list[UUID] = []
    try:
        async with database.transaction() as session:
            for email in map(address, range(1, accounts + 1)):
                if await repository.credentials(session, email) is None:
                    added = await repository.add(session, email, hashed)
                    owners.append(added.id)
    finally:
        await database.close()
    connection = await connect(settings.url)
    try:
        for owner in owners:
            await connection.copy_records_to_table(
                "items",
                columns=["id", "owner_id", "name", "description"],
                records=[(uuid7(), owner, f"Item {number}", f"The item of number {number}") for number in range(items)],
            )
    finally:
        await connection.close()
    return Added(len(owners), len(owners) * items)
