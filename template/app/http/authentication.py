"""Who is asking? Answered for every request; whether they may is the access rule's question (kit/access.py).

A token that does not hold is no reason to refuse here: some operations are public, and one of them renews tokens.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.exchange import exchange_of
from app.kit.access import NOBODY, Caller, Principal, Refusal
from app.kit.tokens import InvalidToken, Tokens

_SCHEME = b"bearer "
_LONGEST = 4096


class Authentication:
    """Sets `scope["caller"]`: a `Principal`, or a `Refusal` that says why there is none."""

    def __init__(self, app: ASGIApp, *, tokens: Tokens) -> None:
        self._app: ASGIApp = app
        self._tokens: Tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            exchange = exchange_of(scope)
            scope["caller"] = self._caller(exchange.headers.get(b"authorization"))
        await self._app(scope, receive, send)

    def _caller(self, header: bytes | None) -> Caller:
        if header is None:
            return NOBODY
        if header[: len(_SCHEME)].lower() != _SCHEME or len(header) > _LONGEST:
            return Refusal("The Authorization header is not of the form `Bearer …`.")
        try:
            claims = self._tokens.verify(header[len(_SCHEME) :])
        except InvalidToken as error:
            return Refusal(str(error))
        return Principal(claims.sub, claims.sid, claims.role)
