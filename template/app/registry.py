"""Finds what the nouns offer: a file's name is its registration, so a new noun edits no existing file."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from types import ModuleType
from typing import cast

from fastapi import APIRouter, FastAPI
from pydantic_settings import BaseSettings
from starlette.types import ASGIApp

from app import adapters, domain, platform
from app.adapters.retention import Rule
from app.kit import discovery, state
from app.kit.access import Restriction, Restrictions
from app.kit.authentication import Authenticator, Authenticators

Part = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def modules(name: str) -> Iterator[ModuleType]:
    """Every `{name}.py` of a folder, imported: those in `app/adapters/`, then `app/platform/`, then `app/domain/`."""
    for room in (adapters, platform, domain):
        yield from discovery.modules(room, name)


def routers() -> list[APIRouter]:
    """The router of every noun that has one."""
    return [_router(module) for module in modules("router")]


def _router(module: ModuleType) -> APIRouter:
    router: object = getattr(module, "router", None)
    if not isinstance(router, APIRouter):
        raise TypeError(f'{module.__name__} has no router. Begin it with `router = routing.router("/v1/…", "…")`.')
    return router


def parts() -> list[Part]:
    """What is opened with the service and closed after it, in that order: the `part(app)` of each `part.py`."""
    return [cast("Part", vars(module)["part"]) for module in modules("part")]


def read_settings() -> None:
    """Read every `settings.py`, so that a bad setting is a sentence before anything starts."""
    for module in modules("settings"):
        for each in cast("dict[str, object]", vars(module)).values():
            if isinstance(each, type) and issubclass(each, BaseSettings) and each.__module__ == module.__name__:
                each()


def retention_rules() -> list[Rule]:
    """What every noun says of how long it keeps what."""
    return [rule for module in modules("retention") for rule in cast("tuple[Rule, ...]", vars(module)["RULES"])]


def authenticators(app: FastAPI) -> Authenticators:
    """Every kind of credential, as the `authenticator.py` of a noun makes it for this service."""
    made = [
        cast("Callable[[FastAPI], Authenticator]", vars(module)["authenticator"])(app)
        for module in modules("authenticator")
    ]
    return Authenticators(made, state.find(app, Restrictions))


def restrictions() -> Restrictions:
    """What keeps callers from everything but its remedy: the `restriction.py` of nouns."""
    return Restrictions(
        cast("Callable[[], Restriction]", vars(module)["restriction"])() for module in modules("restriction")
    )


def layers(app: FastAPI) -> list[Callable[[ASGIApp], ASGIApp]]:
    """What nouns wrap around the errors of every request: their `layer.py`, where it has something to do."""
    made = [
        cast("Callable[[FastAPI], Callable[[ASGIApp], ASGIApp] | None]", vars(module)["layer"])(app)
        for module in modules("layer")
    ]
    return [each for each in made if each is not None]


def load_models() -> None:
    """Import every noun's models, so that the metadata is whole: for migrations and for checks of the schema."""
    for _ in modules("models"):
        pass
