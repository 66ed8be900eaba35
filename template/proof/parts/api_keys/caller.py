"""Fuzzing: a machine."""

from typing import cast

from app.platform.accounts.roles import MEMBER
from proof.fuzz.callers import Caller
from proof.standards.context import PASSWORD, Context, body, entries, operations

_SCHEME = "apiKey"


def caller(context: Context) -> Caller:
    """One whose key is good for all that keys of members are good for."""
    admitted = context.admitted()
    scopes = {
        scope
        for operation in operations(context.document())
        if MEMBER in admitted.get(operation.name, {MEMBER})
        for requirement in entries(operation.spec.get("security"))
        for scope in _scopes(requirement.get(_SCHEME))
    }

    def token() -> str:
        wanted = {"name": "A machine", "scopes": sorted(scopes), "password": PASSWORD}
        with context.sign_up() as owner:
            return str(body(owner.post("/v1/api-keys", json=wanted))["key"])

    return Caller("machine", _SCHEME, token, MEMBER)


def _scopes(required: object) -> list[str]:
    return cast("list[str]", required) if isinstance(required, list) else []
