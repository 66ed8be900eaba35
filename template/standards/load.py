"""What the load test found: reports/load.json, which `make load` writes."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from standards.context import Context
from standards.outcome import Outcome, Table, unmeasured


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Stage(_Read):
    """One part of the load test; rates are per second."""

    name: str
    seconds: float
    intended_rps: float
    rps: float
    requests: int
    failures: int

    @property
    def error_percent(self) -> float:
        """How many of a hundred requests failed."""
        return 100 * self.failures / self.requests if self.requests else 100.0


class Endpoint(_Read):
    """One kind of request; `histogram` counts the answers up to each time."""

    name: str
    count: int
    failures: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    histogram: list[tuple[float, int]] = []


class Second(_Read):
    """One second of the load test."""

    second: float
    rps: float
    errors: float


class Load(_Read):
    """The whole report."""

    stages: list[Stage]
    endpoints: list[Endpoint]
    throughput: list[Second] = []
    generator_was_bottleneck: bool
    reason: str | None = None

    @classmethod
    def read(cls, file: Path) -> "Load | None":
        """The report in a file; None when there is none that can be read."""
        try:
            return cls.model_validate_json(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValidationError):  # the check of PERF-1 says so
            return None

    def stage(self, name: str) -> Stage | None:
        """The stage whose name begins so."""
        return next((each for each in self.stages if each.name.lower().startswith(name)), None)


def report(context: Context) -> Load | Outcome:
    """The load report of this very code, or why there is none to rely on."""
    file = context.reports / "load.json"
    if not file.exists():
        return unmeasured("there is no load report: run `make load`, then `make standards`")
    newest = max(
        (each for place in ("app", "migrations") for each in (context.root / place).rglob("*.py")),
        key=lambda each: each.stat().st_mtime,
        default=None,
    )
    if newest is not None and newest.stat().st_mtime > file.stat().st_mtime:
        name = newest.relative_to(context.root).as_posix()
        return unmeasured(f"the load report is older than {name}: run `make load` again")
    load = Load.model_validate_json(file.read_text(encoding="utf-8"))
    if load.generator_was_bottleneck:
        why = load.reason or "it did not send what it intended to"
        return unmeasured(f"the load generator was the bottleneck, not the service: {why}")
    return load


def when(context: Context) -> str:
    """When the load report was written."""
    moment = datetime.fromtimestamp((context.reports / "load.json").stat().st_mtime, UTC)
    return f"reports/load.json of {moment:%Y-%m-%d %H:%M} UTC"


def stages(load: Load) -> Table:
    """The stages, to look at."""
    return Table(
        "Stages",
        ("stage", "seconds", "intended/s", "answered/s", "requests", "failed"),
        [
            (
                each.name,
                f"{each.seconds:.0f}",
                f"{each.intended_rps:.0f}",
                f"{each.rps:.0f}",
                f"{each.requests:,}",
                f"{each.error_percent:.2f} %",
            )
            for each in load.stages
        ],
    )
