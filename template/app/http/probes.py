"""What orchestrators and monitors ask: alive, ready, measured."""

import os

from fastapi import Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import Field
from starlette.responses import Response

from app.adapters.database.work import Database
from app.adapters.schema import behind
from app.kit import routing, state
from app.kit.access import StaticToken, public
from app.kit.errors import Unavailable, answers
from app.kit.schemas import Out
from app.settings import settings

router = routing.router("", "operations")

LIVE = public(
    "an orchestrator has no account; it says only that the process runs",
    unlimited="the answer costs less than a refusal, and a refusal would end a process that is well",
)


class Status(Out):
    """The answer of a probe that succeeds."""

    status: str = Field(description="`ok` or `ready`")


class NotReady(Unavailable):
    """This instance can't take requests yet."""


class Metrics(Response):
    """Prometheus' text format."""

    media_type: str | None = CONTENT_TYPE_LATEST


# The same at any time, so it is answered without the layers that others pass (stack.py).
ALIVE = Status(status="ok")


@router.get("/livez", dependencies=[LIVE])
async def livez() -> Status:
    """Say that the process is alive.

    It asks no other system: restarting this process would not mend another one.
    """
    return ALIVE


@router.get(
    "/readyz",
    dependencies=[public("an orchestrator has no account; it says only whether requests may come")],
    responses=answers(NotReady),
)
async def readyz(request: Request) -> Status:
    """Say whether requests may come here.

    The database must answer, and its schema must be at least the one this release was written for.
    """
    missing = await behind(state.of(request, Database).primary)
    if missing:
        raise NotReady(f"The database lacks the migrations {', '.join(missing)}: run `app migrate`.")
    return Status(status="ready")


def liveness() -> routing.Route:
    """The route of `livez`."""
    return next(each for each in router.routes if isinstance(each, routing.Route) and each.endpoint is livez)


def _metrics_token() -> str | None:
    token = settings().metrics_token
    return token.get_secret_value() if token else None


@router.get("/metrics", dependencies=[Depends(StaticToken(_metrics_token))], response_class=Metrics)
async def metrics() -> Response:
    """Give the measurements of this instance in Prometheus' text format.

    Set METRICS_TOKEN to switch it on; the monitoring sends it as a bearer token.
    """
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return Metrics(generate_latest(registry))
