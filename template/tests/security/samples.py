"""What the OpenAPI document says is enough to make requests: a body that fits, the address of something that exists."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import cast
from uuid import uuid4

import httpx
import jsonschema_rs

from proof.standards.context import SOME_ID, Operation, body, entries, node, operations, resolved
from tests.conftest import new_address
from tests.wire import Json

Path = tuple[str | int, ...]

_TEXTS = {"date": "2030-01-31", "time": "12:00:00Z", "date-time": "2030-01-31T12:00:00Z", "uri": "https://example.com"}


class Undescribed(Exception):
    """The document does not say enough to make a request from it; the sentence says what would."""


@dataclass(frozen=True)
class Described:
    """A service, as its OpenAPI document describes it."""

    document: Json

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """Every operation by its name: `GET /v1/items`."""
        return {each.name: each for each in operations(self.document)}

    @property
    def with_ids(self) -> list[Operation]:
        """The operations on one of several things: `GET /v1/items/{item_id}`."""
        return [each for each in self.operations.values() if "{" in each.path]

    def content(self, operation: Operation) -> object:
        """A body that the operation's schema allows, with every field; None when it takes none."""
        schema = schema_of(operation)
        if schema is None:
            return None
        found = self._sample(schema, ())
        whole = schema | {"components": self.document["components"]}
        for error in jsonschema_rs.validator_for(whole).iter_errors(found):
            place = "/".join(str(step) for step in error.instance_path)
            raise Undescribed(
                f"{operation.name}: no value for #/{place} can be made from its schema ({error.message}). "
                "Give the field one: Field(examples=[…])."
            )
        return found

    def texts(self, schema: Json, value: object, at: Path = ()) -> Iterator[tuple[Path, Json]]:
        """Where a value holds text, and the schema of each place."""
        schema = self._chosen(schema)
        if isinstance(value, dict):
            for name, each in cast("Json", value).items():
                yield from self.texts(node(node(schema.get("properties")).get(name)), each, (*at, name))
        elif isinstance(value, list):
            for number, each in enumerate(cast("list[object]", value)):
                yield from self.texts(node(schema.get("items")), each, (*at, number))
        elif isinstance(value, str):
            yield at, schema

    def address(self, operation: Operation, owner: httpx.Client) -> str:
        """The path of an operation, with ids of what its owner has: made by a POST, else the first of a list."""
        template = found = ""
        for part in operation.path.removeprefix("/").split("/"):
            found += f"/{self._id(operation, template, found, owner) if part.startswith('{') else part}"
            template += f"/{part}"
        return found

    def _id(self, operation: Operation, template: str, at: str, owner: httpx.Client) -> str:
        tried: list[str] = []
        makers = (self.operations.get(f"{method} {template}") for method in ("POST", "GET"))
        for maker in (each for each in makers if each is not None):
            answer = owner.request(maker.method, at, json=self.content(maker))
            if answer.status_code == HTTPStatus.FORBIDDEN:
                # No member has one of their own; each of them is a stranger.
                return SOME_ID
            made = body(answer)
            for each in (made, *entries(made.get("data"))):
                if answer.is_success and "id" in each:
                    return str(each["id"])
            tried.append(f"{maker.name} answers {answer.status_code} {answer.text[:200]}")
        raise Undescribed(
            f"{operation.name}: nothing of the caller's own is found at {template} "
            f"({'; '.join(tried) or 'there is no operation'}). Let a POST there answer an `id`, or a GET a list whose "
            "`data` has one; where a body is refused, give its fields examples that are accepted: Field(examples=[…])."
        )

    def _chosen(self, schema: Json) -> Json:
        """A schema with its reference followed, and of alternatives the first that is something."""
        while True:
            schema = resolved(schema, self.document)
            every = [each for key in ("anyOf", "oneOf", "allOf") for each in entries(schema.get(key))]
            if not every:
                return schema
            schema = next(each for each in every if each.get("type") != "null")

    def _sample(self, schema: Json, within: tuple[Json, ...]) -> object:
        schema = self._chosen(schema)
        if schema in within:
            return None
        # Two requests may not share an address, whatever the example is.
        offered = schema.get("enum") or (schema.get("format") != "email" and schema.get("examples"))
        if offered or "const" in schema:
            return cast("list[object]", offered or [schema["const"]])[0]
        inside = (*within, schema)
        found: object = None
        match schema.get("type"):
            case "object":
                fields = node(schema.get("properties")).items()
                found = {name: self._sample(node(each), inside) for name, each in fields}
            case "array":
                least = max(1, cast("int", schema.get("minItems", 1)))
                found = [self._sample(node(schema.get("items")), inside) for _ in range(least)]
            case "integer" | "number":
                found = schema.get("minimum", schema.get("maximum", 1))
            case "boolean":
                found = True
            case "string":
                found = _text(schema)
            case _:
                pass
        return found


def _text(schema: Json) -> str:
    kind = schema.get("format")
    if kind in {"email", "uuid"}:
        return new_address() if kind == "email" else str(uuid4())
    return _TEXTS.get(str(kind), "a" * max(1, cast("int", schema.get("minLength", 1))))


def schema_of(operation: Operation) -> Json | None:
    """The schema of the operation's body; None when it takes none."""
    kinds = node(node(operation.spec.get("requestBody")).get("content"))
    return node(node(kinds["application/json"]).get("schema")) if "application/json" in kinds else None


def text_parameters(operation: Operation) -> Iterator[str]:
    """The names of the query parameters that are text."""
    for each in entries(operation.spec.get("parameters")):
        schema = node(each.get("schema"))
        kinds = [schema, *entries(schema.get("anyOf"))]
        if each["in"] == "query" and any(kind.get("type") == "string" for kind in kinds):
            yield str(each["name"])


def changed(value: object, at: Path, new: object) -> object:
    """A value with another one at a place inside of it."""
    if not at:
        return new
    step, rest = at[0], at[1:]
    if isinstance(value, dict):
        fields = cast("Json", value)
        return fields | {str(step): changed(fields[str(step)], rest, new)}
    several = cast("list[object]", value)
    return [changed(each, rest, new) if number == step else each for number, each in enumerate(several)]
