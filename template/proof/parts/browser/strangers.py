"""SEC-2: a cookie counts as a token; where something is changed, it is refused without its CSRF token."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus

from proof.standards.checks.sec_2 import FALSE, MEND, strange
from proof.standards.context import Context, Operation

_COOKIE = "__Host-access"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def refused(context: Context, guarded: Sequence[Operation]) -> Iterator[str]:
    """Call every operation with a false cookie, and change something with a true one alone."""
    with context.client() as forger:
        forger.headers["cookie"] = f"{_COOKIE}={FALSE}"
        for each in guarded:
            yield from strange(each, forger, false=True)
    yield from _stolen(context, [each for each in guarded if each.method not in _SAFE])


def _stolen(context: Context, changing: list[Operation]) -> Iterator[str]:
    """What changes for whoever has a browser's cookie and not its CSRF token."""
    credentials = context.join()
    with context.client() as thief:
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
                    f"Declare a rule {MEND}; app/http/authentication.py asks for the token."
                )
