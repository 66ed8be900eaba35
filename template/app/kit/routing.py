"""Routes that serialise, commit, then answer; and which one a request is for.

FastAPI declares an operation (parameters, dependencies, documentation); `Route` runs what was declared. Only when every
dependency is closed again – the transaction committed or rolled back – does the answer leave. So no slow reader of an
answer holds a connection, unless it reads a stream of the database, and a commit that fails is an error answer, even
where somebody forgets `scope="function"`. Only while a stream or a file is sent, or background tasks run, do
dependencies stay open whose scope is the request.

Both classes do less than FastAPI's own handler and router, which is most of what a cheap read costs
(docs/decisions/platform/0009-requests.md).
"""

import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol, TypedDict, cast
from urllib.parse import parse_qsl

from fastapi import APIRouter, FastAPI, Request, params
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.routing import APIRoute
from fastapi.types import IncEx
from fastapi.utils import is_body_allowed_for_status_code
from pydantic import AliasChoices, BaseModel, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, to_json
from starlette.convertors import StringConvertor
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

from app.kit import state
from app.kit.access import AccessRule, Public, admit
from app.kit.errors import Invalid, MethodNotAllowed, PreconditionFailed
from app.kit.etags import is_among, is_known
from app.kit.limits import Limits
from app.kit.rate_limits import Attempts
from app.kit.schemas import Identified, Versioned
from app.kit.solving import (
    Plan,
    ReadBody,
    Solving,
    dependencies,
    embeds,
    header,
    in_thread,
    is_coroutine,
    is_generator,
    plan,
    reader,
    takes_form,
    untaken,
)
from app.kit.versions import Deprecated, Headers

# How a JSON schema writes `list[…]`, and `SecretStr`, which goes in and never comes out.
_A_LIST = b'"type":"array"'
_A_SECRET = b'"writeOnly":true'

_OK = 200
# Answers that have no body and so no length.
_NO_LENGTH = frozenset({204, 304})
_CREATED = 201
_SAFE = frozenset({"GET", "HEAD"})

Handler = Callable[[Request], Coroutine[object, object, Response]]


class Route(APIRoute):
    """One operation: what it declares, and how it is run."""

    access: tuple[AccessRule, ...] = ()
    """The access rules found among the dependencies; house.py wants exactly one."""
    limits: Limits = Limits()
    """Where its bounds differ from those of the service."""
    replaced: Deprecated | None = None
    """What replaces it, and until when it answers."""
    read_body: ReadBody
    """What reads its body, as it declares it."""
    declares: bool = True
    """Whether its errors can be declared, by `responses=answers(…)`."""
    lasts: bool = False
    """Whether its endpoint goes on after the answer has begun."""
    attempt: bool = False
    """Whether each request counts as an attempt at a secret: it takes one, or its access rule says so."""
    located: bool = False
    """Whether what it creates has an address below its own, which its answer names as `Location`."""
    preconditions: "Preconditions"
    """What it does with `If-Match` and `If-None-Match`."""
    _replaced_by: Headers = ()
    _operation: "_Operation | None" = None
    _handler: Handler | None = None
    _query: frozenset[str] = frozenset()
    _lists: frozenset[str] = frozenset()
    _converts: bool = False

    @override
    def get_route_handler(self) -> Handler:
        every = tuple(dependencies(self.dependant))
        self.access = tuple(each.call for each in every if isinstance(each.call, AccessRule))
        self.limits = _merged(self.max_body_size, [each.call for each in every if isinstance(each.call, Limits)])
        self.replaced = next((each.call for each in every if isinstance(each.call, Deprecated)), None)
        self._replaced_by = self.replaced.headers if self.replaced is not None else ()
        self.deprecated = self.deprecated or self.replaced is not None or None
        # The docstring is the documentation: its first line the summary, the rest the description.
        summary, _, rest = self.description.partition("\n")
        self.summary = self.summary or summary.strip().rstrip(".") or None
        self.description = rest.strip() or summary
        query = get_flat_params(Dependant(query_params=[field for each in every for field in each.query_params]))
        self._query = frozenset(name for field in query for name in _names(field))
        self._lists = frozenset(
            name for field in query if _says(field.field_info.annotation, _A_LIST) for name in _names(field)
        )
        self._converts = any(type(each) is not StringConvertor for each in self.param_convertors.values())
        self.attempt = any(isinstance(rule, Public) and rule.attempts for rule in self.access) or any(
            _says(field.field_info.annotation, _A_SECRET)
            for each in every
            for field in (*each.body_params, *each.query_params, *each.path_params, *each.cookie_params)
        )
        self.preconditions = Preconditions(self)
        self.read_body = reader(self)
        self.lasts = self.lasts or is_generator(self.endpoint)
        planned = None if is_generator(self.endpoint) else plan(self.dependant)
        self._operation = _Operation(self, planned) if planned is not None else None
        self._handler = super().get_route_handler()
        return self._handler

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = cast("FastAPI", scope["app"])
        if (query := cast("bytes", scope["query_string"])) and not app.dependency_overrides:
            self._refuse_unknown(query)
        if self.attempt:
            await state.find(app, Attempts).count(scope)
        if self.replaced is not None:
            self.replaced.refuse_when_gone()
            send = _with_headers(send, self._replaced_by)
        if scope["method"] == "HEAD":
            send = _head_alone(send)
        if self._converts:
            given = cast("dict[str, str]", scope["path_params"])
            scope["path_params"] = {name: self.param_convertors[name].convert(text) for name, text in given.items()}
        if self._operation is not None:
            await self._operation.run(scope, receive, send)
        else:
            await self._as_fastapi_does(app, scope, receive, send)

    async def _as_fastapi_does(self, app: FastAPI, scope: Scope, receive: Receive, send: Send) -> None:
        """Run an endpoint that yields its answer; what it takes is checked before anything is read."""
        handler = self._handler
        if app.dependency_overrides or handler is None:
            overridden = copy(self)
            overridden.dependency_overrides_provider = app
            handler = APIRoute.get_route_handler(overridden)
        elif self.body_field is not None or self.preconditions.are_in(scope):
            await admit(self.access, scope)
            self.preconditions.hold(scope)
        async with AsyncExitStack() as request_stack:
            request = Request(scope, receive, send)
            if self.body_field is not None:
                _ = await self.read_body(request, request_stack)
            scope["fastapi_middleware_astack"] = scope["fastapi_inner_astack"] = request_stack
            async with AsyncExitStack() as function_stack:
                scope["fastapi_function_astack"] = function_stack
                response = await handler(request)
            await response(scope, receive, send)

    def _refuse_unknown(self, query: bytes) -> None:
        seen: set[str] = set()
        for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            if name in seen and name not in self._lists:
                # Two readers of the same address could take one value each.
                raise Invalid("A query parameter was refused.", fields={f"query {name}": "it may be given once"})
            seen.add(name)
            if name not in self._query:
                raise Invalid("A query parameter was refused.", fields={f"query {name[:50]}": untaken(self._query)})


def _says(kind: object, word: bytes) -> bool:
    """Whether the JSON schema of a type says something, however deep."""
    return word in to_json(TypeAdapter(cast("type[object]", kind)).json_schema())


class _Field(Protocol):
    """What this reads of FastAPI's own class for a parameter."""

    @property
    def alias(self) -> str: ...

    @property
    def field_info(self) -> FieldInfo: ...


def _with_headers(send: Send, headers: Headers) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*cast("list[tuple[bytes, bytes]]", message["headers"]), *headers]
        await send(message)

    return sent


def _head_alone(send: Send) -> Send:
    """Ends an answer after its head: one in pieces would go on for nobody."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b""})

    return sent


class Preconditions:
    """`If-Match` and `If-None-Match` at an operation, where its own code does not judge them (RFC 9110, 13.2).

    Whoever sets a condition relies on it, so what can't be shown to hold is not done.
    """

    __slots__: tuple[str, ...] = ("_if_match", "_if_none_match", "_tagged")

    def __init__(self, route: "Route") -> None:
        every = tuple(dependencies(route.dependant))
        declared = {field.alias.lower() for each in every for field in each.header_params}
        # Whoever takes the request itself may read them there.
        itself = route.dependant.request_param_name is not None
        model = cast("object", route.response_model)
        reads = bool(_SAFE & (route.methods or set()))
        tagged = isinstance(model, type) and issubclass(model, Versioned)
        self._if_match: bool = not itself and "if-match" not in declared and not (reads and tagged)
        self._if_none_match: bool = not itself and "if-none-match" not in declared and not reads
        # Something is here that has a version, which this operation does not compare.
        self._tagged: bool = "if-match" in declared

    @staticmethod
    def are_in(scope: Scope) -> bool:
        """Whether a request has any."""
        return header(scope, b"if-match") is not None or header(scope, b"if-none-match") is not None

    def hold(self, scope: Scope) -> None:
        """Go on if they hold; PreconditionFailed if not."""
        if self._if_match and (given := header(scope, b"if-match")) is not None and given.strip() != b"*":
            raise PreconditionFailed("There is no such version here: this operation knows no If-Match.")
        if (
            self._if_none_match
            and (given := header(scope, b"if-none-match")) is not None
            and (self._tagged or given.strip() == b"*")
        ):
            raise PreconditionFailed("There is something here already: this operation knows no If-None-Match.")


def _merged(body: int | None, declared: list[Limits]) -> Limits:
    """The bounds of a route; of several for the same thing, the innermost counts."""
    found = Limits(body)
    for each in declared:
        found = Limits(each.body or found.body, each.seconds or found.seconds, each.rate or found.rate)
    return found


def _names(field: _Field) -> Iterator[str]:
    """What a query parameter may be called."""
    alias = field.field_info.validation_alias
    yield field.alias
    if isinstance(alias, AliasChoices):
        yield from (each for each in alias.choices if isinstance(each, str))


class _Operation:
    """What a route needs at every request, looked up once."""

    def __init__(self, route: Route, planned: Plan) -> None:
        call = cast("Callable[..., Awaitable[object]]", route.endpoint)
        self._endpoint: Callable[..., Awaitable[object]] = call if is_coroutine(call) else in_thread(call)
        self._dependant: Dependant = route.dependant
        self._plan: Plan = planned
        self._embedded: bool = embeds(route)
        self._read_body: ReadBody = route.read_body
        self._files: bool = takes_form(route)
        self._status: int = route.status_code or 0
        self._content: _Content = _Content(route)
        self._preconditions: Preconditions = route.preconditions
        self._route: Route = route

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Make the arguments, call the endpoint, make the answer; end the dependencies; send it."""
        overrides = cast("FastAPI", scope["app"]).dependency_overrides
        planned = (plan(self._dependant, overrides) or self._plan) if overrides else self._plan
        if not planned.lasting and not self._files:
            await self._run(planned, None, scope, receive, send)
            return
        async with AsyncExitStack() as lasting:
            await self._run(planned, lasting, scope, receive, send)

    async def _run(
        self, planned: Plan, lasting: AsyncExitStack | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        body = b""
        async with AsyncExitStack() as stack:
            solving = Solving(Request(scope, receive), stack, lasting or stack, self._read_body, self._embedded)
            arguments = await solving.arguments(planned)
            if solving.errors:
                raise RequestValidationError(solving.errors)
            self._preconditions.hold(scope)
            result = await self._endpoint(**arguments)
            said = solving.response
            status = said.status_code or self._status if said is not None else self._status
            if not isinstance(result, Response):
                result, body = self._content.of(result, status)
        headers = said.raw_headers if said is not None else []
        if not isinstance(result, Response):
            if lasting is not None and solving.background is None:
                await lasting.aclose()
            await self._send(_Answer(result, status or _OK, headers, body), scope, send)
            if solving.background is not None:
                await solving.background()
            return
        result.background = result.background or solving.background
        # What has no body yet reads it while it is sent: from a generator, or from a file.
        if lasting is not None and result.background is None and hasattr(result, "body"):
            await lasting.aclose()
        result.raw_headers.extend(headers)
        await result(scope, receive, send)

    async def _send(self, answer: "_Answer", scope: Scope, send: Send) -> None:
        result, status, headers, body = answer
        if self._content.versioned and isinstance(result, Versioned):
            tag = f'"{result.version}"'.encode()
            headers.append((b"etag", tag))
            if scope["method"] in _SAFE:
                if (given := header(scope, b"if-match")) is not None and not is_among(tag, given):
                    raise PreconditionFailed
                if (given := header(scope, b"if-none-match")) is not None and is_known(tag, given):
                    status, body = 304, b""
        if self._route.located and status == _CREATED and isinstance(result, Identified):
            headers.append((b"location", b"%b/%b" % (scope["raw_path"], str(result.id).encode())))
        if body:
            headers.append((b"content-type", b"application/json"))
        if status not in _NO_LENGTH:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _Answer(NamedTuple):
    result: object
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class _Options(TypedDict):
    include: IncEx | None
    exclude: IncEx | None
    by_alias: bool
    exclude_unset: bool
    exclude_defaults: bool
    exclude_none: bool


class _Content:
    """Makes what a route declares of what its endpoint returned: bytes, or an answer of the class that it names."""

    def __init__(self, route: Route) -> None:
        model = cast("object", route.response_model)
        own_class = route.response_class
        self._route: Route = route
        self._class: type[Response] | None = None if isinstance(own_class, DefaultPlaceholder) else own_class
        self._adapter: TypeAdapter[object] = TypeAdapter(cast("type[object]", object if model is None else model))
        self._options: _Options = {
            "include": route.response_model_include,
            "exclude": route.response_model_exclude,
            "by_alias": route.response_model_by_alias,
            "exclude_unset": route.response_model_exclude_unset,
            "exclude_defaults": route.response_model_exclude_defaults,
            "exclude_none": route.response_model_exclude_none,
        }
        self._dump: Callable[[object], bytes] = partial(self._adapter.dump_json, warnings="error", **self._options)
        # An instance is valid: FastAPI does not look into it a second time either.
        self._valid: type[object] | tuple[()] = ()
        if self._class is None and isinstance(model, type) and issubclass(model, BaseModel):
            self._valid = model.__pydantic_generic_metadata__["origin"] or model
        self.versioned: bool = bool(self._valid) and isinstance(model, type) and issubclass(model, Versioned)

    def of(self, result: object, status: int) -> tuple[object, bytes]:
        """What was returned and its bytes, or an answer in its place; `status` is 0 where none is declared."""
        if isinstance(result, self._valid):
            try:
                return result, self._dump(result)
            except PydanticSerializationError:
                # A field holds something else, which may have to be converted.
                pass
        if not is_body_allowed_for_status_code(status or _OK):
            return result, b""
        if (field := self._route.response_field) is not None:
            result, errors = cast("tuple[object, list[object]]", field.validate(result, {}, loc=("response",)))
            if errors:
                raise ResponseValidationError(errors, body=result)
        if self._class is not None:
            content = cast("object", self._adapter.dump_python(result, mode="json", **self._options))
            return self._class(content, status) if status else self._class(content), b""
        if field is None:
            return result, bytes(JSONResponse(jsonable_encoder(result)).body)
        return result, self._dump(result)


@dataclass(frozen=True, slots=True)
class _Address:
    """One path template and the operations at it, by method."""

    pattern: re.Pattern[str]
    routes: dict[str, Route]


def _room(path: str) -> str:
    """The first two segments of a path: `/v1/items`."""
    return "/".join(path.split("/", 3)[:3])


def _add(room: list[_Address], route: Route) -> None:
    methods = set(route.methods or ())
    address = next((known for known in reversed(room) if known.pattern == route.path_regex), None)
    # It joins an earlier address only where it does not overtake what was declared in between.
    if address is None or any(methods & each.routes.keys() for each in room[room.index(address) + 1 :]):
        address = _Address(route.path_regex, {})
        room.append(address)
    for method in methods:
        address.routes[method] = route
    if "GET" in methods:
        address.routes.setdefault("HEAD", route)


class Table:
    """Finds the route of a request: by the first two segments of its path, then by pattern.

    As in Starlette, the first route that was declared wins. It knows every method of an address, so a 405 names them
    all, and HEAD answers wherever GET does. The 404 is left to FastAPI's router.
    """

    def __init__(self, app: FastAPI) -> None:
        self._otherwise: ASGIApp = app.router
        self._rooms: dict[str, list[_Address]] = {}
        # Those whose first segments are parameters are looked for in every room, in the order of declaration.
        self._anywhere: list[_Address] = []
        for route in app.routes:
            if isinstance(route, Route):
                self._place(route)
        for route in creating(app):
            route.located = True

    def _place(self, route: Route) -> None:
        name = _room(route.path_format)
        if "{" in name:
            for room in (self._anywhere, *self._rooms.values()):
                _add(room, route)
            return
        if name not in self._rooms:
            self._rooms[name] = [_Address(each.pattern, dict(each.routes)) for each in self._anywhere]
        _add(self._rooms[name], route)

    def find(self, app: ASGIApp) -> ASGIApp:
        """A layer that finds the route of a request, so that what is inside it knows its bounds."""

        async def found(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                self._find(scope)
            await app(scope, receive, send)

        return found

    def _find(self, scope: Scope) -> None:
        path = cast("str", scope["path"])
        others: set[str] = set()
        for address in self._rooms.get(_room(path), self._anywhere):
            match = address.pattern.match(path)
            if match is None:
                continue
            route = address.routes.get(cast("str", scope["method"]))
            if route is not None:
                scope["route"] = route
                scope["path_params"] = match.groupdict()
                return
            others.update(address.routes)
        if others:
            scope["allowed"] = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the route that was found, or FastAPI's router where there is none here."""
        route = cast("Route | None", scope.get("route"))
        if route is not None:
            await route.handle(scope, receive, send)
        elif "allowed" in scope:
            raise MethodNotAllowed(headers={"Allow": ", ".join(sorted(cast("set[str]", scope["allowed"])))})
        else:
            await self._otherwise(scope, receive, send)


def creating(app: FastAPI) -> Iterator[Route]:
    """The routes that create something which has an address of its own: theirs, a slash and its id."""
    routes = [route for route in app.routes if isinstance(route, Route)]
    above = {route.path_format.rpartition("/")[0] for route in routes if re.search(r"/\{[^/{}]+\}$", route.path_format)}
    return (route for route in routes if route.status_code == _CREATED and route.path_format in above)


def longest(app: FastAPI) -> float:
    """The most seconds that an operation gives itself until its answer begins; 0 where none does."""
    return max((route.limits.seconds or 0.0 for route in app.routes if isinstance(route, Route)), default=0.0)


class Service(FastAPI):
    """FastAPI for declaring and documenting; its layers, and the table inside them, answer."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # FastAPI's own asks the environment at every request whether telemetry is on; none is installed here.
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self
        await self.middleware_stack(scope, receive, send)


def router(prefix: str, tag: str, *, dependencies: Sequence[params.Depends] = ()) -> APIRouter:
    """A noun's router: `router = routing.router("/v1/items", "items")`, with dependencies that all its routes have."""
    return APIRouter(prefix=prefix, tags=[tag], dependencies=dependencies, route_class=Route)
