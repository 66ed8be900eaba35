"""The command that removes what need not be kept."""

from typing import TYPE_CHECKING

import click

from app.adapters.process import on_the_database

if TYPE_CHECKING:
    from app.adapters.database.work import Database


@click.command()
def retention() -> None:
    """Remove what need not be kept any longer; run it once a day, while the service serves.

    It may be interrupted and run again. What each noun keeps for how long stands in its retention.py.
    """
    from app import registry
    from app.adapters import retention
    from app.kit import clock

    async def keep(database: "Database") -> None:
        async for each in retention.keep(database, registry.retention_rules(), clock.now()):
            click.echo(f"{each.rows:>8}  {each.what}")

    registry.load_models()
    on_the_database(keep)


commands = (retention,)
