"""The command that fills a development database."""

import asyncio

import click

from app.adapters.process import prepared


@click.command()
@click.option("--accounts", default=10, show_default=True, type=click.IntRange(1, 10_000), help="How many accounts.")
@click.option(
    "--items", default=100, show_default=True, type=click.IntRange(0, 1_000_000), help="Items of each account."
)
def seed(accounts: int, items: int) -> None:
    """Fill a development database: person-1@example.com … with the password `correct horse battery 7`."""
    from app.adapters import schema

    if prepared().production:
        raise click.ClickException("seed makes accounts with a known password, so production refuses it.")
    from app.seed import fill

    schema.migrate()
    added = asyncio.run(fill(accounts, items))
    click.echo(f"Added {added.accounts} accounts and {added.items} items; what was there already stayed.")


commands = (seed,)
