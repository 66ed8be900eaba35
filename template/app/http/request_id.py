"""The request id: the caller's own when it is well-formed, so that one id spans services; a new one otherwise."""

import re

from app.kit.ids import uuid7_text

# Nothing that could break a log line or a header passes; traceparent is W3C Trace Context, version 00.
_OURS = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def request_id_of(headers: dict[bytes, bytes]) -> str:
    """The id of a request, from its headers: `X-Request-ID`, else the trace id of `traceparent`, else a new UUIDv7."""
    given = headers.get(b"x-request-id")
    if given is not None and _OURS.fullmatch(given):
        return given.decode()
    trace = headers.get(b"traceparent")
    if trace is not None and (match := _TRACEPARENT.fullmatch(trace)) and match[1] != b"0" * 32:
        return match[1].decode()
    return uuid7_text()
