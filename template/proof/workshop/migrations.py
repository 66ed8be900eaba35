"""Writing a migration from what changed in the models."""

import click
from alembic import command

from app.adapters import schema
from app.adapters.process import ROOT, prepared


@click.command()
@click.argument("what", default="")
def migration(what: str) -> None:
    """Write the migration of what changed in the models; WHAT says it in a few words: "add a price"."""
    if not what.strip():
        raise click.ClickException('Say in a few words what changes: make migration name="add a price".')
    write(what)


def write(what: str) -> None:
    """Write the migration of what changed in the models."""
    prepared()
    schema.migrate()
    _one_end()
    script = command.revision(
        schema.alembic_config(), what, autogenerate=True, head="app@head", version_path=str(ROOT / "migrations/app")
    )
    if not script:
        raise click.ClickException("The models and the database agree: there is nothing to migrate.")


def _one_end() -> None:
    """The new one comes after the newest, so there has to be one newest: two are what merging two branches leaves."""
    ends = [each.revision for each in schema.newest() if each.branch == "app"]
    if len(ends) > 1:
        raise click.ClickException(
            f"migrations/app/ has {len(ends)} ends: {', '.join(ends)}. Let the one that no database has yet come after "
            "the other: its down_revision names it."
        )
