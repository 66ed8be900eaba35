"""What the load test found: reports/load.json, which `make load` writes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from proof.load.report import Report, Stage
from proof.standards.context import Context
from proof.standards.outcome import Outcome, Table, unmeasured


def read(file: Path) -> Report | None:
    """The report in a file; None when there is none that can be read."""
    try:
        return Report.model_validate_json(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):  # the check of PERF-1 says so
        return None


def fresh(context: Context) -> Report | Outcome:
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
    found = read(file)
    return unmeasured("the load report can't be read: run `make load` again") if found is None else found


def report(context: Context) -> Report | Outcome:
    """The load report of this very code, when the generator kept up with the stages of a usual day."""
    found = fresh(context)
    if isinstance(found, Report) and found.generator_was_bottleneck:
        why = found.reason or "it did not send what it intended to"
        return unmeasured(f"the load generator was the bottleneck, not the service: {why}")
    return found


def when(context: Context) -> str:
    """When the load report was written."""
    moment = datetime.fromtimestamp((context.reports / "load.json").stat().st_mtime, UTC)
    return f"reports/load.json of {moment:%Y-%m-%d %H:%M} UTC"


def stages(found: Sequence[Stage]) -> Table:
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
                f"{100 * each.error_rate:.2f} %",
            )
            for each in found
        ],
    )
