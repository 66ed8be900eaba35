"""The arguments of an operation: dependencies, parameters and body.

Dependencies are planned once: what FastAPI's solver finds out anew at every request is known when a route is made.

Parameters are read and checked by FastAPI's own functions, so what is accepted does not differ. What a function is
called with, in which order, and what is shared between two of them, is as FastAPI documents it: docs/fastapi.md has the
list, and tests/http/test_fastapi.py compares. Measured gain: docs/decisions/platform/0009-requests.md.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isgeneratorfunction, isroutine, unwrap
from typing import TypeVar, cast

from fastapi import BackgroundTasks, Request, Response, params
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant, request_body_to_args, request_params_to_args
from fastapi.routing import APIRoute
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from pydantic import BaseModel
from pydantic_core import PydanticUndefined, from_json
from starlette.types import Scope

from app.kit.access import Declaration
from app.kit.errors import BadRequest, Invalid, UnsupportedMediaType

_JSON = "application/json"
_LIKE_JSON = re.compile(r"application/[a-z0-9!#$&^_.+-]+\+json")
_FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")

# How a request says that there is no content coding.
_AS_IT_IS = (b"", b"identity")

T = TypeVar("T")

Values = dict[str, object]
Function = Callable[..., object]
ReadBody = Callable[[Request, AsyncExitStack], Awaitable[object]]
Overrides = Mapping[Function, Function]


@dataclass(frozen=True, slots=True)
class Plan:
    """How the arguments of one function are made from a request."""

    wanted: Dependant
    steps: tuple["Step", ...]
    takes_parameters: bool
    special: bool
    """Whether it takes the answer, background tasks, scopes or the connection."""
    lasting: bool
    """Whether a dependency of it ends only after a stream or a background task has."""


@dataclass(frozen=True, slots=True)
class Step:
    """One dependency of a function."""

    plan: Plan
    name: str | None
    key: object
    """What is shared by all that depend on it; None when each gets its own."""
    call: Callable[..., Awaitable[object]] | None
    """What makes its value; None when `enter` does."""
    enter: Callable[..., AsyncGenerator[object]] | None
    lasting: bool


def dependencies(dependant: Dependant) -> Iterator[Dependant]:
    """A dependency tree, flattened, itself first."""
    yield dependant
    for inner in dependant.dependencies:
        yield from dependencies(inner)


def _kinds(call: object) -> tuple[object, ...]:
    """The functions that say how something is called: itself, what it wraps, or its class's `__call__`."""
    while isinstance(call, partial):
        call = cast("partial[object]", call).func
    if isclass(call):
        return ()
    inner = cast("object", unwrap(cast("Function", call)))
    if isroutine(inner):
        return call, inner
    kinds = cast("tuple[type[object], ...]", (type(call), type(inner)))
    return tuple(cast("object", getattr(each, "__call__", None)) for each in kinds)  # noqa: B004


def is_coroutine(call: object) -> bool:
    """Whether calling it gives something to await."""
    return any(map(iscoroutinefunction, _kinds(call)))


def is_generator(call: object) -> bool:
    """Whether it yields, and how does not matter."""
    return _yields(call) or any(map(isasyncgenfunction, _kinds(call)))


def _yields(call: object) -> bool:
    return any(map(isgeneratorfunction, _kinds(call)))


def in_thread(call: Callable[..., T | Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """A plain function, to be awaited."""
    return cast("Callable[..., Awaitable[T]]", partial(run_in_threadpool, call))


def plan(wanted: Dependant, overrides: Overrides | None = None) -> Plan | None:
    """The plan of a function's arguments; None when it takes something that only FastAPI's solver knows."""
    if wanted.concurrency is not None:
        return None
    steps: list[Step] = []
    for declared in wanted.dependencies:
        if isinstance(declared.call, Declaration):
            continue
        step = _step(declared, overrides or {})
        if step is None:
            return None
        steps.append(step)
    parameters = (
        wanted.path_params,
        wanted.query_params,
        wanted.header_params,
        wanted.cookie_params,
        wanted.body_params,
    )
    special = (
        wanted.http_connection_param_name,
        wanted.websocket_param_name,
        wanted.response_param_name,
        wanted.background_tasks_param_name,
        wanted.security_scopes_param_name,
    )
    lasting = any(each.lasting or each.plan.lasting for each in steps)
    return Plan(wanted, tuple(steps), any(parameters), any(special), lasting)


def _step(declared: Dependant, overrides: Overrides) -> Step | None:
    made = declared
    if declared.call is not None and declared.call in overrides:
        other = overrides[declared.call]
        made = get_dependant(path=declared.path or "", call=other, name=declared.name, scope=declared.scope)
    inner, call = plan(made, overrides), made.call
    if inner is None or call is None:
        return None
    yields = is_generator(call)
    lasting = yields and declared.scope != "function"
    scopes = tuple(_scopes(declared)) if _uses_scopes(declared) else ()
    key = (declared.call, scopes, lasting) if declared.use_cache else None
    if not yields:
        waited = cast("Callable[..., Awaitable[object]]", call) if is_coroutine(call) else in_thread(call)
        return Step(inner, made.name, key, waited, None, lasting=False)
    enter = cast("Callable[..., AsyncGenerator[object]]", call)
    if _yields(call):
        enter = _in_thread(cast("Callable[..., Generator[object]]", call))
    return Step(inner, made.name, key, None, enter, lasting=lasting)


def _in_thread(call: Callable[..., Generator[object]]) -> Callable[..., AsyncGenerator[object]]:
    async def enter(**values: object) -> AsyncGenerator[object]:
        async with contextmanager_in_threadpool(contextmanager(call)(**values)) as made:
            yield made

    return enter


def _scopes(wanted: Dependant) -> list[str]:
    """The scopes that `Security(…)` asks for, from the outermost on."""
    return list(dict.fromkeys([*(wanted.parent_oauth_scopes or ()), *(wanted.own_oauth_scopes or ())]))


def _uses_scopes(wanted: Dependant) -> bool:
    """Whether it, or what it depends on, asks for scopes: otherwise all callers share it, whatever theirs are."""
    return (
        bool(wanted.own_oauth_scopes)
        or wanted.security_scopes_param_name is not None
        or isinstance(wanted.call, SecurityBase)
        or any(map(_uses_scopes, wanted.dependencies))
    )


@dataclass(slots=True)
class Solving:
    """The making of one request's arguments. What was refused is in `errors`, for all inputs at once."""

    request: Request
    stack: AsyncExitStack
    """Ends before the answer."""
    lasting: AsyncExitStack
    """Ends after an answer that is a stream or has background tasks; otherwise before it."""
    read_body: ReadBody
    embedded: bool
    errors: list[object] = field(default_factory=list[object])
    response: Response | None = None
    """What a function said of the answer, if one asked for it."""
    background: BackgroundTasks | None = None
    """What is to be done after the answer, if a function asked for it."""
    _made: dict[object, object] = field(default_factory=dict[object, object])

    async def arguments(self, plan: Plan) -> Values:
        """The arguments of a function.

        Dependencies come first: whoever may not do this is told so before anything they sent is read.
        """
        values: Values = {}
        for step in plan.steps:
            made = await self._make(step)
            if step.name is not None:
                values[step.name] = made
        if plan.takes_parameters:
            await self._read_parameters(plan.wanted, values)
        if plan.wanted.request_param_name is not None:
            values[plan.wanted.request_param_name] = self.request
        if plan.special:
            self._add_special(plan.wanted, values)
        return values

    async def _make(self, step: Step) -> object:
        if step.key is not None and step.key in self._made:
            return self._made[step.key]
        inner = await self.arguments(step.plan)
        if self.errors:
            # It would be called without what was refused. The endpoint is not reached either.
            return None
        if step.call is not None:
            made = await step.call(**inner)
        elif step.enter is not None:
            stack = self.lasting if step.lasting else self.stack
            made = await stack.enter_async_context(asynccontextmanager(step.enter)(**inner))
        else:
            raise TypeError("a step has neither a call nor a generator")
        self._made[step.key] = made
        return made

    def _add_special(self, wanted: Dependant, values: Values) -> None:
        if wanted.http_connection_param_name is not None:
            values[wanted.http_connection_param_name] = self.request
        if wanted.websocket_param_name is not None:
            # Whoever speaks the protocol put it there; in another request there is none, as in FastAPI.
            values[wanted.websocket_param_name] = cast("object", self.request.scope["websocket"])
        if wanted.response_param_name is not None:
            if self.response is None:
                self.response = Response()
                self.response.raw_headers.clear()
                # As FastAPI does: what nobody sets stays what the route declares.
                self.response.status_code = 0
            values[wanted.response_param_name] = self.response
        if wanted.background_tasks_param_name is not None:
            self.background = self.background or BackgroundTasks()
            values[wanted.background_tasks_param_name] = self.background
        if wanted.security_scopes_param_name is not None:
            values[wanted.security_scopes_param_name] = SecurityScopes(scopes=_scopes(wanted))

    async def _read_parameters(self, wanted: Dependant, values: Values) -> None:
        request = self.request
        if wanted.path_params:
            self._take(request_params_to_args(wanted.path_params, request.path_params), values)
        if wanted.query_params:
            self._take(request_params_to_args(wanted.query_params, request.query_params), values)
        if wanted.header_params:
            self._take(request_params_to_args(wanted.header_params, request.headers), values)
        if wanted.cookie_params:
            self._take(request_params_to_args(wanted.cookie_params, request.cookies), values)
        if wanted.body_params:
            body = await self.read_body(request, self.lasting)
            self._take(await request_body_to_args(wanted.body_params, body, self.embedded), values)

    def _take(self, outcome: tuple[object, object], values: Values) -> None:
        read, refused = outcome
        values.update(cast("Values", read))
        self.errors.extend(cast("list[object]", refused))


def header(scope: Scope, name: bytes) -> bytes | None:
    """The header field of a name."""
    fields = cast("Mapping[bytes, bytes] | None", scope.get("fields"))
    if fields is None:
        # A route in another application than the service.
        fields = scope["fields"] = dict(cast("list[tuple[bytes, bytes]]", scope["headers"]))
    return fields.get(name)


def reader(route: APIRoute) -> ReadBody:
    """What reads the body of a route: as JSON, as a form, or as bytes."""
    allowed = names(route)
    if takes_form(route):
        return partial(_form, allowed, cast("dict[str, int]", getattr(route, "form_limits", None) or {}))
    info = route.body_field.field_info if route.body_field is not None else None
    if isinstance(info, params.Body) and not _is_json(info.media_type):
        return _bytes
    return partial(_json, allowed)


def takes_form(route: APIRoute) -> bool:
    """Whether the body of a route is a form."""
    return route.body_field is not None and isinstance(route.body_field.field_info, params.Form)


def embeds(route: APIRoute) -> bool:
    """Whether FastAPI puts the body of a route together of several parameters."""
    return cast("bool", vars(route)["_embed_body_fields"])


def names(route: APIRoute) -> frozenset[str] | None:
    """What a body may hold that is put together of several parameters; None where one model says so itself."""
    fields = [field for each in dependencies(route.dependant) for field in each.body_params]
    if not embeds(route) or (takes_form(route) and any(_is_model(field.field_info.annotation) for field in fields)):
        return None
    return frozenset(field.alias for field in fields)


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_json(media: str) -> bool:
    return media == _JSON or _LIKE_JSON.fullmatch(media) is not None


def _media(request: Request) -> bytes:
    return (header(request.scope, b"content-type") or b"").partition(b";")[0].strip().lower()


async def _json(allowed: frozenset[str] | None, request: Request, _: AsyncExitStack) -> object:
    """The body, parsed. Without one, a required body is refused by itself."""
    content = await request.body()
    if not content:
        return PydanticUndefined
    _refuse_coded(request)
    if not _is_json(_media(request).decode("latin-1")):
        raise _unsupported(request, None, _JSON)
    try:
        found = cast("object", from_json(content, allow_inf_nan=False))
    except ValueError as error:
        raise Invalid("The body is not JSON.", fields={"body": str(error)}) from error
    _refuse_unknown(allowed, found)
    return found


async def _form(
    allowed: frozenset[str] | None, bounds: Mapping[str, int], request: Request, stack: AsyncExitStack
) -> object:
    """The fields of a form, and its files in temporary files."""
    if header(request.scope, b"content-type") is None and not await request.body():
        return PydanticUndefined
    _refuse_coded(request)
    if _media(request) not in _FORMS:
        sentence = "Send the body as multipart/form-data or application/x-www-form-urlencoded."
        raise _unsupported(request, sentence, ", ".join(each.decode() for each in _FORMS))
    found = await request.form(**bounds)
    stack.push_async_callback(found.close)
    _refuse_unknown(allowed, found)
    return found


async def _bytes(request: Request, _: AsyncExitStack) -> object:
    """The body as it came."""
    content = await request.body()
    _refuse_coded(request)
    return content or PydanticUndefined


def _refuse_coded(request: Request) -> None:
    """Refuse what is not the whole body as it is: one in a content coding, and a part of one."""
    coding = header(request.scope, b"content-encoding")
    if coding is not None and coding.strip().lower() not in _AS_IT_IS:
        raise UnsupportedMediaType(
            "Send the body as it is: no content coding is undone here.", headers={"Accept-Encoding": "identity"}
        )
    if request.method == "PUT" and header(request.scope, b"content-range") is not None:
        raise BadRequest("Send the whole body: a part of one replaces nothing.")


def _unsupported(request: Request, sentence: str | None, accepted: str) -> UnsupportedMediaType:
    named = ("Accept", "Accept-Patch") if request.method == "PATCH" else ("Accept",)
    return UnsupportedMediaType(sentence, headers=dict.fromkeys(named, accepted))


def _refuse_unknown(allowed: frozenset[str] | None, body: object) -> None:
    if allowed is None or not isinstance(body, Mapping):
        return
    unknown = [name for name in cast("Mapping[str, object]", body) if name not in allowed]
    if unknown:
        raise Invalid("Some inputs were refused.", fields={f"#/{name[:50]}": untaken(allowed) for name in unknown[:20]})


def untaken(accepted: Iterable[str]) -> str:
    """What is said of an input that an operation does not declare."""
    return f"this operation does not take it; accepted: {', '.join(sorted(accepted)) or 'none'}"
