"""Finds what the nouns offer: a file's name is its registration, so a new noun edits no existing file."""

from collections.abc import Iterator
from types import ModuleType
from typing import cast

from fastapi import APIRouter

from app import domain, platform
from app.adapters.retention import Rule
from app.kit import discovery


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


def load_models() -> None:
    """Import every noun's models, so that the metadata is whole: for migrations and for checks of the schema."""
    for _ in modules("models"):
        pass
