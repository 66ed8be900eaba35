"""What happens to every request, in this order. The reason for each place is beside it."""

from collections.abc import Callable, Iterable

from fastapi import FastAPI
from starlette.types import ASGIApp

from app import defaults
from app.http import probes
from app.http.authentication import Authentication, LookUps
from app.http.exchange import Constant, Exchanges
from app.http.limits import BodyLimit, HeadLimit, Hosts, LoadLimit, TimeLimit
from app.http.observe import Observe
from app.http.problems import Problems
from app.http.rate_limit import RateLimit
from app.kit import routing, state
from app.kit.authentication import Authenticators, Identification
from app.settings import Settings

Layer = Callable[[ASGIApp], ASGIApp]


def stack(service: FastAPI, layers: Iterable[Layer]) -> ASGIApp:
    """The layers of a service around its routes; the last line is the outermost."""
    settings, authenticators = state.find(service, Settings), state.find(service, Authenticators)
    table = routing.Table(service)
    app = LookUps(table)  # once it is counted by address: an unknown credential costs a query
    app = limiter = RateLimit(app, quotas=settings.quotas)  # once it is known who asks
    state.keep(service, limiter.attempts)
    app = identified = Authentication(app, authenticators=authenticators)  # late: it may cost a signature check
    identification = Identification(identified.caller)
    state.keep(service, identification)
    app = BodyLimit(app, most=settings.max_body_bytes)  # before anything reads the body
    app = TimeLimit(  # around all work on the request
        app,
        seconds=settings.request_seconds,
        stream_seconds=settings.stream_seconds,
        idle_seconds=settings.stream_idle_seconds,
        identification=identification,
    )
    app = LoadLimit(app, most=settings.max_in_flight)  # before any work on the request
    app = table.find(app)  # before whatever an operation may have bounds of its own for
    app = Hosts(app, allowed=settings.allowed_hosts)  # before anything answers for a host that is not ours
    app = HeadLimit(app)  # before anything reads what it bounds
    app = Problems(  # around whatever can fail
        app, strict=not settings.production, common=authenticators.errors, handlers=service.exception_handlers
    )
    for each in reversed(service.user_middleware):
        app = each.cls(app, *each.args, **each.kwargs)  # as `add_middleware` has it: the last one added is outermost
    for layer in layers:
        app = layer(app)  # around the errors: it may have to be on their answers, too
    # Whether the process lives depends on nothing below.
    app = Constant(app, route=probes.liveness(), body=probes.ALIVE.model_dump_json().encode())
    app = Observe(app)  # sees the status that the client sees
    # First: the id, the client's address and the headers are on every answer and every line.
    return Exchanges(app, trusted=settings.trusted_proxies, whole_addresses=defaults.LOG_CLIENT_ADDRESS)
