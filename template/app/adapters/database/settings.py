"""The address of the database, its pool and timeouts; production demands TLS, or a reason to do without."""

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app import defaults
from app import settings as service
from app.adapters.database.address import Address
from app.settings import ENV_FILE


class DatabaseSettings(BaseSettings):
    """The settings of the database; every name has the prefix DATABASE_ in the environment."""

    model_config = SettingsConfigDict(
        env_prefix="DATABASE_", env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    url: SecretStr = Field(description="postgresql://user:password@host/database, the primary")
    read_url: SecretStr | None = Field(default=None, description="A replica for `Reader`; the primary when it is unset")
    owner_url: SecretStr | None = Field(
        default=None,
        description="Who owns the tables, for `app migrate` and `app audit retire`; the role of `url` when it is unset",
    )
    pool_size: int = Field(default=defaults.POOL_SIZE, ge=1, le=100, description="Connections of one worker")
    statement_timeout_ms: int = Field(default=5_000, ge=100, le=600_000, description="No statement runs longer")
    lock_timeout_ms: int = Field(default=2_000, ge=100, le=600_000, description="No statement waits longer for a lock")
    without_tls_because: str | None = Field(
        default=None, min_length=10, max_length=200, description="Why production may talk to it in plain text"
    )

    @classmethod
    def read(cls) -> Self:
        """The settings of this process."""
        return cls.model_validate({})

    @property
    def owner(self) -> SecretStr:
        """The address for whoever changes the schema."""
        return self.owner_url or self.url

    @property
    def passwords(self) -> frozenset[str]:
        """The passwords in the addresses."""
        return frozenset(Address.parse(url.get_secret_value()).password for _, url in self._named) - {""}

    @field_validator("url", "read_url", "owner_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            address = Address.parse(url.get_secret_value())
            try:
                _ = address.tls()
            except OSError:
                raise ValueError(
                    "has an sslrootcert, sslcert or sslkey that is no file of a certificate or key"
                ) from None
        return url

    @model_validator(mode="after")
    def _is_safe_in_production(self) -> Self:
        process = service.settings()
        if process.production:
            for name, url in self._named:
                address = Address.parse(url.get_secret_value())
                if address.password in process.secrets:
                    raise ValueError(f"The password in DATABASE_{name} is also another secret: choose a different one")
                if not (address.verifies or address.is_local or self.without_tls_because):
                    raise ValueError(
                        f"DATABASE_{name} does not require TLS: append ?sslmode=verify-full&sslrootcert=…, or give the "
                        "reason in DATABASE_WITHOUT_TLS_BECAUSE"
                    )
        return self

    @property
    def _named(self) -> list[tuple[str, SecretStr]]:
        named = (("URL", self.url), ("READ_URL", self.read_url), ("OWNER_URL", self.owner_url))
        return [(name, url) for name, url in named if url is not None]
