"""Where the channel manager is."""

from typing import Self

from pydantic import AnyHttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.settings import ENV_FILE


class ChannelSettings(BaseSettings):
    """Where the channel manager is; every name has the prefix CHANNEL_ in the environment."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_prefix="CHANNEL_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    url: AnyHttpUrl
    secret: SecretStr

    @classmethod
    def read(cls) -> Self:
        """The settings of this process."""
        return cls.model_validate({})
