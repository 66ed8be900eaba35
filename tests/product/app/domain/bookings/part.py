"""Listens for what other workers confirm, as long as the service runs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from app.adapters.database.work import Database
from app.domain.bookings.feed import Feed
from app.kit import state


@asynccontextmanager
async def part(app: FastAPI) -> AsyncGenerator[None]:
    """The feed of this worker."""
    feed = Feed(state.find(app, Database))
    state.keep(app, feed)
    running = asyncio.create_task(feed.run(), name="bookings")
    try:
        yield
    finally:
        _ = running.cancel()
        with suppress(asyncio.CancelledError):
            await running
