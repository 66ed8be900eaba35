"""The commands for keys: make one, put the next one in front, encrypt everything anew, see what is left of the last."""

import secrets
from typing import TYPE_CHECKING

import click

from app.adapters.process import on_the_database

if TYPE_CHECKING:
    from app.adapters.database.work import Database


@click.group()
def keys() -> None:
    """Make and rotate keys. docs/security/encryption.md has the procedure."""


@keys.command()
def new() -> None:
    """Print a new key, for AUTH_SIGNING_KEYS, ENCRYPTION_KEYS or METRICS_TOKEN: each needs one of its own."""
    click.echo(secrets.token_hex(32))


@keys.command()
def signing() -> None:
    """Print the next value of AUTH_SIGNING_KEYS: a new key in front of those that there are."""
    from app import defaults
    from app.settings import settings

    found = settings()
    minutes = defaults.ACCESS_TOKEN_SECONDS / 60
    click.echo(",".join([secrets.token_hex(32), *(key.get_secret_value() for key in found.auth_signing_keys)]))
    click.echo(
        "Set this as AUTH_SIGNING_KEYS and restart. The keys behind the first still verify what they signed: drop them "
        f"{minutes:g} minutes after the last process has restarted. Where several processes restart one after the "
        "other, let all of them know the new key first, in the last place; then move it to the front.",
        err=True,
    )


@keys.command()
def rotate() -> None:
    """Encrypt every value anew that is not under the first of ENCRYPTION_KEYS, while the service serves.

    It may be interrupted and run again: what is done stays done.
    """
    from app import registry

    registry.load_models()
    if left := on_the_database(_rotated):
        raise click.ClickException(
            "\n".join(["These values can't be re-encrypted:", *(f"  - {each}" for each in left)])
        )


async def _rotated(database: "Database") -> list[str]:
    from app.adapters import rotation
    from app.settings import settings

    ring = settings().key_ring
    left: list[str] = []
    total = 0
    # Again until there is nothing: another process may not know yet that the first key is the first.
    while True:
        rotated = 0
        left = []
        async for progress in rotation.rotate(database, ring):
            rotated += progress.rotated
            left = [*(each for each in left if each not in progress.unreadable), *progress.unreadable]
            click.echo(f"{progress.table}: {progress.rotated} rows", err=True)
        total += rotated
        if not rotated:
            break
    kept = await rotation.status(database)
    click.echo(f"Re-encrypted {total} rows with the key {ring.ids[0]}.")
    for key in ring.ids[1:]:
        if any(each.key == key for each in kept):
            click.echo(f"The key {key} is still needed.")
        else:
            click.echo(f"The key {key} is no longer used here: drop it from ENCRYPTION_KEYS, unless a backup needs it.")
    return left


@keys.command()
def status() -> None:
    """Count the values under each key, column by column."""
    from app import registry
    from app.adapters import rotation
    from app.settings import settings

    registry.load_models()
    kept = on_the_database(rotation.status)
    ring = settings().key_ring
    for each in kept:
        if each.key not in ring.ids:
            role = "NOT among ENCRYPTION_KEYS: these values can't be read"
        else:
            role = "encrypts" if each.key == ring.ids[0] else "decrypts"
        click.echo(f"{each.column:32}{each.key}  {each.values:>10}  {role}")


commands = (keys,)
