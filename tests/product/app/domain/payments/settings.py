"""What the payment provider signs with."""

from typing import Self

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.settings import ENV_FILE


class PaymentSettings(BaseSettings):
    """What the payment provider signs with; every name has the prefix PAYMENTS_ in the environment."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_prefix="PAYMENTS_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    secret: SecretStr = Field(min_length=32)

    @classmethod
    def read(cls) -> Self:
        """The settings of this process."""
        return cls.model_validate({})
