"""One measurement of every request, told twice: a log line for people, a histogram for machines."""

from time import perf_counter
from typing import cast

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.exchange import Exchange, exchange_of
from app.http.limits import PROBES
from app.kit.access import Caller, Principal
from app.kit.logging import get_logger, readable_path
from app.kit.routing import Route

# Around the register's numbers: p50 < 100 ms, p95 < 500 ms, p99 < 2 s.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
_FAILED = 400

_duration = Histogram(
    "http_request_duration_seconds",
    "Time from the first byte of the request to the last of the answer.",
    ("method", "route", "status"),
    buckets=_BUCKETS,
)
_in_flight = Gauge("http_requests_in_flight", "Requests being answered at this moment.", multiprocess_mode="livesum")
_deprecated = Counter(
    "http_deprecated_requests_total", "Requests of operations that others replace.", ("method", "route")
)
unhandled = Counter("http_unhandled_errors_total", "Requests that ended in an error that nobody expected.")

log = get_logger()


class Observe:
    """Measures, then writes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: ASGIApp = app
        self._series: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _in_flight.inc()
        try:
            await self._app(scope, receive, send)
        finally:
            _in_flight.dec()
            self._record(scope, exchange_of(scope))

    def _record(self, scope: Scope, exchange: Exchange) -> None:
        seconds = perf_counter() - exchange.started
        route = cast("object", scope.get("route"))
        template = route.path_format if isinstance(route, Route) else ""
        method = cast("str", scope["method"])
        key = (method if template else "", template, exchange.status)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _duration.labels(key[0], template, str(exchange.status))
        series.observe(seconds)
        replaced = isinstance(route, Route) and route.replaced is not None
        if replaced:
            _deprecated.labels(method, template).inc()
        if template in PROBES and exchange.status < _FAILED:
            return
        caller = cast("Caller | None", scope.get("caller"))
        log.info(
            "request",
            method=method,
            path=readable_path(cast("str", scope["path"]), cast("dict[str, object]", scope.get("path_params") or {})),
            route=template,
            status=exchange.status,
            ms=round(seconds * 1000, 2),
            bytes=exchange.sent,
            client=exchange.kept_address,
            account_id=str(caller.account_id) if isinstance(caller, Principal) else None,
            **({"client_request_id": exchange.client_request_id} if exchange.client_request_id else {}),
            **({"deprecated": True} if replaced else {}),
        )
