"""`make load`: starts what is needed, has the generator play its plan, judges and reports.

Exit codes: 0 every promise was kept, 1 one was broken or the test could not be made, 2 none was broken but some could
not be measured.
"""

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import click

from app import cli, seed
from loadtest import plan, report, service
from loadtest.measured import Measured
from loadtest.verdict import THRESHOLDS, Thresholds

# Signing in costs a password hash each time, and a few accounts are enough to spread the keys that are asked for.
_PEOPLE = 20

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--url", help="A service that runs already, filled with `app seed`; items stay behind in it.")
@click.option(
    "--rate", default=plan.PEAK_RATE, show_default=True, type=click.IntRange(1, 5000), help="Requests/s at peak."
)
@click.option(
    "--seconds", default=60, show_default=True, type=click.IntRange(3, 600), help="All stages but the soak take this."
)
@click.option("--soak", default=0, metavar="MINUTES", type=click.IntRange(0, 240), help="Then half the rate for long.")
@click.option("--accounts", default=200, show_default=True, type=click.IntRange(1, 10_000), help="Seeded accounts.")
@click.option(
    "--items", default=500, show_default=True, type=click.IntRange(0, 100_000), help="Items of each seeded account."
)
@click.option(
    "--thresholds", default=THRESHOLDS, type=_FILE, help="Judge by another file than loadtest/thresholds.toml."
)
@click.option("--reports", default=cli.ROOT / "reports", type=_FOLDER, help="Where load.json and load.html go.")
def load(  # noqa: PLR0913, PLR0917 - one for each option
    url: str | None, rate: int, seconds: int, soak: int, accounts: int, items: int, thresholds: Path, reports: Path
) -> None:
    """Test whether one instance keeps its promises under load."""
    if find_spec("locust") is None:
        raise click.ClickException("Locust is not installed: `make load` brings it, or `uv sync --group load`.")
    limits = Thresholds.read(thresholds)
    reports.mkdir(parents=True, exist_ok=True)
    people = [
        plan.Person(email=seed.address(number), password=seed.PASSWORD)
        for number in range(1, min(accounts, _PEOPLE) + 1)
    ]
    with _started(accounts, items, reports / "load.log") if url is None else _given(url) as address:
        measured = _play(plan.Plan(url=address, people=people, stages=plan.stages(rate, seconds, soak)))
    found = report.made(measured, limits)
    report.write(found, reports)
    click.echo(report.table(found))
    click.echo(f"\n{reports / 'load.html'}\n{reports / 'load.json'}")
    raise SystemExit(report.exit_code(found))


@contextmanager
def _started(accounts: int, items: int, log: Path) -> Generator[str]:
    with service.database() as database:
        click.echo(f"Filling a database of its own with {accounts} accounts of {items} items …", err=True)
        service.fill(database, accounts, items)
        with service.serving(database, log) as address:
            click.echo(f"Serving on {address}, as in production; its log is {log}", err=True)
            yield address


@contextmanager
def _given(url: str) -> Generator[str]:
    yield url.rstrip("/")


def _play(played: plan.Plan) -> Measured:
    process = subprocess.Popen(
        [sys.executable, "-m", "loadtest.generator"], cwd=cli.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        said, _ = process.communicate(played.model_dump_json().encode())
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise click.ClickException("The load test broke off: the generator says why above.")
    return Measured.model_validate_json(said)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)  # so that the service and the database are put away, too


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    load()
