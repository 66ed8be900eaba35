"""What the tests of every noun share: bodies that fit its schema, and values that do not."""

from collections.abc import Iterator
from functools import cache
from typing import cast

import httpx
from pydantic import BaseModel

from proof.standards.context import entries, node
from tests.security.samples import TURNS, Described
from tests.wire import Json, body


@cache
def _described(url: str) -> Described:
    return Described(body(httpx.get(f"{url.rstrip('/')}/openapi.json", trust_env=False)))


def new(client: httpx.Client, path: str) -> Json:
    """A body for a POST: all fields, each time with other values; what it refers to is made for the client."""
    described = _described(str(client.base_url))
    return cast("Json", described.content(described.operations[f"POST {path}"], client, next(TURNS)))


def misfits(model: type[BaseModel], name: str) -> Iterator[object]:
    """Values that a field of a body refuses."""
    schema = node(node(model.model_json_schema()["properties"])[name])
    kinds = [schema, *entries(schema.get("anyOf"))]
    yield {} if any(each.get("type") == "array" for each in kinds) else []
    if not any(each.get("type") == "null" for each in kinds):
        yield None
    for each in kinds:
        yield from _beyond(each)


def _beyond(schema: Json) -> Iterator[object]:
    most, length = cast("float", schema.get("maximum")), cast("int", schema.get("maxLength"))
    match schema.get("type"):
        case "string":
            yield "\0"
            if "maxLength" in schema:
                yield "1" * (length + 1)
            if "x-maximum" in schema:
                yield f"{schema['x-maximum']}1"
            if "minLength" in schema:
                yield ""
        case "integer" | "number":
            yield "many"
            if "maximum" in schema:
                yield most * 2 + 1
        case "array":
            yield [None] * (cast("int", schema["maxItems"]) + 1)
        case "object":
            yield {"some": []}
        case _:
            pass


def left_out(model: type[BaseModel]) -> list[str]:
    """The fields that may be left out."""
    return [name for name, field in model.model_fields.items() if not field.is_required()]


def nullable(model: type[BaseModel]) -> list[str]:
    """The fields that may be null."""
    fields = node(model.model_json_schema()["properties"])
    return [
        name for name in fields if any(each.get("type") == "null" for each in entries(node(fields[name]).get("anyOf")))
    ]


def made(client: httpx.Client, path: str) -> str:
    """The id of a new one of a client's."""
    response = client.post(path, json=new(client, path))
    assert response.is_success, response.text
    return str(body(response)["id"])
