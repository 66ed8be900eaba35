"""The command that makes the first admin."""

from typing import TYPE_CHECKING

import click

from app.adapters.process import on_the_database, read
from app.platform.passwords.cli import known_address, new_hash

if TYPE_CHECKING:
    from app.adapters.database import Reader
    from app.adapters.database.work import Database
    from app.kit.errors import AppError


@click.command()
@click.argument("email")
def create_admin(email: str) -> None:
    """Make an account with EMAIL that may manage the others, or let an existing one do so.

    A new account needs a password: it is asked for, or taken from the environment variable ADMIN_PASSWORD.
    """
    from app.platform.accounts import gates
    from app.platform.accounts import service as accounts
    from app.platform.admin import service

    address = known_address(email)

    async def known(reader: "Reader") -> "tuple[bool, AppError | None]":
        account = await accounts.credentials(reader, address)
        return account is not None, account and await gates.refusal(reader, account.id, appointment=True)

    async def appoint(database: "Database") -> bool:
        async with database.transaction() as session:
            return await service.appoint(session, address, hashed)

    exists, refusal = read(known)
    if refusal is not None:
        raise click.ClickException(f"{address} can't be made an admin yet: {refusal}")
    hashed = None if exists else new_hash(address, "ADMIN_PASSWORD")
    if not on_the_database(appoint):
        raise click.ClickException("The account was changed in the meantime: run this again.")
    click.echo(f"{address} {'is an admin now; its sessions have ended' if exists else 'is a new account: an admin'}.")


commands = (create_admin,)
