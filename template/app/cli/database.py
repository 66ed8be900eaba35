"""The command for the schema of the database."""

import click

from app.adapters.process import prepared


@click.command()
@click.argument("revision", default="heads")
def migrate(revision: str) -> None:
    """Bring the database to the newest schema, or to REVISION.

    Run it before the new release takes requests. Any number may run at once: one migrates, the others wait.
    """
    from app.adapters import schema

    prepared()
    schema.migrate(revision)


commands = (migrate,)
