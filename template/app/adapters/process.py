"""What a command needs, other than the server's: the settings, a log, and the database.

It stands below the nouns, because the `cli.py` of a noun needs it as much as the commands in `app/cli/`. Nothing is
imported before it is needed: `app --help` needs nothing.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from app.adapters.database import Reader
    from app.adapters.database.work import Database
    from app.settings import Settings

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
DEVELOPMENT_DATA = ROOT / ".data" / "postgres"


def prepared() -> "Settings":
    """The settings, with a log and a database: outside production one is started when none is named."""
    from app.kit import logging
    from app.settings import settings

    found = settings()
    logging.configure(found.log_level.name, found.secrets)
    os.chdir(ROOT)
    if not _database_is_named():
        if found.production:
            raise click.ClickException(
                "DATABASE_URL is missing. Production needs the address of its PostgreSQL: "
                "postgresql://user:password@host/database."
            )
        from app.adapters import embedded_postgres

        os.environ["DATABASE_URL"], _ = embedded_postgres.start(DEVELOPMENT_DATA)
    return found


def on_the_database(work: "Callable[[Database], Coroutine[None, None, T]]") -> T:
    """What comes of work on the database of this service."""
    from app.adapters.database import DatabaseSettings
    from app.adapters.database.work import Database

    async def run() -> T:
        database = Database(DatabaseSettings.read(), found.key_ring)
        try:
            return await work(database)
        finally:
            await database.close()

    found = prepared()
    return asyncio.run(run())


def read(question: "Callable[[Reader], Coroutine[None, None, T]]") -> T:
    """What the database of this service answers."""
    return on_the_database(lambda database: question(database.primary))


def _database_is_named() -> bool:
    from pydantic import ValidationError

    from app.adapters.database import DatabaseSettings

    try:
        DatabaseSettings.read()
    except ValidationError as error:
        if any(each["type"] != "missing" for each in error.errors()):
            raise
        return False
    return True
