"""Puts the CORS layer around the errors, where another site may call."""

from collections.abc import Callable
from functools import partial

from fastapi import FastAPI
from starlette.types import ASGIApp

from app.platform.browser.cors import Cors
from app.platform.browser.settings import BrowserSettings


def layer(_app: FastAPI) -> Callable[[ASGIApp], ASGIApp] | None:
    """The layer; None where no other site may call."""
    origins = BrowserSettings.read().cors_origins
    return partial(Cors, origins=origins) if origins else None
