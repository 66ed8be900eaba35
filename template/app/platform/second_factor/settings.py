"""Who has to have a second factor."""

from enum import StrEnum
from typing import Self

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app import defaults
from app.settings import ENV_FILE, settings


class SecondFactorFor(StrEnum):
    """Who has to have a second factor."""

    NOBODY = "nobody"
    PRIVILEGED = "privileged"
    EVERYBODY = "everybody"


class SecondFactorSettings(BaseSettings):
    """The settings of the second factor."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    second_factor_for: SecondFactorFor | None = None

    @classmethod
    def read(cls) -> Self:
        """The settings of this process."""
        return cls.model_validate({})

    @field_validator("second_factor_for", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @property
    def demanded_of(self) -> SecondFactorFor:
        """Whom this process demands it of: without a setting of nobody outside production."""
        if self.second_factor_for is not None:
            return self.second_factor_for
        return SecondFactorFor(defaults.SECOND_FACTOR_FOR) if settings().production else SecondFactorFor.NOBODY
