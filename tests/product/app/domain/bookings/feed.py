"""Who follows which bookings on this worker: what one database connection hears, many clients are told."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Annotated
from uuid import UUID

from app.adapters.database.work import Database
from app.domain.bookings.repository import CHANNEL
from app.domain.bookings.schemas import Told
from app.kit import state
from app.kit.errors import AppError
from app.kit.logging import get_logger

_AGAIN_SECONDS = 1.0
# Whoever is so slow misses the rest, and asks for the list.
_WAITING = 100

log = get_logger()


class Feed:
    """Tells of the bookings that are confirmed, by any worker."""

    def __init__(self, database: Database) -> None:
        self._database: Database = database
        self._followers: set[asyncio.Queue[Told]] = set()

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                async with self._database.listening(CHANNEL) as told:
                    async for text in told:
                        self._tell(Told.model_validate_json(text))
            except (AppError, OSError) as error:
                log.warning("feed interrupted", reason=str(error))
            await asyncio.sleep(_AGAIN_SECONDS)

    async def follow(self, owner: UUID) -> AsyncGenerator[Told]:
        """What is told of an owner's bookings from now on."""
        waiting: asyncio.Queue[Told] = asyncio.Queue(_WAITING)
        self._followers.add(waiting)
        try:
            while True:
                told = await waiting.get()
                if told.owner_id == owner:
                    yield told
        finally:
            self._followers.discard(waiting)

    def _tell(self, told: Told) -> None:
        for each in self._followers:
            with suppress(asyncio.QueueFull):
                each.put_nowait(told)


Followed = Annotated[Feed, state.kept(Feed)]
