"""What every process needs to know, from the environment or `.env`. An adapter's settings stand in its own file.

No secret has a default. Production refuses to start with one that is missing, short, repeated or known, and names it.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app import defaults
from app.kit.tokens import Key


class Environment(StrEnum):
    """Where the service runs."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class LogLevel(StrEnum):
    """From which level on a line is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


ENV_FILE = Path(__file__).parents[1] / ".env"
_MAKE_A_KEY = 'make one with `python -c "import secrets; print(secrets.token_hex(32))"`'
_SEED_DIGITS = 64


class Settings(BaseSettings):
    """The settings of every process; .env.example explains each one."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    environment: Environment = Environment.DEVELOPMENT
    log_level: LogLevel = LogLevel.INFO
    auth_signing_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    metrics_token: SecretStr | None = None
    require_verified_email: bool | None = None
    max_in_flight: int = Field(default=defaults.MAX_IN_FLIGHT, ge=1, le=100_000)
    request_seconds: float = Field(default=10.0, ge=0.1, le=600)
    max_body_bytes: int = Field(default=262_144, ge=1_024, le=104_857_600)

    @field_validator("environment", "log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("auth_signing_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("auth_signing_keys")
    @classmethod
    def _are_seeds(cls, keys: Sequence[SecretStr]) -> Sequence[SecretStr]:
        for position, key in enumerate(keys, start=1):
            digits = key.get_secret_value()
            if len(digits) != _SEED_DIGITS or set(digits.lower()) - set("0123456789abcdef"):
                raise ValueError(f"key {position} is not {_SEED_DIGITS} hexadecimal digits: {_MAKE_A_KEY}")
        return keys

    @model_validator(mode="after")
    def _has_secrets(self) -> Self:
        if not self.auth_signing_keys:
            raise ValueError(f"AUTH_SIGNING_KEYS is missing: {_MAKE_A_KEY}")
        if self.production:
            self._refuse_weak_secrets()
        return self

    @property
    def production(self) -> bool:
        """Whether people depend on this process."""
        return self.environment is Environment.PRODUCTION

    @property
    def demands_verified_email(self) -> bool:
        """Whether an account has to prove its address before it signs in."""
        if self.require_verified_email is None:
            return self.production and defaults.REQUIRE_VERIFIED_EMAIL
        return self.require_verified_email

    @property
    def access_lifetime(self) -> timedelta:
        """How long an access token holds."""
        return timedelta(seconds=defaults.ACCESS_TOKEN_SECONDS)

    @property
    def refresh_lifetime(self) -> timedelta:
        """How long a session lives without being used."""
        return timedelta(seconds=defaults.REFRESH_TOKEN_SECONDS)

    @property
    def keys(self) -> list[Key]:
        """The signing keys: the first signs, all of them verify."""
        return [Key.from_seed(bytes.fromhex(seed.get_secret_value())) for seed in self.auth_signing_keys]

    def _refuse_weak_secrets(self) -> None:
        seeds = [seed.get_secret_value().lower() for seed in self.auth_signing_keys]
        if len(set(seeds)) != len(seeds):
            raise ValueError("AUTH_SIGNING_KEYS names one key twice: each must be its own")
        for position, seed in enumerate(seeds, start=1):
            # 32 random bytes all but never show fewer than 8 of the 16 digits; a typed or repeated pattern does.
            if len(set(seed)) < 8 or seed[:32] == seed[32:]:  # noqa: PLR2004
                raise ValueError(f"AUTH_SIGNING_KEYS key {position} is a pattern, not a secret: {_MAKE_A_KEY}")
        token = self.metrics_token.get_secret_value() if self.metrics_token else None
        if token is not None and (len(token) < 32 or token.lower() in seeds):  # noqa: PLR2004
            raise ValueError("METRICS_TOKEN is shorter than 32 characters, or is another secret: make one of its own")


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
