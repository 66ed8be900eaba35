"""What the business says about links in mails."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import SecretStr

from app.adapters.database import Reader, Session
from app.kit import clock, crypto
from app.platform.links import repository
from app.platform.links.errors import LinkRefused
from app.platform.links.repository import Known


class Purpose(StrEnum):
    """What a link is for; also the page of the front end that it leads to."""

    VERIFY_EMAIL = "verify-email"
    RESET_PASSWORD = "reset-password"  # noqa: S105 - a purpose, not a secret


_LIFETIME: Final = {Purpose.VERIFY_EMAIL: timedelta(days=1), Purpose.RESET_PASSWORD: timedelta(minutes=30)}

# Nobody's mailbox is filled by asking again and again; and what the owner was sent first stays good.
_MOST = 3


@dataclass(frozen=True, slots=True)
class Issued:
    """A new link; whoever has its address may use it."""

    address: str = field(repr=False)
    digest: bytes


async def issue(session: Session, account_id: UUID, purpose: Purpose, bound_to: str, base: str) -> Issued | None:
    """A new link for an account; None while it holds as many as it may. It is void once `bound_to` has changed."""
    now = clock.now()
    if await repository.count(session, account_id, purpose, now) >= _MOST:
        return None
    secret = crypto.new_secret()
    digest, bound = crypto.digest(secret), crypto.digest(bound_to)
    expires_at = now + _LIFETIME[purpose]
    await repository.add(session, account_id, purpose, digest=digest, bound_to=bound, expires_at=expires_at)
    # Behind the #, so that it stands in no log of a server and in no Referer.
    return Issued(f"{base.rstrip('/')}/{purpose}#token={secret}", digest)


async def withdraw(session: Session, issued: Issued) -> None:
    """Forget a link that never left, so that it does not count."""
    await repository.remove(session, issued.digest)


async def presented(reader: Reader, purpose: Purpose, secret: SecretStr) -> Known:
    """What a link says, without using it; LinkRefused when it is not valid."""
    known = await repository.find(reader, purpose, crypto.digest(secret.get_secret_value()), clock.now())
    if known is None:
        raise LinkRefused
    return known


async def redeem(session: Session, purpose: Purpose, secret: SecretStr) -> Known:
    """Use a link, and drop the others that its account holds for the same; LinkRefused when it is not valid."""
    known = await repository.take(session, purpose, crypto.digest(secret.get_secret_value()), clock.now())
    if known is None:
        raise LinkRefused
    await repository.drop(session, known.account_id, purpose)
    return known


def holds(known: Known, bound_to: str) -> bool:
    """Whether what the link is bound to is still so."""
    return known.bound_to == crypto.digest(bound_to)
