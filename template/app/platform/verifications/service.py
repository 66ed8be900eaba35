"""What the business says about confirming addresses."""

from app.adapters.database import Session
from app.platform.accounts import repository as accounts
from app.platform.links import service as links
from app.platform.links.errors import LinkRefused
from app.platform.links.service import Purpose
from app.platform.mail.letters import Letter
from app.platform.mail.schemas import MailPromised
from app.platform.mail.service import Post
from app.platform.verifications.schemas import Verification, VerificationRequest


async def request(session: Session, post: Post, data: VerificationRequest) -> MailPromised:
    """Have another link mailed, if there is an account that waits for one."""
    await post.put(session, Letter.VERIFY_EMAIL, data.email)
    return MailPromised.to(data.email)


async def verify(session: Session, data: Verification) -> None:
    """Note that the address of an account is confirmed."""
    known = await links.redeem(session, Purpose.VERIFY_EMAIL, data.token)
    account = await accounts.locked(session, known.account_id)
    if account is None or not links.holds(known, account.email):
        raise LinkRefused
    await accounts.verify(session, account.id)
