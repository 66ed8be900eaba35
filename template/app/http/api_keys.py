"""Who holds the API key? Asked of the database when this worker has not verified it lately."""

from typing import cast

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from app.kit import state
from app.platform.api_keys.verification import Keys


class ApiKeys:
    """Sets `scope["caller"]` where the request shows a key that authentication.py did not know."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: ASGIApp = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shown = cast("bytes | None", scope.get("api_key"))
        if shown is not None:
            scope["caller"] = await state.find(cast("FastAPI", scope["app"]), Keys).look_up(shown)
        await self._app(scope, receive, send)
