"""Passwords over HTTP."""

from app.adapters.database import Session
from app.kit import routing
from app.kit.errors import Invalid, answers
from app.platform.accounts.dependencies import Passwords
from app.platform.accounts.errors import AccountGone
from app.platform.attempts.dependencies import AttemptCounter
from app.platform.attempts.errors import TooManyAttempts
from app.platform.auth.dependencies import Tokens
from app.platform.passwords import service
from app.platform.passwords.access import CanChangeOwnPassword
from app.platform.passwords.errors import WrongPassword
from app.platform.passwords.schemas import PasswordChange

router = routing.router("/v1/passwords", "passwords")


@router.post("/change", status_code=204, responses=answers(AccountGone, WrongPassword, TooManyAttempts, Invalid))
async def change_own_password(
    data: PasswordChange,
    *,
    caller: CanChangeOwnPassword,
    session: Session,
    passwords: Passwords,
    tokens: Tokens,
    guesses: AttemptCounter,
) -> None:
    """Change your password.

    It needs the current one. Your other sessions end; this one stays.
    """
    return await service.change(session, passwords, tokens, data, caller, guesses=guesses)
