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
from app.kit import state
from app.kit.authentication import Authenticators
from app.settings import Settings

Layer = Callable[[ASGIApp], ASGIApp]


def stack(service: FastAPI, app: ASGIApp, layers: Iterable[Layer]) -> ASGIApp:
    """Wrap `app`, which answers, in the layers of a service; the last line is the outermost."""
    settings, authenticators = state.find(service, Settings), state.find(service, Authenticators)
    app = LookUps(app)  # once it is counted by address: an unknown credential costs a query
    app = limiter = RateLimit(app, quotas=settings.quotas)  # once it is known who asks
    state.keep(service, limiter.attempts)
    app = Authentication(app, authenticators=authenticators)  # late: who is refused below costs no signature check
    app = BodyLimit(app, most=settings.max_body_bytes)  # before anything reads the body
    app = TimeLimit(app, seconds=settings.request_seconds)  # around all work on the request
    app = LoadLimit(app, most=settings.max_in_flight)  # before any work on the request
    if settings.allowed_hosts != ("*",):
        app = Hosts(app, allowed=settings.allowed_hosts)  # before anything answers for a host that is not ours
    app = HeadLimit(app)  # before anything reads what it bounds
    app = Problems(app, strict=not settings.production, common=authenticators.errors)  # around whatever can fail
    for layer in layers:
        app = layer(app)  # around the errors: it may have to be on their answers, too
    # Whether the process lives depends on nothing below.
    app = Constant(app, route=probes.liveness(), body=probes.ALIVE.model_dump_json().encode())
    app = Observe(app)  # sees the status that the client sees
    # First: the id, the client's address and the headers are on every answer and every line.
    return Exchanges(app, trusted=settings.trusted_proxies, whole_addresses=defaults.LOG_CLIENT_ADDRESS)
