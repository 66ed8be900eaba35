"""What `make capacity` found: a table for the terminal, and docs/capacity-measured.md."""

from collections.abc import Mapping, Sequence

from app import defaults
from proof.load.finding import Finding, Point, Sweep
from proof.load.report import aligned

_HEAD = (
    "workers",
    "connections",
    "requests/s",
    "mean ms",
    "p95 ms",
    "CPU µs/request",
    "busy cores",
    "machine idle",
    "generator busy",
)


def _row(workers: int, point: Point) -> tuple[str, ...]:
    return (
        str(workers),
        str(point.connections),
        f"{point.rps:.0f}",
        f"{point.mean_ms:.2f}",
        f"{point.p95_ms:.1f}",
        f"{point.cpu_us:.0f}",
        f"{point.cores:.2f}",
        f"{point.idle_percent:.0f} %",
        f"{point.generator_percent:.0f} %" + (f": {point.generator}" if point.generator else ""),
    )


def _law(one: Sweep) -> tuple[str, ...]:
    connections, most = one.curve.most(max(each.connections for each in one.points))
    return (
        str(one.workers),
        f"{one.curve.rate:.0f}",
        f"{one.curve.contention:.4f}",
        f"{one.curve.coherency:.6f}",
        f"{most:.0f} at {connections}",
        f"{one.curve.residual_percent:.1f} %",
        f"{1e6 / one.cpu_us:.0f}",
    )


_LAW_HEAD = ("workers", "λ requests/s", "σ", "κ", "fitted most, requests/s", "residual", "requests/s per busy core")
_TASK_HEAD = ("operation", "CPU µs/request", "requests/s per busy core", "mean ms", "p95 ms")


def _task(name: str, point: Point) -> tuple[str, ...]:
    return name, f"{point.cpu_us:.0f}", f"{1e6 / point.cpu_us:.0f}", f"{point.mean_ms:.2f}", f"{point.p95_ms:.1f}"


def table(sweeps: Sequence[Sweep], tasks: Mapping[str, Point]) -> str:
    """Everything, for a terminal."""
    points = [_row(each.workers, point) for each in sweeps for point in each.points]
    parts = (
        [_HEAD, *points],
        [_LAW_HEAD, *map(_law, sweeps)],
        [_TASK_HEAD, *(_task(name, each) for name, each in tasks.items())],
    )
    return "\n".join(line for part in parts for line in ("", *aligned(part)))


def written(when: str, machine: str, verdict: Finding, sweeps: Sequence[Sweep], tasks: Mapping[str, Point]) -> str:
    """The whole page, in Markdown."""
    points = [_row(each.workers, point) for each in sweeps for point in each.points]
    return f"""# Measured capacity

Written by `make capacity` on {when}. Machine: {machine},
shared by the service, its PostgreSQL and the generator.

**{verdict.sentence()}**

## What a request costs

The time that all processes of the service spend on a processor, divided by the requests: a busy core serves one
million divided by these microseconds. PostgreSQL needs its own. Each operation by itself, one worker:

{_markdown(_TASK_HEAD, [_task(name, each) for name, each in tasks.items()])}

## What one more connection adds

The mix of the load test's scenarios; on each connection the next request follows an answer.

{_markdown(_HEAD, points)}

The universal scalability law X(N) = λN ÷ (1 + σ(N - 1) + κN(N - 1)), fitted to these points: X in requests/s, N busy
connections, σ the share of the work that waits for its turn, κ what connections cost each other. The residual is the
root of the mean square of the relative errors. The most is the highest point of the curve among the connections that
were measured.

{_markdown(_LAW_HEAD, list(map(_law, sweeps)))}

Workers of an instance in the plan: {defaults.WORKERS}. Where the machine was never idle, its processes shared the
cores: the requests/s then say what the machine gives, and the CPU time what the service needs.
"""


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
