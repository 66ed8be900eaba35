"""The OpenAPI document: valid, complete, and true."""

import re
from collections.abc import Iterator
from functools import partial
from typing import cast

import httpx
import pytest

from app.http import limits, links
from proof.standards.context import filled
from tests.conftest import Start
from tests.wire import Json, body, header

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@pytest.fixture(scope="session")
def document(client: httpx.Client) -> Json:
    """The document, over the wire."""
    response = client.get("/openapi.json")
    assert (response.status_code, header(response, "content-type")) == (200, "application/json")
    return body(response)


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Every operation: its method, its path, what is said of it."""
    for path, methods in cast("dict[str, dict[str, Json]]", document["paths"]).items():
        for method, operation in methods.items():
            yield method, path, operation


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        named = cast("Json", node)
        if "$ref" in named:
            yield str(named["$ref"])
        for inner in named.values():
            yield from _references(inner)
    elif isinstance(node, list):
        for inner in cast("list[object]", node):
            yield from _references(inner)


def test_it_is_openapi_3_1(document: Json) -> None:
    assert str(document["openapi"]).startswith("3.1.")
    information = cast("Json", document["info"])
    assert information["title"]
    assert information["version"]


def test_it_has_operations_of_the_known_methods(document: Json) -> None:
    found = list(operations(document))

    assert {method for method, _, _ in found} <= METHODS
    assert {path for _, path, _ in found} >= {"/livez", "/v1/accounts", "/v1/auth/login"}


def test_every_operation_is_described_and_names_its_errors(document: Json) -> None:
    for method, path, operation in operations(document):
        name = f"{method} {path}"
        assert operation.get("summary"), name
        assert operation.get("description"), name
        assert operation.get("tags"), name
        answers = cast("dict[str, Json]", operation["responses"])
        assert any(status.startswith("2") or status == "101" for status in answers), name
        problems = [answer for status, answer in answers.items() if status[0] in "45"]
        assert problems, name
        for answer in problems:
            assert list(cast("Json", answer["content"])) == ["application/problem+json"], name
            assert answer["description"], name
        for status, answer in answers.items():
            assert re.fullmatch(r"[1-5]\d\d", status), name
            assert "X-Request-ID" in str(answer["headers"]), name


def test_what_is_answered_before_an_operation_is_asked_is_described_for_each(start: Start, document: Json) -> None:
    with start(MAX_BODY_BYTES="1024").connect() as client:
        seen: set[int] = set()
        for method, path, operation in operations(document):
            ask = partial(client.request, method.upper(), filled(path))
            answers = (
                ask(params={"a": "a" * (limits.MOST_QUERY + 1)}),
                ask(headers=[(f"x-{number}", "a") for number in range(limits.MOST_FIELDS + 1)]),
                ask(headers={"host": "elsewhere.example"}),
                ask(headers=[("authorization", "a"), ("authorization", "b")]),
                ask(content=b" " * 1025, headers={"content-type": "application/json"}),
            )
            found = {each.status_code for each in answers}
            seen |= found
            assert {str(each) for each in found} <= cast("Json", operation["responses"]).keys(), f"{method} {path}"

    assert seen >= {400, 413, 414, 421, 431}


def test_an_id_in_an_answer_leads_to_what_can_be_asked_of_it(document: Json) -> None:
    by_id = {str(operation["operationId"]): (method, path) for method, path, operation in operations(document)}
    found: dict[str, set[tuple[str, str, str]]] = {}
    for method, path, operation in operations(document):
        for answer in cast("dict[str, Json]", operation["responses"]).values():
            for link in cast("dict[str, Json]", answer.get("links", {})).values():
                target = by_id[str(link["operationId"])]
                parameters = cast("dict[str, str]", link["parameters"])
                led_to = cast("Json", _at(document, ["paths", target[1], target[0]]))
                declared = cast("list[Json]", led_to.get("parameters", []))
                assert parameters.keys() <= {str(each["name"]) for each in declared}
                assert link["description"]
                found.setdefault(f"{method} {path}", set()).update((*target, each) for each in parameters.values())

    assert found["get /v1/auth/sessions"] == {
        ("delete", "/v1/auth/sessions/{session_id}", "$response.body#/data/0/id"),
        ("get", "/v1/auth/sessions", "$response.body#/next_cursor"),
    }


def _answering(name: str, *fields: str) -> Json:
    schema = {"properties": {each: {"type": "string"} for each in fields}}
    return {
        "operationId": name,
        "summary": name.title(),
        "responses": {"200": {"content": {"application/json": {"schema": schema}}}, "404": {}},
    }


@pytest.mark.parametrize(
    ("source", "targets"),
    [
        ("/v1/orders", {"/v1/orders/{order_id}": {"order_id": "$response.body#/id"}}),
        ("/v1/orders/search", {"/v1/orders/{order_id}": {"order_id": "$response.body#/id"}}),
        ("/v1/orders", {"/v1/orders/{order_id}/cancel": {"order_id": "$response.body#/id"}}),
        (
            "/v1/orders/{order_id}/lines",
            {
                "/v1/orders/{order_id}/lines/{line_id}": {
                    "order_id": "$request.path.order_id",
                    "line_id": "$response.body#/id",
                }
            },
        ),
        ("/v1/orders", {"/v1/orders/{order_id}/lines/{line_id}": None, "/v1/rooms/{room_id}": None}),
        ("/v1/orders/{order_id}", {"/v1/orders/{order_id}/lines": None}),
    ],
)
def test_a_link_follows_from_the_two_paths(source: str, targets: dict[str, Json | None]) -> None:
    paths = {source: {"post": _answering("source", "id")}}
    paths |= {target: {"get": _answering(target)} for target in targets}
    drawn: Json = {"paths": paths}

    links.link(drawn)

    answers = cast("dict[str, Json]", paths[source]["post"]["responses"])
    made = cast("dict[str, Json]", answers["200"].get("links", {}))
    assert {name: each["parameters"] for name, each in made.items()} == {
        name: wanted for name, wanted in targets.items() if wanted
    }


def test_what_refers_to_a_thing_is_linked_by_the_field() -> None:
    fields = {"room_id": {"x-refers-to": "/v1/rooms"}, "title": {}}
    booking = _answering("book") | {
        "requestBody": {"content": {"application/json": {"schema": {"properties": fields}}}}
    }
    room = _answering("make", "id")
    links.link({"paths": {"/v1/rooms": {"post": room}, "/v1/bookings": {"post": booking}}})

    made = cast("Json", cast("dict[str, Json]", room["responses"])["200"]["links"])

    assert made == {
        "book": {
            "operationId": "book",
            "parameters": {},
            "description": "Book",
            "requestBody": {"room_id": "$response.body#/id"},
        }
    }


def test_every_operation_has_an_id_of_its_own(document: Json) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(set(ids)) == len(ids)


def test_every_parameter_of_a_path_is_declared(document: Json) -> None:
    for method, path, operation in operations(document):
        parameters = cast("list[Json]", operation.get("parameters", []))
        declared = {str(each["name"]) for each in parameters if each["in"] == "path"}
        assert declared == set(re.findall(r"\{(\w+)\}", path)), f"{method} {path}"


def _at(node: object, path: list[str]) -> object:
    return _at(cast("Json", node)[path[0]], path[1:]) if path else node


def test_every_reference_leads_somewhere(document: Json) -> None:
    for reference in _references(document):
        assert _at(document, reference.removeprefix("#/").split("/"))
