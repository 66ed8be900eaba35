"""Optimistic concurrency: a version is an ETag on the way out and an `If-Match` on the way back."""

import re
from typing import Annotated

from fastapi import Header
from pydantic import BeforeValidator, WithJsonSchema

_TAG = re.compile(r'"(\d{1,18})"')
_PRINTABLE = re.compile("[ -~]*")
_MAX_LENGTH = 100

# No stored row has it, so a tag that is not ours matches nothing, as RFC 9110 wants.
NO_VERSION = -1


def _parse(value: object) -> object:
    if not isinstance(value, str) or value.strip() == "*":
        return None
    if len(value) > _MAX_LENGTH or not _PRINTABLE.fullmatch(value):
        raise ValueError(
            f"an If-Match has at most {_MAX_LENGTH} characters of ASCII: send the ETag of the last answer as it came"
        )
    match = _TAG.fullmatch(value.strip())
    return int(match[1]) if match else NO_VERSION


IfMatch = Annotated[
    int | None,
    Header(alias="If-Match", description="The ETag that you read: the change is refused (412) when it is no longer so"),
    BeforeValidator(_parse),
    WithJsonSchema({"type": "string", "maxLength": _MAX_LENGTH, "pattern": "^[ -~]*$"}),
]
"""The version that the caller expects; None when they expect none in particular."""
