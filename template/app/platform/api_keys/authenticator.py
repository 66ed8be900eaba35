"""API keys as a credential: bearer tokens that begin with the name of this service."""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from fastapi import FastAPI

from app.kit import logging, state
from app.kit.access import Caller, Rule
from app.kit.authentication import Headers, Json, LookUp
from app.kit.errors import AppError
from app.platform.api_keys.keys import FORM, PREFIX
from app.platform.api_keys.verification import Keys


class ApiKeys:
    """Knows callers by their API keys: by those that this worker has verified lately, else by the database."""

    bearer: ClassVar[bytes | None] = PREFIX
    errors: ClassVar[tuple[type[AppError], ...]] = ()
    schemes: ClassVar[Mapping[str, Json]] = {
        "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": f"{PREFIX.decode()}…",
            "description": "The `key` of `POST /v1/api-keys`, with the scope that is named here",
        }
    }

    def __init__(self, app: FastAPI) -> None:
        self._app: FastAPI = app

    def caller(self, _method: str, _headers: Headers, token: bytes) -> Caller | LookUp:
        """Whose key it is."""
        keys = state.find(self._app, Keys)
        return keys.holder(token) or LookUp(partial(keys.look_up, token))

    def requirement(self, rule: Rule, *, safe: bool) -> Mapping[str, list[str]] | None:
        """The scope that a key needs, by the permission's name."""
        del safe
        return None if rule.signed_in else {"apiKey": [rule.permission]}


def authenticator(app: FastAPI) -> ApiKeys:
    """Made once for a service."""
    logging.writer.forms |= {FORM}
    return ApiKeys(app)
