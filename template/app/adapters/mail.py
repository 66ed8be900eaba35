"""Mail: handed to an SMTP server over verified TLS, or written into a folder where there is no server to hand it to.

Nothing here is called while a request waits: platform/mail/ keeps what is to be sent and sends it in the background.
"""

import asyncio
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

import aiosmtplib
from pydantic import EmailStr, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app import defaults
from app.kit import clock
from app.kit.ids import uuid7_text
from app.kit.logging import get_logger
from app.kit.mail import Mailer, MailNotSent, Message
from app.settings import ENV_FILE, Environment

log = get_logger()

_SECONDS = 20.0
_PORTS = {"smtp": 587, "smtps": 465}
_LOCAL = "http://localhost:8000"


class MailSettings(BaseSettings):
    """How mail leaves; every name but ENVIRONMENT has the prefix MAIL_ in the environment."""

    model_config = SettingsConfigDict(
        env_prefix="MAIL_", env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    environment: Environment = Field(default=Environment.DEVELOPMENT, validation_alias="ENVIRONMENT")
    url: SecretStr | None = Field(default=None, description="smtps://user:password@host:465, or smtp:// for STARTTLS")
    sender: EmailStr = Field(default="service@example.com", description="The address that mails come from")
    links: str = Field(default=_LOCAL, max_length=200, description="Where links in mails lead: the front end's address")
    folder: Path = Field(default=ENV_FILE.parent / ".data" / "mail", description="Where mails are put without a server")

    @classmethod
    def read(cls) -> Self:
        """The settings of this process."""
        return cls.model_validate({})

    @field_validator("environment", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if self.url is not None:
            parts = urlsplit(self.url.get_secret_value())
            if parts.scheme not in _PORTS or not parts.hostname:
                raise ValueError("MAIL_URL is not a mail server: it is written smtps://user:password@host:465")
        if self.environment is Environment.PRODUCTION:
            self._refuse_what_is_for_development()
        return self

    def _refuse_what_is_for_development(self) -> None:
        if self.url is None:
            raise ValueError(
                "MAIL_URL is missing: passwords can't be reset without mail. smtps://user:password@host:465"
            )
        if "sender" not in self.model_fields_set:
            raise ValueError("MAIL_SENDER is missing: give the address that mails come from")
        if not self.links.startswith("https://"):
            raise ValueError(
                "MAIL_LINKS is missing or not https://: give the address of the front end that links lead to"
            )


class SmtpMailer:
    """Hands messages to an SMTP server, one connection each, and waits for a bounded time."""

    def __init__(self, settings: MailSettings, url: SecretStr) -> None:
        self._sender: str = settings.sender
        self._url: SecretStr = url
        # Outside production a server that offers no TLS is taken as it is: a catcher of mails on this machine.
        self._start_tls: bool | None = True if settings.environment is Environment.PRODUCTION else None
        # Verifies the certificate and the name in it.
        self._tls: ssl.SSLContext = ssl.create_default_context()
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2

    async def send(self, message: Message) -> None:
        """Hand a message over; MailNotSent when the server did not take it, or was not who it says."""
        parts = urlsplit(self._url.get_secret_value())
        implicit = parts.scheme == "smtps"
        try:
            async with asyncio.timeout(_SECONDS):
                _ = await aiosmtplib.send(
                    _written(message, self._sender),
                    hostname=parts.hostname,
                    port=parts.port or _PORTS[parts.scheme],
                    username=unquote(parts.username) if parts.username else None,
                    password=unquote(parts.password) if parts.password else None,
                    use_tls=implicit,
                    start_tls=False if implicit else self._start_tls,
                    tls_context=self._tls,
                    timeout=_SECONDS,
                )
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailNotSent(f"{type(error).__name__}: {_brief(error)}") from error


class FolderMailer:
    """Writes messages into a folder, one file each: for development and tests."""

    def __init__(self, settings: MailSettings) -> None:
        self._sender: str = settings.sender
        self._folder: Path = settings.folder

    async def send(self, message: Message) -> None:
        """Write a message into a file of its own, and say where it is."""
        file = self._folder / f"{uuid7_text()}.eml"
        text = _written(message, self._sender).as_bytes()
        await asyncio.to_thread(self._write, file, text)
        log.info("mail written", subject=message.subject, file=str(file))

    def _write(self, file: Path, text: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Whole or not there at all, for whoever watches the folder.
        begun = file.with_suffix(".part")
        _ = begun.write_bytes(text)
        _ = begun.rename(file)


def mailer(settings: MailSettings) -> Mailer:
    """What carries the mails of this process."""
    return FolderMailer(settings) if settings.url is None else SmtpMailer(settings, settings.url)


def _written(message: Message, sender: str) -> EmailMessage:
    written = EmailMessage()
    written["From"] = sender
    written["To"] = message.to
    written["Subject"] = message.subject
    written["Date"] = format_datetime(clock.now())
    written["Message-ID"] = f"<{uuid7_text()}@{sender.rpartition('@')[2]}>"
    written["Auto-Submitted"] = "auto-generated"
    written["X-Mailer"] = defaults.PROJECT_SLUG
    written.set_content(message.text)
    return written


def _brief(error: BaseException) -> str:
    # What a server says can repeat what it was told: only its code is kept.
    return str(error.code) if isinstance(error, aiosmtplib.SMTPResponseException) else str(error)[:200]
