"""Opens the connections with the service and closes them after the last request."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.adapters.database.settings import DatabaseSettings
from app.adapters.database.work import Database
from app.kit import state
from app.kit.crypto import KeyRing
from app.kit.logging import get_logger

log = get_logger()


@asynccontextmanager
async def part(app: FastAPI) -> AsyncGenerator[None]:
    """The database of this service."""
    settings = DatabaseSettings.read()
    if settings.without_tls_because is not None:
        log.warning("database without TLS", reason=settings.without_tls_because)
    database = Database(settings, state.find(app, KeyRing))
    state.keep(app, database)
    try:
        yield
    finally:
        await database.close()
