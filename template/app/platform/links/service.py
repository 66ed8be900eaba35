"""What the business says about links in mails."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import SecretStr

from app.adapters.database import Reader, Session
from app.kit import clock, crypto
from app.platform.accounts import service as accounts
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
_A_DAY: Final = 10
_DAY: Final = timedelta(days=1)  # no link lives longer


@dataclass(frozen=True, slots=True)
class Issued:
    """A new link; whoever has its address may use it."""

    address: str = field(repr=False)
    digest: bytes


async def issue(session: Session, account_id: UUID, purpose: Purpose, bound_to: str, base: str) -> Issued | None:
    """A new link for an account, which is void once `bound_to` has changed.

    None while the account holds three of the purpose, or was sent ten of whatever purpose within a day.
    """
    # Of two letters to one account at once, the second counts the first.
    _ = await accounts.locked(session, account_id)
    now = clock.now()
    mailed = await repository.mailed(session, account_id, now - _DAY)
    held = [each for each in mailed if each.purpose == purpose and each.used_at is None and each.expires_at > now]
    if len(held) >= _MOST or len(mailed) >= _A_DAY:
        return None
    secret = crypto.new_secret()
    digest, bound = crypto.digest(secret), crypto.digest(bound_to)
    await repository.add(
        session,
        account_id,
        purpose,
        digest=digest,
        bound_to=bound,
        created_at=now,
        expires_at=now + _LIFETIME[purpose],
    )
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
    """Use a link, and void the others that its account holds for the same; LinkRefused when it is not valid."""
    now = clock.now()
    known = await repository.take(session, purpose, crypto.digest(secret.get_secret_value()), now)
    if known is None:
        raise LinkRefused
    await repository.void(session, known.account_id, purpose, now)
    return known


def holds(known: Known, bound_to: str) -> bool:
    """Whether what the link is bound to is still so."""
    return known.bound_to == crypto.digest(bound_to)
