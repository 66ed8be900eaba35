"""Confirming addresses over HTTP."""

from app.adapters.database import Database, Session
from app.kit import routing
from app.kit.errors import Invalid, answers
from app.platform.accounts.dependencies import Passwords
from app.platform.auth.dependencies import Tokens
from app.platform.links.errors import LinkRefused
from app.platform.mail.schemas import MailPromised
from app.platform.verifications import service
from app.platform.verifications.access import ASK, HAS_LINK
from app.platform.verifications.schemas import Verification, VerificationRequest

router = routing.router("/v1/email-verifications", "accounts")


@router.post("", status_code=204, dependencies=[HAS_LINK], responses=answers(LinkRefused, Invalid))
async def verify_email(
    data: Verification, *, transactions: Database, session: Session, passwords: Passwords, tokens: Tokens
) -> None:
    """Confirm the address of an account with a link.

    The link came by mail after signing up. It is good for a day and for one use. The first time, everybody who has used
    the account before is signed out, and whatever else they attached to it ends: sign in again with your password. Send
    a password to choose it now, so that nobody who signed up with your address knows it; the first proof takes one.
    """
    return await service.verify(transactions, session, passwords, tokens, data)


@router.post("/requests", status_code=202, dependencies=[ASK], responses=answers(Invalid))
async def request_verification(data: VerificationRequest, session: Session) -> MailPromised:
    """Have the link mailed again.

    The answer is the same whether or not there is an account with this address that waits for one.
    """
    return await service.request(session, data)
