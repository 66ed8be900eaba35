"""The fuse box: what is opened with this service and closed after it, in that order; then every noun's `part.py`."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI

from app.adapters import database
from app.platform.api_keys import verification
from app.platform.auth import revocation

PARTS: tuple[Callable[[FastAPI], AbstractAsyncContextManager[None]], ...] = (
    database.part,
    revocation.part,
    verification.part,
)
