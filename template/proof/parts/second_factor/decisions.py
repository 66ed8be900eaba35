"""SEC-8: a second factor is set up, used and removed."""

import base64
from collections.abc import Iterator
from time import time
from typing import cast

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from proof.standards.context import PASSWORD, Answered, Context, Json, body

_FACTOR = "/v1/auth/second-factor"


def called(context: Context) -> Iterator[Answered]:
    """Each step, first with a wrong proof."""
    wrong: Json = {"password": "not the password", "code": "000000"}
    with context.sign_up() as client:

        def post(path: str, content: Json) -> Answered:
            return Answered(f"POST {path}", client.post(path, json=content))

        yield post(_FACTOR, {"password": wrong["password"]})
        yield (begun := post(_FACTOR, {"password": PASSWORD}))
        secret = str(body(begun.answer).get("secret", ""))
        yield post(f"{_FACTOR}/confirmation", {"code": "000000"})
        yield (confirmed := post(f"{_FACTOR}/confirmation", {"code": _code(secret)}))
        codes = cast("list[str]", body(confirmed.answer).get("recovery_codes") or ["", ""])
        yield post(f"{_FACTOR}/recovery-codes", wrong)
        yield (renewed := post(f"{_FACTOR}/recovery-codes", {"password": PASSWORD, "code": codes[0]}))
        codes = cast("list[str]", body(renewed.answer).get("recovery_codes") or [""])
        yield post(f"{_FACTOR}/removal", wrong)
        yield post(f"{_FACTOR}/removal", {"password": PASSWORD, "code": codes[0]})


def _code(secret: str) -> str:
    now = int(time())
    # As apps do, which know no other hash for certain.
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(now).decode()  # noqa: S303
