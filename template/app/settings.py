"""The settings of every process, from the environment or `.env`; a folder's own are in its settings.py.

No secret has a default. Production does not start with a secret that is too short, a pattern or used twice.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Self, cast

from pydantic import BeforeValidator, Field, FilePath, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app import defaults
from app.kit.crypto import KeyRing
from app.kit.rate_limits import Quota, Quotas


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
_MAKE_A_KEY = "make one with `app keys new`"
_KEY_DIGITS = 64
_TOKEN_LENGTH = 32
_MARGIN_SECONDS = 20.0

_HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:]+\]")
_ANYONE = 0
_THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")

Listed = Annotated[tuple[str, ...], NoDecode]
RateLimit = Annotated[Quota, NoDecode, BeforeValidator(Quota.parse)]


def split(value: object) -> object:
    """The entries of a setting that lists several, with commas between."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Settings(BaseSettings):
    """The settings of every process; .env.example explains each one."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    environment: Environment = Environment.DEVELOPMENT
    log_level: LogLevel = LogLevel.INFO
    auth_signing_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    metrics_token: SecretStr | None = None
    audit_retention_days: int = Field(
        default=defaults.AUDIT_RETENTION_DAYS, ge=defaults.AUDIT_RETENTION_DAYS, le=36_525
    )
    # The rules for this class of data are the longest that they may be.
    access_token_seconds: int = Field(default=defaults.ACCESS_TOKEN_SECONDS, ge=60, le=defaults.ACCESS_TOKEN_SECONDS)
    refresh_token_seconds: int = Field(default=defaults.REFRESH_TOKEN_SECONDS, ge=60, le=defaults.REFRESH_TOKEN_SECONDS)
    session_seconds: int = Field(default=defaults.SESSION_SECONDS, ge=60, le=defaults.SESSION_SECONDS)
    max_in_flight: int = Field(default=defaults.MAX_IN_FLIGHT, ge=1, le=100_000)
    request_seconds: float = Field(default=10.0, ge=0.1, le=600)
    stream_seconds: float = Field(default=3600.0, ge=1, le=86_400)
    stream_idle_seconds: float = Field(default=60.0, ge=1, le=3_600)
    # Above what load balancers keep an idle connection for, so that they never send into one that is being closed.
    keep_alive_seconds: int = Field(default=75, ge=1, le=3_600)
    max_body_bytes: int = Field(default=262_144, ge=1_024, le=104_857_600)
    allowed_hosts: Listed = ()
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    # One caller may use `defaults.CALLER_RPS`, and twice that at once.
    rate_limit_principal: RateLimit = Quota(2 * defaults.CALLER_RPS, 2)
    rate_limit_address: RateLimit = Quota(2 * defaults.CALLER_RPS, 2)
    rate_limit_attempts: RateLimit = Quota(10, 60)
    rate_limit_probes: RateLimit = Quota(100, 10)
    # Unset, whoever stands before this service speaks TLS with its clients.
    tls_certificate: FilePath | None = None
    tls_key: FilePath | None = None
    # `app serve` sets it: each worker counts its part of the limits.
    rate_limit_workers: int = Field(default=1, ge=1, le=64)

    @field_validator("environment", "log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("auth_signing_keys", "encryption_keys", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return split(value)

    @field_validator("auth_signing_keys", "encryption_keys")
    @classmethod
    def _are_keys(cls, keys: Sequence[SecretStr]) -> Sequence[SecretStr]:
        for position, key in enumerate(keys, start=1):
            digits = key.get_secret_value()
            if len(digits) != _KEY_DIGITS or set(digits.lower()) - set("0123456789abcdef"):
                raise ValueError(f"key {position} is not {_KEY_DIGITS} hexadecimal digits: {_MAKE_A_KEY}")
        return keys

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        lower = tuple(host.lower() for host in hosts)
        for host in lower:
            if host != "*" and not _HOST.fullmatch(host):
                raise ValueError(
                    f"contains {host!r}, which is not a host name without scheme and port, such as api.example.com"
                )
        return ("*",) if "*" in lower else lower

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _are_networks(cls, value: object) -> object:
        parts = split(value)
        return [_network(str(each)) for each in cast("list[object]", parts)] if isinstance(parts, list) else parts

    @model_validator(mode="after")
    def _has_secrets(self) -> Self:
        for name, keys in self._keys.items():
            if not keys:
                raise ValueError(f"{name} is missing: {_MAKE_A_KEY}")
        if self.production:
            self._refuse_weak_secrets()
        return self

    @model_validator(mode="after")
    def _has_both_halves(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("TLS_CERTIFICATE and TLS_KEY must both be set, or neither")
        return self

    @model_validator(mode="after")
    def _names_its_hosts(self) -> Self:
        if not self.production:
            self.allowed_hosts = self.allowed_hosts or _THIS_MACHINE
        elif not self.allowed_hosts:
            raise ValueError("ALLOWED_HOSTS is missing: list the host names that clients use, such as api.example.com")
        elif self.allowed_hosts == ("*",):
            raise ValueError("ALLOWED_HOSTS must not be * in production: list the host names that clients use")
        return self

    @property
    def production(self) -> bool:
        """Whether people depend on this process."""
        return self.environment is Environment.PRODUCTION

    @property
    def secrets(self) -> frozenset[str]:
        """Every secret of this process, whatever it is for."""
        tokens = [self.metrics_token] if self.metrics_token is not None else []
        return frozenset(each.get_secret_value() for each in (*self.auth_signing_keys, *self.encryption_keys, *tokens))

    @property
    def quotas(self) -> Quotas:
        """What one worker counts: its part of what the settings give to all workers of this instance."""
        return Quotas(
            principal=self.rate_limit_principal.shared_by(self.rate_limit_workers),
            address=self.rate_limit_address.shared_by(self.rate_limit_workers),
            attempts=self.rate_limit_attempts.shared_by(self.rate_limit_workers),
            probes=self.rate_limit_probes.shared_by(self.rate_limit_workers),
            workers=self.rate_limit_workers,
        )

    @property
    def access_lifetime(self) -> timedelta:
        """How long an access token holds."""
        return timedelta(seconds=self.access_token_seconds)

    @property
    def refresh_lifetime(self) -> timedelta:
        """How long a session lives without being used."""
        return timedelta(seconds=self.refresh_token_seconds)

    @property
    def session_lifetime(self) -> timedelta:
        """How long a session lives however much it is used."""
        return timedelta(seconds=self.session_seconds)

    def settling(self, longest: float) -> timedelta:
        """How long after its beginning a transaction of a request may still commit, where one may take `longest` s."""
        return timedelta(seconds=max(self.request_seconds, longest) + _MARGIN_SECONDS)

    @property
    def signing_seeds(self) -> list[bytes]:
        """The seeds of the signing keys: the first signs, all of them verify."""
        return [bytes.fromhex(seed.get_secret_value()) for seed in self.auth_signing_keys]

    @property
    def key_ring(self) -> KeyRing:
        """The keys of encrypted columns: the first encrypts, all of them decrypt."""
        return KeyRing([bytes.fromhex(key.get_secret_value()) for key in self.encryption_keys])

    @property
    def _keys(self) -> dict[str, list[str]]:
        return {
            "AUTH_SIGNING_KEYS": [key.get_secret_value().lower() for key in self.auth_signing_keys],
            "ENCRYPTION_KEYS": [key.get_secret_value().lower() for key in self.encryption_keys],
        }

    def _refuse_weak_secrets(self) -> None:
        seen: dict[str, str] = {}
        for name, keys in self._keys.items():
            if len(set(keys)) != len(keys):
                raise ValueError(f"{name} contains the same key twice")
            for position, key in enumerate(keys, start=1):
                # 32 random bytes all but never show fewer than 8 of the 16 digits; a typed or repeated pattern does.
                if len(set(key)) < 8 or key[:32] == key[32:]:  # noqa: PLR2004
                    raise ValueError(f"{name} key {position} is a pattern, not a secret: {_MAKE_A_KEY}")
                if key in seen:
                    raise ValueError(f"{name} key {position} is also in {seen[key]}: {_MAKE_A_KEY}")
            seen |= dict.fromkeys(keys, name)
        token = self.metrics_token.get_secret_value() if self.metrics_token else None
        if token is not None and (len(token) < _TOKEN_LENGTH or token.lower() in seen):
            raise ValueError("METRICS_TOKEN must have at least 32 characters and differ from every other secret")


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(f"contains {text!r}, which is not an address or a network such as 10.0.0.0/8") from error
    if network.prefixlen == _ANYONE:
        raise ValueError(f"must not contain {text}: any client could then forge its address")
    return network


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
