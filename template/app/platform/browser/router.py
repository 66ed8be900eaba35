"""Sessions in browsers over HTTP."""

from fastapi import Response

from app.adapters.database import Reader, Session
from app.kit import routing
from app.kit.errors import answers
from app.platform.accounts.dependencies import Passwords
from app.platform.attempts.dependencies import AttemptCounter
from app.platform.auth import service, token_logout
from app.platform.auth.access import RENEW, SIGN_IN, CanReadOwnSessions
from app.platform.auth.challenges import LOGIN_ERRORS, LoginBody
from app.platform.auth.dependencies import Device, Tokens
from app.platform.auth.errors import NoSession, RefreshTokenRefused, RefreshTokenReused
from app.platform.browser import cookies
from app.platform.browser.access import FROM_OWN_PAGE
from app.platform.browser.cookies import RefreshCookie
from app.platform.browser.dependencies import CsrfTokens
from app.platform.browser.errors import CrossSiteRefused
from app.platform.browser.schemas import BrowserSession, CsrfToken

router = routing.router("/v1/auth/browser", "auth")


@router.post(
    "/login",
    dependencies=[SIGN_IN, FROM_OWN_PAGE],
    responses=answers(*LOGIN_ERRORS, CrossSiteRefused),
)
async def log_in_browser(
    data: LoginBody,
    *,
    session: Session,
    reader: Reader,
    passwords: Passwords,
    tokens: Tokens,
    device: Device,
    guesses: AttemptCounter,
    csrf: CsrfTokens,
    response: Response,
) -> BrowserSession:
    """Sign in from a page of this site.

    The tokens go into cookies that no script can read. Send `csrf_token` as `X-CSRF-Token` with whatever is not a GET.
    """
    grant = await service.login(session, reader, passwords, tokens, data, device=device, guesses=guesses)
    return cookies.given(response, grant, csrf)


@router.post(
    "/refresh",
    dependencies=[RENEW, FROM_OWN_PAGE],
    responses=answers(RefreshTokenRefused, RefreshTokenReused, CrossSiteRefused),
)
async def refresh_browser(
    session: Session, tokens: Tokens, csrf: CsrfTokens, response: Response, refresh_token: RefreshCookie = None
) -> BrowserSession:
    """Renew the cookies.

    Each refresh token is good for one use, so let one tab at a time do it: `navigator.locks.request("refresh", …)`.
    """
    secret = refresh_token.get_secret_value() if refresh_token else ""
    return cookies.given(response, await service.refresh(session, tokens, secret), csrf)


@router.post("/logout", status_code=204, dependencies=[RENEW, FROM_OWN_PAGE], responses=answers(CrossSiteRefused))
async def log_out_browser(
    session: Session, tokens: Tokens, response: Response, refresh_token: RefreshCookie = None
) -> None:
    """Sign out and clear the cookies.

    Needs no access token: signing out works after it has expired, too.
    """
    cookies.cleared(response)
    if refresh_token:
        await token_logout.logout(session, tokens, refresh_token.get_secret_value())


@router.get("/csrf-token", responses=answers(NoSession))
async def read_csrf_token(caller: CanReadOwnSessions, csrf: CsrfTokens) -> CsrfToken:
    """Read this session's CSRF token.

    For a page that was loaded anew: it has the cookies, and forgot the token.
    """
    return CsrfToken(csrf_token=csrf.of(service.session_of(caller)))
