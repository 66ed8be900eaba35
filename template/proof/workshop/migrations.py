"""Writing a migration from what changed in the models."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click
from alembic.autogenerate import render_python_code
from alembic.operations import MigrateOperation, ops
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import rev_id
from sqlalchemy import Connection, MetaData, Table

from app import registry
from app.adapters import schema
from app.adapters.database import Base
from app.adapters.process import ROOT, prepared
from proof import rig
from proof.workshop import renames
from proof.workshop.catalogue import NotComparable, existing, modelled
from proof.workshop.changes import Draft, NoStatement, as_the_database_sees_it
from proof.workshop.renames import Told
from proof.workshop.tools import tool

_BY_HAND = 'A migration to write by hand: make migration name="…" args=--empty.'


@click.command()
@click.argument("what", default="")
@click.option("--rename", "renamed", multiple=True, metavar="OLD=NEW", help="bookings.room=hall, or bookings=stays")
@click.option("--drop", "dropped", multiple=True, metavar="NAME", help="what is new beside bookings.room is not it")
@click.option("--empty", is_flag=True, help="write one without any statement, to fill by hand")
def migration(what: str, renamed: tuple[str, ...], dropped: tuple[str, ...], *, empty: bool) -> None:
    """Write the migration of what changed in the models; WHAT says it in a few words: "add a price"."""
    if not what.strip():
        raise click.ClickException('Say in a few words what changes: make migration name="add a price".')
    if empty:
        _ = _written(what)
    else:
        write(what, Told(renamed, frozenset(dropped)))


def write(what: str, told: Told) -> None:
    """Write the migration of what changed in the models. Its statements are tried in a database made for that."""
    _one_end()
    registry.load_models()
    _ = prepared()
    with rig.database("migration") as url:
        _migrate(url)
        try:
            upgrade, downgrade, notes = rig.looked_at(url, lambda connection: drafted(connection, Base.metadata, told))
        except (NoStatement, NotComparable, renames.Unclear) as refusal:
            raise click.ClickException(f"{refusal}\n{_BY_HAND}") from refusal
    if not upgrade.lines:
        raise click.ClickException("The models and the migrations agree: there is nothing to migrate.")
    _ = _written(what, _joined(upgrade), _joined(downgrade), "\n".join({*upgrade.imports.splitlines()}))
    for note in notes:
        click.echo(note)


def _migrate(url: str) -> None:
    environment = {**os.environ, "DATABASE_URL": url, "DATABASE_OWNER_URL": url}
    done = subprocess.run(tool("app", "migrate"), env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"The migrations that are there do not run:\n{done.stdout}{done.stderr}")


def drafted(connection: Connection, metadata: MetaData, told: Told) -> tuple[Draft, Draft, list[str]]:
    """What leads to the models and back, both run in this database; and what to know before it runs on rows."""
    wanted, upgrade, downgrade = (
        modelled(connection, metadata),
        Draft(connection, metadata),
        Draft(connection, metadata),
    )
    undone = renames.carried_out(upgrade, wanted, told)
    there = existing(connection)
    renames.refuse_losses(there, wanted, told)
    renames.refuse_gaps(there, wanted)
    script = upgrade.operations()
    upgrade.reach(wanted, script.upgrade_ops or ops.UpgradeOps())
    # No statement takes a value out of an enum, so it stays.
    kept = {each: facts for each, facts in existing(connection).items() if each.kind == "type" and each in there}
    downgrade.reach(there | kept, script.downgrade_ops or ops.DowngradeOps())
    for line in undone:
        downgrade.add(line)
    return upgrade, downgrade, list(renames.demands_on_rows(there, wanted))


def _joined(draft: Draft) -> str:
    return "\n    ".join(draft.lines)


def create(what: str, tables: Sequence[Table], *, drop: bool = False) -> Path | None:
    """Write the migration that creates tables, or drops them. It asks no database, and changes none."""
    if not tables:
        return None
    _one_end()
    made: list[MigrateOperation] = []
    for each in tables:
        made.append(ops.CreateTableOp.from_table(each))
        made += [
            ops.CreateIndexOp.from_index(index) for index in sorted(each.indexes, key=lambda index: str(index.name))
        ]
    made_text = _rendered(ops.UpgradeOps(made))
    dropped_text = _rendered(ops.DowngradeOps([ops.DropTableOp.from_table(each) for each in reversed(tables)]))
    imports = "from sqlalchemy.dialects import postgresql" if "postgresql." in made_text else ""
    return _written(what, dropped_text if drop else made_text, made_text if drop else dropped_text, imports)


def _written(what: str, upgrades: str = "", downgrades: str = "", imports: str = "") -> Path | None:
    _one_end()
    script = ScriptDirectory.from_config(schema.alembic_config()).generate_revision(
        rev_id(),
        what,
        head="app@head",
        version_path=str(ROOT / "migrations/app"),
        upgrades=upgrades,
        downgrades=downgrades,
        imports=imports,
    )
    return Path(script.path) if script else None


def _rendered(operations: ops.UpgradeOps | ops.DowngradeOps) -> str:
    context = MigrationContext.configure(dialect_name="postgresql", opts={"target_metadata": None})
    return render_python_code(operations, render_item=as_the_database_sees_it, migration_context=context)


def _one_end() -> None:
    """The new one comes after the newest, so there has to be one newest: two are what merging two branches leaves."""
    ends = [each.revision for each in schema.newest() if each.branch == "app"]
    if len(ends) > 1:
        raise click.ClickException(
            f"migrations/app/ has {len(ends)} ends: {', '.join(ends)}. Let the one that no database has yet come after "
            "the other: its down_revision names it."
        )
