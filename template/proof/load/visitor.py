"""The base of every scenario: somebody who is signed in and does one thing at a time. Imports Locust."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol, cast
from urllib.parse import urlencode

# Locust first: it makes the standard library cooperative, and what is imported before it would block.
from locust import FastHttpUser
from locust.env import Environment

from proof.load.connection import Connection, Heard

Json = dict[str, object]

_FEWEST = 20
_MOST = 500
_PAGE = 100


class Answer(Protocol):
    """What is used of an answer."""

    status_code: int
    content: bytes | None


class _Client(Protocol):
    """The part of FastHttpSession that is used here; its own annotations are incomplete."""

    def request(  # noqa: PLR0913 - as Locust has it
        self,
        method: str,
        url: str,
        name: str,
        *,
        data: str | None,
        headers: dict[str, str],
        context: Mapping[str, object],
    ) -> Answer: ...


@dataclass
class Account:
    """A person with a token, and what of theirs is known: by the path of a noun, its keys and its pages."""

    token: str
    keys: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    cursors: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


@dataclass(frozen=True)
class Arrival:
    """A request that is due: the latency counts from then, not from when the generator got to it."""

    stage: int
    due: float


class Unprepared(Exception):
    """The service did not give what a scenario needs to begin."""


class Visitor(FastHttpUser):
    """One connection; whoever comes next and finds it idle uses it under their own account."""

    abstract: bool = True
    path: str = ""
    connection_timeout: float = 10.0
    network_timeout: float = 10.0
    concurrency: int = 1
    max_redirects: int = 0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.account: Account = Account("")
        self.arrival: Arrival | None = None
        self.operation: str = ""
        self.used: float = perf_counter()
        self.heard: Heard | None = None
        self.connection: Connection | None = None
        """What requests go over instead of Locust's client, where the generator must be far faster than the service."""

    def example(self) -> Json:
        """The body that makes a new one."""
        raise NotImplementedError

    def call(
        self, operation: str, *, body: Json | None = None, query: Mapping[str, str] | None = None, **path: str
    ) -> Answer:
        """Send one request: `call("GET /v1/items/{item_id}", item_id=…)`. The operation is its name in the report."""
        self.operation = operation
        method, template = operation.split(" ", 1)
        headers = {"Authorization": f"Bearer {self.account.token}"} if self.account.token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        target = template.format(**path) + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body)
        if self.connection is not None:
            self.heard = self.connection.ask(method, target, headers, data)
            return self.heard
        client = cast("_Client", cast("object", self.client))
        return client.request(method, target, operation, data=data, headers=headers, context={"visitor": self})

    def known(self) -> str:
        """The key of one that exists and is this account's."""
        return random.choice(self.account.keys[self.path])

    def one_of(self, other: "type[Visitor]", *, new: bool = False) -> str:
        """The key of one that another scenario is about, of this account: made where there is none, or a new one."""
        keys = self.account.keys.setdefault(other.path, [])
        if new or not keys:
            keys.append(str(self.given(self.call(f"POST {other.path}", body=other.example(self)))["id"]))
        return keys[-1] if new else random.choice(keys)

    def some_page(self) -> dict[str, str]:
        """What asks for the first page, or for one further back."""
        cursor = random.choice(["", *self.account.cursors[self.path]])
        return {"limit": "20"} | ({"cursor": cursor} if cursor else {})

    def prepare(self) -> None:
        """Learn which ones the account has and where its pages begin; make some when there are too few."""
        keys: list[str] = []
        cursors: list[str] = []
        more: object = ""
        while more is not None and len(keys) < _MOST:
            query = {"limit": str(_PAGE)} | ({"cursor": str(more)} if more else {})
            page = self.given(self.call(f"GET {self.path}", query=query))
            keys += [str(each["id"]) for each in cast("list[Json]", page["data"])]
            more = page["next_cursor"]
            cursors += [str(more)] if more else []
        while len(keys) < _FEWEST:
            keys.append(str(self.given(self.call(f"POST {self.path}", body=self.example()))["id"]))
        self.account.keys[self.path] = keys
        self.account.cursors[self.path] = cursors

    def given(self, answer: Answer) -> Json:
        """The object in an answer that has to be there before anything is measured."""
        if not 200 <= answer.status_code < 300 or not answer.content:  # noqa: PLR2004
            text = (answer.content or b"").decode(errors="replace")[:300]
            raise Unprepared(f"{self.operation} was answered {answer.status_code or 'not at all'}. {text}".strip())
        return cast("Json", json.loads(answer.content))

    def close(self) -> None:
        """Let the connection go."""
        if self.connection is not None:
            self.connection.close()
        cast("_Closable", cast("object", self.client.client)).close()


class _Closable(Protocol):
    def close(self) -> None: ...


class SignIn(Visitor):
    """Gets tokens the way that everybody does."""

    def token(self, email: str, password: str) -> tuple[str, int]:
        """An access token, and for how many seconds it holds."""
        pair = self.given(self.call("POST /v1/auth/login", body={"email": email, "password": password}))
        return str(pair["access_token"]), int(str(pair["expires_in"]))


Listener = Callable[..., None]


def listen(environment: Environment, listener: Listener) -> None:
    """Hear of every answer."""
    hook = cast("_Hook", cast("object", environment.events.request))
    hook.add_listener(listener)


class _Hook(Protocol):
    def add_listener(self, handler: Listener) -> object: ...
