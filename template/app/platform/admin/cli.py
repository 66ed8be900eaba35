"""The command that appoints the first admin."""

import os
from typing import TYPE_CHECKING

import click

from app.adapters.process import on_the_database, read

if TYPE_CHECKING:
    from app.adapters.database.work import Database


@click.command()
@click.argument("email")
def create_admin(email: str) -> None:
    """Make an account with EMAIL that may manage the others, or let an existing one do so.

    A new account needs a password: it is asked for, or taken from the environment variable ADMIN_PASSWORD.
    """
    from app.platform.accounts import repository as accounts
    from app.platform.admin import service

    async def appoint(database: "Database", address: str, hashed: str | None) -> bool:
        async with database.transaction() as session:
            return await service.appoint(session, address, hashed)

    address = _address(email)
    known = read(lambda reader: accounts.credentials(reader, address))
    if known is not None and known.email_verified_at is None:
        raise click.ClickException(
            f"{address} has an account whose address nobody has confirmed, so it may be somebody else's: confirm it "
            "with the link that was mailed, then run this again."
        )
    hashed = None if known is not None else _hashed_password(address)
    if not on_the_database(lambda database: appoint(database, address, hashed)):
        raise click.ClickException("Somebody else changed this account at the same moment: run this again.")
    click.echo(f"{address} {'is an admin now; its sessions have ended' if known else 'is a new account: an admin'}.")


def _address(email: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from app.platform.accounts.schemas import Email

    try:
        return TypeAdapter(Email).validate_python(email)
    except ValidationError as error:
        raise click.UsageError(f"EMAIL {error.errors()[0]['msg']}.") from None


def _hashed_password(address: str) -> str:
    import asyncio

    from pydantic import TypeAdapter, ValidationError

    from app.kit.errors import Invalid
    from app.kit.passwords import Passwords, refuse_guessable
    from app.platform.accounts.schemas import Password
    from app.platform.accounts.service import common_knowledge

    given = os.environ.get("ADMIN_PASSWORD") or click.prompt(
        "Password", hide_input=True, confirmation_prompt=True, err=True
    )
    try:
        password = TypeAdapter(Password).validate_python(given).get_secret_value()
        refuse_guessable(password, field="password", known=common_knowledge(address))
    except ValidationError:
        raise click.ClickException("A password has 12 to 128 characters.") from None
    except Invalid as error:
        raise click.ClickException(f"Choose another one: {error.fields['#/password']}.") from None
    passwords = Passwords()
    try:
        return asyncio.run(passwords.hash(password))
    finally:
        passwords.close()


commands = (create_admin,)
