"""What the business says about signing in, staying signed in and signing out."""

from uuid import UUID

from app.adapters.database import Reader, Session
from app.domain.accounts import repository as accounts
from app.domain.attempts import service as attempts
from app.domain.attempts.service import Guesses
from app.domain.auth import repository
from app.domain.auth.errors import EmailNotVerified, RefreshTokenRefused, RefreshTokenReused, WrongCredentials
from app.domain.auth.schemas import Login, Refresh, TokenPair
from app.kit import clock, tokens
from app.kit.access import Principal
from app.kit.passwords import Hasher
from app.kit.tokens import Issuer
from app.settings import settings


async def login(  # noqa: PLR0913 - what it works with
    session: Session, reader: Reader, passwords: Hasher, issuer: Issuer, data: Login, *, guesses: Guesses
) -> TokenPair:
    """Begin a session; an unknown address costs what a wrong password does, and gets the same answer."""
    attempt = await guesses.begin(data.email)
    known = await accounts.credentials(reader, data.email)
    password = data.password.get_secret_value()
    matches = await passwords.matches(password, known.password_hash if known else None)
    if known is None or not matches:
        raise WrongCredentials
    anew = await passwords.hash(password) if passwords.outdated(known.password_hash) else None
    await attempts.succeed(session, attempt)
    if anew is not None:
        await accounts.set_password(session, known.id, anew)
    if known.email_verified_at is None and settings().demands_verified_email:
        raise EmailNotVerified
    session_id = await repository.open_session(session, known.id)
    return await _hand_out(session, issuer, known.id, session_id, known.role)


async def refresh(session: Session, issuer: Issuer, data: Refresh) -> TokenPair:
    """Trade a refresh token for the next pair; one that was used before ends its session for whoever holds it."""
    token = await repository.presented(session, tokens.digest(data.refresh_token.get_secret_value()))
    if token is None or token.ended_at is not None or token.expires_at <= clock.now():
        raise RefreshTokenRefused
    if token.used_at is not None:
        await repository.end(session, token.session_id)
        raise RefreshTokenReused
    await repository.use(session, token.id)
    return await _hand_out(session, issuer, token.account_id, token.session_id, token.role)


async def logout(session: Session, caller: Principal) -> None:
    """End the caller's session: its refresh tokens are refused from now on."""
    await repository.end(session, caller.session_id)


async def _hand_out(session: Session, issuer: Issuer, account_id: UUID, session_id: UUID, role: str) -> TokenPair:
    secret = tokens.new_secret()
    expires_at = clock.now() + settings().refresh_lifetime
    await repository.keep(session, session_id, tokens.digest(secret), expires_at)
    return TokenPair(
        access_token=issuer.issue(account_id=account_id, session_id=session_id, role=role),
        refresh_token=secret,
        token_type="Bearer",  # noqa: S106 - a scheme's name, not a secret
        expires_in=int(issuer.lifetime.total_seconds()),
    )
