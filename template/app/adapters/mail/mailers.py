"""Mail: handed to an SMTP server over verified TLS, or written into a folder where there is no server to hand it to.

Nothing here is called while a request waits: platform/mail/ keeps what is to be sent and sends it in the background.
"""

import asyncio
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiosmtplib
from pydantic import SecretStr

from app import defaults
from app import settings as service
from app.adapters.mail.messages import Mailer, MailNotSent, Message
from app.adapters.mail.settings import PORTS, MailSettings
from app.kit import clock
from app.kit.ids import uuid7_text
from app.kit.logging import get_logger

log = get_logger()

_SECONDS = 20.0


class SmtpMailer:
    """Hands messages to an SMTP server, one connection each, and waits for a bounded time."""

    def __init__(self, settings: MailSettings, url: SecretStr) -> None:
        self._sender: str = settings.sender
        self._url: SecretStr = url
        # Outside production a server that offers no TLS is taken as it is: a catcher of mails on this machine.
        self._start_tls: bool | None = True if service.settings().production else None
        # Verifies the certificate and the name in it.
        self._tls: ssl.SSLContext = ssl.create_default_context()
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2

    async def send(self, message: Message) -> None:
        """Hand a message over; MailNotSent when the server did not take it, or was not who it says."""
        parts = urlsplit(self._url.get_secret_value().strip())
        implicit = parts.scheme == "smtps"
        try:
            async with asyncio.timeout(_SECONDS):
                _ = await aiosmtplib.send(
                    _written(message, self._sender),
                    hostname=parts.hostname,
                    port=parts.port or PORTS[parts.scheme],
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
