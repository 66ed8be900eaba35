"""Every attack on every operation of the OpenAPI document, those of tomorrow's nouns included: nothing is listed here.

A body is made from its schema, an id by the POST of the operation's own noun (samples.py). Where the document says too
little for that, the walk fails and says what is missing.
"""

import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from http import HTTPStatus
from typing import Annotated, cast
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel

from app.http.probes import Status
from app.kit import routing
from app.kit.access import Principal, require
from app.kit.schemas import Identified
from app.platform.accounts.roles import MEMBER
from app.platform.auth.tokens import Key
from proof.standards.context import (
    SOME_ID,
    Client,
    Operation,
    admitted,
    body,
    entries,
    header,
    new_address,
    node,
)
from tests.conftest import SignUp, Start
from tests.http.test_authentication import claims, signed
from tests.security.samples import Described, Undescribed, changed, schema_of, text_parameters
from tests.wire import Service

# Written out: a header that the service forgets should be missed here.
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
}
_UNKNOWN: dict[str, object] = {
    "surely_unknown": 1,
    "role": "root",
    "is_admin": True,
    "id": SOME_ID,
    "owner_id": SOME_ID,
    "account_id": SOME_ID,
}
_CONTROLS = {"NUL": "\0", "ESC": "\x1b", "C1": "\x9f", "a reversed order of reading": "\u202e"}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")
_MOST = 1024
_LIMITS = {"attempts": 2, "address": 3, "principal": 4, "probes": 5}
_PROBES = {"/readyz", "/metrics"}


@dataclass(frozen=True, slots=True)
class Tried:
    """One request that has to be refused, and how."""

    what: str
    answer: httpx.Response
    statuses: tuple[int, ...]
    pointers: frozenset[str] = frozenset()
    headers: tuple[str, ...] = ()

    @property
    def fault(self) -> str:
        """What is wrong with the answer; empty when it is as it should be."""
        wrong = next(self._wrong(), "")
        return f"{self.what}: {wrong}: {self.answer.text[:300]}" if wrong else ""

    def _wrong(self) -> Iterator[str]:
        answer, found = self.answer, body(self.answer)
        if answer.status_code not in self.statuses:
            yield f"{answer.status_code}, not {' or '.join(str(each) for each in self.statuses)}"
        if header(answer, "content-type") != "application/problem+json":
            yield f"{answer.status_code} as {header(answer, 'content-type') or 'nothing'}, not as a problem"
        if (found.get("request_id"), found.get("status")) != (header(answer, "x-request-id"), answer.status_code):
            yield "the problem does not hold its status and request id"
        wrong = [name for name, value in _HEADERS.items() if answer.headers.get_list(name) != [value]]
        wrong += ["x-request-id"] if len(answer.headers.get_list("x-request-id")) != 1 else []
        if wrong:
            yield f"{', '.join(wrong)} should be there once, with its value"
        if "server" in answer.headers:
            yield "it says what server this is"
        if lacking := [name for name in self.headers if name not in answer.headers]:
            yield f"{', '.join(lacking)} should be there"
        if lacking := self.pointers - {str(each.get("pointer")) for each in entries(found.get("errors"))}:
            yield f"{', '.join(sorted(lacking))} should be named"


@dataclass(frozen=True)
class World:
    """The service, who may ask it, and its operations."""

    described: Described
    start: Start
    sign_up: SignUp
    nobody: httpx.Client
    member: httpx.Client
    idle: Callable[[], None]
    role: str
    """Of the member: the one that opens most operations."""
    admitted: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """The roles that an operation is open to, by its name, where these are not all."""
    others: dict[str, httpx.Client] = field(default_factory=dict[str, httpx.Client])
    """Those who have such a role, as far as anybody had to ask them."""

    @cached_property
    def strict(self) -> Service:
        """Another service with limits that are soon reached; it takes the same tokens."""
        limits = {f"RATE_LIMIT_{name.upper()}": f"{most}/3600" for name, most in _LIMITS.items()}
        return self.start(TRUSTED_PROXIES="127.0.0.1", MAX_BODY_BYTES=str(_MOST), **limits)

    def asked_by(self, operation: Operation) -> httpx.Client:
        """Somebody who may call the operation."""
        if operation.public:
            return self.nobody
        roles = self.admitted.get(operation.name, frozenset({self.role}))
        if self.role in roles:
            return self.member
        role = min(roles)
        if role not in self.others:
            self.others[role] = self.sign_up(role=role)
        return self.others[role]

    def seen_by(self, member: httpx.Client) -> dict[str, str]:
        """All that somebody can read without naming an id."""
        every = self.described.operations.values()
        questions = [each for each in every if each.method == "GET" and "{" not in each.path and not each.public]
        answers = {each.name: member.get(each.path) for each in questions}
        return {name: answer.text for name, answer in answers.items() if answer.is_success}


Attack = Callable[[World, Operation], Iterator[Tried | str]]


def without_a_token(world: World, operation: Operation) -> Iterator[Tried | str]:
    """Nobody, and somebody with a token of another service; what is public says why."""
    if operation.public:
        if len(operation.public.split()) < 3:
            yield f"it is public without a reason: {operation.public}"
        return
    fitting = world.described.content(operation)
    for what, token in {
        "no token": "",
        "a token of another service": signed(claims(), by=Key.from_seed(secrets.token_bytes(32))),
        "a token of this service for nobody's signature": signed(claims())[:-8] + "AAAAAAAA",
    }.items():
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = world.nobody.request(operation.method, operation.url, json=fitting, headers=headers)
        yield Tried(what, answer, (401,), headers=("www-authenticate",))


def with_a_foreign_token(world: World, operation: Operation) -> Iterator[Tried | str]:
    """Somebody else neither reaches what is mine, nor reads or changes it in passing."""
    if operation.public:
        return
    owner, stranger = world.sign_up(), world.sign_up()
    # Of everything that there can be one of, the owner has one.
    having = {each.name: world.described.address(each, owner) for each in world.described.with_ids}
    path = having.get(operation.name, operation.path)
    fitting = world.described.fitting(operation, owner)
    world.idle()
    before = world.seen_by(owner)
    answer = fitting.sent(stranger, operation.method, path)
    if "{" in operation.path:
        yield Tried("somebody else's id", answer, (404, 403))
    else:
        mine = set(re.findall(r'"id":"([0-9a-f-]{36})"', str(before)))
        if not mine:
            yield "the owner has nothing that could be seen"
        if shown := [each for each in mine if each in answer.text]:
            yield f"somebody else is shown {shown}: {answer.text[:300]}"
    if world.seen_by(owner) != before:
        yield f"somebody else changes what the owner sees: {before} becomes {world.seen_by(owner)}"
    if "{" in operation.path and answer.status_code == HTTPStatus.NOT_FOUND:
        # Nobody's id would be 404, too: it counts only where the same request reaches what the owner has.
        served = fitting.sent(owner, operation.method, path)
        if not served.is_success and served.status_code != HTTPStatus.CONFLICT:
            yield f"the owner is refused, too: {served.status_code} {served.text[:300]}"


def by_an_account_that_is_gone(world: World, operation: Operation) -> Iterator[Tried | str]:
    """A token that holds, of an account that has just been deleted: what it would own has no owner."""
    if operation.public:
        return
    gone = {"authorization": f"Bearer {signed(claims(role=world.role))}"}
    fitting = world.described.fitting(operation)
    answer = fitting.sent(world.nobody, operation.method, operation.url, gone)
    if answer.status_code == HTTPStatus.CREATED:
        yield f"it is made for nobody: {answer.text[:300]}"
    elif not answer.is_success:
        yield Tried("the token of an account that is gone", answer, tuple(range(400, 500)))


def past_the_limit(world: World, operation: Operation) -> Iterator[Tried | str]:
    """A stranger by address, an account by itself, and an attempt at a secret sooner."""
    if operation.unlimited:
        return
    apart = "probes" if operation.path in _PROBES else "address"
    with world.strict.connect() as client:
        client.headers["x-forwarded-for"] = new_address()
        yield from _until_refused(client, operation, _lowest(operation, apart))
        if operation.public or operation.path in _PROBES:
            return
        yield from _until_refused(client, operation, _lowest(operation, "principal"), uuid4())


def _lowest(operation: Operation, policy: str) -> tuple[str, int]:
    """The limit that a caller of the operation comes to first: its name, and how many requests that are."""
    found = "attempts" if operation.attempts else policy
    own = int(operation.rate.partition("/")[0] or _LIMITS[found])
    return ("operation", own) if own < _LIMITS[found] else (found, _LIMITS[found])


def _until_refused(
    client: httpx.Client, operation: Operation, limit: tuple[str, int], account: UUID | None = None
) -> Iterator[Tried | str]:
    policy, most = limit
    answers: list[httpx.Response] = []
    for _ in range(most + 1):
        # Each request of an account comes from another session and address: some operations end their session.
        if account:
            client.headers["authorization"] = f"Bearer {signed(claims(sub=str(account)))}"
            client.headers["x-forwarded-for"] = new_address()
        answers.append(client.request(operation.method, operation.url))
    seen = [each.status_code for each in answers]
    if 429 in seen[:-1]:
        yield f"it is refused before {most} requests: {seen}"
    yield Tried(
        f"request {most + 1} of {policy}", answers[-1], (429,), headers=("retry-after", "ratelimit", "ratelimit-policy")
    )
    if f'"{policy}";q={most};' not in answers[-1].headers.get("ratelimit-policy", ""):
        yield f"it is refused by {answers[-1].headers.get('ratelimit-policy')}, not by {policy}"


def an_unknown_field(world: World, operation: Operation) -> Iterator[Tried | str]:
    """Fields that no schema has, and those that would give somebody a role or an owner."""
    fitting = world.described.content(operation)
    if isinstance(fitting, dict):
        fields = cast("dict[str, object]", fitting)
        unknown = {name: value for name, value in _UNKNOWN.items() if name not in fields}
        answer = world.asked_by(operation).request(operation.method, operation.url, json=unknown | fields)
        yield Tried("unknown fields", answer, (422,), frozenset(f"#/{name}" for name in unknown))


def an_unknown_query_parameter(world: World, operation: Operation) -> Iterator[Tried | str]:
    """A parameter that no operation has."""
    answer = world.asked_by(operation).request(
        operation.method, operation.url, params={"surely-unknown": "1"}, json=world.described.content(operation)
    )
    yield Tried("an unknown query parameter", answer, (422,), frozenset({"query surely-unknown"}))


def an_oversized_body(world: World, operation: Operation) -> Iterator[Tried | str]:
    """A body larger than the limit, whether or not its length is announced."""
    if operation.unlimited:
        return
    spaces = b" " * (int(str(node(operation.spec.get("x-limits")).get("body", _MOST))) + 1)
    with world.strict.connect(token=signed(claims(role=world.role))) as client:
        client.headers.update({"content-type": "application/json", "x-forwarded-for": new_address()})
        yield Tried("announced", client.request(operation.method, operation.url, content=spaces), (413,))
        if schema_of(operation) is not None:
            chunked = client.request(operation.method, operation.url, content=iter([spaces]))
            yield Tried("in pieces", chunked, (413,))


def control_characters(world: World, operation: Operation) -> Iterator[Tried | str]:
    """What ends a line, starts a command of a terminal or hides what is written, in every text there is."""
    who, fitting = world.asked_by(operation), world.described.content(operation)
    for at, schema in world.described.texts(schema_of(operation) or {}, fitting):
        for what, character in _CONTROLS.items():
            bad = changed(fitting, at, f"a{character}a")
            answer = who.request(operation.method, operation.url, json=bad)
            place = "#/" + "/".join(str(step) for step in at)
            if schema.get("format") != "password":
                yield Tried(f"{what} in {place}", answer, (422,), frozenset({place}))
            elif answer.is_server_error:
                yield f"{what} in {place}: {answer.status_code}"
    for what, character in _CONTROLS.items():
        for name in text_parameters(operation):
            answer = who.request(operation.method, operation.url, params={name: f"a{character}a"}, json=fitting)
            yield Tried(f"{what} in the query", answer, (422,), frozenset({f"query {name}"}))
        if "{" in operation.path:
            path = re.sub(r"\{\w+\}", quote(f"a{character}a"), operation.path)
            yield Tried(f"{what} in the path", who.request(operation.method, path, json=fitting), (422,))


def a_deep_body(world: World, operation: Operation) -> Iterator[Tried | str]:
    """JSON that only a parser without a bound would follow."""
    if schema_of(operation) is None:
        return
    deep = b"[" * 20_000 + b"]" * 20_000
    for what, content in {"lists": deep, "objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000}.items():
        answer = world.asked_by(operation).request(
            operation.method, operation.url, content=content, headers={"content-type": "application/json"}
        )
        yield Tried(f"20,000 {what} in each other", answer, (422,))


def another_media_type(world: World, operation: Operation) -> Iterator[Tried | str]:
    """What a form of another site's page can send without being asked for permission."""
    if schema_of(operation) is None:
        return
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", ""):
        answer = world.asked_by(operation).request(
            operation.method, operation.url, content=b'{"a":"="}', headers={"content-type": kind}
        )
        yield Tried(kind or "no media type", answer, (415,))


def another_method(world: World, operation: Operation) -> Iterator[Tried | str]:
    """A method that the address does not answer; 405 names those that it does."""
    # `GET /{id}` fits the address of `POST /search`, too.
    answered = {
        each.method
        for each in world.described.operations.values()
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each.path), operation.path)
    }
    for method in (each for each in _METHODS if each not in answered):
        answer = world.asked_by(operation).request(method, operation.url)
        yield Tried(method, answer, (405,), headers=("allow",))
        if not answered <= set(answer.headers.get("allow", "").split(", ")):
            yield f"{method}: Allow is {answer.headers.get('allow')}, not {sorted(answered)}"


ATTACKS: tuple[Attack, ...] = (
    without_a_token,
    with_a_foreign_token,
    by_an_account_that_is_gone,
    past_the_limit,
    an_unknown_field,
    an_unknown_query_parameter,
    an_oversized_body,
    control_characters,
    a_deep_body,
    another_media_type,
    another_method,
)


def faults(world: World, attack: Attack) -> list[str]:
    """What an attack finds: a sentence for each operation and request that is not answered as it has to be."""
    found: list[str] = []
    tried = 0
    for operation in world.described.operations.values():
        try:
            for each in attack(world, operation):
                tried += 1
                fault = each if isinstance(each, str) else each.fault
                found += [f"{operation.name}: {fault}"] if fault else []
        except Undescribed as error:
            found.append(str(error))
    if not tried:
        found.append("it was tried on nothing")
    return found


def mightiest(service: Service) -> str:
    """The role that opens most of the operations that are not open to every role."""
    named = Counter(role for roles in admitted(service.app).values() for role in sorted(roles))
    return max(named, key=lambda role: named[role], default=MEMBER)


@pytest.fixture
def world(start: Start, sign_up: SignUp, service: Service, idle: Callable[[], None]) -> Iterator[World]:
    """The service of the tests."""

    def opening(on: Service = service, role: str = MEMBER) -> httpx.Client:
        found = cast("Client", sign_up(on, role=role))
        found.opens = True
        return found

    role = mightiest(service)
    with service.connect() as nobody:
        described = Described(body(nobody.get("/openapi.json")))
        yield World(described, start, opening, nobody, opening(role=role), idle, role, admitted(service.app))


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_operation_withstands(attack: Attack, world: World) -> None:
    found = faults(world, attack)

    assert not found, "\n".join(["", *found])


def test_whatever_a_stranger_may_change_or_have_sent_is_an_attempt_or_has_a_rate_of_its_own(world: World) -> None:
    public = [each for each in world.described.operations.values() if each.public and each.method != "GET"]

    assert public
    lax = [each.name for each in public if not each.attempts and not each.rate and not each.unlimited]
    assert not lax, f'{lax}: declare `public("…", attempts=True)`, or `limits(rate="600/60")` where that is too few'


class Loose(BaseModel):
    """A body as it is often written."""

    name: str = ""


def trust(_app: FastAPI, _routers: object) -> None:
    """Start a service whatever its routes are, as house.inspect does not."""


def careless() -> APIRouter:
    """A noun without bounds, that serves everything to everybody."""
    router = routing.router("/v1/careless", "careless")

    @router.post("", status_code=201)
    async def create(data: Loose, caller: Annotated[Principal, Depends(require("a-test", MEMBER))]) -> Identified:
        """Take anything."""
        assert data
        assert caller
        return Identified(id=uuid4())

    @router.get("/{thing_id}")
    async def read(thing_id: str) -> Status:
        """Ask nobody."""
        return Status(status=thing_id)

    assert create
    assert read
    return router


_ON_CARELESS = (without_a_token, with_a_foreign_token, an_unknown_field, control_characters)


def test_the_walk_names_what_is_broken(
    start: Start,
    sign_up: SignUp,
    someone: httpx.Client,
    idle: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.house.inspect", trust)
    service = start(careless())
    someone.base_url = service.url
    with service.connect() as client:
        document = body(client.get("/openapi.json"))
        paths = cast("dict[str, object]", document["paths"])
        document["paths"] = {path: paths[path] for path in paths if path.startswith("/v1/careless")}
        world = World(Described(document), start, partial(sign_up, service), client, someone, idle, MEMBER)
        said = "\n".join(each for attack in _ON_CARELESS for each in faults(world, attack))

    for fault in (
        "GET /v1/careless/{thing_id}: no token: 200, not 401",
        "GET /v1/careless/{thing_id}: somebody else's id: 200, not 404 or 403",
        "POST /v1/careless: unknown fields: 201, not 422",
        "POST /v1/careless: NUL in #/name: 201, not 422",
        "GET /v1/careless/{thing_id}: NUL in the path: 200, not 422",
    ):
        assert fault in said
