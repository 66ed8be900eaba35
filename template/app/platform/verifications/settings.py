"""Whether an address has to be confirmed."""

from functools import cache
from typing import Self

from pydantic_settings import BaseSettings, SettingsConfigDict

from app import defaults
from app import settings as service


class VerificationSettings(BaseSettings):
    """What confirming addresses needs to know, from the environment or `.env`."""

    model_config = SettingsConfigDict(
        env_file=service.ENV_FILE, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    require_verified_email: bool | None = None

    @classmethod
    def read(cls) -> Self:
        """The settings of this process."""
        return cls.model_validate({})


@cache
def demanded() -> bool:
    """Whether an account has to prove its address before it signs in."""
    chosen = VerificationSettings.read().require_verified_email
    return service.settings().production and defaults.REQUIRE_VERIFIED_EMAIL if chosen is None else chosen
