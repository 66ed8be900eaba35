"""How Alembic runs here: on asyncpg, with both branches of migrations/, and never waiting long for a lock."""

import asyncio
from typing import cast

import asyncpg
from alembic import context
from alembic.operations import MigrationScript
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app import registry
from app.adapters.database import Base, DatabaseSettings
from app.domain.audit import triggers

registry.load_models()

# Any number will do as long as every release of this service uses the same one.
_ADVISORY_LOCK = 7_461_923
_LOCK_TIMEOUT = "5s"


def _nothing_for_nothing(_context: object, _revision: object, scripts: list[MigrationScript]) -> None:
    if scripts and scripts[0].upgrade_ops is not None and scripts[0].upgrade_ops.is_empty():
        scripts.clear()


def _configure_and_run(connection: Connection, service: str | None) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_server_default=True,
        transaction_per_migration=True,
        process_revision_directives=_nothing_for_nothing,
    )
    with context.begin_transaction():
        context.run_migrations()
    triggers.attach(connection, Base.metadata.tables.values())
    if service is not None:
        triggers.grant(connection, service)


async def _role(url: str) -> str:
    """Who the service is to the database."""
    connection = await asyncpg.connect(url)
    try:
        return cast("str", await connection.fetchval("SELECT current_user"))
    finally:
        await connection.close()


async def _online() -> None:
    found = DatabaseSettings.read()
    url = found.owner
    settings = {"lock_timeout": _LOCK_TIMEOUT, "timezone": "UTC"}
    # One process migrates at a time; the others wait here, then find nothing left to do.
    guard = await asyncpg.connect(url)
    await guard.execute("SELECT pg_advisory_lock($1)", _ADVISORY_LOCK)
    service = await _role(found.url.get_secret_value()) if found.owner_url else None
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(url, server_settings=settings),
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
