"""`make capacity`: what a request costs here, what a connection and a worker more add, and whether the plan holds.

Exit codes: 0 the plan holds, 1 it asks for more than was measured, or nothing could be measured.
"""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import click

from app import defaults
from app.adapters.process import ROOT
from proof import rig
from proof.load import finding, page, plan, play
from proof.load.finding import Point, Sweep
from proof.load.verdict import Thresholds

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64)
_MOST_SECONDS = 4.0
_LEAST_SECONDS = 0.2
# For each task by itself, so that the costs of reading, listing and writing stand side by side.
_BUSY = 16
_TASKS = 4

_PAGE = ROOT / "docs" / "capacity-measured.md"


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--seconds", default=60.0, show_default=True, type=click.FloatRange(1, 3600), help="All measurements take this."
)
@click.option(
    "--workers", default=os.cpu_count() or 1, type=click.IntRange(1, 64), help="The most; as many as cores if unset."
)
@click.option("--planned", default=defaults.RPS_PER_CORE, show_default=True, type=click.IntRange(1), help="The plan.")
@click.option("--accounts", default=200, show_default=True, type=click.IntRange(1, 10_000), help="Seeded accounts.")
@click.option(
    "--items", default=500, show_default=True, type=click.IntRange(0, 100_000), help="Items of each seeded account."
)
@click.option(
    "--output", default=_PAGE, type=click.Path(path_type=Path, dir_okay=False), help="The page that is written."
)
def capacity(  # noqa: PLR0913, PLR0917 - one for each option
    seconds: float, workers: int, planned: int, accounts: int, items: int, output: Path
) -> None:
    """Measure what one core serves, and compare it with the plan."""
    if find_spec("locust") is None:
        raise click.ClickException("Locust is not installed: `make capacity` brings it, or `uv sync --group proof`.")
    thresholds = Thresholds.read()
    counts = several(workers)
    step = min(_MOST_SECONDS, max(_LEAST_SECONDS, seconds / (len(counts) * len(CONNECTIONS) + _TASKS)))
    click.echo(f"{_machine()}; workers: {', '.join(map(str, counts))}; {step:.1f} s for each measurement", err=True)
    sweeps: list[Sweep] = []
    tasks: dict[str, Point] = {}
    log = ROOT / "reports" / "capacity.log"
    log.parent.mkdir(exist_ok=True)
    try:
        click.echo(f"Filling a database of its own with {accounts} accounts of {items} items …", err=True)
        with rig.filled("capacity", accounts, items) as environment:
            for count in counts:
                with rig.serving(environment, log, "--workers", str(count)) as running:
                    points, own = _swept(running, accounts, step, thresholds, each_task=count == 1)
                sweeps.append(finding.sweep(count, points))
                tasks |= own
    except (rig.DoesNotStart, play.BrokeOff, ValueError) as error:
        raise click.ClickException(str(error)) from None
    verdict = finding.found(planned, sweeps[0])
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    output.write_text(page.written(when, _machine(), verdict, sweeps, tasks), encoding="utf-8", newline="\n")
    click.echo(page.table(sweeps, tasks))
    click.echo(f"\n{verdict.sentence()}\n{output}")
    raise SystemExit(0 if verdict.holds else 1)


def several(most: int) -> list[int]:
    """Numbers of workers: the powers of two up to the most, and the most."""
    return sorted({1 << power for power in range(most.bit_length())} | {most})


def _swept(
    running: rig.Running, accounts: int, step: float, thresholds: Thresholds, *, each_task: bool
) -> tuple[Sequence[Point], dict[str, Point]]:
    """The points of the sweep, and where it is asked for one for each task by its operation."""
    steps = [plan.Closed(connections=each, seconds=step) for each in CONNECTIONS]
    if each_task:
        steps.append(plan.Closed(connections=_BUSY, seconds=step, each_task=True))
    measured = play.played(plan.Plan(url=running.url, people=plan.people(accounts), closed=steps, pid=running.pid))
    points = [finding.point(each, thresholds) for each in measured.closed]
    swept, alone = points[: len(CONNECTIONS)], points[len(CONNECTIONS) :]
    names = [stage.endpoints[0].name for stage in measured.closed[len(CONNECTIONS) :]]
    return swept, dict(zip(names, alone, strict=True))


def _machine() -> str:
    cores = os.cpu_count() or 1
    return f"{_processor()}, {cores} {'core' if cores == 1 else 'cores'}, Python {platform.python_version()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    play.put_away_on_sigterm()
    capacity()
