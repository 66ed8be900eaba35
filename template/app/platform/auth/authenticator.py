"""Access tokens: the Authorization header holds one, unless another kind of credential begins differently."""

from collections.abc import Mapping
from typing import ClassVar

from fastapi import FastAPI

from app.kit import state
from app.kit.access import Principal, Refusal, Restrictions, Rule
from app.kit.authentication import Headers, Json
from app.kit.errors import AppError
from app.kit.tokens import InvalidToken, Tokens


class AccessTokens:
    """Knows callers by their access tokens."""

    bearer: ClassVar[bytes | None] = b""
    errors: ClassVar[tuple[type[AppError], ...]] = ()
    schemes: ClassVar[Mapping[str, Json]] = {
        "accessToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `access_token` of `POST /v1/auth/login`",
        }
    }

    def __init__(self, tokens: Tokens, restrictions: Restrictions) -> None:
        self._tokens: Tokens = tokens
        self._restrictions: Restrictions = restrictions

    def caller(self, _method: str, _headers: Headers, token: bytes) -> Principal | Refusal:
        """Whose token it is."""
        try:
            claims = self._tokens.verify(token)
        except InvalidToken as error:
            return Refusal(str(error))
        restriction = self._restrictions.of(claims.role, claims.amr)
        return Principal(claims.sub, claims.sid, claims.role, methods=claims.amr, restriction=restriction)

    def requirement(self, _rule: Rule, *, safe: bool) -> Mapping[str, list[str]] | None:
        """Every rule is satisfied by somebody who signed in."""
        del safe
        return {"accessToken": []}


def authenticator(app: FastAPI) -> AccessTokens:
    """Made once for a service."""
    return AccessTokens(state.find(app, Tokens), state.find(app, Restrictions))
