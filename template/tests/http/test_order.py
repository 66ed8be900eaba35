"""Which route answers: the first one declared whose path and method fit, as FastAPI itself has it."""

from asyncio import run
from collections.abc import Awaitable, Callable, Sequence

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.probes import Status
from app.kit import routing
from app.kit.errors import MethodNotAllowed

Declared = Sequence[tuple[str, str]]

# Method and path, in the order of declaration.
DECLARED: Declared = (
    ("GET", "/v1/books/{id}"),
    ("POST", "/v1/books/search"),
    ("GET", "/v1/books/search"),
    ("POST", "/v1/books/{id}"),
    ("POST", "/{room}/books/new"),
    ("PUT", "/v1/books/new"),
    ("GET", "/{room}/{shelf}"),
    ("GET", "/v1/pens"),
    ("POST", "/v1/pens"),
)


def numbered(number: int) -> Callable[[], Awaitable[Status]]:
    """An endpoint that answers with its number."""

    async def endpoint() -> Status:
        return Status(status=str(number))

    return endpoint


async def asked(app: ASGIApp, method: str, path: str) -> tuple[int, str]:
    """What an application answers."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.request(method, path)
    return answer.status_code, str(answer.json().get("status", "")) if answer.is_success else ""


def ours() -> ASGIApp:
    """The routes in the service's table."""

    async def refused(request: Request, error: Exception) -> Response:
        assert request
        assert isinstance(error, MethodNotAllowed)
        return Response(status_code=405)

    router = routing.router("", "order")
    for number, (method, path) in enumerate(DECLARED):
        router.add_api_route(path, numbered(number), methods=[method])
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.router.routes.extend(router.routes)
    table = routing.Table(app)
    inner = ExceptionMiddleware(table.find(table), handlers={MethodNotAllowed: refused})

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = app
        await inner(scope, receive, send)

    return outer


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path",
    ["/v1/books/search", "/v1/books/new", "/v1/books/7", "/v1/pens", "/v2/pens", "/v2/books/new", "/v1/books", "/"],
)
def test_the_first_that_fits_answers(method: str, path: str) -> None:
    plain = FastAPI(openapi_url=None, redirect_slashes=False)
    for number, (verb, template) in enumerate(DECLARED):
        plain.add_api_route(template, numbered(number), methods=[verb])

    assert run(asked(ours(), method, path)) == run(asked(plain, method, path))
