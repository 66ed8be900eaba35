"""The lifespan of the client."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.adapters.channel.client import Channel
from app.adapters.channel.settings import ChannelSettings
from app.kit import state


@asynccontextmanager
async def part(app: FastAPI) -> AsyncGenerator[None]:
    """The channel manager of this service."""
    async with Channel(ChannelSettings.read()) as channel:
        state.keep(app, channel)
        yield
