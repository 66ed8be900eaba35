"""Mail as the service knows it: a message, and something that carries it."""

from dataclasses import dataclass, field
from typing import Protocol


class MailNotSent(Exception):
    """The message was not taken over by a mail server; the text says why, without what is in the message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of plain text. Its text can hold a secret link, so it is not shown in a `repr`."""

    to: str
    subject: str
    text: str = field(repr=False)


class Mailer(Protocol):
    """Carries messages."""

    async def send(self, message: Message) -> None:
        """Hand a message over; MailNotSent when nobody took it."""
        ...
