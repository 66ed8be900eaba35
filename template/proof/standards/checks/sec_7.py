"""SEC-7: whoever asks too often is refused: each account, each address, and sooner whoever tries a password."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from proof.standards.context import Context, Operation, body, header
from proof.standards.outcome import Outcome, Table, judged

# Past so many requests there is no limit that anyone here would notice; proof/standards/stage.py sets lower ones.
_MOST = 1_500
_POLICY = re.compile(r'"([a-z]+)";q=([0-9]+);w=([0-9]+)')
_STATE = re.compile(r'"[a-z]+";r=0;t=[1-9][0-9]*')
_MEND = "Keep RateLimit in app/http/stack.py, and everything that answers inside it"

_STRANGER = "a stranger"


@dataclass(frozen=True, slots=True)
class _Refused:
    """How one operation came to its limit."""

    operation: str
    who: str
    policy: str
    faults: tuple[str, ...]


def check(context: Context, most: int = _MOST) -> Outcome:
    """Ask each operation until it refuses: as a stranger, and where it needs a caller as an account, too."""
    operations = context.operations()
    limited = [each for each in operations if not each.unlimited]
    found: list[_Refused] = []
    with context.client() as stranger:
        # Attempts first: their limit is the lower one, and has to be reached before the one of the address.
        found += _walk(_STRANGER, sorted(limited, key=lambda each: not each.attempts), stranger, most)
    with context.sign_up() as member:
        # A read first: when it has spent the limit, no other operation gets as far as doing something.
        guarded = [each for each in limited if not each.public and each.path != "/metrics"]
        found += _walk("an account", sorted(guarded, key=lambda each: each.method != "GET"), member, most)
    faults = [fault for each in found for fault in each.faults]
    if not limited:
        faults.append("the OpenAPI document names no operation with a limit. Serve at least one.")
    return judged(
        faults,
        f"{sum(not each.faults for each in found)} of {len(found)}",
        "pairs of operation and caller come to a limit",
        evidence=[f"{each.name} has no limit: {each.unlimited}" for each in operations if each.unlimited],
        tables=[
            Table(
                "The limits of this run",
                ("operation", "who", "limit"),
                [(each.operation, each.who, each.policy) for each in found if not each.faults],
            )
        ],
    )


def _walk(who: str, operations: Sequence[Operation], client: httpx.Client, most: int) -> Iterator[_Refused]:
    """Operations that share a limit find it spent by the one before: that is how they show that they share it."""
    for operation in operations:
        policy, faults = "", []
        for number in range(1, most + 1):
            answer = client.request(operation.method, operation.url)
            if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                policy = header(answer, "ratelimit-policy")
                faults = list(_faults(operation, answer, number, strict=who == _STRANGER))
                break
        else:
            faults = [f"{operation.name} has no limit: {who} is never refused in {most} requests. {_MEND}."]
        yield _Refused(operation.name, who, policy, tuple(faults))


def _faults(operation: Operation, answer: httpx.Response, number: int, *, strict: bool) -> Iterator[str]:
    mend = "Raise TooManyRequests in app/http/rate_limit.py, with its headers."
    if body(answer).get("request_id") is None:
        yield f"{operation.name} answers 429 that is no problem document with a request id. {mend}"
    if not header(answer, "retry-after").isdigit():
        yield f"{operation.name} answers 429 without Retry-After in seconds. {mend}"
    policy = _POLICY.fullmatch(header(answer, "ratelimit-policy"))
    if policy is None or not _STATE.fullmatch(header(answer, "ratelimit")):
        yield f"{operation.name} answers 429 without RateLimit and RateLimit-Policy. {mend}"
    # An account has spent its own limit with a read before.
    elif strict and operation.attempts and policy[1] != "attempts":
        yield (
            f"{operation.name} takes a secret and refused only request {number}, by the limit of the {policy[1]}. "
            "Let Route count attempts (app/kit/routing.py)."
        )
