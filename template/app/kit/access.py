"""May they? One access rule for every operation, written as a parameter type; and what is kept of who it was."""

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, Self, cast
from uuid import UUID

from fastapi import Request
from fastapi.params import Depends
from starlette.types import Scope

from app.kit import logging
from app.kit.errors import AppError, Forbidden, NotFound, Unauthorized


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, as proved by what they sent."""

    account_id: UUID
    session_id: UUID | None
    """The session that they signed in with; None for a caller that has none."""
    role: str
    scopes: frozenset[str] | None = None
    """The permissions that their credential is limited to; None when it grants whatever the role allows."""
    credential_id: UUID | None = None
    """What they showed in place of a session; None for whoever signed in."""
    methods: frozenset[str] = frozenset()
    """How they proved who they are, as RFC 8176 names it, when the session or the credential was made."""
    restriction: type[AppError] | None = None
    """What keeps them from everything but its remedy."""

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
NOBODY = Refusal("An access token is required: send `Authorization: Bearer …`.")


class Rule:
    """An access rule as FastAPI calls it; who is asking was settled by http/authentication.py."""

    def __init__(self, permission: str, roles: frozenset[str], *, signed_in: bool, restricted: bool) -> None:
        self.permission: str = permission
        self.roles: frozenset[str] = roles
        """Those that the permission is given to; empty where it is given to every role."""
        self.signed_in: bool = signed_in
        self.restricted: bool = restricted

    async def __call__(self, request: Request) -> Principal:
        """The caller, if they may."""
        caller = cast("Caller", request.scope["caller"])
        if isinstance(caller, Refusal):
            raise caller.kind(caller.detail)
        if self.roles and caller.role not in self.roles:
            raise Forbidden(f"The role {caller.role} does not include `{self.permission}`.")
        if self.signed_in and caller.session_id is None:
            raise Forbidden("This requires a session: sign in first.")
        if caller.restriction is not None and not self.restricted:
            raise caller.restriction
        if caller.scopes is not None and self.permission not in caller.scopes:
            raise Forbidden(f"This credential does not grant `{self.permission}`.")
        return caller


class Restriction(Protocol):
    """What keeps a caller from everything but its remedy. A noun offers it in `restriction.py`."""

    error: type[AppError]

    def applies(self, role: str, methods: frozenset[str]) -> bool:
        """Whether it concerns a caller of this role who has proved these methods of authentication (RFC 8176)."""
        ...


class Restrictions:
    """Every restriction of this service."""

    def __init__(self, every: Iterable[Restriction]) -> None:
        self._every: tuple[Restriction, ...] = tuple(every)

    @property
    def errors(self) -> tuple[type[AppError], ...]:
        """What they may answer."""
        return tuple(each.error for each in self._every)

    def of(self, role: str, methods: frozenset[str]) -> type[AppError] | None:
        """The first one that applies to a caller."""
        return next((each.error for each in self._every if each.applies(role, methods)), None)


class Declaration:
    """What is written among the dependencies of an operation to be read, and not to be run."""

    async def __call__(self) -> None:
        """Nothing is asked of anyone."""


class Public(Declaration):
    """The rule of an operation that needs no caller, and the reason why it may be so."""

    def __init__(self, reason: str, *, attempts: bool = False, unlimited: str = "") -> None:
        self.reason: str = reason
        self.attempts: bool = attempts
        self.unlimited: str = unlimited


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
            raise Unauthorized("A valid token for this operation is required.")


AccessRule = Rule | Public | StaticToken


async def admit(rules: Iterable[AccessRule], scope: Scope) -> None:
    """Refuse whoever may not use an operation, as its access rule says."""
    for rule in rules:
        if not isinstance(rule, Public):
            _ = await rule(Request(scope))


def require(permission: str, *roles: str, signed_in: bool = False, restricted: bool = False) -> Rule:
    """Only callers whose role is one of `roles`, or whatever their role: `Depends(require("items:write"))`.

    `signed_in=True` refuses credentials that stand in for a person: for what is about sessions and credentials
    themselves. `restricted=True` lets callers in who are kept from everything else: for what lifts the restriction.
    """
    return Rule(permission, frozenset(roles), signed_in=signed_in, restricted=restricted)


def public(reason: str, *, attempts: bool = False, unlimited: str = "") -> Depends:
    """Anyone: `@router.post("/login", dependencies=[public("nobody has a token yet")])`.

    What takes a secret has the strict limit of attempts by itself. `attempts=True` gives it to what takes none and must
    not be tried at will either, such as asking for an e-mail. `unlimited` is the reason why an operation has no limit.
    """
    return Depends(Public(reason, attempts=attempts, unlimited=unlimited))


# What may stand in a statement as it is. Whatever has another form is left out rather than quoted.
_PLAIN = re.compile(r"[A-Za-z0-9._:/-]{1,64}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks, in which session or with which key, in which request, from which address; what nobody knows is None."""

    account_id: UUID | None = None
    credential_id: UUID | None = None
    request_id: str | None = None
    address: str | None = None

    @classmethod
    def of(cls, request: Request) -> Self:
        """The origin of what a request changes."""
        caller = cast("Caller | None", request.scope.get("caller"))
        who = caller if isinstance(caller, Principal) else None
        address = cast("str | None", request.scope.get("kept_address"))
        return cls(
            who.account_id if who else None,
            (who.session_id or who.credential_id) if who else None,
            _plain(logging.request_id.get()),
            _plain(address),
        )

    @property
    def text(self) -> str:
        """Four words that need no quoting, with `-` for what nobody knows."""
        return f"{self.account_id or '-'} {self.credential_id or '-'} {self.request_id or '-'} {self.address or '-'}"


def _plain(word: str | None) -> str | None:
    # A lone hyphen is how nothing is written.
    return word if word is not None and word != "-" and _PLAIN.fullmatch(word) else None
