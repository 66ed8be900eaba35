"""`make seed`: data for development and for measurements."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

import click
from pydantic import ValidationError
from sqlalchemy import insert, select

from app import registry
from app import settings as service
from app.adapters import schema
from app.adapters.database import Base, Command, DatabaseSettings, Query, arguments, connect
from app.adapters.encryption import matches
from app.adapters.process import prepared
from app.kit.ids import uuid7
from app.kit.passwords import Passwords
from app.platform.accounts.models import Account
from proof import rig

PASSWORD = "correct horse battery 7"  # noqa: S105 - the point of it is to be known; production refuses to seed

_AUDIT = "ALTER TABLE {1} {0} TRIGGER audit"
_ITEMS = "items"
_KNOWN = Query(select(Account.id).where(matches(Account.email_index, "address")), UUID)
_ADD = Command(
    insert(Account).values(arguments("id", "email", "email_index", "password_hash")).returning(Account.id), UUID
)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--accounts", default=10, show_default=True, type=click.IntRange(1, 10_000), help="How many accounts.")
@click.option(
    "--items", default=100, show_default=True, type=click.IntRange(0, 1_000_000), help="Items of each account."
)
def seed(accounts: int, items: int) -> None:
    """Fill a development database: person-1@example.com … with the password `correct horse battery 7`."""
    from app import cli

    try:
        production = prepared().production
    except ValidationError as error:
        raise click.ClickException(str(cli.sentence(error))) from None
    if production:
        raise click.ClickException("seed makes accounts with a known password, so production refuses it.")
    schema.migrate()
    added = asyncio.run(fill(accounts, items))
    click.echo(f"Added {added.accounts} accounts and {added.items} items; what was there already stayed.")


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
    registry.load_models()
    # The example may be gone. The rows of other nouns are theirs to make.
    tables = [each for each in ("accounts", _ITEMS) if each in Base.metadata.tables]
    items = items if _ITEMS in tables else 0
    connection = await connect(DatabaseSettings.read().owner)
    try:
        async with connection.transaction():
            # What nobody did is no history. There is no switch for that but this one, which is the tables' owner's.
            for table in tables:
                await connection.execute(_AUDIT.format("DISABLE", table))
            for email in map(address, range(1, accounts + 1)):
                if await connection.fetchrow(_KNOWN.sql, *_KNOWN.arguments({"address": email}, ring)) is None:
                    owners.append(uuid7())
                    account: dict[str, object] = {"id": owners[-1], "email": email, "password_hash": hashed}
                    await connection.execute(_ADD.sql, *_ADD.arguments(account, ring))
            for owner in owners if items else ():
                await connection.copy_records_to_table(
                    _ITEMS,
                    columns=["id", "owner_id", "name", "description"],
                    records=[
                        (uuid7(), owner, f"Item {number}", f"The item of number {number}") for number in range(items)
                    ],
                )
            for statement in rig.admitting():
                await connection.execute(statement, owners)
            for table in tables:
                await connection.execute(_AUDIT.format("ENABLE", table))
    finally:
        await connection.close()
    return Added(len(owners), len(owners) * items)


if __name__ == "__main__":
    seed()
