"""What the service writes to people. Each noun writes its own letters, in its `letters.py`.

Links are made when a letter is written, so that none is ever stored.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

from app.adapters.database import Session
from app.adapters.mail.messages import Message
from app.kit import discovery
from app.platform.accounts import service as accounts
from app.platform.accounts.schemas import Credentials
from app.platform.links.service import Issued


@dataclass(frozen=True, slots=True)
class Written:
    """A letter that is ready to leave, and the link in it."""

    message: Message
    link: Issued | None = None


Writer = Callable[[Session, Credentials, str], Awaitable[Written | None]]
"""Writes a letter to an account, with links to the address in the last argument; None when there is nothing to say."""


@cache
def _writers() -> dict[str, Writer]:
    found = [cast("Mapping[str, Writer]", each) for each in discovery.offered("letters")]
    return {name: writer for each in found for name, writer in each.items()}


async def written(session: Session, letter: str, recipient: str, base: str) -> Written | None:
    """The letter for an address; None when there is nobody to write to or nothing to say."""
    account = await accounts.credentials(session, recipient)
    writer = _writers().get(letter)
    return await writer(session, account, base) if account is not None and writer is not None else None
