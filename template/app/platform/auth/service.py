"""What the business says about signing in, staying signed in and signing out."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from app.adapters.database import Reader, Session
from app.kit import clock, crypto, pagination
from app.kit.access import Principal
from app.kit.errors import Unauthorized
from app.platform.accounts import gates
from app.platform.accounts import service as accounts
from app.platform.accounts.dependencies import Passwords
from app.platform.accounts.schemas import Credentials
from app.platform.attempts import service as attempts
from app.platform.attempts.dependencies import AttemptCounter
from app.platform.audit import service as audit
from app.platform.auth import repository, revocation
from app.platform.auth.challenges import challenge
from app.platform.auth.dependencies import Tokens
from app.platform.auth.devices import Device
from app.platform.auth.errors import (
    AccountDisabled,
    NoSession,
    RefreshTokenRefused,
    RefreshTokenReused,
    SessionNotFound,
    WrongCredentials,
)
from app.platform.auth.schemas import Login, SessionRead, TokenPair
from app.settings import settings

# As RFC 8176 names it.
_PASSWORD = "pwd"  # noqa: S105 - a method of authentication, not a secret


@dataclass(frozen=True, slots=True)
class Grant:
    """What a session hands out, before it is known how the client carries it."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    session_id: UUID
    access_seconds: int
    refresh_seconds: int


def pair(grant: Grant) -> TokenPair:
    """The tokens for a client that keeps them itself."""
    return TokenPair(
        access_token=grant.access_token,
        refresh_token=grant.refresh_token,
        token_type="Bearer",  # noqa: S106 - a scheme's name, not a secret
        expires_in=grant.access_seconds,
    )


async def login(  # noqa: PLR0913 - what it takes to sign in
    session: Session,
    reader: Reader,
    passwords: Passwords,
    tokens: Tokens,
    data: Login,
    *,
    device: Device,
    guesses: AttemptCounter,
) -> Grant:
    """Begin a session; an unknown address costs what a wrong password does, and gets the same answer."""
    attempt = await guesses.begin(data.email)
    known = await accounts.credentials(reader, data.email)
    password = data.password.get_secret_value()
    matches = await passwords.matches(password, known.password_hash if known else None)
    if known is None or not matches:
        why = "no such account" if known is None else "wrong password"
        await audit.decided(session, "auth.login", "refused", account_id=known and known.id, reason=why)
        raise WrongCredentials
    anew = await passwords.hash(password) if passwords.outdated(known.password_hash) else None
    methods: tuple[str, ...] = (_PASSWORD,)
    step = challenge()
    if step is not None and await step.is_demanded(guesses.database.primary, known.id):
        methods += await step.prove(session, guesses, known.id, data)
    # Read again under a lock: what was changed while the password was looked at has ended the sessions that there were.
    now = await accounts.locked(session, known.id)
    if now is None or now.password_hash != known.password_hash:
        await audit.decided(session, "auth.login", "refused", account_id=known.id, reason="password just changed")
        raise WrongCredentials
    known = now
    if step is not None and methods == (_PASSWORD,) and await step.is_demanded(session, known.id):
        await audit.decided(session, "auth.login", "refused", account_id=known.id, reason="further step just set up")
        raise WrongCredentials
    await attempts.succeed(session, attempt)
    if anew is not None:
        await accounts.set_password(session, known.id, anew)
    if (refusal := await gates.refusal(session, known.id)) is not None:
        await audit.decided(session, "auth.login", "refused", account_id=known.id, reason=refusal.code)
        raise refusal
    if known.disabled_at is not None:
        await audit.decided(session, "auth.login", "refused", account_id=known.id, reason="account disabled")
        raise AccountDisabled
    opened = await repository.open_session(session, known.id, device, " ".join(methods))
    await audit.decided(session, "auth.login", "granted", account_id=known.id, credential_id=opened.id)
    return await _hand_out(session, tokens, known.id, opened, known.role)


async def refresh(session: Session, tokens: Tokens, secret: str) -> Grant:
    """Trade a refresh token for the next pair; one that was used before ends its session for whoever holds it."""
    token = await repository.presented(session, crypto.digest(secret))
    if token is None:
        await audit.decided(session, "auth.refresh", "refused", reason="no such token")
        raise RefreshTokenRefused
    who, which = token.account_id, token.session_id
    if token.ended_at is not None or token.expires_at <= clock.now():
        await audit.decided(session, "auth.refresh", "refused", account_id=who, credential_id=which, reason="over")
        raise RefreshTokenRefused
    if token.used_at is not None:
        await end(session, tokens, which)
        await audit.decided(
            session, "auth.refresh", "refused", account_id=who, credential_id=which, reason="used before"
        )
        raise RefreshTokenReused
    account = await accounts.credentials_of(session, who)
    if account is None or account.disabled_at is not None or await gates.refusal(session, who) is not None:
        await audit.decided(
            session, "auth.refresh", "refused", account_id=who, credential_id=which, reason="may not sign in"
        )
        raise RefreshTokenRefused
    await repository.use(session, token.id, which)
    await audit.decided(session, "auth.refresh", "granted", account_id=who, credential_id=which)
    opened = repository.Opened(which, token.started_at, token.methods)
    return await _hand_out(session, tokens, who, opened, account.role)


async def logout(session: Session, tokens: Tokens, caller: Principal) -> None:
    """End the caller's session: all of its tokens are refused from now on."""
    await end(session, tokens, session_of(caller))
    await audit.decided(session, "auth.logout", "granted", account_id=caller.account_id)


async def sessions(reader: Reader, limit: int, cursor: str | None, caller: Principal) -> pagination.Page[SessionRead]:
    """A page of the caller's open sessions, newest first."""
    rows = await repository.newest(reader, caller.account_id, caller.session_id, pagination.after(cursor), limit + 1)
    return pagination.page(rows, limit)


async def end_one(session: Session, tokens: Tokens, sign_in_id: UUID, caller: Principal) -> None:
    """End one of the caller's sessions; SessionNotFound when they have no such session, or it has ended."""
    if await repository.end_own(session, sign_in_id, caller.account_id) is None:
        raise SessionNotFound
    tokens.revoked.note([sign_in_id])
    await audit.decided(
        session, "auth.session-ended", "granted", account_id=caller.account_id, credential_id=sign_in_id
    )


async def end_all(session: Session, tokens: Tokens, account_id: UUID, kept: UUID | None = None) -> None:
    """End every session of an account but one: at a request, or because what its tokens say is no longer so."""
    tokens.revoked.note(await repository.end_all(session, account_id, kept))
    await audit.decided(session, "auth.sessions-ended", "granted", account_id=account_id)


async def revoke_all(session: Session, tokens: Tokens | None, account_id: UUID) -> None:
    """Revoke every credential of an account, its sessions among them, and record that they ended."""
    await revocation.revoke_all(session, tokens, account_id)
    await audit.decided(session, "auth.sessions-ended", "granted", account_id=account_id)


async def held(session: Session, caller: Principal) -> Credentials:
    """The caller's account, which nobody else can change until the transaction ends.

    Whatever is attached to an account is decided after this: what was ended while the request was under way attaches
    nothing any more. Unauthorized when the account is gone or disabled, or the caller's session has ended.
    """
    account = await accounts.locked(session, caller.account_id)
    if (
        account is None
        or account.disabled_at is not None
        or not await repository.is_open(session, session_of(caller), account.id)
    ):
        raise Unauthorized("The session of this access token has ended: sign in again.")
    return account


def session_of(caller: Principal) -> UUID:
    """The session of the caller; NoSession for a credential that has none."""
    if caller.session_id is None:
        raise NoSession
    return caller.session_id


async def end(session: Session, tokens: Tokens, sign_in_id: UUID) -> None:
    """End a session, whosever it is."""
    await repository.end(session, sign_in_id)
    tokens.revoked.note([sign_in_id])


async def _hand_out(session: Session, tokens: Tokens, account_id: UUID, opened: repository.Opened, role: str) -> Grant:
    secret = crypto.new_secret()
    expires_at = _refresh_until(opened.created_at)
    await repository.keep(session, opened.id, crypto.digest(secret), expires_at)
    # No longer than its session: nobody renews what is over.
    lifetime = max(min(tokens.lifetime, expires_at - clock.now()), timedelta(0))
    return Grant(
        access_token=tokens.issue(
            account_id=account_id, session_id=opened.id, role=role, methods=opened.methods.split(), lifetime=lifetime
        ),
        refresh_token=secret,
        session_id=opened.id,
        access_seconds=int(lifetime.total_seconds()),
        refresh_seconds=int((expires_at - clock.now()).total_seconds()),
    )


def _refresh_until(began: datetime) -> datetime:
    """When a refresh token expires: unused for too long, or in a session that is too old, whichever comes first."""
    return min(clock.now() + settings().refresh_lifetime, began + settings().session_lifetime)
