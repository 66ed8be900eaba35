"""Optimistic concurrency: a version is an ETag on the way out and an `If-Match` on the way back.

Both conditional fields are lists, and both may be `*` (RFC 9110, 13.1). A tag of this service has no comma in it and no
quote but its own two, so what lies between two commas is either such a tag as a whole or none.
"""

import re
from typing import Annotated, Self

from fastapi import Header
from pydantic import PlainValidator, WithJsonSchema
from typing_extensions import override

_TAG = re.compile(r'"(0|[1-9][0-9]{0,17})"')
_PRINTABLE = re.compile("[ -~]*")
_MAX_LENGTH = 100

# No stored row has it, so a tag that is not ours matches nothing, as RFC 9110 wants.
NO_VERSION = -1


class _AnyOf(int):
    """Several versions that a caller names at once: it equals each of them, and is the first one in a statement."""

    def __new__(cls, versions: list[int]) -> Self:
        """Keep all of them."""
        made = super().__new__(cls, versions[0])
        made._versions = frozenset(versions)
        return made

    _versions: frozenset[int]

    @override
    def __eq__(self, other: object) -> bool:
        return other in self._versions

    @override
    def __ne__(self, other: object) -> bool:
        return other not in self._versions

    @override
    def __hash__(self) -> int:
        return hash(self._versions)


def _parse(value: object) -> object:
    if not isinstance(value, str) or value.strip() == "*":
        return None
    if len(value) > _MAX_LENGTH or not _PRINTABLE.fullmatch(value):
        raise ValueError(
            f"an If-Match has at most {_MAX_LENGTH} characters of ASCII: send the ETag of the last answer as it came"
        )
    versions = [int(match[1]) for each in value.split(",") if (match := _TAG.fullmatch(each.strip()))]
    if not versions:
        return NO_VERSION
    return _AnyOf(versions) if len(versions) > 1 else versions[0]


def is_among(tag: bytes, field: bytes) -> bool:
    """Whether an `If-Match` names this tag; a weak one never does."""
    return field.strip() == b"*" or tag in map(bytes.strip, field.split(b","))


def is_known(tag: bytes, field: bytes) -> bool:
    """Whether an `If-None-Match` names this tag, weak or strong."""
    return field.strip() == b"*" or any(each.strip().removeprefix(b"W/") == tag for each in field.split(b","))


IfMatch = Annotated[
    int | None,
    Header(alias="If-Match", description="The ETag that you read: the change is refused (412) when it is no longer so"),
    PlainValidator(_parse),
    WithJsonSchema({"type": "string", "maxLength": _MAX_LENGTH, "pattern": "^[ -~]*$"}),
]
"""The version that the caller expects; None when they expect none in particular."""
