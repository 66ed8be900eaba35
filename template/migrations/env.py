"""How Alembic runs here: on asyncpg, with every branch of migrations/, and never waiting long for a lock."""

import asyncio
from typing import Literal, cast

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import Connection, Table, column, insert, table
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app import defaults, registry
from app.adapters import schema
from app.adapters.database import Base, DatabaseSettings, connect
from app.adapters.encryption import BlindIndex, Encrypted
from app.kit.logging import get_logger
from app.platform.audit import triggers

registry.load_models()

# Any number will do as long as every release of this service uses the same one.
_ADVISORY_LOCK = 7_461_923
_LOCK_TIMEOUT = "5s"
_ASK_AGAIN_SECONDS = 0.1

_APPLIED = table("alembic_version", column("version_num"))


def _nothing_for_nothing(_context: object, _revision: object, scripts: list[MigrationScript]) -> None:
    if scripts and scripts[0].upgrade_ops is not None and scripts[0].upgrade_ops.is_empty():
        scripts.clear()


def _as_the_database_sees_it(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    """How a migration writes a type: to the database an encrypted column is bytes."""
    return "sa.LargeBinary()" if kind == "type" and isinstance(item, Encrypted | BlindIndex) else False


def _is_ours(item: object, _name: str | None, _kind: str, _reflected: bool, counterpart: object) -> bool:  # noqa: FBT001 - Alembic's call
    """A table of a part that is off is in no model, and stays."""
    return not (isinstance(item, Table) and counterpart is None and (item.comment or "").startswith("part: "))


def _configure_and_run(connection: Connection, service: str | None) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_server_default=True,
        include_object=_is_ours,
        render_item=_as_the_database_sees_it,
        transaction_per_migration=True,
        process_revision_directives=_nothing_for_nothing,
    )
    migration = context.get_context()
    applied = migration.get_current_heads()
    present = schema.present(applied)
    if off := schema.absent(applied):
        get_logger().info("parts are off and their tables stay", migrations=off)
        # Alembic stops at a revision that it has no file for: this one run of it does not see those.
        migration.get_current_heads = lambda: present
    with context.begin_transaction():
        context.run_migrations()
    for revision in schema.unrecorded(MigrationContext.configure(connection).get_current_heads()):
        _ = connection.execute(insert(_APPLIED).values(version_num=revision))
    triggers.attach(connection, Base.metadata.tables.values())
    triggers.keep(connection, defaults.AUDIT_RETENTION_DAYS)
    if service is not None:
        triggers.grant(connection, service)


async def _role(url: SecretStr) -> str:
    """Who the service is to the database."""
    connection = await connect(url)
    try:
        return cast("str", await connection.fetchval("SELECT current_user"))
    finally:
        await connection.close()


async def _online() -> None:
    settings = DatabaseSettings.read()
    url = settings.owner
    # One process migrates at a time; the others wait here, then find nothing left to do.
    guard = await connect(url)
    # Asked again and again: a statement that waited would hold up CREATE INDEX CONCURRENTLY of the one that migrates.
    while not await guard.fetchval("SELECT pg_try_advisory_lock($1)", _ADVISORY_LOCK):  # noqa: ASYNC110 - another process
        await asyncio.sleep(_ASK_AGAIN_SECONDS)
    service = await _role(settings.url) if settings.owner_url else None
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: connect(url, lock_timeout=_LOCK_TIMEOUT),
        poolclass=NullPool,
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_configure_and_run, service)
            await connection.commit()
    finally:
        await engine.dispose()
        await guard.close()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(_online())
