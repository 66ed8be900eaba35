"""Schemathesis, as far as it is needed here and with types: its own are generic, and their parameters left open."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Protocol, TypeVar, cast

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.errors import NoLinksFound
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.engine import events, from_schema
from schemathesis.generation import GenerationMode

from proof.standards.context import Json

F = TypeVar("F", bound=Callable[..., object])


class _Labelled(Protocol):
    label: str


class _Generation(Protocol):
    mode: GenerationMode


class _Meta(Protocol):
    generation: _Generation


class Case(Protocol):
    """A request that is made up."""

    operation: _Labelled
    headers: MutableMapping[str, str]
    body: object
    query: Mapping[str, object]
    meta: _Meta | None


class Response(Protocol):
    """What came back."""

    status_code: int
    content: bytes


class Failure(Protocol):
    """What a check says of an answer."""

    title: str
    message: str


class _Transition(Protocol):
    id: str


class _Node(Protocol):
    value: Case
    transition: _Transition | None
    is_transition_applied: bool


class _Interaction(Protocol):
    response: Response | None


class _FailureInfo(Protocol):
    failure: Failure
    code_sample: str


class _Check(Protocol):
    failure_info: _FailureInfo | None


class Recorder(Protocol):
    """What was sent together, by the id of each request."""

    cases: Mapping[str, _Node]
    interactions: Mapping[str, _Interaction]
    checks: Mapping[str, Sequence[_Check]]


def hook(function: F) -> F:
    """Call a function where schemathesis has a hook of its name."""
    register = cast("Callable[[F], F]", schemathesis.hook)
    return register(function)


def may_be_accepted(case: Case) -> bool:
    """Whether a request was made as the document wants it."""
    return case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE


def is_leniency(failure: Failure) -> bool:
    """Whether it was not refused, although the document does not allow it."""
    return isinstance(failure, AcceptedNegativeData)


def run(document: Json, configuration: Json, names: Sequence[str]) -> Iterator[Recorder | str]:
    """Send requests of these operations; what schemathesis itself cannot do is a sentence.

    Args:
        document: the OpenAPI document.
        configuration: as `schemathesis.toml` would say it.
        names: of the operations: `GET /v1/items`.
    """
    configured = cast("Callable[[Json], SchemathesisConfig]", SchemathesisConfig.from_dict)(configuration)
    schema = schemathesis.openapi.from_dict(document, config=configured)
    for event in from_schema(cast("Callable[..., schemathesis.BaseSchema]", schema.include)(name=[*names])).execute():
        if isinstance(event, events.ScenarioFinished):
            yield cast("Recorder", cast("object", event.recorder))
        elif isinstance(event, events.NonFatalError):
            # Nobody's operations have no links among them, for example.
            if not isinstance(event.value, NoLinksFound):
                yield f"{event.label}: {event.value!r}"
        elif isinstance(event, events.FatalError):
            raise event.exception
