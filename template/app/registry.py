"""Finds what the nouns offer: a file's name is its registration, so a new noun edits no existing file."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from types import ModuleType
from typing import cast

from fastapi import APIRouter, FastAPI
from pydantic_settings import BaseSettings
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from app.adapters.retention import Rule
from app.kit import state
from app.kit.access import Restriction, Restrictions
from app.kit.authentication import Authenticator, Authenticators
from app.kit.discovery import everywhere as modules
from app.kit.discovery import offered
from app.kit.routing import Route

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Layer = Callable[[ASGIApp], ASGIApp]


def routers() -> list[APIRouter]:
    """The routers of every noun that has some: one for each version, in the order in which its file has them."""
    return [router for module in modules("router") for router in _routers(module)]


def _routers(module: ModuleType) -> list[APIRouter]:
    found = [each for each in cast("dict[str, object]", vars(module)).values() if isinstance(each, APIRouter)]
    if not found:
        raise TypeError(f'{module.__name__} has no router. Begin it with `router = routing.router("/v1/…", "…")`.')
    return found


def routes(routers: Iterable[APIRouter]) -> Iterator[BaseRoute]:
    """Their routes; a `route_adapter(route, router)` makes an operation of what FastAPI has a class of its own for."""
    adapters = [cast("Callable[[BaseRoute, APIRouter], Route | None]", each) for each in offered("route_adapter")]
    for router in routers:
        for route in router.routes:
            yield next((made for adapter in adapters if (made := adapter(route, router)) is not None), route)


def lifespans() -> list[Lifespan]:
    """What is opened with the service and closed after it, in that order: the `part(app)` of each `part.py`."""
    return [cast("Lifespan", each) for each in offered("part")]


def settings() -> list[type[BaseSettings]]:
    """The settings that folders have of their own: the classes of each `settings.py`."""
    return [
        each
        for module in modules("settings")
        for each in cast("dict[str, object]", vars(module)).values()
        if isinstance(each, type) and issubclass(each, BaseSettings) and each.__module__ == module.__name__
    ]


def read_settings() -> None:
    """Read every `settings.py`, so that a bad setting is a sentence before anything starts."""
    for each in settings():
        _ = each()


def retention_rules() -> list[Rule]:
    """What every noun says of how long it keeps what."""
    return [rule for module in modules("retention") for rule in cast("tuple[Rule, ...]", vars(module)["RULES"])]


def authenticators(app: FastAPI) -> Authenticators:
    """Every kind of credential, as the `authenticator(app)` of a noun makes it for this service."""
    made = [cast("Callable[[FastAPI], Authenticator]", make)(app) for make in offered("authenticator")]
    return Authenticators(made, state.find(app, Restrictions))


def restrictions() -> Restrictions:
    """What keeps callers from everything but its remedy: the `restriction()` of nouns."""
    return Restrictions(cast("Callable[[], Restriction]", make)() for make in offered("restriction"))


def layers(app: FastAPI) -> list[Layer]:
    """What nouns wrap around the errors of every request: their `layer(app)`, where it has something to do."""
    made = [cast("Callable[[FastAPI], Layer | None]", make)(app) for make in offered("layer")]
    return [each for each in made if each is not None]


def server_options() -> dict[str, object]:
    """What folders give uvicorn, beside what every service has: their `server_options()`."""
    made = [cast("Callable[[], dict[str, object]]", each)() for each in offered("server_options")]
    return {name: value for each in made for name, value in each.items()}


def load_models() -> None:
    """Import every noun's models, so that the metadata is whole: for migrations and for checks of the schema."""
    for _ in modules("models"):
        pass
