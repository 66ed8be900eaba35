"""Every error is a problem document, and none tells what is inside."""

import secrets
from typing import cast

import httpx
import pytest

from app.kit.errors import AppError, Conflict
from tests.conftest import Start
from tests.http import trouble
from tests.wire import header, pointers, problem

LOGIN = "/v1/auth/login"
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/v1", "/v1/nothing", "/v1/accounts/", "/v1/%ff%00%0a", "/docs/x.js"]
)
def test_an_unknown_path_is_404(client: httpx.Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 404
    assert header(response, "content-type") == "application/problem+json"


def test_a_method_that_is_not_answered_is_405_with_all_that_are(client: httpx.Client) -> None:
    response = client.put("/v1/accounts/me")

    _ = problem(response, 405, "method-not-allowed")
    assert header(response, "allow") == "GET, HEAD"
    assert header(client.get(LOGIN), "allow") == "POST"


def test_an_unknown_method_is_405(client: httpx.Client) -> None:
    _ = problem(client.request("PURGE", LOGIN), 405)


@pytest.mark.parametrize(
    "content",
    [b"{", b"", b"null", b"[]", b'"text"', b"\xff", b'{"email": NaN}', b'{"email": "\\ud800"}', b"[" * 100_000],
    ids=lambda content: content[:20].decode(errors="replace"),
)
def test_a_body_that_is_no_json_object_is_422(client: httpx.Client, content: bytes) -> None:
    response = client.post(LOGIN, content=content, headers=JSON)

    _ = problem(response, 422, "invalid")
    assert pointers(response)


def test_every_refused_input_is_named(client: httpx.Client) -> None:
    response = client.post(LOGIN, json={"email": "nobody", "extra": 1})

    _ = problem(response, 422, "invalid")
    assert pointers(response) == {"#/email", "#/password", "#/extra"}


def test_a_refused_input_is_not_repeated(client: httpx.Client) -> None:
    response = client.post("/v1/accounts", json={"email": "ada@example.com", "password": "hunter2"})

    _ = problem(response, 422, "invalid")
    assert "hunter2" not in response.text


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""])
def test_a_body_of_another_media_type_is_415(client: httpx.Client, media: str) -> None:
    response = client.post(LOGIN, content=b"{}", headers={"content-type": media})

    _ = problem(response, 415, "unsupported-media-type")


def test_a_media_type_may_have_parameters(client: httpx.Client) -> None:
    response = client.post(LOGIN, content=b"{}", headers={"content-type": "Application/JSON; charset=utf-8"})

    _ = problem(response, 422)


def test_an_unknown_query_parameter_is_422(client: httpx.Client) -> None:
    response = client.get("/livez?verbose=1")

    _ = problem(response, 422, "invalid")
    assert pointers(response) == {"query verbose"}


def test_an_unexpected_failure_is_500_and_tells_nothing(start: Start) -> None:
    with start(trouble.router).connect() as client:
        response = client.get("/v1/trouble/bug")

    _ = problem(response, 500, "internal-error")
    for inside in (trouble.SECRET, "RuntimeError", "Traceback", ".py"):
        assert inside not in response.text


def test_an_undeclared_error_is_answered_as_the_bug_that_it_is(start: Start) -> None:
    with start(trouble.router).connect() as client:
        response = client.get("/v1/trouble/undeclared")

    detail = str(problem(response, 500, "internal-error")["detail"])
    assert detail == (
        "GET /v1/trouble/undeclared raised Undeclared, which it does not declare. "
        "Add it to the route: responses=answers(Undeclared)."
    )


def test_in_production_an_undeclared_error_is_answered_as_what_it_is(start: Start) -> None:
    service = start(trouble.router, ENVIRONMENT="production", AUTH_SIGNING_KEYS=secrets.token_hex(32))

    with service.connect() as client:
        _ = problem(client.get("/v1/trouble/undeclared"), 409, "undeclared")
        _ = problem(client.get("/v1/trouble/bug"), 500, "internal-error")


def test_a_failure_in_the_middle_of_an_answer_breaks_it_off(start: Start) -> None:
    with start(trouble.router).connect() as client, pytest.raises(httpx.RemoteProtocolError):
        _ = client.get("/v1/trouble/half")


def test_head_answers_what_get_does_without_a_body(client: httpx.Client, someone: httpx.Client) -> None:
    for asked, path in ((client, "/livez"), (someone, "/v1/accounts/me"), (client, "/v1/accounts/me")):
        get, head = asked.get(path), asked.head(path)

        assert head.status_code == get.status_code
        assert head.content == b""
        assert header(head, "content-type") == header(get, "content-type")
        assert abs(int(header(head, "content-length")) - len(get.content)) < 3


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("NameTaken", "name-taken"),
        ("NotADraft", "not-a-draft"),
        ("VATInvalid", "vat-invalid"),
        ("Http2Only", "http2-only"),
    ],
)
def test_the_code_of_an_error_is_its_name_in_words(name: str, code: str) -> None:
    assert cast("type[AppError]", type(name, (Conflict,), {})).code == code
    assert cast("type[AppError]", type(name, (Conflict,), {"code": "as-before"})).code == "as-before"
