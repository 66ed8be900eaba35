"""Puts the service together: create_app() gives what a server runs."""

import gc
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp
from typing_extensions import override

from app import defaults, house, registry
from app.http import documentation, openapi, probes
from app.http.stack import stack
from app.kit import logging, routing, state
from app.kit.passwords import Passwords
from app.settings import Environment, Settings, settings

VERSION = "0.1.0"


class Service(routing.Service):
    """Our own layers around the table of routes, and the one document of what they declare."""

    @override
    def build_middleware_stack(self) -> ASGIApp:
        return stack(self, registry.layers(self))

    @override
    def openapi(self) -> openapi.Json:
        if not self.openapi_schema:
            self.openapi_schema = openapi.document(self)
        return self.openapi_schema


def create_app(configuration: Settings | None = None) -> FastAPI:
    """The service, ready to be run by a server; HouseRuleBroken when a route breaks the rules of house.py."""
    config = configuration or settings()
    logging.configure(config.log_level.name, config.secrets)
    app = Service(
        title=defaults.PROJECT_NAME,
        description=defaults.DESCRIPTION,
        version=VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    state.keep(app, config)
    state.keep(app, config.key_ring)
    state.keep(app, Passwords(cheap=config.environment is Environment.TEST))
    routers = [*registry.routers(), probes.router]
    if defaults.DOCS_IN_PRODUCTION or not config.production:
        routers.append(documentation.router)
    # Flat, not `include_router`: a tree of routers is walked anew at every request.
    app.router.routes.extend(registry.routes(routers))
    state.keep(app, registry.restrictions())
    state.keep(app, registry.authenticators(app))
    house.inspect(app, routers)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None]:
    log = logging.get_logger()
    async with AsyncExitStack() as opened:
        for lifespan in registry.lifespans():
            await opened.enter_async_context(lifespan(app))
        # What is here now stays for good. Looking through all of it again and again stalled requests for 50 ms
        # (docs/decisions/platform/0009-requests.md).
        gc.collect()
        gc.freeze()
        log.info("started", environment=state.find(app, Settings).environment)
        yield
        log.info("stopping")
    state.find(app, Passwords).close()
    logging.writer.flush()
