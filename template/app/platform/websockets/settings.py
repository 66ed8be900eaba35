"""How many WebSockets may be open, how much may come over them, and from which other sites."""

import re
from typing import Self

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.kit.rate_limits import Quota
from app.settings import ENV_FILE, Listed, RateLimit, split

_ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


class SocketSettings(BaseSettings):
    """The settings of WebSockets."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    websockets: int = Field(default=1_000, ge=1, le=100_000)
    websockets_per_caller: int = Field(default=10, ge=1, le=100_000)
    websocket_messages: RateLimit = Quota(100, 10)
    websocket_origins: Listed = ()

    @classmethod
    def read(cls) -> Self:
        """The settings of this process."""
        return cls.model_validate({})

    @field_validator("websocket_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return split(value)

    @field_validator("websocket_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"contains {origin!r}, which is not an origin such as https://www.example.com")
        return origins
