"""Data for development and for load tests."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from app.adapters.database import DatabaseSettings
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
    connection = await asyncpg.connect(DatabaseSettings.read().url.get_secret_value())
    try:
        added = await connection.fetch(
            "INSERT INTO accounts (id, email, password_hash, email_verified_at) "
            "SELECT *, now() FROM unnest($1::uuid[], $2::text[], $3::text[]) "
            "ON CONFLICT (email) DO NOTHING RETURNING id",
            [uuid7() for _ in range(accounts)],
            [address(number) for number in range(1, accounts + 1)],
            [hashed] * accounts,
        )
        owners: list[UUID] = [row["id"] for row in added]
        for owner in owners:
            await connection.copy_records_to_table(
                "items",
                columns=["id", "owner_id", "name", "description"],
                records=[(uuid7(), owner, f"Item {number}", f"The item of number {number}") for number in range(items)],
            )
        return Added(len(owners), len(owners) * items)
    finally:
        await connection.close()
