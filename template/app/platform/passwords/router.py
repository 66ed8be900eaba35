"""Passwords over HTTP."""

from app.adapters.database import Database, Session
from app.kit import routing
from app.kit.errors import Invalid, answers
from app.kit.passwords import Hasher
from app.kit.tokens import Issuer
from app.platform.accounts.errors import AccountGone
from app.platform.attempts.errors import TooManyAttempts
from app.platform.attempts.service import Guesses
from app.platform.links.errors import LinkRefused
from app.platform.mail.schemas import MailPromised
from app.platform.mail.service import Post
from app.platform.passwords import service
from app.platform.passwords.access import FORGOT, HAS_LINK, CanChangeOwnPassword
from app.platform.passwords.errors import WrongPassword
from app.platform.passwords.schemas import PasswordChange, Reset, ResetRequest

router = routing.router("/v1/passwords", "passwords")


@router.post("/change", status_code=204, responses=answers(AccountGone, WrongPassword, TooManyAttempts, Invalid))
async def change_own_password(  # noqa: PLR0913 - what it works with
    data: PasswordChange,
    *,
    caller: CanChangeOwnPassword,
    session: Session,
    passwords: Hasher,
    issuer: Issuer,
    post: Post,
    guesses: Guesses,
) -> None:
    """Change your password.

    It needs the current one. Your other sessions end; this one stays. A mail tells you that it happened.
    """
    return await service.change(session, passwords, issuer, post, data, caller, guesses=guesses)


@router.post("/reset-requests", status_code=202, dependencies=[FORGOT], responses=answers(Invalid))
async def request_password_reset(data: ResetRequest, session: Session, post: Post) -> MailPromised:
    """Have a link mailed that sets a new password.

    The answer is the same whether or not there is an account with this address. The link is good for 30 minutes, for
    one use, and until the password changes.
    """
    return await service.request_reset(session, post, data)


@router.post("/resets", status_code=204, dependencies=[HAS_LINK], responses=answers(LinkRefused, Invalid))
async def reset_password(  # noqa: PLR0913 - what it works with
    data: Reset, *, transactions: Database, session: Session, passwords: Hasher, issuer: Issuer, post: Post
) -> None:
    """Set a new password with a link.

    Every session of the account ends, and its address counts as confirmed. A mail says that it happened.
    """
    return await service.reset(transactions, session, passwords, issuer, post, data)
