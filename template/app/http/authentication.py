"""Who is asking? Answered for every request; whether they may is the access rule's question (kit/access.py).

What is not valid is no reason to refuse here: some operations are public, and one of them renews tokens.
"""

from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.exchange import exchange_of
from app.kit.access import NOBODY, Caller, Refusal
from app.kit.authentication import Authenticators, Headers, LookUp

_SCHEME = b"bearer "
_NOT_A_BEARER = Refusal("The Authorization header must have the form `Bearer …`.")
_UNKNOWN_KIND = Refusal("This service does not know this kind of credential.")


class Authentication:
    """Sets `scope["caller"]`: a `Principal`, a `Refusal` that says why there is none, or a `LookUp`."""

    def __init__(self, app: ASGIApp, *, authenticators: Authenticators) -> None:
        self._app: ASGIApp = app
        self._authenticators: Authenticators = authenticators

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["caller"] = self.caller(cast("str", scope["method"]), exchange_of(scope).headers)
        await self._app(scope, receive, send)

    def caller(self, method: str, headers: Headers) -> Caller | LookUp:
        """Who is asking, by the header fields of a request."""
        header = headers.get(b"authorization")
        if header is None:
            for each in self._authenticators.others:
                if (caller := each.caller(method, headers, b"")) is not None:
                    return caller
            return NOBODY
        if header[: len(_SCHEME)].lower() != _SCHEME:
            return _NOT_A_BEARER
        token = header[len(_SCHEME) :]
        for beginning, each in self._authenticators.bearers:
            if token.startswith(beginning):
                return each.caller(method, headers, token) or _UNKNOWN_KIND
        return _UNKNOWN_KIND


class LookUps:
    """Looks up who is asking, where a credential could not tell by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: ASGIApp = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = cast("object", scope.get("caller"))
        if isinstance(caller, LookUp):
            scope["caller"] = await caller.find()
        await self._app(scope, receive, send)
