"""The second factor as a step of signing in: a code beside the password."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from app.adapters.database import Reader, Session
from app.kit.errors import AppError
from app.platform.accounts import service as accounts
from app.platform.attempts.service import AttemptCounter
from app.platform.audit import service as audit
from app.platform.auth.schemas import Login
from app.platform.second_factor import codes, repository
from app.platform.second_factor.errors import SecondFactorNeeded, WrongCode
from app.platform.second_factor.schemas import Code

METHODS = ("otp", "mfa")
"""What a code proves, as RFC 8176 names it."""


class LoginWithCode(Login):
    """An address and its password, and a code where the account has a second factor."""

    code: Code | None = Field(
        default=None,
        description=(
            "Where the account has a second factor: a code of its app, or a recovery code. Without it the answer is "
            "`second-factor-needed`"
        ),
    )


class SecondFactorChallenge:
    """Asks for a code whoever has set up a second factor."""

    body: ClassVar[type[Login]] = LoginWithCode
    errors: ClassVar[tuple[type[AppError], ...]] = (SecondFactorNeeded, WrongCode)

    async def is_demanded(self, reader: Reader | Session, account_id: UUID) -> bool:
        """Whether an account signs in with a code."""
        return await repository.is_active(reader, account_id)

    async def prove(self, session: Session, guesses: AttemptCounter, account_id: UUID, data: Login) -> tuple[str, ...]:
        """Use up the code that came with a login."""
        code = data.code if isinstance(data, LoginWithCode) else None
        if code is None:
            await audit.decided(session, "auth.login", "refused", account_id=account_id, reason="code missing")
            raise SecondFactorNeeded
        guess = await codes.begin(guesses, account_id)
        # Before the code, as everybody does who holds both: so nobody waits in a circle.
        _ = await accounts.locked(session, account_id)
        if not await codes.accepted(session, account_id, code):
            await audit.decided(session, "auth.login", "refused", account_id=account_id, reason="wrong code")
            raise WrongCode
        await codes.succeed(session, guess)
        return METHODS


challenge = SecondFactorChallenge()
