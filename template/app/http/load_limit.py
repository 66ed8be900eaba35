"""Load shedding: past the number of requests that can be answered in time, refusing at once is the kinder answer."""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.kit.errors import Unavailable


class LoadLimit:
    """Answers 503 while `most` requests are being answered by this worker."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app: ASGIApp = app
        self._most: int = most
        self._now: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The probes must answer under load, or the orchestrator restarts what is merely busy.
        if scope["type"] != "http" or scope["path"] in {"/livez", "/readyz", "/metrics"}:
            await self._app(scope, receive, send)
            return
        if self._now >= self._most:
            raise Unavailable("The service is at its limit of requests: try again shortly.")
        self._now += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._now -= 1
