"""Who is asking? Each kind of credential answers for itself; http/authentication.py asks them all."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from starlette.types import Scope

from app.kit.access import AccessRule, Caller, Restrictions, Rule, admit
from app.kit.errors import AppError, Forbidden, Unauthorized

Headers = Mapping[bytes, bytes]
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class LookUp:
    """Who is asking stands in a store: it is asked only after the request was counted by its address."""

    find: Callable[[], Awaitable[Caller]]


@dataclass(frozen=True, slots=True)
class Identification:
    """Tells who is asking; the service keeps one, for whatever goes on after its request was let in."""

    caller: Callable[[str, Headers], Caller | LookUp]
    """Who is asking, by the method and the header fields of a request."""

    async def again(self, rules: Iterable[AccessRule], scope: Scope) -> None:
        """Let whoever was let in stay; raises what the same request would be answered now."""
        headers = dict(cast("list[tuple[bytes, bytes]]", scope["headers"]))
        caller = self.caller(cast("str", scope["method"]), headers)
        scope["caller"] = await caller.find() if isinstance(caller, LookUp) else caller
        await admit(rules, scope)


class Authenticator(Protocol):
    """One kind of credential. A noun offers it in `authenticator.py`: `def authenticator(app: FastAPI) -> …`."""

    bearer: bytes | None
    """What its bearer tokens begin with, empty for any; None for what comes in no Authorization header."""
    errors: tuple[type[AppError], ...]
    """What it may answer, beside Unauthorized and Forbidden."""
    schemes: Mapping[str, Json]
    """Its OpenAPI security schemes, by name."""

    def caller(self, method: str, headers: Headers, token: bytes) -> Caller | LookUp | None:
        """Who is asking; None when the request shows no such credential. `token` is empty where `bearer` is None."""
        ...

    def requirement(self, rule: Rule, *, safe: bool) -> Mapping[str, list[str]] | None:
        """What satisfies a rule, as OpenAPI writes it; None when no credential of this kind does."""
        ...


class Authenticators:
    """Every kind of credential that this service knows."""

    def __init__(self, every: Iterable[Authenticator], restrictions: Restrictions) -> None:
        self._every: tuple[Authenticator, ...] = tuple(every)
        # The longest beginning first: what begins with nothing in particular takes the rest.
        bearers = [(each.bearer, each) for each in self._every if each.bearer is not None]
        self.bearers: list[tuple[bytes, Authenticator]] = sorted(bearers, key=lambda each: -len(each[0]))
        self.others: list[Authenticator] = [each for each in self._every if each.bearer is None]
        self.errors: tuple[type[AppError], ...] = (
            Unauthorized,
            Forbidden,
            *(error for each in self._every for error in each.errors),
            *restrictions.errors,
        )
        """What any operation that needs a caller may answer."""

    @property
    def schemes(self) -> Json:
        """The OpenAPI security schemes of all kinds."""
        return {name: scheme for each in self._every for name, scheme in each.schemes.items()}

    def requirements(self, rules: Iterable[object], *, safe: bool) -> list[Mapping[str, list[str]]]:
        """What satisfies the access rules of an operation, one entry for each kind of credential that does."""
        wanted = [rule for rule in rules if isinstance(rule, Rule)]
        found = [each.requirement(rule, safe=safe) for rule in wanted for each in self._every]
        return [each for each in found if each is not None]
