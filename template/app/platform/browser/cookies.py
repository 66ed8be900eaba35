"""A session in a browser's cookies: neither a script nor another site gets at them."""

from typing import Annotated

from fastapi import Cookie, Response
from pydantic import SecretStr

from app.platform.auth.service import Grant
from app.platform.browser.csrf import CsrfTokens
from app.platform.browser.pages import ACCESS_COOKIE
from app.platform.browser.schemas import BrowserSession

# Sent to the three operations that need it and to no other; a path rules the prefix `__Host-` out.
REFRESH_COOKIE = "__Secure-refresh"
PATH = "/v1/auth/browser"

RefreshCookie = Annotated[
    SecretStr | None,
    Cookie(alias=REFRESH_COOKIE, max_length=100, description="Set by `POST /v1/auth/browser/login`"),
]


def given(response: Response, grant: Grant, csrf: CsrfTokens) -> BrowserSession:
    """Put the tokens into cookies; the page gets what it has to send back by hand."""
    _set(response, ACCESS_COOKIE, grant.access_token, grant.access_seconds, "/")
    _set(response, REFRESH_COOKIE, grant.refresh_token, grant.refresh_seconds, PATH)
    return BrowserSession(csrf_token=csrf.of(grant.session_id), expires_in=grant.access_seconds)


def cleared(response: Response) -> None:
    """Make the browser forget both cookies."""
    _set(response, ACCESS_COOKIE, "", 0, "/")
    _set(response, REFRESH_COOKIE, "", 0, PATH)


def _set(response: Response, name: str, value: str, seconds: int, path: str) -> None:
    response.set_cookie(name, value, max_age=seconds, path=path, secure=True, httponly=True, samesite="strict")
