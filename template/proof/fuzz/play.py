"""Plays made-up requests as several callers, and keeps what came back."""

import os
import re
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from typing import cast

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic_core import from_json
from typing_extensions import override

from proof.fuzz.callers import Caller, callers
from proof.fuzz.engine import Case, Failure, Recorder, Response, hook, is_leniency, may_be_accepted, run
from proof.standards.context import Context, Json, Operation, entries, node, operations, resolved
from tests.fuzz import LEFT_OUT

# An answer with one of these says nothing about the operation itself.
_KEPT_OUT = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})

_SHOWN = 500
_MISREAD = re.compile(r"Incorrect type|violates `type`|` in (cookie)\b")

# All checks of schemathesis but these:
_UNFIT = {
    "positive_data_acceptance": "no schema says how strong a password has to be, or what is a cursor",
    "allow_header_conformance": "the address of `POST /lookups` is one of `GET /{id}`, too, and Allow names both",
    "unsupported_method": "for the same reason; tests/security/test_every_operation.py knows such addresses",
    "ensure_resource_availability": "its owner may have been erased in between, and another one asks",
    "ignored_auth": "SEC-2 and tests/security/test_every_operation.py call every operation without a credential",
    "object_level_authorization": "tests/security/test_every_operation.py asks for what belongs to somebody else",
}


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is sent."""

    examples: int
    """Requests that chance makes up, for each operation and caller."""
    chains: int
    """How often chains of requests follow the document's links, some twenty each time, for each caller."""
    cases: int = 0
    """Chance goes on until there are so many in all."""
    repeated: bool = True
    """Whether a caller tries what another with the same kind of credential has tried, too."""


@dataclass
class Played:
    """What was sent, and what came back."""

    seed: int
    answers: dict[str, dict[str, Counter[int]]] = field(default_factory=dict[str, dict[str, Counter[int]]])
    """How often each operation answered what, by caller and operation."""
    wanted: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """The operations that each caller was to reach."""
    declared: set[str] = field(default_factory=set[str])
    """Every link of the document."""
    followed: Counter[str] = field(default_factory=Counter[str])
    faults: dict[str, str] = field(default_factory=dict[str, str])
    """The first request of each kind of fault, by what is wrong."""

    @property
    def cases(self) -> int:
        """How many requests there were."""
        return sum(self.of(each) for each in self.answers)

    @override
    def __str__(self) -> str:
        asked = ", ".join(f"{name} ({self.of(name):,})" for name in self.answers)
        links = f"{len(self.declared) - len(self.unfollowed)} of {len(self.declared)} links followed"
        return f"FUZZ_SEED={self.seed}: {self.cases:,} requests as {asked}; {links}"

    def of(self, caller: str) -> int:
        """How many requests of a caller there were."""
        return sum(each.total() for each in self.answers[caller].values())

    @property
    def unreached(self) -> list[str]:
        """Operations that only kept somebody out who may use them."""
        return self._without(lambda status: status not in _KEPT_OUT | {HTTPStatus.METHOD_NOT_ALLOWED})

    @property
    def unsuccessful(self) -> list[str]:
        """Operations that never did what they are for; some need what nobody can make up, such as a code."""
        return self._without(lambda status: status < HTTPStatus.BAD_REQUEST)

    def _without(self, wanted: Callable[[int], bool]) -> list[str]:
        return [
            f"{name} as {caller}"
            for caller, names in self.wanted.items()
            for name in sorted(names)
            if not any(wanted(status) for status in self.answers[caller][name])
        ]

    @property
    def unfollowed(self) -> list[str]:
        """Links that nobody followed."""
        return sorted(self.declared - self.followed.keys())


@dataclass(frozen=True, slots=True)
class _Turn:
    """Who is asking now, and what the inputs of each operation usually are."""

    caller: Caller
    usual: Mapping[str, Mapping[str, object]]
    references: Mapping[str, Mapping[str, Json]]
    """The schemas of fields that refer to something."""
    numbers: Iterator[int] = field(default_factory=count)


# The hooks of schemathesis that see requests and answers are the same for everybody.
_TURNS: list[_Turn] = []


@hook
def before_call(_context: object, case: Case, _options: object) -> None:
    """Say who is asking, and three times of four let what refers to something refer to what they have."""
    turn = _TURNS[-1]
    case.headers.update(turn.caller.headers())
    fields = cast("Json", case.body) if isinstance(case.body, dict) else {}
    if may_be_accepted(case) and next(turn.numbers) % 4:
        for name, schema in turn.references.get(case.operation.label, {}).items():
            found = turn.caller.seen.get(str(schema["x-refers-to"]))
            if found and name in fields:
                fields[name] = [found] if schema.get("type") == "array" else found


@hook
def after_call(_context: object, case: Case, response: Response) -> None:
    """Have a credential replaced that no longer opens what it has to: else all that follows would prove nothing."""
    caller = _TURNS[-1].caller
    if response.status_code in _KEPT_OUT:
        caller.renew()
    elif response.status_code < HTTPStatus.BAD_REQUEST and response.content.startswith(b"{"):
        found = node(cast("object", from_json(response.content)))
        for each in (found, *entries(found.get("data"))[:1]):
            if "id" in each:
                caller.seen[case.operation.label.partition(" ")[2]] = str(each["id"])


@hook
def filter_failure(_context: object, failure: Failure, _case: Case, _response: Response) -> bool:
    """What was accepted as something else than it was meant to be is no fault.

    Pydantic reads 0 as false and "5" as 5, as FastAPI's documentation says, and the header Cookie is cut at semicolons.
    """
    return not (is_leniency(failure) and _MISREAD.search(failure.message))


@hook
def flatmap_case(_context: object, case: Case) -> SearchStrategy[Case]:
    """Let inputs of what may be accepted be as people send them, where no schema says what that is."""
    usual = _TURNS[-1].usual.get(case.operation.label, {})
    if not usual or not may_be_accepted(case):
        return st.just(case)

    def so(names: set[str]) -> Case:
        if isinstance(case.body, dict):
            case.body = {**cast("Json", case.body), **{name: usual[name] for name in names if name[0] != "?"}}
        case.query = {**case.query, **{name[1:]: usual[name] for name in names if name[0] == "?"}}
        return case

    return st.sets(st.sampled_from(sorted(usual))).map(so)


def wish(name: str, usually: int | None = None) -> int:
    """The number in a variable of the environment: `make standards FUZZ_CASES=50000`; else the usual one, or any."""
    given = os.environ.get(name)
    return int(given) if given else secrets.randbits(32) if usually is None else usually


def play(context: Context, seed: int, amount: Amount) -> Played:
    """Send so much as everybody, each what is open to them; the same seed makes the same requests up."""
    document = context.document()
    known = [each for each in operations(document) if each.name not in LEFT_OUT and not _is_endless(each)]
    admitted, everybody = context.admitted(), callers(context)
    played = Played(seed, declared=set(_links(known)))
    had: dict[str, set[str]] = defaultdict(set)
    for each in everybody:
        wanted = {operation.name for operation in known if each.may(operation, admitted)}
        played.wanted[each.name] = wanted if amount.repeated else wanted - had[each.scheme]
        played.answers[each.name] = defaultdict(Counter)
        had[each.scheme] |= wanted
    everybody = [each for each in everybody if played.wanted[each.name]]
    usual = {each.name: _usual(each, document) for each in known}
    references = {each.name: _references(each, document) for each in known}
    turn = 0
    while not turn or played.cases < amount.cases:
        for each in everybody:
            _TURNS.append(_Turn(each, usual, references))
            try:
                for configuration in _configurations(context, seed + turn, amount, systematic=not turn):
                    _turn(played, each, document, configuration)
            finally:
                _ = _TURNS.pop()
        turn += 1
    return played


def _is_endless(operation: Operation) -> bool:
    """Whether it answers events, or changes to another protocol: that ends when whoever follows it does."""
    answers = node(operation.spec.get("responses"))
    return "101" in answers or any("text/event-stream" in node(node(each).get("content")) for each in answers.values())


def _links(known: Sequence[Operation]) -> Iterator[str]:
    """Every link among operations, as schemathesis names it."""
    by_id = {str(each.spec["operationId"]): each for each in known}
    for each in known:
        for status, answer in node(each.spec.get("responses")).items():
            for name, link in node(node(answer).get("links")).items():
                target = by_id.get(str(node(link).get("operationId")))
                if target is not None:
                    yield f"{each.name} -> [{status}] {name} -> {target.name}"


def _fields(operation: Operation, document: Json) -> Json:
    """The schemas of what an object in its body may hold."""
    schema = node(node(operation.content.get("application/json")).get("schema"))
    return node(resolved(schema, document).get("properties"))


def _usual(operation: Operation, document: Json) -> dict[str, object]:
    """Of each field of its body the first example, and of each number in its query the least."""
    fields = _fields(operation, document).items()
    examples = {name: cast("list[object]", node(each).get("examples") or []) for name, each in fields}
    query = {
        f"?{each['name']}": node(each.get("schema"))["minimum"]
        for each in entries(operation.spec.get("parameters"))
        if each["in"] == "query" and "minimum" in node(each.get("schema"))
    }
    return {name: found[0] for name, found in examples.items() if found} | query


def _references(operation: Operation, document: Json) -> dict[str, Json]:
    fields = _fields(operation, document).items()
    return {name: node(each) for name, each in fields if "x-refers-to" in node(each)}


def _configurations(context: Context, seed: int, amount: Amount, *, systematic: bool) -> Iterator[Json]:
    """What schemathesis does one after the other, as its `schemathesis.toml` would say it.

    Args:
        context: the service.
        seed: of chance.
        amount: how much of it.
        systematic: whether every bound of every schema is tried first, which has nothing to do with chance.
    """
    common: Json = {
        "base-url": context.url,
        "continue-on-failure": True,
        # Neither a slow machine nor a schema that is hard to satisfy is a fault of the service.
        "request-timeout": 60,
        "suppress-health-check": ["all"],
        "cache": {"enabled": False},
        # Whatever is secret in a request is so for this run alone, and without it nobody could try it again.
        "output": {"sanitization": {"enabled": False}},
        "checks": {name: {"enabled": False} for name in _UNFIT},
        "analysis": {"constants": {"enabled": False}},
        # Nobody waits for the smallest example: what is shown is the first.
        "generation": {"no-shrink": True, "database": "none", "with-security-parameters": False},
    }
    off: Json = {"enabled": False}
    fuzzing: Json = {"enabled": amount.examples > 0, "generation": {"max-examples": amount.examples}}
    phases: Json = {"examples": off, "coverage": {"enabled": systematic}, "fuzzing": fuzzing, "stateful": off}
    yield {**common, "seed": seed, "phases": phases}
    # The document's own links, and no guesses.
    chains: Json = {
        "generation": {"max-examples": 1_000},
        "inference": {"algorithms": []},
        "link-calibration": False,
    }
    phases = {"examples": off, "coverage": off, "fuzzing": off, "stateful": chains}
    for number in range(amount.chains):
        # It ends at the first answer that is another one than to the same requests before: after some twenty chains.
        yield {**common, "seed": seed + number, "phases": phases}


def _turn(played: Played, caller: Caller, document: Json, configuration: Json) -> None:
    for found in run(document, configuration, sorted(played.wanted[caller.name])):
        if isinstance(found, str):
            played.faults.setdefault(f"{found} as {caller.name}", "no request")
        else:
            _keep(played, caller, found)


def _keep(played: Played, caller: Caller, recorder: Recorder) -> None:
    for key, interaction in recorder.interactions.items():
        if interaction.response is not None:
            case, status = recorder.cases[key], interaction.response.status_code
            played.answers[caller.name][case.value.operation.label][status] += 1
            if case.transition is not None and case.is_transition_applied and status not in _KEPT_OUT:
                played.followed[case.transition.id] += 1
    for key, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                what = f"{recorder.cases[key].value.operation.label} as {caller.name}: {failure.title}"
                said = [failure.message, check.failure_info.code_sample, _shown(recorder.interactions[key].response)]
                played.faults.setdefault(what, "\n".join(said))


def _shown(answer: Response | None) -> str:
    return "no answer" if answer is None else f"{answer.status_code} {answer.content.decode(errors='replace')[:_SHOWN]}"
