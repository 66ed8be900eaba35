"""No request runs for ever: past the limit it is cancelled, its transaction rolled back, its connection closed."""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from app.kit.errors import TimedOut


class TimeLimit:
    """Answers 504 after `seconds`."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app: ASGIApp = app
        self._seconds: float = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                await self._app(scope, receive, send)
        except TimeoutError as error:
            raise TimedOut(f"The request took longer than the {self._seconds:g} s that this service allows.") from error
