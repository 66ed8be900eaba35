"""`make load`: starts what is needed, has the generator play its plan, judges and reports.

Exit codes: 0 every promise was kept, 1 one was broken or the test could not be made, 2 none was broken but some could
not be measured.
"""

from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click

from app.adapters.process import ROOT
from proof import rig
from proof.load import plan, play, report
from proof.load.verdict import THRESHOLDS, Thresholds

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--url", help="A service that runs already, filled with `make seed`; items stay behind in it.")
@click.option(
    "--rate", default=plan.PEAK_RATE, show_default=True, type=click.IntRange(1, 5000), help="Requests/s at peak."
)
@click.option(
    "--seconds", default=60, show_default=True, type=click.IntRange(3, 600), help="All stages but the soak take this."
)
@click.option("--soak", default=0, metavar="MINUTES", type=click.IntRange(0, 240), help="Then half the rate for long.")
@click.option(
    "--saturation",
    default=4.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(0, 60),
    help="Last, find the highest rate: seconds of one try; 0 leaves it out.",
)
@click.option("--accounts", default=200, show_default=True, type=click.IntRange(1, 10_000), help="Seeded accounts.")
@click.option(
    "--items", default=500, show_default=True, type=click.IntRange(0, 100_000), help="Items of each seeded account."
)
@click.option(
    "--thresholds", default=THRESHOLDS, type=_FILE, help="Judge by another file than loadtest/thresholds.toml."
)
@click.option("--reports", default=ROOT / "reports", type=_FOLDER, help="Where load.json and load.html go.")
def load(  # noqa: PLR0913, PLR0917 - one for each option
    url: str | None,
    rate: int,
    seconds: int,
    soak: int,
    saturation: float,
    accounts: int,
    items: int,
    thresholds: Path,
    reports: Path,
) -> None:
    """Test whether one instance keeps its promises under load."""
    if find_spec("locust") is None:
        raise click.ClickException("Locust is not installed: `make load` brings it, or `uv sync --group proof`.")
    limits = Thresholds.read(thresholds)
    reports.mkdir(parents=True, exist_ok=True)
    search = plan.Saturation(seconds=saturation, promises=limits) if saturation else None
    try:
        with _started(accounts, items, reports / "load.log") if url is None else _given(url) as (address, pid):
            measured = play.played(
                plan.Plan(
                    url=address,
                    people=plan.people(accounts),
                    stages=plan.stages(rate, seconds, soak),
                    saturation=search,
                    pid=pid,
                )
            )
    except (rig.DoesNotStart, play.BrokeOff) as error:
        raise click.ClickException(str(error)) from None
    found = report.made(measured, limits)
    report.write(found, reports)
    click.echo(report.table(found))
    click.echo(f"\n{reports / 'load.html'}\n{reports / 'load.json'}")
    raise SystemExit(report.exit_code(found))


@contextmanager
def _started(accounts: int, items: int, log: Path) -> Generator[tuple[str, int]]:
    click.echo(f"Filling a database of its own with {accounts} accounts of {items} items …", err=True)
    with rig.filled("load", accounts, items) as environment, rig.serving(environment, log) as running:
        click.echo(f"Serving on {running.url}, as in production; its log is {log}", err=True)
        yield running.url, running.pid


@contextmanager
def _given(url: str) -> Generator[tuple[str, None]]:
    yield url.rstrip("/"), None


if __name__ == "__main__":
    play.put_away_on_sigterm()
    load()
