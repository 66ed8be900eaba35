"""Password resets over HTTP."""

from app.adapters.database import Database, Session
from app.kit import routing
from app.kit.errors import Invalid, answers
from app.platform.accounts.dependencies import Passwords
from app.platform.attempts.dependencies import AttemptCounter
from app.platform.auth.dependencies import Tokens
from app.platform.links.errors import LinkRefused
from app.platform.mail.schemas import MailPromised
from app.platform.password_resets import service
from app.platform.password_resets.access import FORGOT, HAS_LINK
from app.platform.password_resets.schemas import Reset, ResetRequest

router = routing.router("/v1/passwords", "passwords")


@router.post("/reset-requests", status_code=202, dependencies=[FORGOT], responses=answers(Invalid))
async def request_password_reset(data: ResetRequest, session: Session) -> MailPromised:
    """Have a link mailed that sets a new password.

    The answer is the same whether or not there is an account with this address. The link is good for 30 minutes, for
    one use, and until the password changes.
    """
    return await service.request(session, data)


@router.post("/resets", status_code=204, dependencies=[HAS_LINK], responses=answers(LinkRefused, Invalid))
async def reset_password(
    data: Reset,
    *,
    transactions: Database,
    session: Session,
    passwords: Passwords,
    tokens: Tokens,
    guesses: AttemptCounter,
) -> None:
    """Set a new password with a link.

    Every session of the account ends, and so does every other credential that it was given. Its address counts as
    confirmed. A mail says that it happened.
    """
    return await service.reset(transactions, session, passwords, tokens, data, guesses=guesses)
