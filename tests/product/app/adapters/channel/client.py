"""The client of the channel manager."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

import httpx
from pydantic import BaseModel, Field, ValidationError

from app.adapters.channel.settings import ChannelSettings
from app.kit import state
from app.kit.errors import Unavailable

# It is slow, and an operation that asks it gives itself more time than that.
_SECONDS = 15.0


class ChannelUnavailable(Unavailable):
    """The channel manager does not answer: try again shortly."""


class _Blocked(BaseModel):
    reference: str = Field(max_length=100)


class Channel:
    """Asks the channel manager."""

    def __init__(self, settings: ChannelSettings) -> None:
        self._client: httpx.AsyncClient = httpx.AsyncClient(
            base_url=str(settings.url),
            headers={"Authorization": f"Bearer {settings.secret.get_secret_value()}"},
            timeout=_SECONDS,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def block(self, booking_id: UUID, room_id: UUID, starts_at: datetime, ends_at: datetime) -> str:
        """Block a room everywhere, and give the reference of that; a second call for the booking changes nothing."""
        asked = {"room": str(room_id), "from": starts_at.isoformat(), "to": ends_at.isoformat()}
        try:
            answer = (await self._client.put(f"blocks/{booking_id}", json=asked)).raise_for_status()
            return _Blocked.model_validate_json(answer.content).reference
        except (httpx.HTTPError, ValidationError) as error:
            raise ChannelUnavailable from error


ChannelManager = Annotated[Channel, state.kept(Channel)]
