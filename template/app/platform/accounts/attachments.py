"""What opens an account, beside the credentials that it was given, where a noun attaches such a thing to it.

Whoever signs up with an address need not be the one whose address it is: the first proof of it ends all of these.
"""

from functools import cache
from typing import Protocol, cast
from uuid import UUID

from app.adapters.database import Session
from app.kit import discovery


class Attachment(Protocol):
    """Something that is asked of whoever signs in. A noun offers it in `attachment.py`: `attachment`."""

    async def detach(self, session: Session, account_id: UUID) -> None:
        """Take it off an account, whose row is locked."""
        ...


@cache
def _attachments() -> tuple[Attachment, ...]:
    return tuple(cast("Attachment", each) for each in discovery.offered("attachment"))


async def detach_all(session: Session, account_id: UUID) -> None:
    """Take everything of the kind off an account."""
    for each in _attachments():
        await each.detach(session, account_id)
