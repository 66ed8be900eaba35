"""Links of the OpenAPI document: where the id in an answer leads, and the cursor of a page; read off the paths."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

Json = dict[str, object]

_ID = re.compile(r"\{(\w+)\}")


class _Operation(NamedTuple):
    """An operation of the document, as far as links are concerned."""

    path: str
    spec: Json

    @property
    def id(self) -> str:
        return str(self.spec["operationId"])


def link(document: Json) -> None:
    """Add to each answer with an `id`, or with `data` of such, what can be asked of that thing, and to a page the next.

    Of `POST /v1/items`, `GET /v1/items` and `POST /v1/items/search` that is whatever begins with `/v1/items/{item_id}`
    and has no further parameter in its path. What refers to an item by a field of its body is linked, too; the link
    has that field alone.
    """
    operations = [
        _Operation(path, cast("Json", spec))
        for path, methods in _object(document.get("paths")).items()
        for spec in _object(methods).values()
    ]
    for each in operations:
        for status, answer in _object(each.spec.get("responses")).items():
            if status.startswith("2"):
                links = dict(_links(each, _fields(_object(answer), document), operations, document))
                if links:
                    _object(answer)["links"] = links


def _links(
    source: _Operation, fields: Json, operations: list[_Operation], document: Json
) -> Iterator[tuple[str, Json]]:
    held = _fields_of(_object(_object(fields.get("data")).get("items")), document)
    found = "id" if "id" in fields else "data/0/id" if "id" in held else ""
    same = {each[1]: f"$request.path.{each[1]}" for each in _ID.finditer(source.path)}
    for target in operations if found else ():
        if name := _led_to(source.path, target.path):
            yield target.id, _link(target, same | {name: f"$response.body#/{found}"})
        for field in _referring(target, source.path, document) if found == "id" else ():
            yield target.id, _link(target, {}) | {"requestBody": {field: "$response.body#/id"}}
    parameters = {str(_object(each)["name"]) for each in cast("list[object]", source.spec.get("parameters", []))}
    if "next_cursor" in fields and "cursor" in parameters:
        yield "next_page", _link(source, same | {"cursor": "$response.body#/next_cursor"})


def _link(target: _Operation, parameters: Mapping[str, str]) -> Json:
    return {"operationId": target.id, "parameters": dict(parameters), "description": str(target.spec.get("summary"))}


def _referring(target: _Operation, path: str, document: Json) -> Iterator[str]:
    """The fields of its body that refer to things made at a path."""
    # One that belongs to a thing of its own needs that thing's id, too.
    content = _object(_object(target.spec.get("requestBody")).get("content")) if "{" not in target.path else {}
    for name, field in _fields_of(_object(_object(content.get("application/json")).get("schema")), document).items():
        # A list of them would take more than one answer.
        if _object(field).get("x-refers-to") == path and _object(field).get("type") != "array":
            yield name


def _led_to(source: str, target: str) -> str:
    """The parameter in the target's path that the id in an answer at the source's path is for; empty when none is."""
    collection, _, rest = target.rpartition("/{")
    name, _, action = rest.partition("}")
    # `/v1/items/search` answers items, too.
    reached = source == collection or (source.rpartition("/")[0] == collection and not source.endswith("}"))
    return name if reached and rest and "{" not in action else ""


def _fields(answer: Json, document: Json) -> Json:
    """The fields of what an answer holds in JSON."""
    content = _object(answer.get("content"))
    return _fields_of(_object(_object(content.get("application/json")).get("schema")), document)


def _fields_of(schema: Json, document: Json) -> Json:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        for step in reference.removeprefix("#/").split("/"):
            document = _object(document.get(step))
        schema = document
    return _object(schema.get("properties"))


def _object(node: object) -> Json:
    return cast("Json", node) if isinstance(node, dict) else {}
