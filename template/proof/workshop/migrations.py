"""Writing a migration from what changed in the models."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click
from alembic import command
from alembic.autogenerate import render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import rev_id
from sqlalchemy import Table

from app.adapters import schema
from app.adapters.encryption import Encrypted
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
    script = ScriptDirectory.from_config(schema.alembic_config()).generate_revision(
        rev_id(),
        what,
        head="app@head",
        version_path=str(ROOT / "migrations/app"),
        upgrades=dropped_text if drop else made_text,
        downgrades=made_text if drop else dropped_text,
        imports="from sqlalchemy.dialects import postgresql" if "postgresql." in made_text else "",
    )
    return Path(script.path) if script else None


def _rendered(operations: ops.UpgradeOps | ops.DowngradeOps) -> str:
    context = MigrationContext.configure(dialect_name="postgresql", opts={"target_metadata": None})
    return render_python_code(operations, render_item=_as_the_database_sees_it, migration_context=context)


def _as_the_database_sees_it(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    return "sa.LargeBinary()" if kind == "type" and isinstance(item, Encrypted) else False


def _one_end() -> None:
    """The new one comes after the newest, so there has to be one newest: two are what merging two branches leaves."""
    ends = [each.revision for each in schema.newest() if each.branch == "app"]
    if len(ends) > 1:
        raise click.ClickException(
            f"migrations/app/ has {len(ends)} ends: {', '.join(ends)}. Let the one that no database has yet come after "
            "the other: its down_revision names it."
        )
