"""SEC-2: every operation refuses whoever shows no token or a false one, unless it is public and says why.

What else may be shown in its place, the parts try (proof/parts).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import cast

import httpx

from app.kit.discovery import modules
from proof import parts
from proof.standards.context import Context, Operation, body, header
from proof.standards.outcome import Outcome, Table, judged

Strangers = Callable[[Context, Sequence[Operation]], Iterable[str]]

MEND = "in its noun's access.py (app/domain/items/access.py shows how), or mark it public with a reason"
# Three parts and a signature that no key of this service made.
FALSE = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIwIn0.AAAA"


def check(context: Context) -> Outcome:
    """Call every operation as nobody, as an impostor, and as whoever misuses a part."""
    operations = context.operations()
    guarded = [each for each in operations if not each.public]
    with context.client() as nobody, context.client(FALSE) as impostor:
        everyone = (nobody, impostor)
        faults = [fault for each in guarded for who in everyone for fault in strange(each, who, who is not nobody)]
    for each in modules(parts, "strangers"):
        faults += cast("Strangers", each.refused)(context, guarded)
    if not operations:
        faults.append("the OpenAPI document names no operation. Serve at least one, or mend app/http/openapi.py.")
    rows = [(each.name, f"public: {each.public}" if each.public else "401 without a token") for each in operations]
    failed = {fault.partition(" has ")[0].partition(" answers ")[0] for fault in faults}
    return judged(
        sorted(set(faults)),
        f"{len(guarded) - len(failed & {each.name for each in guarded})} of {len(guarded)}",
        "guarded operations refuse strangers",
        evidence=[f"{len(operations) - len(guarded)} of {len(operations)} operations are public, each with a reason"],
        tables=[Table("Who may call what", ("operation", "seen"), [row for row in rows if row[0] not in failed])],
    )


def strange(operation: Operation, who: httpx.Client, false: bool) -> Iterator[str]:  # noqa: FBT001
    """How an operation fails to refuse somebody."""
    answer = who.request(operation.method, operation.url)
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        kind = header(answer, "content-type")
        if kind != "application/problem+json" or body(answer).get("request_id") is None:
            yield (
                f"{operation.name} answers 401 as {kind or 'nothing'}, not as a problem document with a request id. "
                "Raise Unauthorized (app/kit/errors.py), and let app/http/problems.py render it."
            )
        elif "www-authenticate" not in answer.headers:
            yield f"{operation.name} answers 401 without WWW-Authenticate. Raise Unauthorized from app/kit/errors.py."
    elif false:
        yield f"{operation.name} answers {answer.status_code} to a false token, not 401. Declare a rule {MEND}."
    else:
        yield (
            f"{operation.name} has no access rule: it answers {answer.status_code} without a token. Declare one {MEND}."
        )
