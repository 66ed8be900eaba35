"""CODE-2: the OpenAPI document says everything that a client has to know."""

from collections.abc import Iterator
from typing import cast

from proof.standards.context import Context, Json, Operation, node, operations, resolved
from proof.standards.outcome import Outcome, judged

_FIRST_ERROR = 400
_EMPTY = frozenset({"101", "204", "304"})


def check(context: Context) -> Outcome:
    """Read the served document."""
    return read(context.document())


def read(document: Json) -> Outcome:
    """What a document lacks."""
    found = operations(document)
    faults: dict[str, list[str]] = {each.name: list(_faults(each, document)) for each in found}
    everything = [fault for each in faults.values() for fault in each]
    version = str(document.get("openapi"))
    if not version.startswith("3.1."):
        everything.append(f"the document is OpenAPI {version}, not 3.1. Mend app/http/openapi.py.")
    if not found:
        everything.append("the document names no operation. Serve at least one.")
    answers = sum(len(node(each.spec.get("responses"))) for each in found)
    return judged(
        everything,
        f"{sum(not each for each in faults.values())} of {len(found)}",
        "operations are documented",
        evidence=[f"OpenAPI {version}; {answers} answers are described, each error as application/problem+json"],
    )


def _faults(operation: Operation, document: Json) -> Iterator[str]:
    for key, mend in (
        ("summary", "Write the first line of its docstring"),
        ("description", "Write the docstring of its endpoint"),
    ):
        if not str(operation.spec.get(key) or "").strip():
            yield f"{operation.name} has no {key}. {mend}."
    responses = cast("dict[str, Json]", node(operation.spec.get("responses")))
    # A WebSocket goes on after its 101.
    if not any(status.startswith("2") or status == "101" for status in responses):
        yield f"{operation.name} documents no successful answer. Annotate what it returns."
    if not any(_is_error(status) for status in responses):
        yield f"{operation.name} documents no error. Name what it raises: `responses=answers(ItemNotFound)`."
    for status, answer in responses.items():
        if not str(answer.get("description") or "").strip():
            yield f"{operation.name} does not describe its {status}. Give the error's class a docstring."
        kinds = cast("dict[str, Json]", node(answer.get("content")))
        if _is_error(status):
            if "application/problem+json" not in kinds:
                yield f"{operation.name} documents its {status} as no problem document. Use `answers(…)`."
        elif status not in _EMPTY and not any(_says_something(each, document) for each in kinds.values()):
            yield (
                f"{operation.name} has no model of its {status}. Annotate what it returns: `-> ItemRead`; a class of "
                "responses needs a `media_type`."
            )


def _is_error(status: str) -> bool:
    return status.isdigit() and int(status) >= _FIRST_ERROR


def _says_something(media: Json, document: Json) -> bool:
    # Of an answer in pieces, the document describes one piece.
    return any(resolved(node(media.get(key)), document) for key in ("schema", "itemSchema"))
