"""Routes that serialise, commit, then answer.

FastAPI declares an operation (parameters, dependencies, documentation); `Route` runs what was declared: body,
dependencies, endpoint, bytes. Only when every dependency is closed again – the transaction committed or rolled back –
does the answer leave. So no slow reader of an answer holds a connection, unless it reads a stream of the database, and
a commit that fails is an error answer, even where somebody forgets `scope="function"`.

Both classes do less than FastAPI's own handler and router, which is most of what a cheap read costs
(docs/decisions/platform/0009-requests.md).
"""

import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from inspect import iscoroutinefunction
from typing import cast
from urllib.parse import parse_qsl

from fastapi import APIRouter, FastAPI, Request, params
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import solve_dependencies
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic_core import from_json, to_json
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

from app.kit import state
from app.kit.access import AccessRule, Public
from app.kit.errors import Invalid, MethodNotAllowed, UnsupportedMediaType
from app.kit.rate_limits import Attempts
from app.kit.schemas import Versioned
from app.kit.solving import Plan, Solving, Values, plan

# How a JSON schema writes `list[…]`, and `SecretStr`, which goes in and never comes out.
_A_LIST = b'"type":"array"'
_A_SECRET = b'"writeOnly":true'

# Answers that have no body and so no length.
_NO_LENGTH = frozenset({204, 304})


def dependencies(dependant: Dependant) -> Iterator[Dependant]:
    """A dependency tree, flattened, itself first."""
    yield dependant
    for inner in dependant.dependencies:
        yield from dependencies(inner)


class Route(APIRoute):
    """One operation: a coroutine that takes at most a JSON body and returns its declared model.

    Anything else (a plain function, a stream, a response class of its own) still runs, FastAPI's own way.
    """

    operation: "_Operation | None" = None
    access: tuple[AccessRule, ...] = ()
    """The access rules found among the dependencies; house.py wants exactly one."""
    attempt: bool = False
    """Whether each request counts as an attempt at a secret: it takes one, or its access rule says so."""
    _query: frozenset[str] = frozenset()
    _lists: frozenset[str] = frozenset()

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[object, object, Response]]:
        calls = (each.call for each in dependencies(self.dependant))
        self.access = tuple(call for call in calls if isinstance(call, AccessRule))
        # The docstring is the documentation: its first line the summary, the rest the description.
        summary, _, rest = self.description.partition("\n")
        self.summary = self.summary or summary.strip().rstrip(".") or None
        self.description = rest.strip() or summary
        form = self.body_field is not None and isinstance(self.body_field.field_info, params.Form)
        own_class = not isinstance(self.response_class, DefaultPlaceholder)
        if iscoroutinefunction(self.endpoint) and not form and not own_class:
            self.operation = _Operation(self)
        every = tuple(dependencies(self.dependant))
        query = [field for each in every for field in each.query_params]
        self._query = frozenset(field.alias for field in query)
        self._lists = frozenset(field.alias for field in query if _says(field.field_info.annotation, _A_LIST))
        self.attempt = any(isinstance(rule, Public) and rule.attempts for rule in self.access) or any(
            _says(field.field_info.annotation, _A_SECRET)
            for each in every
            for field in (*each.body_params, *each.query_params, *each.path_params, *each.cookie_params)
        )
        return super().get_route_handler()

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if query := cast("bytes", scope["query_string"]):
            self._refuse_unknown(query)
        if self.attempt:
            await state.find(cast("FastAPI", scope["app"]), Attempts).count(scope)
        if self.operation is not None:
            await self.operation.run(scope, receive, send)
        else:
            async with AsyncExitStack() as stack:
                scope["fastapi_middleware_astack"] = stack
                await super().handle(scope, receive, send)

    def _refuse_unknown(self, query: bytes) -> None:
        seen: set[str] = set()
        for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            if name in seen and name not in self._lists:
                # Two readers of the same address could take one value each.
                raise Invalid("A query parameter was refused.", fields={f"query {name}": "it may be given once"})
            seen.add(name)
            if name not in self._query:
                accepted = ", ".join(sorted(self._query)) or "none"
                raise Invalid(
                    "A query parameter was refused.",
                    fields={f"query {name[:50]}": f"this operation does not take it; accepted: {accepted}"},
                )


def _says(kind: object, word: bytes) -> bool:
    """Whether the JSON schema of a type says something, however deep."""
    return word in to_json(TypeAdapter(cast("type[object]", kind)).json_schema())


class _Operation:
    """What a route needs at every request, looked up once."""

    def __init__(self, route: Route) -> None:
        model = cast("type[object] | None", route.response_model)
        self._dependant: Dependant = route.dependant
        self._plan: Plan | None = plan(route.dependant)
        self._endpoint: Callable[..., Awaitable[object]] = route.endpoint
        self._embedded: bool = cast("bool", vars(route)["_embed_body_fields"])
        self._takes_body: bool = route.body_field is not None
        self._status: int = route.status_code or 200
        self._dump: Callable[[object], bytes] | None = (
            partial(TypeAdapter(model).dump_json, warnings="error") if model is not None else None
        )
        self._versioned: bool = isinstance(model, type) and issubclass(model, Versioned)

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Make the arguments, call the endpoint, make the bytes; then end the dependencies; then answer."""
        headers: list[tuple[bytes, bytes]] = []
        status = self._status
        body = b""
        async with AsyncExitStack() as stack:
            request = Request(scope, receive)
            if self._plan is not None:
                solving = Solving(request, stack, _json, self._embedded)
                arguments = await solving.arguments(self._plan)
                errors = solving.errors
            else:
                arguments, errors, headers = await self._solved_by_fastapi(request, stack)
            if errors:
                raise RequestValidationError(errors)
            result = await self._endpoint(**arguments)
            if self._dump is not None and not isinstance(result, Response):
                body = self._dump(result)
        if isinstance(result, Response):
            result.raw_headers.extend(headers)
            await result(scope, receive, send)
            return
        if self._versioned and isinstance(result, Versioned):
            tag = f'"{result.version}"'.encode()
            headers.append((b"etag", tag))
            if scope["method"] in {"GET", "HEAD"} and _header(scope, b"if-none-match") == tag:
                status, body = 304, b""
        if body:
            headers.append((b"content-type", b"application/json"))
        if status not in _NO_LENGTH:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _solved_by_fastapi(
        self, request: Request, stack: AsyncExitStack
    ) -> tuple[Values, list[object], list[tuple[bytes, bytes]]]:
        request.scope["fastapi_inner_astack"] = request.scope["fastapi_function_astack"] = stack
        solved = await solve_dependencies(
            request=request,
            dependant=self._dependant,
            body=await _json(request) if self._takes_body else None,
            async_exit_stack=stack,
            embed_body_fields=self._embedded,
        )
        return cast("Values", solved.values), cast("list[object]", solved.errors), solved.response.raw_headers


def _header(scope: Scope, name: bytes) -> bytes | None:
    for key, value in cast("list[tuple[bytes, bytes]]", scope["headers"]):
        if key == name:
            return value
    return None


async def _json(request: Request) -> object:
    """The body, parsed. No body is None, which a required body refuses by itself."""
    content = await request.body()
    if not content:
        return None
    media = (_header(request.scope, b"content-type") or b"").partition(b";")[0].strip().lower()
    if media != b"application/json" and not (media.startswith(b"application/") and media.endswith(b"+json")):
        raise UnsupportedMediaType
    try:
        return cast("object", from_json(content, allow_inf_nan=False))
    except ValueError as error:
        raise Invalid("The body is not JSON.", fields={"body": str(error)}) from error


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

    def _place(self, route: Route) -> None:
        name = _room(route.path_format)
        if "{" in name:
            for room in (self._anywhere, *self._rooms.values()):
                _add(room, route)
            return
        if name not in self._rooms:
            self._rooms[name] = [_Address(each.pattern, dict(each.routes)) for each in self._anywhere]
        _add(self._rooms[name], route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the route of the request, or FastAPI's router where there is none here."""
        path = cast("str", scope.get("path", ""))
        others: set[str] = set()
        for address in self._rooms.get(_room(path), self._anywhere) if scope["type"] == "http" else ():
            match = address.pattern.match(path)
            if match is None:
                continue
            route = address.routes.get(cast("str", scope["method"]))
            if route is None:
                others.update(address.routes)
                continue
            scope["route"] = route
            scope["path_params"] = match.groupdict()
            await route.handle(scope, receive, send)
            return
        if others:
            raise MethodNotAllowed(headers={"Allow": ", ".join(sorted(others))})
        await self._otherwise(scope, receive, send)


class Service(FastAPI):
    """FastAPI for declaring and documenting; its layers, and the table inside them, answer."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # FastAPI's own asks the environment at every request whether telemetry is on; none is installed here.
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self
        await self.middleware_stack(scope, receive, send)


def router(prefix: str, tag: str) -> APIRouter:
    """A noun's router: `router = routing.router("/v1/items", "items")`."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=Route)
