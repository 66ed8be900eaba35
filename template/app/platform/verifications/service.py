"""What the business says about confirming addresses."""

from uuid import UUID

from app.adapters.database import Database, Session
from app.platform.accounts import attachments
from app.platform.accounts import service as accounts
from app.platform.auth import service as auth
from app.platform.auth.dependencies import Tokens
from app.platform.links import service as links
from app.platform.links.errors import LinkRefused
from app.platform.links.service import Purpose
from app.platform.mail import service as mail
from app.platform.mail.schemas import MailPromised
from app.platform.verifications import repository
from app.platform.verifications.letters import VERIFY_EMAIL
from app.platform.verifications.schemas import Verification, VerificationRequest


async def request(session: Session, data: VerificationRequest) -> MailPromised:
    """Have another link mailed, if there is an account that waits for one."""
    await mail.put(session, VERIFY_EMAIL, data.email)
    return MailPromised.to(data.email)


async def verify(transactions: Database, session: Session, tokens: Tokens, data: Verification) -> None:
    """Confirm the address of an account with a link."""
    known = await links.presented(transactions.primary, Purpose.VERIFY_EMAIL, data.token)
    # Before the link, as the deletion of an account does: so nobody waits in a circle.
    account = await accounts.locked(session, known.account_id)
    known = await links.redeem(session, Purpose.VERIFY_EMAIL, data.token)
    if account is None or account.disabled_at is not None or not links.holds(known, account.email):
        raise LinkRefused
    _ = await confirm(session, tokens, account.id)


async def confirm(session: Session, tokens: Tokens, account_id: UUID) -> bool:
    """Note that somebody has shown an address to be theirs; False when that was known. The account's row is locked.

    Whoever signed up may have been somebody else. So the first proof ends what was attached to the account before it:
    every credential that it was given, and whatever else opens it. Its password and what it owns stay.
    """
    if not await repository.add(session, account_id):
        return False
    await auth.revoke_all(session, tokens, account_id)
    await attachments.detach_all(session, account_id)
    return True
