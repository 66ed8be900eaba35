"""Every error becomes a problem document (RFC 9457), here and nowhere else."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.utils import is_body_allowed_for_status_code
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.exchange import exchange_of
from app.http.observe import unhandled
from app.kit.errors import (
    PROBLEM_JSON,
    AppError,
    BadRequest,
    Conflict,
    ContentTooLarge,
    FieldProblem,
    Forbidden,
    Gone,
    HeadersTooLarge,
    InternalError,
    Invalid,
    MethodNotAllowed,
    MisdirectedRequest,
    NotFound,
    PreconditionFailed,
    Problem,
    TimedOut,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    UriTooLong,
)
from app.kit.logging import get_logger
from app.kit.routing import Route
from app.kit.solving import in_thread, is_coroutine

log = get_logger()

Handlers = Mapping[type[Exception] | int, object]

_EXPECTED = (AppError, HTTPException, RequestValidationError, ClientDisconnect)
_PHRASES = frozenset(each.phrase for each in HTTPStatus)
_OF_FASTAPI = frozenset(FastAPI().exception_handlers.values())

# What any operation may answer before or around its own code: documented for all of them by openapi.py.
EVERYWHERE: tuple[type[AppError], ...] = (
    BadRequest,
    ContentTooLarge,
    UriTooLong,
    MisdirectedRequest,
    Invalid,
    TooManyRequests,
    HeadersTooLarge,
    InternalError,
    Unavailable,
    TimedOut,
)
WITH_A_BODY: tuple[type[AppError], ...] = (UnsupportedMediaType,)
_COMMON = frozenset({*EVERYWHERE, *WITH_A_BODY, NotFound, MethodNotAllowed, Gone, PreconditionFailed})
_BY_STATUS: Mapping[int, type[AppError]] = {
    int(kind.status): kind for kind in (*_COMMON, Conflict, Forbidden, Unauthorized)
}


class Problems:
    """Answers the errors of everything inside it."""

    def __init__(self, app: ASGIApp, *, strict: bool, common: Iterable[type[AppError]], handlers: Handlers) -> None:
        self._app: ASGIApp = app
        # Those that somebody added, less FastAPI's own, whose errors are answered here.
        self._handlers: Handlers = handlers
        self._common: frozenset[type[AppError]] = _COMMON.union(common)
        # Outside production an error that its route does not declare is answered as the bug that it is.
        self._strict: bool = strict

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            exchange = exchange_of(scope)
            handler = None if exchange.status else self._handler(error)
            if handler is not None:
                if not isinstance(error, _EXPECTED):
                    _tell(error)
                request = Request(scope, receive)
                answer = await (handler if is_coroutine(handler) else in_thread(handler))(request, error)
                await answer(scope, receive, send)
                return
            problem = self._meant(error, scope)
            if exchange.status:
                # Half an answer has left. Closing the connection is the only way to tell.
                raise
            await _send(problem, scope, exchange.request_id, send)

    def _meant(self, error: Exception, scope: Scope) -> AppError:
        if isinstance(error, AppError):
            route = cast("object", scope.get("route"))
            if self._strict and isinstance(route, Route) and route.declares and not self._declared(error, route):
                name = type(error).__name__
                log.error("undeclared error", error=name, route=route.path_format, exc_info=error)
                return InternalError(
                    f"{scope['method']} {route.path_format} raised {name}, which it does not declare. "
                    f"Add it to the route: responses=answers({name})."
                )
            return error
        if isinstance(error, RequestValidationError):
            return Invalid("Some inputs were refused.", fields=_fields(error.errors()))
        if isinstance(error, HTTPException):
            return _of_http(error)
        if isinstance(error, ClientDisconnect):
            return BadRequest("The client went away before the body was complete.")
        _tell(error)
        return InternalError()

    def _handler(self, error: Exception) -> Callable[..., Awaitable[Response]] | None:
        """What `add_exception_handler` names for an error.

        As in Starlette: HTTP errors by status, others by class, and what is named for 500 or Exception answers only
        what nobody expected.
        """
        keys: list[object] = [error.status_code] if isinstance(error, HTTPException) else []
        keys += [kind for kind in type(error).__mro__ if kind is not Exception]
        if not isinstance(error, _EXPECTED):
            keys += [500, Exception]
        elif 500 in keys:  # noqa: PLR2004
            keys.remove(500)
        for key in keys:
            handler = self._handlers.get(cast("type[Exception]", key))
            if handler is not None and handler not in _OF_FASTAPI:
                return cast("Callable[..., Awaitable[Response]]", handler)
        return None

    def _declared(self, error: AppError, route: Route) -> bool:
        if type(error) in self._common:
            return True
        declared = cast("list[Mapping[str, list[str]]]", list(route.responses.values()))
        return any(error.code in answer.get("x-problems", ()) for answer in declared)


def _tell(error: Exception) -> None:
    unhandled.inc()
    log.error("unhandled error", exc_info=error)


def _of_http(error: HTTPException) -> AppError:
    """FastAPI's and Starlette's own error, which carries its status, detail and headers."""
    kind = _BY_STATUS.get(error.status_code) or _of_status(error.status_code)
    detail = cast("object", error.detail)
    text = detail if isinstance(detail, str) else to_json(detail).decode()
    # Without a detail it has the phrase of its status, which says less than the sentence here.
    found = kind(None if text in _PHRASES else text)
    found.headers = {**found.headers, **(error.headers or {})}
    return found


@cache
def _of_status(status: int) -> type[AppError]:
    """A kind of problem for a status that has no class here: `urn:problem:payment-required` for 402."""
    try:
        known: int = HTTPStatus(status)
        phrase = HTTPStatus(status).phrase
    except ValueError:
        known, phrase = status, f"Status {status}"
    words = re.findall(r"[A-Za-z0-9]+", phrase.replace("'", ""))
    made = cast("type[AppError]", type("".join(words), (AppError,), {"__doc__": f"{phrase}.", "status": known}))
    made.code = "-".join(words).lower()
    return made


def _fields(errors: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """One sentence for each refused input, keyed by where it is."""
    fields: dict[str, str] = {}
    for error in errors:
        parts = [str(part) for part in cast("tuple[str | int, ...]", error["loc"])]
        where = "#/" + "/".join(parts[1:]) if parts[:1] == ["body"] and parts[1:] else " ".join(parts)
        fields.setdefault(where[:200], str(error["msg"]).removeprefix("Value error, "))
    return fields


async def _send(problem: AppError, scope: Scope, request_id: str, send: Send) -> None:
    document = Problem(
        type=f"urn:problem:{problem.code}",
        title=problem.sentence,
        status=problem.status,
        detail=problem.detail,
        # As it came: what a path says once it is decoded may be no URI any more.
        instance=cast("bytes", scope["raw_path"]).decode("latin-1"),
        request_id=request_id,
        errors=[FieldProblem(pointer=where, detail=what) for where, what in problem.fields.items()] or None,
    )
    body = document.model_dump_json(exclude_none=True).encode()
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in problem.headers.items()]
    if is_body_allowed_for_status_code(int(problem.status)):
        headers += [(b"content-type", PROBLEM_JSON.encode()), (b"content-length", str(len(body)).encode())]
    else:
        body = b""
    await send({"type": "http.response.start", "status": int(problem.status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
