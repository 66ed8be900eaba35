"""The bounds of what comes before a body: the address that is asked for, and the header fields."""

from itertools import chain
from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.exchange import exchange_of
from app.kit.errors import BadRequest, HeadersTooLarge, UriTooLong

MOST_PATH = 2_048
MOST_QUERY = 4_096
MOST_FIELDS = 100
MOST_FIELD_BYTES = 16_384

# What decides who asks whom for what: a second one would let two readers of the same request understand it differently.
_ONCE = (b"host", b"authorization", b"content-type", b"origin", b"if-match")


class HeadLimit:
    """Answers 414 to an address and 431 to header fields past their bounds, 400 to a field that may come once only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: ASGIApp = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            fields = cast("list[tuple[bytes, bytes]]", scope["headers"])
            if len(cast("bytes", scope["raw_path"])) > MOST_PATH:
                raise UriTooLong(f"The path of the address is longer than {MOST_PATH:,} bytes.")
            if len(cast("bytes", scope["query_string"])) > MOST_QUERY:
                raise UriTooLong(f"The query of the address is longer than {MOST_QUERY:,} bytes.")
            if len(fields) > MOST_FIELDS:
                raise HeadersTooLarge(f"The request has more than {MOST_FIELDS} header fields.")
            if sum(map(len, chain.from_iterable(fields))) > MOST_FIELD_BYTES:
                raise HeadersTooLarge(f"The header fields are larger than {MOST_FIELD_BYTES:,} bytes.")
            if len(exchange_of(scope).headers) != len(fields):
                _refuse_repeated(fields)
        await self._app(scope, receive, send)


def _refuse_repeated(fields: list[tuple[bytes, bytes]]) -> None:
    names = [name for name, _ in fields]
    for name in _ONCE:
        if names.count(name) > 1:
            raise BadRequest(f"The header field {name.decode().title()} may be given once.")
