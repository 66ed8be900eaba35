"""PERF-1: how long answers take under load, from the report of `make load`."""

from proof.load import reported
from proof.load.report import Endpoint
from proof.standards.context import Context
from proof.standards.outcome import Outcome, Table, judged, unmeasured

_LIMITS = (("p50_ms", 100.0), ("p95_ms", 500.0), ("p99_ms", 2_000.0))
# Fewer answers than this say nothing of an operation.
_ENOUGH = 20


def check(context: Context) -> Outcome:
    """Read the load report: every operation keeps every limit."""
    found = reported.report(context)
    if isinstance(found, Outcome):
        return found
    asked = [each for each in found.endpoints if each.count - each.failures >= _ENOUGH]
    if not asked:
        return unmeasured(
            f"no operation was answered {_ENOUGH} times in the load report: give it a scenario, or more time"
        )
    faults = [
        f"{each.name} answers with {name[:3]} = {value:.0f} ms, and may take {limit:.0f} ms. "
        "Read its statements in the report of PERF-2, and its plan."
        for each in asked
        for name, limit in _LIMITS
        if (value := _percentile(each, name)) >= limit
    ]
    worst = [max((_percentile(each, name) for each in asked), default=0.0) for name, _ in _LIMITS]
    return judged(
        faults,
        " / ".join(f"{each:.0f}" for each in worst),
        "ms, p50 / p95 / p99 of the slowest operation",
        evidence=[f"{reported.when(context)}: {sum(each.count for each in asked):,} requests"],
        tables=[
            Table(
                "Operations under load",
                ("operation", "requests", "failed", "p50 ms", "p95 ms", "p99 ms", "longest ms"),
                [
                    (
                        each.name,
                        f"{each.count:,}",
                        str(each.failures),
                        *(f"{_percentile(each, name):.1f}" for name, _ in _LIMITS),
                        f"{each.max_ms or 0.0:.1f}",
                    )
                    for each in asked
                ],
            )
        ],
    )


def _percentile(endpoint: Endpoint, name: str) -> float:
    return {"p50_ms": endpoint.p50_ms, "p95_ms": endpoint.p95_ms, "p99_ms": endpoint.p99_ms}[name] or 0.0
