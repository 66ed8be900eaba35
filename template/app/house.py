"""The house rules, checked on the finished service: one that breaks them does not start, and says what to mend."""

import re
from collections.abc import Iterable, Iterator
from typing import cast

from fastapi import APIRouter, FastAPI
from fastapi.datastructures import DefaultPlaceholder
from fastapi.utils import is_body_allowed_for_status_code
from starlette.routing import Mount, WebSocketRoute

from app.adapters.database import Base
from app.http import openapi
from app.http.openapi import Json, child, operations
from app.kit.routing import Route
from app.kit.solving import dependencies, is_generator

_BOUNDED_FORMATS = frozenset({"uuid", "date", "date-time", "time", "binary"})
# Text that is parsed, or hashed and never shown: it may hold what it likes.
_FREE_FORMATS = frozenset({"email", "password"})
# A pattern that lets one of these through lets control characters in: into logs, terminals, spreadsheets.
_CONTROLS = ("\0", "a\0a", "\x1b", "a\x1ba")
_LAZY = frozenset({True, "select", "dynamic"})
_NO_LIFESPAN = cast("type[object]", type(APIRouter().lifespan_context))
_MEND = (
    "a length and a pattern without control characters (Line and Text have both), a range or a maximum of entries, "
    'and `extra="forbid"` on an object (kit/schemas.py has the types)'
)


class HouseRuleBroken(Exception):
    """The service breaks its own rules; each line names the place and the mend."""


def inspect(app: FastAPI, routers: Iterable[APIRouter] = ()) -> None:
    """Refuse a service with an operation that lacks its access rule, errors, model, documentation or bounds."""
    shown: Json = app.openapi()
    hidden = openapi.document(app, hidden=True)
    routes = list(operations(app))
    broken = [sentence for route in routes for sentence in _route(route, shown if route.include_in_schema else hidden)]
    broken += _twice(routes)
    broken += [_foreign(route) for route in app.routes if not isinstance(route, Route)]
    broken += [sentence for router in routers for sentence in _router(router)]
    broken += _lazy()
    if app.router.dependencies:
        broken.append(
            "FastAPI(dependencies=…) reaches no route here. Give them to the routers: "
            "`routing.router(prefix, tag, dependencies=[…])`."
        )
    if broken:
        raise HouseRuleBroken("The service does not start:\n" + "\n".join(f"  - {sentence}" for sentence in broken))


def _router(router: APIRouter) -> Iterator[str]:
    """What a router declares that would never be asked for."""
    where = router.prefix or "A router"
    included = any(hasattr(route, "original_router") for route in router.routes)
    own = type(cast("object", router.lifespan_context)) is not _NO_LIFESPAN
    if router.on_startup or router.on_shutdown or (own and not included):
        yield f"{where} has a lifespan or startup and shutdown functions. Open and close things in a part.py instead."
    if router.max_body_size is not None or router.form_limits:
        yield f"{where} bounds the bodies of its routes. Declare it at each: `dependencies=[limits(body=…)]`."


def _twice(routes: list[Route]) -> Iterator[str]:
    """The operations of which only the first would ever answer."""
    first: dict[tuple[str, str], Route] = {}
    for route in routes:
        # What a parameter is called tells no two paths apart.
        shape = re.sub(r"\(\?P<\w+>", "(", route.path_regex.pattern)
        for method in sorted(route.methods or ()):
            other = first.setdefault((method, shape), route)
            if other is not route:
                yield (
                    f"{method} {route.path_format} is declared twice, by {_where(other)} and by {_where(route)}. "
                    "Give one of them a path or a method of its own."
                )


def _lazy() -> Iterator[str]:
    """The relationships that would be loaded where nobody can wait for the database: when they are looked at."""
    for mapper in sorted(Base.registry.mappers, key=str):
        for each in mapper.relationships:
            if each.lazy in _LAZY:
                yield (
                    f'{each} loads lazily, which can\'t be awaited. Write `relationship(lazy="raise")`, and name it '
                    'in the queries that need it (`selectinload`), or `lazy="selectin"` to load it each time.'
                )


def _where(route: Route) -> str:
    return f"{route.endpoint.__module__}.{route.endpoint.__name__}"


def _foreign(route: object) -> str:
    """Why a route that was not made here can't stay."""
    path = str(getattr(route, "path", ""))
    if isinstance(route, WebSocketRoute):
        return (
            f"{path} is a WebSocket, which this service does not speak. Add them with `make add part=websockets`, or "
            "stream events with `EventSourceResponse` (docs/fastapi.md)."
        )
    if isinstance(route, Mount):
        return (
            f"{path} is a mount, in which no access rule, limit or bound holds. Declare its operations on a router of "
            "`routing.router()`, or run it as a service of its own."
        )
    if hasattr(route, "original_router"):
        return (
            "A router was included into another one by `include_router`. Make each with `routing.router()`, with its "
            "whole prefix, in a router.py of its own folder, where it is found by itself."
        )
    return f"{path or route} was not created by `routing.router()`."


def _route(route: Route, document: Json) -> Iterator[str]:
    method = min(route.methods or {"GET"})
    name = f"{method} {route.path_format}"
    rules = len(route.access)
    if rules == 0:
        yield (
            f"{name} has no access rule. Declare one in the noun's access.py and take it as a parameter "
            '(`caller: CanReadItems`), or mark the route public with a reason (`dependencies=[public("…")]`).'
        )
    if rules > 1:
        yield f"{name} has {rules} access rules. Keep one: with several, it is unclear who may call it."
    if route.declares and not any("x-problems" in answer for answer in route.responses.values()) and _can_fail(route):
        yield (
            f"{name} declares no error answers, though it takes an id or a body. Name what it raises: "
            "`responses=answers(ItemNotFound, NameTaken)`."
        )
    own_class = not isinstance(route.response_class, DefaultPlaceholder)
    shown = own_class or route.response_field or route.stream_item_field
    if not shown and is_body_allowed_for_status_code(route.status_code):
        kind = "AsyncIterable[ItemRead]" if is_generator(route.endpoint) else "ItemRead"
        yield f"{name} has no response model. Annotate what it returns (`-> {kind}`), or give it `status_code=204`."
    if route.lasts and any(
        each.scope == "function" and each is not route.dependant for each in dependencies(route.dependant)
    ):
        yield (
            f"{name} goes on after its answer has begun, and takes what ends before, as a Session does. Take a "
            "Reader, or a Database and `async with database.transaction()`."
        )
    if not (route.endpoint.__doc__ or "").strip():
        yield f"{name} has no summary. Write the endpoint's docstring: its first line is the summary."
    operation = child(document, "paths", route.path_format, method.lower())
    for place in unbounded_inputs(operation, document):
        yield f"{name} takes an unbounded input: {place}. Give it {_MEND}."


def _can_fail(route: Route) -> bool:
    return route.body_field is not None or "{" in route.path_format


def unbounded_inputs(operation: Json, document: Json) -> Iterator[str]:
    """The inputs of an operation that accept a value of any size."""
    for parameter in _objects(operation.get("parameters")):
        place = f"{parameter['in']} {parameter['name']}"
        yield from _unbounded(child(parameter, "schema"), place, document, frozenset())
    if "requestBody" in operation:
        for media in child(operation, "requestBody", "content"):
            schema = child(operation, "requestBody", "content", media, "schema")
            yield from _unbounded(schema, "body", document, frozenset())


def _unbounded(schema: Json, place: str, document: Json, seen: frozenset[str]) -> Iterator[str]:
    """The places in a schema that accept a value of any size."""
    if "$ref" in schema:
        reference = str(schema["$ref"])
        if reference not in seen:
            target = child(document, *reference.removeprefix("#/").split("/"))
            yield from _unbounded(target, place, document, seen | {reference})
        return
    alternatives = [each for key in ("anyOf", "oneOf", "allOf") for each in _objects(schema.get(key))]
    for each in alternatives:
        yield from _unbounded(each, place, document, seen)
    if not alternatives and not schema.keys() & {"enum", "const"}:
        yield from _unbounded_type(schema, place, document, seen)


def _unbounded_type(schema: Json, place: str, document: Json, seen: frozenset[str]) -> Iterator[str]:
    kind = schema.get("type")
    if kind == "array":
        if "maxItems" not in schema:
            yield f"{place} (a list without a maximum of entries)"
        yield from _unbounded(child(schema, "items"), f"{place}[]", document, seen)
    elif kind == "object":
        # The values of a dict whose names have a pattern; of others, what any field may hold.
        named = child(schema, "patternProperties") or {"": schema.get("additionalProperties")}
        pattern, values = next(iter(named.items()))
        if "maxProperties" in schema and isinstance(values, dict):
            names: Json = {"type": "string", "pattern": pattern, **child(schema, "propertyNames")}
            yield from _unbounded(names, f"{place} (a name in it)", document, seen)
            yield from _unbounded(cast("Json", values), f"{place}.*", document, seen)
        elif schema.get("additionalProperties") is not False:
            yield f"{place} (an object that takes unknown fields)"
        for name in child(schema, "properties"):
            yield from _unbounded(child(schema, "properties", name), f"{place}.{name}", document, seen)
    elif (lacks := _lacks(kind, schema)) is not None:
        yield f"{place} ({lacks})"


def _lacks(kind: object, schema: Json) -> str | None:
    """What a single value lacks to be bounded."""
    if kind in {"null", "boolean"}:
        return None
    if kind == "string":
        # A file or bytes: the bound of the body is theirs.
        if schema.get("format") in _BOUNDED_FORMATS or "contentMediaType" in schema:
            return None
        if "maxLength" not in schema:
            return "text without a maximum length"
        return (
            None
            if schema.get("format") in _FREE_FORMATS or _is_clean(schema)
            else "text that may hold control characters"
        )
    if kind in {"integer", "number"}:
        bounded = schema.keys() & {"minimum", "exclusiveMinimum"} and schema.keys() & {"maximum", "exclusiveMaximum"}
        return None if bounded else "a number without a minimum and a maximum"
    return "any value"


def _is_clean(schema: Json) -> bool:
    """Whether a pattern keeps control characters out."""
    pattern = schema.get("pattern")
    return isinstance(pattern, str) and not any(re.search(pattern, text) for text in _CONTROLS)


def _objects(value: object) -> list[Json]:
    entries = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Json", entry) for entry in entries if isinstance(entry, dict)]
