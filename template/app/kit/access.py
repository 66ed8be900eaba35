"""May they? One access rule for every operation, written as a parameter type."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from fastapi import Request
from fastapi.params import Depends

from app.kit.errors import AppError, Forbidden, NotFound, SecondFactorRequired, Unauthorized


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, as proved by what they sent."""

    account_id: UUID
    session_id: UUID | None
    """The session that they signed in with; None for a caller that has none."""
    role: str
    scopes: frozenset[str] | None = None
    """The permissions that their proof is limited to; None when it is good for whatever the role allows."""
    key_id: UUID | None = None
    """The API key that they showed; None for whoever signed in."""
    second_factor: bool = False
    """Whether a second factor was proved when the session, or the API key, was made."""
    must_enrol: bool = False
    """Whether a second factor is demanded of them and they have not proved one."""

    @property
    def counted_as(self) -> int:
        """Who this is to a rate limit: one account, however many sessions it has."""
        return self.account_id.int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nobody is asking: no token, one that does not hold, or one that another site's page may have sent."""

    detail: str
    kind: type[AppError] = Unauthorized


Caller = Principal | Refusal
NOBODY = Refusal("This needs an access token: send `Authorization: Bearer …`.")


class Rule:
    """An access rule as FastAPI calls it; who is asking was settled by http/authentication.py."""

    def __init__(self, permission: str, roles: frozenset[str], *, signed_in: bool, enrolling: bool) -> None:
        self.permission: str = permission
        self.roles: frozenset[str] = roles
        """Those that the permission is given to; empty where it is given to every role."""
        self.signed_in: bool = signed_in
        self.enrolling: bool = enrolling

    async def __call__(self, request: Request) -> Principal:
        """The caller, if they may."""
        caller = cast("Caller", request.scope["caller"])
        if isinstance(caller, Refusal):
            raise caller.kind(caller.detail)
        if self.roles and caller.role not in self.roles:
            raise Forbidden(f"Your role, {caller.role}, does not include {self.permission}.")
        if self.signed_in and caller.session_id is None:
            raise Forbidden("This is for somebody who signed in: an API key is not good for it.")
        if caller.must_enrol and not self.enrolling:
            raise SecondFactorRequired
        if caller.scopes is not None and self.permission not in caller.scopes:
            raise Forbidden(f"What you authenticated with is not good for {self.permission}.")
        return caller


class Public:
    """The rule of an operation that needs no caller, and the reason why it may be so."""

    def __init__(self, reason: str, *, attempts: bool = False, unlimited: str = "") -> None:
        self.reason: str = reason
        self.attempts: bool = attempts
        self.unlimited: str = unlimited

    async def __call__(self) -> None:
        """Nothing is asked of anyone."""


class StaticToken:
    """The rule of an operation for one machine that holds a token of its own; without a token it does not exist."""

    def __init__(self, token: Callable[[], str | None]) -> None:
        self._token: Callable[[], str | None] = token

    async def __call__(self, request: Request) -> None:
        """Refuse whoever does not hold the token."""
        token = self._token()
        if token is None:
            raise NotFound
        given = request.headers.get("authorization", "").encode()
        if not secrets.compare_digest(given, f"Bearer {token}".encode()):
            raise Unauthorized("This needs the token of the machine that it is for.")


AccessRule = Rule | Public | StaticToken


def require(permission: str, *roles: str, signed_in: bool = False, enrolling: bool = False) -> Rule:
    """Only callers whose role is one of `roles`, or whatever their role: `Depends(require("items:write"))`.

    `signed_in=True` refuses API keys: for what is about sessions, passwords and keys themselves. `enrolling=True` is
    for what somebody needs who has to set up a second factor first; everything else refuses them.
    """
    return Rule(permission, frozenset(roles), signed_in=signed_in, enrolling=enrolling)


def public(reason: str, *, attempts: bool = False, unlimited: str = "") -> Depends:
    """Anyone: `@router.post("/login", dependencies=[public("nobody has a token yet")])`.

    What takes a secret has the strict limit of attempts by itself. `attempts=True` gives it to what takes none and must
    not be tried at will either, such as asking for an e-mail. `unlimited` is the reason why an operation has no limit.
    """
    return Depends(Public(reason, attempts=attempts, unlimited=unlimited))
