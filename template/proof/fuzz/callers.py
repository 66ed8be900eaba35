"""Who asks: nobody, an account of each role, whoever the parts know, and the monitoring."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import cast

from app.kit.discovery import modules
from app.platform.accounts.roles import MEMBER
from proof import parts
from proof.standards.context import Context, Operation, body, entries, new_address


@dataclass
class Caller:
    """Somebody who asks, with a credential that is replaced when it holds no longer."""

    name: str
    scheme: str = ""
    """What the document calls the credential; empty for nobody."""
    token: Callable[[], str] = str
    """Makes a new one."""
    role: str = ""
    seen: dict[str, str] = field(default_factory=dict[str, str])
    """The id of something that it has, by the path that it was made or read at."""
    _headers: dict[str, str] = field(default_factory=dict[str, str])

    def headers(self) -> Mapping[str, str]:
        """What goes with each of its requests: from an address of its own, as no limit is what is tried here."""
        if self.scheme and not self._headers:
            self._headers = {"Authorization": f"Bearer {self.token()}"}
        # Pages of the service itself say so; without it, what is for browsers alone refuses everything.
        return {"X-Forwarded-For": new_address(), "Sec-Fetch-Site": "same-origin", **self._headers}

    def renew(self) -> None:
        """Begin anew: the session was ended, the account erased or disabled, its limit used up."""
        self._headers.clear()
        self.seen.clear()

    def may(self, operation: Operation, admitted: Mapping[str, frozenset[str]]) -> bool:
        """Whether the operation is open to it, by its credential and by its role."""
        if not self.scheme:
            return bool(operation.public)
        roles = admitted.get(operation.name)
        accepted = {name for each in entries(operation.spec.get("security")) for name in each}
        return self.scheme in accepted and (not self.role or roles is None or self.role in roles)


def callers(context: Context) -> list[Caller]:
    """Everybody who can ask, once each; who may do less comes first."""
    return [
        Caller("nobody"),
        *(Caller(role, "accessToken", partial(_signed_in, context, role), role) for role in _roles(context)),
        *(_of_part(each)(context) for each in modules(parts, "caller")),
        Caller("monitoring", "machineToken", lambda: context.machine_token),
    ]


def _of_part(module: ModuleType) -> Callable[[Context], Caller]:
    return cast("Callable[[Context], Caller]", module.caller)


def _roles(context: Context) -> list[str]:
    return [MEMBER, *(each for each in context.roles() if each != MEMBER)]


def _signed_in(context: Context, role: str) -> str:
    credentials = context.join(role)
    with context.client() as client:
        # Twice, so that there is more than one session to be seen.
        answers = [client.post("/v1/auth/login", json=credentials) for _ in range(2)]
    return str(body(answers[-1])["access_token"])
