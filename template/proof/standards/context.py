"""What a check may ask: the running service over HTTP, the database behind it, the log it writes, the reports."""

import asyncio
import re
import secrets
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv6Address
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar, cast
from uuid import UUID

import asyncpg
import httpx
from fastapi import FastAPI
from pydantic_core import from_json
from typing_extensions import override

from app.settings import Environment, settings
from proof.rig import admitting, execute

R = TypeVar("R")
Json = dict[str, object]

# That of the document's examples, so that what is made up from them is accepted.
PASSWORD = "correct horse battery 7"  # noqa: S105 - of accounts in a database that is thrown away
SOME_ID = "0190a0a0-0000-7000-8000-000000000000"
_SECONDS = 30.0
_LOG_SECONDS = 3.0

# The service is asked on this machine, without TLS; without this every client would load the certificates of the world.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


# What asks for a WebSocket (RFC 6455, 4.1); the key may be any 16 bytes.
_HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def filled(path: str) -> str:
    """A path with an id in every place for one, also where it is a part of a segment: `/v1/items/{item_id}.csv`."""
    return re.sub(r"\{[^}]*\}", SOME_ID, path)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the OpenAPI document."""

    method: str
    path: str
    spec: Json

    @property
    def name(self) -> str:
        """As a sentence names it: `GET /v1/items`."""
        return f"{self.method} {self.path}"

    @property
    def url(self) -> str:
        """Its path with an id in every place for one."""
        return filled(self.path)

    @property
    def public(self) -> str:
        """The reason why anyone may call it; empty when not everybody may."""
        reason = self.spec.get("x-public")
        return reason if isinstance(reason, str) else ""

    @property
    def unlimited(self) -> str:
        """The reason why it may be called without end; empty when it may not."""
        reason = self.spec.get("x-unlimited")
        return reason if isinstance(reason, str) else ""

    @property
    def content(self) -> Json:
        """What its body may be, by media type."""
        return node(node(self.spec.get("requestBody")).get("content"))

    @property
    def rate(self) -> str:
        """The rate of its own: requests, a slash, seconds; empty when it has none."""
        return str(node(self.spec.get("x-limits")).get("rate", ""))

    @property
    def attempts(self) -> bool:
        """Whether each call is an attempt at a secret."""
        return self.spec.get("x-attempts") is True


def _key(id: UUID) -> UUID:  # noqa: A002 - the column's name
    return id


class Client(httpx.Client):
    """Asks as any client does. Events may have no end: it takes how they begin, unless it asks by `stream`."""

    opens: bool = False
    """Whether it opens what is a WebSocket. That it was opened is a 200, and it is closed at once."""

    @override
    def send(self, request: httpx.Request, *, stream: bool = False, **options: object) -> httpx.Response:
        send = cast("Callable[..., httpx.Response]", super().send)
        answer = send(request, stream=True, **options)
        if stream:
            return answer
        if self.opens and answer.status_code == HTTPStatus.UPGRADE_REQUIRED:
            answer.close()
            request.headers.update(_HANDSHAKE)
            answer = send(request, stream=True, **options)
        is_open = answer.status_code == HTTPStatus.SWITCHING_PROTOCOLS
        if is_open or header(answer, "content-type").startswith("text/event-stream"):
            answer.close()
            status = HTTPStatus.OK if is_open else answer.status_code
            return httpx.Response(status, headers=answer.headers, request=answer.request)
        try:
            _ = answer.read()
        except BaseException:
            answer.close()
            raise
        return answer


@dataclass(frozen=True, slots=True)
class Answered:
    """One operation that was called, and what came back."""

    operation: str
    answer: httpx.Response

    def __str__(self) -> str:
        return f"{self.operation} ({self.answer.status_code})"


@dataclass(frozen=True, slots=True)
class Context:
    """The service that is measured."""

    url: str
    database: str
    """The address of a database that may be changed: it is thrown away afterwards."""
    log: Path
    """Where the standard output of the service goes."""
    root: Path
    reports: Path
    machine_token: str = ""
    """What the monitoring holds: METRICS_TOKEN."""
    database_tls: Sequence[str] = ()
    """The TLS version of each connection that the service opened to its database, where somebody watched."""

    def client(self, token: str | None = None) -> Client:
        """A client of the service, signed in when there is a token."""
        headers = {"X-Forwarded-For": new_address()}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return Client(base_url=self.url, headers=headers, timeout=_SECONDS, trust_env=False, verify=_NO_TLS)

    def document(self) -> Json:
        """The OpenAPI document as it is served, or as the code writes it where production keeps it to itself."""
        with self.client() as client:
            answer = client.get("/openapi.json")
        if answer.status_code == HTTPStatus.OK:
            return body(answer)
        from app.main import create_app

        return cast("Json", create_app().openapi())

    def operations(self) -> list[Operation]:
        """Every operation: those of the document, and those that it leaves out."""
        from app.http import openapi
        from app.main import create_app

        production = settings().model_copy(update={"environment": Environment.PRODUCTION})
        return operations(self.document()) + operations(openapi.document(create_app(production), hidden=True))

    def roles(self) -> list[str]:
        """The roles that the access rules name."""
        # Only where they are needed: these read the settings.
        from app.http.openapi import operations
        from app.kit.access import Rule
        from app.main import create_app

        rules = [rule for each in operations(create_app()) for rule in each.access if isinstance(rule, Rule)]
        return sorted({role for each in rules for role in each.roles})

    def admitted(self) -> dict[str, frozenset[str]]:
        """The roles that an operation is open to, by its name, where these are not all."""
        from app.main import create_app

        return admitted(create_app())

    def join(self, role: str | None = None) -> Json:
        """The credentials of a new account: with a role, or with the one that everybody begins with."""
        credentials: Json = {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
        with self.client() as anonymous:
            made = anonymous.post("/v1/accounts", json=credentials)
        if made.status_code != HTTPStatus.ACCEPTED:
            raise RuntimeError(f"nobody can sign up: {made.text}")
        index = settings().key_ring.digest("accounts.email_index", str(credentials["email"]))
        # Nobody can give themselves a role over HTTP.
        statement = "UPDATE accounts SET role = coalesce($1, role) WHERE email_index = $2 RETURNING id"
        account = self.rows(_key, statement, role, index)
        for statement in admitting():
            self.rows(_key, statement, account)
        return credentials

    def sign_up(self, role: str | None = None) -> Client:
        """The client of a new account, signed in."""
        credentials = self.join(role)
        with self.client() as anonymous:
            signed_in = anonymous.post("/v1/auth/login", json=credentials)
        if signed_in.status_code != HTTPStatus.OK:
            raise RuntimeError(f"nobody can sign in: {signed_in.text}")
        return self.client(str(body(signed_in)["access_token"]))

    def rows(self, into: Callable[..., R], statement: str, *arguments: object) -> list[R]:
        """What a query finds in the database behind the service."""
        return rows(self.database, into, statement, *arguments)

    def execute(self, *statements: str) -> None:
        """Run statements in the database behind the service, each by itself."""
        execute(self.database, *statements)

    def lines(self, request_id: str) -> list[Json]:
        """The log lines of a request, as soon as there is one; none when none comes."""
        end = monotonic() + _LOG_SECONDS
        while True:
            found = [line for line in self._log() if line.get("request_id") == request_id]
            # The line of the request itself is the last one of it.
            if monotonic() > end or any(line.get("event") == "request" for line in found):
                return found
            sleep(0.02)

    def _log(self) -> Iterator[Json]:
        for text in self.log.read_bytes().splitlines():
            if text.startswith(b"{") and text.endswith(b"}"):
                yield cast("Json", from_json(text))


def admitted(app: FastAPI) -> dict[str, frozenset[str]]:
    """The roles that an operation is open to, by its name, where these are not all."""
    from app.http.openapi import operations
    from app.kit.access import Rule

    return {
        f"{method} {route.path_format}": rule.roles
        for route in operations(app)
        for method in route.methods or ()
        for rule in route.access
        if isinstance(rule, Rule) and rule.roles
    }


def new_address() -> str:
    """An address that no other client has, so that nobody uses up the rate limit of another."""
    return str(IPv6Address((0x20010DB8 << 96) | (secrets.randbits(32) << 64) | 1))


def rows(url: str, into: Callable[..., R], statement: str, *arguments: object) -> list[R]:
    """What a query finds: `into` is called with the columns of each row by name."""

    async def run() -> list[R]:
        connection = await asyncpg.connect(url)
        try:
            found = await connection.fetch(statement, *arguments)
        finally:
            await connection.close()
        return [into(**cast("Json", dict(each))) for each in found]

    return asyncio.run(run())


def header(answer: httpx.Response, name: str) -> str:
    """One header of an answer; empty when it has none."""
    return cast("str", answer.headers.get(name, ""))


def body(answer: httpx.Response) -> Json:
    """The object that an answer holds; an empty one when it holds something else."""
    if "json" not in header(answer, "content-type"):
        return {}
    found = cast("object", answer.json())
    return cast("Json", found) if isinstance(found, dict) else {}


def operations(document: Json) -> list[Operation]:
    """Every operation of an OpenAPI document."""
    return [
        Operation(method.upper(), path, spec)
        for path, methods in cast("dict[str, dict[str, Json]]", document.get("paths", {})).items()
        for method, spec in methods.items()
    ]


def node(found: object) -> Json:
    """A node of a document as an object; an empty one when it is something else."""
    return cast("Json", found) if isinstance(found, dict) else {}


def entries(found: object) -> Sequence[Json]:
    """The objects of a list in a document."""
    several = cast("list[object]", found) if isinstance(found, list) else []
    return [cast("Json", each) for each in several if isinstance(each, dict)]


def resolved(schema: Json, document: Json) -> Json:
    """A schema, with its reference followed."""
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    target = document
    for step in reference.removeprefix("#/").split("/"):
        target = node(target.get(step))
    return target
