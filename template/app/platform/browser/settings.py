"""Which other sites may call from a browser."""

import re
from typing import Self

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.settings import ENV_FILE, Listed, split

_ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


class BrowserSettings(BaseSettings):
    """The settings for pages of other sites."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    cors_origins: Listed = ()

    @classmethod
    def read(cls) -> Self:
        """The settings of this process."""
        return cls.model_validate({})

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return split(value)

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"contains {origin!r}, which is not an origin such as https://www.example.com")
        return origins
