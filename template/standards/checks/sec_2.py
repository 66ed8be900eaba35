"""SEC-2: every operation refuses whoever shows no token or a false one, unless it is public and says why.

A browser's cookie counts as a token; where something is changed, it is refused without its CSRF token.
"""

import secrets
from collections.abc import Iterator
from http import HTTPStatus

import httpx

from standards.context import PASSWORD, Context, Operation, body, header
from standards.outcome import Outcome, Table, judged

_MEND = "in its noun's access.py (app/domain/items/access.py shows how), or mark it public with a reason"
_COOKIE = "__Host-access"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Three parts and a signature that no key of this service made.
_FALSE = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIwIn0.AAAA"


def check(context: Context) -> Outcome:
    """Call every operation as nobody, as an impostor, and as the thief of a cookie."""
    operations = context.operations()
    guarded = [each for each in operations if not each.public]
    with context.client() as nobody, context.client(_FALSE) as impostor, context.client() as forger:
        forger.headers["cookie"] = f"{_COOKIE}={_FALSE}"
        everyone = (nobody, impostor, forger)
        faults = [fault for each in guarded for who in everyone for fault in _faults(each, who, who is not nobody)]
    faults += _stolen(context, [each for each in guarded if each.method not in _SAFE])
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


def _faults(operation: Operation, who: httpx.Client, false: bool) -> Iterator[str]:  # noqa: FBT001
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
        yield f"{operation.name} answers {answer.status_code} to a false token, not 401. Declare a rule {_MEND}."
    else:
        yield (
            f"{operation.name} has no access rule: it answers {answer.status_code} without a token. "
            f"Declare one {_MEND}."
        )


def _stolen(context: Context, changing: list[Operation]) -> Iterator[str]:
    """What changes for whoever has a browser's cookie and not its CSRF token."""
    credentials = {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
    with context.client() as thief:
        thief.post("/v1/accounts", json=credentials)
        answer = thief.post("/v1/auth/browser/login", json=credentials)
        cookie = answer.cookies.get(_COOKIE)
        if cookie is None:
            yield (
                f"POST /v1/auth/browser/login answers {answer.status_code} and sets no cookie {_COOKIE}. "
                "Mend app/platform/browser/cookies.py."
            )
            return
        thief.cookies.clear()
        thief.headers["cookie"] = f"{_COOKIE}={cookie}"
        for each in changing:
            status = thief.request(each.method, each.url).status_code
            # 401 comes after an operation that should have been refused and ended the session.
            if status not in {HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED}:
                yield (
                    f"{each.name} answers {status} to a cookie without its CSRF token, not 403. "
                    f"Declare a rule {_MEND}; app/http/authentication.py asks for the token."
                )
