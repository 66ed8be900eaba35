"""Who is asking? Answered for every request; whether they may is the access rule's question (kit/access.py).

The access token comes in the Authorization header, or else in a browser's cookie; an API key in the header alone. What
does not hold is no reason to refuse here: some operations are public, and one of them renews tokens.
"""

from collections.abc import Collection
from typing import cast

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.exchange import exchange_of
from app.kit import browser, state
from app.kit.access import NOBODY, Caller, Principal, Refusal
from app.kit.api_keys import PREFIX
from app.kit.errors import CrossSiteRefused
from app.kit.tokens import InvalidToken, Tokens
from app.platform.api_keys.verification import Keys

_SCHEME = b"bearer "
_NOT_YET_KNOWN = Refusal("The API key was not looked up.")


class Authentication:
    """Sets `scope["caller"]`: a `Principal`, or a `Refusal` that says why there is none."""

    def __init__(self, app: ASGIApp, *, tokens: Tokens, demanding: Collection[str]) -> None:
        self._app: ASGIApp = app
        self._tokens: Tokens = tokens
        self._demanding: Collection[str] = demanding

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["caller"] = self._caller(scope, exchange_of(scope).headers)
        await self._app(scope, receive, send)

    def _caller(self, scope: Scope, headers: browser.Headers) -> Caller:
        header = headers.get(b"authorization")
        if header is None:
            return self._browser(scope, headers)
        if header[: len(_SCHEME)].lower() != _SCHEME:
            return Refusal("The Authorization header is not of the form `Bearer …`.")
        shown = header[len(_SCHEME) :]
        return self._machine(scope, shown) if shown.startswith(PREFIX) else self._holder(shown)

    def _machine(self, scope: Scope, shown: bytes) -> Caller:
        caller = state.find(cast("FastAPI", scope["app"]), Keys).holder(shown)
        if caller is None:
            scope["api_key"] = shown
            return _NOT_YET_KNOWN
        return caller

    def _browser(self, scope: Scope, headers: browser.Headers) -> Caller:
        token = browser.access_token(headers)
        if token is None:
            return NOBODY
        caller = self._holder(token)
        if isinstance(caller, Refusal) or scope["method"] in browser.SAFE_METHODS:
            return caller
        if not browser.from_own_page(headers):
            return Refusal("A page of another site sent this: only a page of this one may.", CrossSiteRefused)
        session = caller.session_id
        if session is None or not self._tokens.is_csrf_token(browser.csrf_token(headers), session):
            return Refusal(
                f"The {browser.CSRF_HEADER} header does not hold this session's CSRF token: "
                "`GET /v1/auth/browser/csrf-token` tells it.",
                CrossSiteRefused,
            )
        return caller

    def _holder(self, token: bytes) -> Caller:
        try:
            claims = self._tokens.verify(token)
        except InvalidToken as error:
            return Refusal(str(error))
        proved = claims.second_factor
        must_enrol = not proved and claims.role in self._demanding
        return Principal(claims.sub, claims.sid, claims.role, second_factor=proved, must_enrol=must_enrol)
