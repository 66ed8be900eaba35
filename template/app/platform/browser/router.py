"""Sessions in browsers over HTTP."""

from fastapi import Response

from app.adapters.database import Reader, Session
from app.kit import routing
from app.kit.errors import answers
from app.kit.passwords import Hasher
from app.kit.tokens import Issuer
from app.platform.attempts.service import Guesses
from app.platform.auth import service
from app.platform.auth.access import RENEW, SIGN_IN, CanReadOwnSessions
from app.platform.auth.challenges import LOGIN_ERRORS, LoginBody
from app.platform.auth.devices import CurrentDevice
from app.platform.auth.errors import NoSession, RefreshTokenRefused, RefreshTokenReused
from app.platform.browser import cookies
from app.platform.browser.access import FROM_OWN_PAGE
from app.platform.browser.cookies import RefreshCookie
from app.platform.browser.csrf import Csrf
from app.platform.browser.errors import CrossSiteRefused
from app.platform.browser.schemas import BrowserSession, CsrfToken

router = routing.router("/v1/auth/browser", "auth")


@router.post(
    "/login",
    dependencies=[SIGN_IN, FROM_OWN_PAGE],
    responses=answers(*LOGIN_ERRORS, CrossSiteRefused),
)
async def log_in_browser(  # noqa: PLR0913 - what it takes to sign in
    data: LoginBody,
    *,
    session: Session,
    reader: Reader,
    passwords: Hasher,
    issuer: Issuer,
    device: CurrentDevice,
    guesses: Guesses,
    csrf: Csrf,
    response: Response,
) -> BrowserSession:
    """Sign in from a page of this site.

    The tokens go into cookies that no script can read. Send `csrf_token` as `X-CSRF-Token` with whatever is not a GET.
    """
    grant = await service.login(session, reader, passwords, issuer, data, device=device, guesses=guesses)
    return cookies.given(response, grant, csrf)


@router.post(
    "/refresh",
    dependencies=[RENEW, FROM_OWN_PAGE],
    responses=answers(RefreshTokenRefused, RefreshTokenReused, CrossSiteRefused),
)
async def refresh_browser(
    session: Session, issuer: Issuer, csrf: Csrf, response: Response, refresh_token: RefreshCookie = None
) -> BrowserSession:
    """Renew the cookies.

    Each refresh token is good for one use, so let one tab at a time do it: `navigator.locks.request("refresh", …)`.
    """
    secret = refresh_token.get_secret_value() if refresh_token else ""
    return cookies.given(response, await service.refresh(session, issuer, secret), csrf)


@router.post("/logout", status_code=204, dependencies=[RENEW, FROM_OWN_PAGE], responses=answers(CrossSiteRefused))
async def log_out_browser(
    session: Session, issuer: Issuer, response: Response, refresh_token: RefreshCookie = None
) -> None:
    """Sign out and clear the cookies.

    Needs no access token: signing out works after it has expired, too.
    """
    cookies.cleared(response)
    if refresh_token:
        await service.logout_with(session, issuer, refresh_token.get_secret_value())


@router.get("/csrf-token", responses=answers(NoSession))
async def read_csrf_token(caller: CanReadOwnSessions, csrf: Csrf) -> CsrfToken:
    """Read this session's CSRF token.

    For a page that was loaded anew: it has the cookies, and forgot the token.
    """
    return CsrfToken(csrf_token=csrf.of(service.session_of(caller)))
