"""SEC-3: every input has a type and bounds, and what is unknown is refused. Seen from the wire, not from the code."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import cast

import httpx

from app.house import unbounded_inputs
from proof.standards.context import Context, Json, Operation, body, entries, filled, node, resolved
from proof.standards.outcome import Outcome, judged

_UNKNOWN = "unknown_input"


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One bad input, and where the refusal has to point."""

    what: str
    pointer: str
    mend: str
    path: str
    query: dict[str, str]
    content: Json | None = None


def check(context: Context) -> Outcome:
    """Send to every operation what it has to refuse."""
    document = context.document()
    attempts = refused = 0
    faults: list[str] = []
    with ExitStack() as stack:
        callers = [*_everybody(context, stack)]
        for operation in context.operations():
            faults += [
                f"{operation.name} takes an unbounded input: {place}. Bound it with app/kit/schemas.py."
                for place in unbounded_inputs(operation.spec, document)
            ]
            # Attempts at a secret are counted for each caller, and new ones have made none.
            asking = [*_everybody(context, stack)] if operation.attempts else callers
            for attempt in _attempts(operation, document):
                attempts += 1
                fault = _fault(operation, attempt, asking)
                refused += fault is None
                faults += [fault] if fault else []
    if not attempts:
        faults.append("the OpenAPI document names no operation to try. Serve at least one.")
    return judged(
        faults,
        f"{refused} of {attempts}",
        "bad inputs are refused",
        evidence=["unknown query parameters and body fields, values of a wrong type, and values just past each bound"],
    )


def _everybody(context: Context, stack: ExitStack) -> Iterator[httpx.Client]:
    """A caller of each kind: of every role, and the one who holds the machine's token."""
    signed_in = (context.sign_up(role) for role in (None, *context.roles()))
    for each in chain(signed_in, [context.client(context.machine_token)]):
        each.opens = True
        yield stack.enter_context(each)


def _fault(operation: Operation, attempt: _Attempt, callers: Sequence[httpx.Client]) -> str | None:
    *others, last = callers
    for client in others:
        answer = _sent(client, operation, attempt)
        if answer.status_code not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            break
    else:
        answer = _sent(last, operation, attempt)
    pointers = [str(each.get("pointer")) for each in entries(body(answer).get("errors"))]
    if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY and attempt.pointer in pointers:
        return None
    seen = f"answers {answer.status_code}" + (f" naming {', '.join(pointers)}" if pointers else "")
    return f"{operation.name} {seen} to {attempt.what}, not 422 naming {attempt.pointer}. {attempt.mend}"


def _sent(client: httpx.Client, operation: Operation, attempt: _Attempt) -> httpx.Response:
    return client.request(operation.method, attempt.path, params=attempt.query, json=attempt.content)


def _attempts(operation: Operation, document: Json) -> Iterator[_Attempt]:
    yield _Attempt(
        "an unknown query parameter",
        f"query {_UNKNOWN}",
        "Make its router with `routing.router(…)`, which refuses what an operation does not declare.",
        operation.url,
        {_UNKNOWN: "1"},
    )
    for parameter in entries(operation.spec.get("parameters")):
        name, place = str(parameter["name"]), str(parameter["in"])
        for what, value in _bad(node(parameter.get("schema")), document):
            mend = f"Give {place} {name} the type and the bounds that the document promises."
            if place == "query":
                yield _Attempt(f"{name} = {what}", f"query {name}", mend, operation.url, {name: str(value)})
            elif place == "path":
                path = operation.path.replace(f"{{{name}}}", str(value))
                yield _Attempt(f"{name} = {what}", f"path {name}", mend, filled(path), {})
    if "application/json" in operation.content:
        schema = resolved(node(node(operation.content["application/json"]).get("schema")), document)
        yield _Attempt(
            "an unknown body field",
            f"#/{_UNKNOWN}",
            "Derive its model from `In` (app/kit/schemas.py), which forbids extra fields.",
            operation.url,
            {},
            {_UNKNOWN: 1},
        )
        for name, field in cast("dict[str, Json]", schema.get("properties", {})).items():
            for what, value in (*_bad(field, document), _of_another_kind(field, document)):
                mend = f"Give the field {name} the type and the bounds that the document promises."
                yield _Attempt(f"{name} = {what}", f"#/{name}", mend, operation.url, {}, {name: value})


def _of_another_kind(schema: Json, document: Json) -> tuple[str, object]:
    """A value of a kind that a schema does not admit: an object, or text for what takes objects."""
    kinds = {resolved(each, document).get("type") for each in entries(schema.get("anyOf")) or [schema]}
    return ("text", "many") if "object" in kinds else ("an object", {"a": 1})


def _bad(schema: Json, document: Json) -> Iterator[tuple[str, object]]:
    """Values that a schema does not allow: what each is, and the value."""
    for each in entries(schema.get("anyOf")) or [resolved(schema, document)]:
        longest, most, kind = each.get("maxLength"), each.get("maximum"), each.get("type")
        if isinstance(longest, int):
            yield f"{longest + 1} characters", "x" * (longest + 1)
        if each.get("format") == "uuid":
            yield "text that is no UUID", "not-a-uuid"
        if isinstance(most, int):
            yield f"{most + 1}, where {most} is the most", most + 1
        if kind in {"integer", "number"}:
            yield "text", "many"
