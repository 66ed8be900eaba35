"""What every answer goes through: long ones are compressed, for whoever takes them so."""

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware


def layer(app: FastAPI) -> None:
    """Compress answers."""
    app.add_middleware(GZipMiddleware, minimum_size=10_000)
