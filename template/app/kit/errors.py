"""Errors that know their own status. A noun's errors.py subclasses these; http/problems.py alone renders them."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

# `NotADraft` is not-a-draft.
_BETWEEN_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

PROBLEM_JSON = "application/problem+json"

type_by_constraint: dict[str, "type[AppError]"] = {}


class AppError(Exception):
    """The base of everything the service answers on purpose.

    A subclass is one sentence: its docstring is what the client reads when no detail is given. `constraint` names the
    database constraint that the error explains. `keeps_writes` commits the transaction that raised it: for a refusal
    whose consequences must outlive it, such as the end of a stolen session.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "app-error"
    sentence: ClassVar[str] = ""
    keeps_writes: ClassVar[bool] = False
    standard_headers: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, *, constraint: str | None = None, keeps_writes: bool = False) -> None:
        super().__init_subclass__()
        if "code" not in vars(cls):
            cls.code = _BETWEEN_WORDS.sub("-", cls.__name__).lower()
        cls.sentence = (cls.__doc__ or cls.status.phrase).strip().partition("\n")[0]
        cls.keeps_writes = keeps_writes
        if constraint is not None:
            type_by_constraint[constraint] = cls

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.sentence)
        self.detail: str = detail or self.sentence
        self.headers: Mapping[str, str] = {**self.standard_headers, **(headers or {})}
        self.fields: Mapping[str, str] = fields or {}


class BadRequest(AppError):
    """The request is malformed."""

    status: ClassVar = HTTPStatus.BAD_REQUEST


class Unauthorized(AppError):
    """A valid access token is required."""

    status: ClassVar = HTTPStatus.UNAUTHORIZED
    standard_headers: ClassVar = {"WWW-Authenticate": "Bearer"}


class Forbidden(AppError):
    """Your role does not allow this."""

    status: ClassVar = HTTPStatus.FORBIDDEN


class NotFound(AppError):
    """There is nothing at this address."""

    status: ClassVar = HTTPStatus.NOT_FOUND


class MethodNotAllowed(AppError):
    """This address does not support that method."""

    status: ClassVar = HTTPStatus.METHOD_NOT_ALLOWED


class Conflict(AppError):
    """The change conflicts with what is stored."""

    status: ClassVar = HTTPStatus.CONFLICT


class Gone(AppError):
    """This operation is no longer offered."""

    status: ClassVar = HTTPStatus.GONE


class PreconditionFailed(AppError):
    """The resource has changed since you read it: read it again, then repeat the change."""

    status: ClassVar = HTTPStatus.PRECONDITION_FAILED


class ContentTooLarge(AppError):
    """The request body is larger than this service accepts."""

    status: ClassVar = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UriTooLong(AppError):
    """The address of the request is longer than this service accepts."""

    status: ClassVar = HTTPStatus.REQUEST_URI_TOO_LONG


class UnsupportedMediaType(AppError):
    """Send the body as application/json."""

    status: ClassVar = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class MisdirectedRequest(AppError):
    """This service does not serve the requested host."""

    status: ClassVar = HTTPStatus.MISDIRECTED_REQUEST


class Invalid(AppError):
    """The request is invalid."""

    status: ClassVar = HTTPStatus.UNPROCESSABLE_ENTITY


class TooManyRequests(AppError):
    """Too many requests: slow down."""

    status: ClassVar = HTTPStatus.TOO_MANY_REQUESTS


class HeadersTooLarge(AppError):
    """The header fields of the request are larger than this service accepts."""

    status: ClassVar = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class InternalError(AppError):
    """An internal error occurred. The log has it under the request id."""

    status: ClassVar = HTTPStatus.INTERNAL_SERVER_ERROR


class CodingUnknown(AppError):
    """This service does not know this transfer coding of the request: send the body chunked at most."""

    status: ClassVar = HTTPStatus.NOT_IMPLEMENTED


class Unavailable(AppError):
    """The service can't take this request now: try again shortly."""

    status: ClassVar = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class TimedOut(AppError):
    """The request took longer than this service allows."""

    status: ClassVar = HTTPStatus.GATEWAY_TIMEOUT


class FieldProblem(BaseModel):
    """One input that was refused, and why."""

    model_config = ConfigDict(frozen=True)

    pointer: str = Field(
        description="Where: `#/name` in the body (a JSON pointer), or the query, path or header parameter"
    )
    detail: str = Field(description="What is wrong, and what is accepted")


class Problem(BaseModel):
    """A problem document (RFC 9457): the one form that every error of this service has."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Identifies the kind of problem, stable across releases: `urn:problem:name-taken`")
    title: str = Field(description="The kind of problem in one sentence")
    status: int = Field(description="The HTTP status code")
    detail: str = Field(description="What went wrong this time")
    instance: str = Field(description="The path of the request")
    request_id: str = Field(description="Finds this request in the service's log")
    errors: list[FieldProblem] | None = Field(default=None, description="The inputs that were refused, one entry each")


def answers(*errors: type[AppError]) -> dict[int | str, dict[str, object]]:
    """The `responses=` of a route: every error it may raise, documented under its status.

    A route that raises an error it did not name is a bug, and outside production it is answered as one.
    """
    by_status: dict[int, list[type[AppError]]] = {}
    for error in errors:
        by_status.setdefault(int(error.status), []).append(error)
    return {
        status: {
            "description": " ".join(error.sentence for error in kinds),
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            "x-problems": [error.code for error in kinds],
        }
        for status, kinds in by_status.items()
    }
