"""What a library raises, as an answer."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response


async def _too_large(_request: Request, _error: Exception) -> Response:
    return Response(status_code=422)


def layer(app: FastAPI) -> None:
    """Answer a number that nothing can hold."""
    app.add_exception_handler(OverflowError, _too_large)
