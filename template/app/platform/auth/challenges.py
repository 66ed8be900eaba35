"""A further step of signing in, where a noun adds one: it says what the login takes and may answer besides."""

from functools import cache
from typing import TYPE_CHECKING, Protocol, cast
from uuid import UUID

from app.adapters.database import Reader, Session
from app.kit import discovery
from app.kit.errors import AppError
from app.platform.accounts import gates
from app.platform.attempts.errors import TooManyAttempts
from app.platform.attempts.service import AttemptCounter
from app.platform.auth.errors import AccountDisabled, WrongCredentials
from app.platform.auth.schemas import Login


class Challenge(Protocol):
    """What an account may have to prove beside its password. One noun may offer it, in `challenge.py`: `challenge`."""

    body: type[Login]
    """What the login takes."""
    errors: tuple[type[AppError], ...]
    """What it may answer besides."""

    async def is_demanded(self, reader: Reader | Session, account_id: UUID) -> bool:
        """Whether this account has to prove it; what changes that holds the account's row."""
        ...

    async def prove(self, session: Session, guesses: AttemptCounter, account_id: UUID, data: Login) -> tuple[str, ...]:
        """The methods of authentication (RFC 8176) that the login proves; one of the errors where it does not."""
        ...


@cache
def challenge() -> Challenge | None:
    """The further step of this service, if it has one."""
    found = discovery.offered("challenge")
    return cast("Challenge", found[0]) if found else None


if TYPE_CHECKING:
    LoginBody = Login
else:
    LoginBody = getattr(challenge(), "body", Login)
"""What a login takes, with what the further step adds."""

LOGIN_ERRORS: tuple[type[AppError], ...] = (
    WrongCredentials,
    *gates.errors(),
    AccountDisabled,
    TooManyAttempts,
    *getattr(challenge(), "errors", ()),
)
"""What any way of signing in may answer."""
