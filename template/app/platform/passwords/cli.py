"""The command that sets a lost password."""

import asyncio
import os
from typing import TYPE_CHECKING

import click

from app.adapters.process import on_the_database

if TYPE_CHECKING:
    from app.adapters.database import Database


@click.command()
@click.argument("email")
def set_password(email: str) -> None:
    """Set a new password for the account with EMAIL, and end its sessions and other credentials.

    It is asked for, or taken from the environment variable NEW_PASSWORD.
    """
    from app.platform.passwords import service

    address = known_address(email)
    hashed = new_hash(address, "NEW_PASSWORD")

    async def replace(database: "Database") -> bool:
        async with database.transaction() as session:
            return await service.replace(session, address, hashed)

    if not on_the_database(replace):
        raise click.ClickException(f"{address} has no account.")
    click.echo(f"{address} has a new password; its sessions and other credentials have ended.")


def known_address(email: str) -> str:
    """An address as it is stored; UsageError for what is none."""
    from pydantic import TypeAdapter, ValidationError

    from app.platform.accounts.schemas import Email

    try:
        return TypeAdapter(Email).validate_python(email)
    except ValidationError as error:
        raise click.UsageError(f"EMAIL {error.errors()[0]['msg']}.") from None


def new_hash(address: str, variable: str) -> str:
    """The hash of a new password for an address, asked for unless it stands in a variable of the environment."""
    from pydantic import TypeAdapter, ValidationError

    from app.kit.errors import Invalid
    from app.kit.passwords import Passwords
    from app.platform.accounts.passwords import refuse_guessable
    from app.platform.accounts.schemas import Password

    given = os.environ.get(variable) or click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    try:
        password = TypeAdapter(Password).validate_python(given).get_secret_value()
        refuse_guessable(password, address, field="password")
    except ValidationError:
        raise click.ClickException("A password has 12 to 128 characters.") from None
    except Invalid as error:
        raise click.ClickException(f"Choose another one: {error.fields['#/password']}.") from None
    passwords = Passwords()
    try:
        return asyncio.run(passwords.hash(password))
    finally:
        passwords.close()


commands = (set_password,)
