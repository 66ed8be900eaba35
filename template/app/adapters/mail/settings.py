"""How mail leaves."""

import re
from pathlib import Path
from typing import Final, Self

from pydantic import EmailStr, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app import settings as service
from app.settings import ENV_FILE

PORTS: Final = {"smtp": 587, "smtps": 465}

# A password with one of the delimiters in it would be taken for something else, and said in an error.
_URL = re.compile(
    r"smtps?://(?:[^@/?#\s]*@)?(?:\[[0-9a-f:.]+\]|[^@/?#\s:\[\]]+)(?::(?P<port>[0-9]{1,5}))?/?", re.IGNORECASE
)
_LAST_PORT = 65_535

_LOCAL = "http://localhost:8000"


class MailSettings(BaseSettings):
    """How mail leaves; every name has the prefix MAIL_ in the environment."""

    model_config = SettingsConfigDict(
        env_prefix="MAIL_", env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    url: SecretStr | None = Field(default=None, description="smtps://user:password@host:465, or smtp:// for STARTTLS")
    sender: EmailStr = Field(default="service@example.com", description="The address that mails come from")
    links: str = Field(default=_LOCAL, max_length=200, description="Where links in mails lead: the front end's address")
    folder: Path = Field(default=ENV_FILE.parent / ".data" / "mail", description="Where mails are put without a server")

    @classmethod
    def read(cls) -> Self:
        """The settings of this process."""
        return cls.model_validate({})

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if self.url is not None:
            found = _URL.fullmatch(self.url.get_secret_value().strip())
            if found is None or not 0 < int(found["port"] or 1) <= _LAST_PORT:
                raise ValueError(
                    "MAIL_URL must have the form smtps://user:password@host:465. Inside of the user and the password, "
                    "write @ as %40, / as %2F, ? as %3F, # as %23 and % as %25"
                )
        if service.settings().production:
            self._refuse_what_is_for_development()
        return self

    def _refuse_what_is_for_development(self) -> None:
        if self.url is None:
            raise ValueError("MAIL_URL is missing: set it to smtps://user:password@host:465")
        if "sender" not in self.model_fields_set:
            raise ValueError("MAIL_SENDER is missing: set the address that mail is sent from")
        if not self.links.startswith("https://"):
            raise ValueError("MAIL_LINKS must be the https:// address of the front end")
