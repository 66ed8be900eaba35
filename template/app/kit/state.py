"""What is opened once and used by every request, found again with its type."""

from typing import TypeVar, cast

from fastapi import FastAPI, Request, params

T = TypeVar("T")


def keep(app: FastAPI, thing: object) -> None:
    """Keep a thing for the life of the service, under its class."""
    if not hasattr(app.state, "kept"):
        app.state.kept = {}
    cast("dict[type, object]", app.state.kept)[type(thing)] = thing


def find(app: FastAPI, kind: type[T]) -> T:
    """The one thing of a class; KeyError when none is kept."""
    return cast("dict[type[T], T]", app.state.kept)[kind]


def of(request: Request, kind: type[T]) -> T:
    """The one thing of a class that the service of this request keeps."""
    return find(cast("FastAPI", request.app), kind)


def kept(kind: type[T]) -> params.Depends:
    """A dependency that is the one thing of a class: FastAPI makes a parameter of it."""

    async def found(request: Request) -> T:
        return of(request, kind)

    return params.Depends(found)
