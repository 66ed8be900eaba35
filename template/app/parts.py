"""The fuse box: the outside systems of this service, one line each, in the order in which they are opened."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI

from app.adapters import database
from app.domain.mail import delivery

PARTS: tuple[Callable[[FastAPI], AbstractAsyncContextManager[None]], ...] = (
    database.part,
    delivery.part,
)
