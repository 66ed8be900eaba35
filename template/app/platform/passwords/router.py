"""Passwords over HTTP."""

from app.adapters.database import Session
from app.kit import routing
from app.kit.errors import Invalid, answers
from app.kit.passwords import Hasher
from app.kit.tokens import Issuer
from app.platform.accounts.errors import AccountGone
from app.platform.attempts.errors import TooManyAttempts
from app.platform.attempts.service import Guesses
from app.platform.passwords import service
from app.platform.passwords.access import CanChangeOwnPassword
from app.platform.passwords.errors import WrongPassword
from app.platform.passwords.schemas import PasswordChange

router = routing.router("/v1/passwords", "passwords")


@router.post("/change", status_code=204, responses=answers(AccountGone, WrongPassword, TooManyAttempts, Invalid))
async def change_own_password(  # noqa: PLR0913 - what it works with
    data: PasswordChange,
    *,
    caller: CanChangeOwnPassword,
    session: Session,
    passwords: Hasher,
    issuer: Issuer,
    guesses: Guesses,
) -> None:
    """Change your password.

    It needs the current one. Your other sessions end; this one stays.
    """
    return await service.change(session, passwords, issuer, data, caller, guesses=guesses)
