"""Finds what the nouns offer: a file's name is its registration, so a new noun edits no existing file."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import cast

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from app import domain, platform
from app.adapters.retention import Rule
from app.kit import discovery, state
from app.kit.authentication import Authenticator, Authenticators, Restriction, Restrictions


def modules(name: str) -> Iterator[ModuleType]:
    """Every `{name}.py` of a noun, imported: those of `app/platform/`, then those of `app/domain/`."""
    for room in (platform, domain):
        yield from discovery.modules(room, name)


def routers() -> list[APIRouter]:
    """The router of every noun that has one."""
    return [_router(module) for module in modules("router")]


def _router(module: ModuleType) -> APIRouter:
    router: object = getattr(module, "router", None)
    if not isinstance(router, APIRouter):
        raise TypeError(f'{module.__name__} has no router. Begin it with `router = routing.router("/v1/…", "…")`.')
    return router


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
