"""The OpenAPI document: what the routes declare, and what holds for all of them, added once."""

from collections.abc import Iterator
from copy import copy
from typing import cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from app.http.links import link
from app.http.problems import EVERYWHERE, WITH_A_BODY
from app.kit import state
from app.kit.access import Public
from app.kit.authentication import Authenticators
from app.kit.errors import Gone, Problem, answers
from app.kit.routing import Route, creating
from app.kit.schemas import Identified
from app.kit.solving import names as body_names

Json = dict[str, object]

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_RATE_LIMIT: Json = {
    "Retry-After": {"description": "Seconds after which the next request is welcome", "schema": {"type": "integer"}},
    "RateLimit-Policy": {
        "description": 'The limit: `"principal";q=40;w=2` is 40 requests at once, free again over 2 seconds',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left of it: `"principal";r=0;t=1` is nothing, for 1 second',
        "schema": {"type": "string"},
    },
}

_REQUEST_ID: Json = {
    "description": "Finds this request in the service's log",
    "schema": {"type": "string"},
}


_LOCATION: Json = {
    "description": "Where it is from now on",
    "schema": {"type": "string", "format": "uri-reference"},
}


def operations(app: FastAPI) -> Iterator[Route]:
    """Every operation of the service, with those that `include_in_schema=False` leaves out of the document."""
    for route in app.routes:
        if isinstance(route, Route):
            yield route


def child(node: Json, *path: str) -> Json:
    """The object at a path of the document, made where it is missing."""
    for step in path:
        inner = node.setdefault(step, {})
        if not isinstance(inner, dict):
            raise TypeError(f"the OpenAPI document has no object at {step}")
        node = cast("Json", inner)
    return node


def document(app: FastAPI, *, hidden: bool = False) -> Json:
    """The OpenAPI 3.1 document of the service; with `hidden`, that of the operations which are left out of it."""
    routes = [each for each in operations(app) if each.include_in_schema is not hidden]
    drawn: Json = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=app.openapi_version,
        summary=app.summary,
        description=app.description,
        terms_of_service=app.terms_of_service,
        contact=app.contact,
        license_info=app.license_info,
        routes=[_shown(each) for each in routes] if hidden else routes,
        webhooks=app.webhooks.routes,
        tags=app.openapi_tags,
        servers=app.servers,
        separate_input_output_schemas=app.separate_input_output_schemas,
        external_docs=app.openapi_external_docs,
    )
    authenticators = state.find(app, Authenticators)
    located = [route.unique_id for route in creating(app)]
    for route in routes:
        for method in route.methods or ():
            operation = child(drawn, "paths", route.path_format, method.lower())
            _complete(operation, route, authenticators, safe=method in _SAFE_METHODS)
            if route.unique_id in located and _answers_an_id(route):
                child(operation, "responses", "201", "headers")["Location"] = _LOCATION
            if body_names(route) is not None:
                _close(operation, drawn)
    link(drawn)
    _, defined = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
    schemas = child(drawn, "components", "schemas")
    schemas.update(child(defined, "$defs"))
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    child(drawn, "components", "securitySchemes").update(
        authenticators.schemes
        | {"machineToken": {"type": "http", "scheme": "bearer", "description": "The token of the operation itself"}}
    )
    return drawn


def _close(operation: Json, drawn: Json) -> None:
    """Say of a body that FastAPI puts together of several parameters that it takes nothing else."""
    for content in child(operation, "requestBody", "content").values():
        schema = child(cast("Json", content), "schema")
        reference = str(schema.get("$ref", "")).removeprefix("#/")
        (child(drawn, *reference.split("/")) if reference else schema)["additionalProperties"] = False


def _answers_an_id(route: Route) -> bool:
    model = cast("object", route.response_model)
    return isinstance(model, type) and issubclass(model, Identified)


def _shown(route: Route) -> Route:
    shown = copy(route)
    shown.include_in_schema = True
    return shown


def _complete(operation: Json, route: Route, authenticators: Authenticators, *, safe: bool) -> None:
    reasons = [rule.reason for rule in route.access if isinstance(rule, Public)]
    guarded = not reasons
    if guarded:
        operation["security"] = authenticators.requirements(route.access, safe=safe) or [{"machineToken": []}]
    else:
        operation["x-public"] = reasons[0]
    for rule in route.access:
        if isinstance(rule, Public) and rule.unlimited:
            operation["x-unlimited"] = rule.unlimited
    if route.attempt:
        operation["x-attempts"] = True
    limits = route.limits
    rate = limits.rate and f"{limits.rate.requests}/{limits.rate.seconds}"
    if own := {
        name: value
        for name, value in (("body", limits.body), ("seconds", limits.seconds), ("rate", rate))
        if value is not None
    }:
        operation["x-limits"] = own
    responses = child(operation, "responses")
    responses.pop("422", None)
    common = EVERYWHERE + authenticators.errors * guarded + WITH_A_BODY * (route.body_field is not None)
    if route.replaced is not None:
        operation["x-replaced-by"] = route.replaced.instead
        common += (Gone,) * (route.replaced.until is not None)
    for status, answer in answers(*common).items():
        responses.setdefault(str(status), answer)
    for status in responses:
        child(responses, status, "headers")["X-Request-ID"] = _REQUEST_ID
    child(responses, "429", "headers").update(_RATE_LIMIT)
