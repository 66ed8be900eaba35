"""Signing in over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from app.adapters.database import Reader, Session
from app.kit import routing
from app.kit.errors import CrossSiteRefused, answers
from app.kit.pagination import Cursor, Limit, Page
from app.kit.passwords import Hasher
from app.kit.tokens import Issuer
from app.platform.accounts import gates
from app.platform.attempts.errors import TooManyAttempts
from app.platform.attempts.service import Guesses
from app.platform.auth import cookies, service
from app.platform.auth.access import (
    FROM_OWN_PAGE,
    RENEW,
    SIGN_IN,
    CanEndOwnSessions,
    CanReadOwnSessions,
    CanSignOut,
)
from app.platform.auth.cookies import RefreshCookie
from app.platform.auth.devices import CurrentDevice
from app.platform.auth.errors import (
    AccountDisabled,
    NoSession,
    RefreshTokenRefused,
    RefreshTokenReused,
    SessionNotFound,
    WrongCredentials,
)
from app.platform.auth.schemas import BrowserSession, CsrfToken, Login, Refresh, SessionRead, TokenPair
from app.platform.second_factor.errors import SecondFactorNeeded, WrongCode

router = routing.router("/v1/auth", "auth")


@router.post(
    "/login",
    dependencies=[SIGN_IN],
    responses=answers(
        WrongCredentials, SecondFactorNeeded, WrongCode, *gates.errors(), AccountDisabled, TooManyAttempts
    ),
)
async def log_in(  # noqa: PLR0913 - what it takes to sign in
    data: Login,
    *,
    session: Session,
    reader: Reader,
    passwords: Hasher,
    issuer: Issuer,
    device: CurrentDevice,
    guesses: Guesses,
) -> TokenPair:
    """Sign in.

    Answers an access token for `Authorization: Bearer …` and a refresh token that renews it. The page of a browser
    signs in with `POST /v1/auth/browser/login` instead. After several wrong passwords the next attempt has to wait, as
    `Retry-After` says. An account with a second factor needs `code`, too: without it the answer is
    `second-factor-needed`.
    """
    grant = await service.login(session, reader, passwords, issuer, data, device=device, guesses=guesses)
    return service.pair(grant)


@router.post("/refresh", dependencies=[RENEW], responses=answers(RefreshTokenRefused, RefreshTokenReused))
async def refresh_session(data: Refresh, session: Session, issuer: Issuer) -> TokenPair:
    """Trade a refresh token for a new pair.

    Each refresh token is good for one use. A second use means that somebody has a copy: the whole session ends.
    """
    return service.pair(await service.refresh(session, issuer, data.refresh_token.get_secret_value()))


@router.post("/logout", status_code=204, responses=answers(NoSession))
async def log_out(caller: CanSignOut, session: Session, issuer: Issuer) -> None:
    """Sign out.

    Ends this session: all of its tokens are refused, by every instance within two seconds.
    """
    return await service.logout(session, issuer, caller)


@router.get("/sessions")
async def list_sessions(
    caller: CanReadOwnSessions, reader: Reader, limit: Limit = 20, cursor: Cursor = None
) -> Page[SessionRead]:
    """List your open sessions.

    Newest first. End one that you do not recognise, and change your password.
    """
    return await service.sessions(reader, limit, cursor, caller)


@router.delete("/sessions/{session_id}", status_code=204, responses=answers(SessionNotFound))
async def end_session(session_id: UUID, caller: CanEndOwnSessions, session: Session, issuer: Issuer) -> None:
    """End one of your sessions.

    All of its tokens are refused, by every instance within two seconds.
    """
    return await service.end_one(session, issuer, session_id, caller)


@router.delete("/sessions", status_code=204)
async def end_sessions(
    caller: CanEndOwnSessions,
    session: Session,
    issuer: Issuer,
    keep_current: Annotated[bool, Query(description="Whether the session of this request stays open")] = False,  # noqa: FBT002 - a query parameter has a name
) -> None:
    """End all of your sessions.

    Signs you out everywhere, here too unless `keep_current` is true.
    """
    return await service.end_all(session, issuer, caller.account_id, caller.session_id if keep_current else None)


@router.post(
    "/browser/login",
    dependencies=[SIGN_IN, FROM_OWN_PAGE],
    responses=answers(
        WrongCredentials,
        SecondFactorNeeded,
        WrongCode,
        *gates.errors(),
        AccountDisabled,
        TooManyAttempts,
        CrossSiteRefused,
    ),
)
async def log_in_browser(  # noqa: PLR0913 - what it takes to sign in
    data: Login,
    *,
    session: Session,
    reader: Reader,
    passwords: Hasher,
    issuer: Issuer,
    device: CurrentDevice,
    guesses: Guesses,
    response: Response,
) -> BrowserSession:
    """Sign in from a page of this site.

    The tokens go into cookies that no script can read. Send `csrf_token` as `X-CSRF-Token` with whatever is not a GET.
    """
    grant = await service.login(session, reader, passwords, issuer, data, device=device, guesses=guesses)
    return cookies.given(response, grant)


@router.post(
    "/browser/refresh",
    dependencies=[RENEW, FROM_OWN_PAGE],
    responses=answers(RefreshTokenRefused, RefreshTokenReused, CrossSiteRefused),
)
async def refresh_browser(
    session: Session, issuer: Issuer, response: Response, refresh_token: RefreshCookie = None
) -> BrowserSession:
    """Renew the cookies.

    Each refresh token is good for one use, so let one tab at a time do it: `navigator.locks.request("refresh", …)`.
    """
    secret = refresh_token.get_secret_value() if refresh_token else ""
    return cookies.given(response, await service.refresh(session, issuer, secret))


@router.post(
    "/browser/logout", status_code=204, dependencies=[RENEW, FROM_OWN_PAGE], responses=answers(CrossSiteRefused)
)
async def log_out_browser(
    session: Session, issuer: Issuer, response: Response, refresh_token: RefreshCookie = None
) -> None:
    """Sign out and clear the cookies.

    Needs no access token: signing out works after it has expired, too.
    """
    cookies.cleared(response)
    if refresh_token:
        await service.logout_with(session, issuer, refresh_token.get_secret_value())


@router.get("/browser/csrf-token", responses=answers(NoSession))
async def read_csrf_token(caller: CanReadOwnSessions, issuer: Issuer) -> CsrfToken:
    """Read this session's CSRF token.

    For a page that was loaded anew: it has the cookies, and forgot the token.
    """
    return service.csrf_token(issuer, caller)
