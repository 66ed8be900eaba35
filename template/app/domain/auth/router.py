"""Signing in over HTTP."""

from app.adapters.database import Reader, Session
from app.domain.attempts.errors import TooManyAttempts
from app.domain.attempts.service import Guesses
from app.domain.auth import service
from app.domain.auth.access import RENEW, SIGN_IN, CanSignOut
from app.domain.auth.errors import EmailNotVerified, RefreshTokenRefused, RefreshTokenReused, WrongCredentials
from app.domain.auth.schemas import Login, Refresh, TokenPair
from app.kit import routing
from app.kit.errors import answers
from app.kit.passwords import Hasher
from app.kit.tokens import Issuer

router = routing.router("/v1/auth", "auth")


@router.post("/login", dependencies=[SIGN_IN], responses=answers(WrongCredentials, EmailNotVerified, TooManyAttempts))
async def log_in(  # noqa: PLR0913 - what it works with
    data: Login, *, session: Session, reader: Reader, passwords: Hasher, issuer: Issuer, guesses: Guesses
) -> TokenPair:
    """Sign in.

    Answers an access token for `Authorization: Bearer …` and a refresh token that renews it. After several wrong
    passwords the next attempt has to wait, as `Retry-After` says.
    """
    return await service.login(session, reader, passwords, issuer, data, guesses=guesses)


@router.post("/refresh", dependencies=[RENEW], responses=answers(RefreshTokenRefused, RefreshTokenReused))
async def refresh_session(data: Refresh, session: Session, issuer: Issuer) -> TokenPair:
    """Trade a refresh token for a new pair.

    Each refresh token is good for one use. A second use means that somebody has a copy: the whole session ends.
    """
    return await service.refresh(session, issuer, data)


@router.post("/logout", status_code=204)
async def log_out(caller: CanSignOut, session: Session) -> None:
    """Sign out.

    Ends this session: its refresh token is refused at once, its access token expires by itself within minutes.
    """
    return await service.logout(session, caller)
