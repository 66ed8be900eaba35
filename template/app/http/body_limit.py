"""No body larger than the limit is ever held in memory, whether or not its length was announced."""

from typing import cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.exchange import exchange_of
from app.kit.errors import ContentTooLarge


class BodyLimit:
    """Answers 413 to a body of more than `most` bytes."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app: ASGIApp = app
        self._most: int = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            exchange = exchange_of(scope)
            announced = exchange.headers.get(b"content-length")
            if announced is not None:
                # The server has checked that it is a number, and lets no more bytes through than that.
                if int(announced) > self._most:
                    raise self._error()
            elif b"transfer-encoding" in exchange.headers:
                receive = self._counting(receive)
        await self._app(scope, receive, send)

    def _counting(self, receive: Receive) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(cast("bytes", message.get("body", b"")))
            if seen > self._most:
                raise self._error()
            return message

        return counted

    def _error(self) -> ContentTooLarge:
        # The rest of the body is not read, so the connection can't be used again.
        return ContentTooLarge(
            f"The request body is larger than the {self._most:,} bytes that this service accepts.",
            headers={"Connection": "close"},
        )
