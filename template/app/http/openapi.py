"""The OpenAPI document: what the routes declare, and what holds for all of them, added once."""

from collections.abc import Iterator
from typing import cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from app.http.problems import EVERYWHERE, WITH_A_BODY, WITH_A_CALLER
from app.kit.access import Public, Rule
from app.kit.api_keys import PREFIX
from app.kit.browser import ACCESS_COOKIE, CSRF_HEADER, SAFE_METHODS
from app.kit.errors import Problem, answers
from app.kit.routing import Route

Json = dict[str, object]

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


def operations(app: FastAPI) -> Iterator[Route]:
    """Every documented operation of the service."""
    for route in app.routes:
        if isinstance(route, Route) and route.include_in_schema:
            yield route


def child(node: Json, *path: str) -> Json:
    """The object at a path of the document, made where it is missing."""
    for step in path:
        inner = node.setdefault(step, {})
        if not isinstance(inner, dict):
            raise TypeError(f"the OpenAPI document has no object at {step}")
        node = cast("Json", inner)
    return node


def document(app: FastAPI) -> Json:
    """The OpenAPI 3.1 document of the service."""
    drawn: Json = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
    )
    for route in operations(app):
        for method in route.methods or ():
            _complete(child(drawn, "paths", route.path_format, method.lower()), route, safe=method in SAFE_METHODS)
    _, defined = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
    schemas = child(drawn, "components", "schemas")
    schemas.update(child(defined, "$defs"))
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    child(drawn, "components", "securitySchemes")["accessToken"] = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `access_token` of `POST /v1/auth/login`",
    }
    child(drawn, "components", "securitySchemes")["apiKey"] = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": f"{PREFIX.decode()}…",
        "description": "The `key` of `POST /v1/api-keys`, with the scope that is named here",
    }
    child(drawn, "components", "securitySchemes")["browserSession"] = {
        "type": "apiKey",
        "in": "cookie",
        "name": ACCESS_COOKIE,
        "description": "Set by `POST /v1/auth/browser/login`",
    }
    child(drawn, "components", "securitySchemes")["csrfToken"] = {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "The `csrf_token` of `POST /v1/auth/browser/login`, for whatever is not a GET",
    }
    return drawn


def _complete(operation: Json, route: Route, *, safe: bool) -> None:
    reasons = [rule.reason for rule in route.access if isinstance(rule, Public)]
    guarded = not reasons
    if guarded:
        browser: Json = {"browserSession": []} if safe else {"browserSession": [], "csrfToken": []}
        # With the names of the permissions that a key needs, which OpenAPI 3.1 allows for every kind of security.
        keys = [{"apiKey": [rule.permission]} for rule in route.access if isinstance(rule, Rule) and not rule.signed_in]
        operation["security"] = [{"accessToken": []}, browser, *keys]
    else:
        operation["x-public"] = reasons[0]
    for rule in route.access:
        if isinstance(rule, Public) and rule.unlimited:
            operation["x-unlimited"] = rule.unlimited
    if route.attempt:
        operation["x-attempts"] = True
    responses = child(operation, "responses")
    responses.pop("422", None)
    common = EVERYWHERE + WITH_A_CALLER * guarded + WITH_A_BODY * (route.body_field is not None)
    for status, answer in answers(*common).items():
        responses.setdefault(str(status), answer)
    for status in responses:
        child(responses, status, "headers")["X-Request-ID"] = _REQUEST_ID
    child(responses, "429", "headers").update(_RATE_LIMIT)
