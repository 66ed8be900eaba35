"""SEC-6: the passwords that the running service stored are hashed as RFC 9106 recommends."""

import base64
import re
from collections.abc import Iterator, Sequence

from proof.standards.context import PASSWORD, Context
from proof.standards.outcome import Outcome, judged

_FORM = re.compile(r"\$argon2id\$v=(\d+)\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")
_VERSION = 19
# RFC 9106, section 4: memory in KiB and passes of the first recommendation and of the second.
_RECOMMENDED = ((2_097_152, 1), (65_536, 3))
_LANES = 4
_SALT_BYTES = 16
_TAG_BYTES = 32
_MEND = "Hash with RFC_9106_LOW_MEMORY in app/kit/passwords.py; the next login of each account then hashes anew"


def check(context: Context) -> Outcome:
    """Make an account over HTTP and read what was stored for it, and for everybody else."""
    with context.sign_up():
        stored = context.rows(_text, "SELECT DISTINCT password_hash AS text FROM accounts")
    faults = [fault for each in stored for fault in weaknesses(each)]
    newest = context.rows(_text, "SELECT password_hash AS text FROM accounts ORDER BY id DESC LIMIT 1")
    if not newest:
        faults.append("no password was stored for a new account. Store one in app/platform/accounts/service.py.")
    return judged(
        sorted(set(faults)),
        parameters(newest[0]) if newest else None,
        evidence=[f"{len(stored)} different hashes stand in accounts.password_hash", *_cost(newest)],
    )


def _text(text: str) -> str:
    return text


def _cost(newest: Sequence[str]) -> Iterator[str]:
    from time import perf_counter

    from argon2 import PasswordHasher

    if newest and _FORM.fullmatch(newest[0]):
        started = perf_counter()
        PasswordHasher().verify(newest[0], PASSWORD)
        yield f"one guess costs {(perf_counter() - started) * 1000:.0f} ms of this processor"


def parameters(stored: str) -> str:
    """A stored hash without its salt and tag."""
    return stored.rpartition("$")[0].rpartition("$")[0].removeprefix("$").replace("$", " ")


def weaknesses(stored: str) -> Iterator[str]:
    """What makes a stored hash weaker than the recommendation."""
    match = _FORM.fullmatch(stored)
    if match is None:
        yield f"a password is stored as {stored[:12]}…, which is no Argon2id. {_MEND}."
        return
    version, memory, passes, lanes = (int(each) for each in match.groups()[:4])
    if version != _VERSION or lanes > _LANES:
        yield f"Argon2 is version {version} in {lanes} lanes, not version {_VERSION} in up to {_LANES}. {_MEND}."
    if not any(memory >= kib and passes >= times for kib, times in _RECOMMENDED):
        yield (
            f"Argon2id uses {memory} KiB and {passes} passes; RFC 9106 wants at least 65536 KiB and 3, "
            f"or 2097152 KiB and 1. {_MEND}."
        )
    for name, text, least in (("salt", match[5], _SALT_BYTES), ("tag", match[6], _TAG_BYTES)):
        size = len(base64.b64decode(text + "=="))
        if size < least:
            yield f"the {name} of a stored hash has {size} bytes, and RFC 9106 wants {least}. {_MEND}."
