"""Cookies as a credential: the access token in one, and a CSRF token with whatever changes something."""

from collections.abc import Mapping
from typing import ClassVar

from fastapi import FastAPI

from app.kit import state
from app.kit.access import Caller, Refusal, Restrictions, Rule
from app.kit.authentication import Headers, Json
from app.kit.errors import AppError
from app.platform.auth.tokens import AccessTokens, Tokens
from app.platform.browser.csrf import CsrfTokens
from app.platform.browser.errors import CrossSiteRefused
from app.platform.browser.pages import ACCESS_COOKIE, CSRF_HEADER, SAFE_METHODS, access_token, csrf_token, from_own_page
from app.settings import settings


class Cookies:
    """Knows callers by the cookies of their browsers."""

    bearer: ClassVar[bytes | None] = None
    errors: ClassVar[tuple[type[AppError], ...]] = (CrossSiteRefused,)
    schemes: ClassVar[Mapping[str, Json]] = {
        "browserSession": {
            "type": "apiKey",
            "in": "cookie",
            "name": ACCESS_COOKIE,
            "description": "Set by `POST /v1/auth/browser/login`",
        },
        "csrfToken": {
            "type": "apiKey",
            "in": "header",
            "name": CSRF_HEADER,
            "description": "The `csrf_token` of `POST /v1/auth/browser/login`, for whatever is not a GET",
        },
    }

    def __init__(self, tokens: AccessTokens, csrf: CsrfTokens) -> None:
        self._tokens: AccessTokens = tokens
        self._csrf: CsrfTokens = csrf

    def caller(self, method: str, headers: Headers, _token: bytes) -> Caller | None:
        """Whose cookies they are, if a page of this site sent them."""
        token = access_token(headers)
        if token is None:
            return None
        caller = self._tokens.caller(method, headers, token)
        if isinstance(caller, Refusal) or method in SAFE_METHODS:
            return caller
        if not from_own_page(headers):
            return Refusal("A page of another site sent this: only a page of this one may.", CrossSiteRefused)
        session = caller.session_id
        if session is None or not self._csrf.holds(csrf_token(headers), session):
            return Refusal(
                f"The {CSRF_HEADER} header does not hold this session's CSRF token: "
                "`GET /v1/auth/browser/csrf-token` tells it.",
                CrossSiteRefused,
            )
        return caller

    def requirement(self, _rule: Rule, *, safe: bool) -> Mapping[str, list[str]] | None:
        """The cookie, and the CSRF token with whatever changes something."""
        return {"browserSession": []} if safe else {"browserSession": [], "csrfToken": []}


def authenticator(app: FastAPI) -> Cookies:
    """Made once for a service."""
    csrf = CsrfTokens(bytes.fromhex(seed.get_secret_value()) for seed in settings().auth_signing_keys)
    state.keep(app, csrf)
    return Cookies(AccessTokens(state.find(app, Tokens), state.find(app, Restrictions)), csrf)
