"""`make queries`: fill the tables to several sizes, run every statement at each, and judge how the cost grows.

Exit codes: 0 no statement costs more in larger tables, 1 one does, 2 none does, but some could not be run.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from types import FrameType

import asyncpg
import click
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from app import cli
from app.adapters import schema
from app.adapters.database import Connection, DatabaseSettings
from app.adapters.process import ROOT
from proof import rig
from proof.queries import growth, top
from proof.queries.growth import Growth, Report

_SIZES = "10000,1000000,10000000"
_LEAST, _MOST = 100, 100_000_000
_LOOK = {
    "pass": "[green]holds[/]",
    "fail": "[bold red]GROWS[/]",
    "not_measured": "[dim]not run[/]",
    "whole": "reads all",
}
_FOLDER = click.Path(path_type=Path, file_okay=False)

# Of the table, where no terminal says how wide it may be.
_WIDTH = 150


def _sizes(_context: click.Context, _option: click.Parameter, value: str) -> list[int]:
    try:
        found = sorted({int(each) for each in value.split(",")})
    except ValueError:
        found = []
    if len(found) < 2 or found[0] < _LEAST or found[-1] > _MOST:  # noqa: PLR2004 - growth is between two
        raise click.BadParameter(f"two or more numbers from {_LEAST} to {_MOST:,} with commas between them: {_SIZES}.")
    return found


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--rows", "sizes", default=_SIZES, show_default=True, callback=_sizes, help="Rows at each size.")
@click.option("--top", "top_only", is_flag=True, help="Only read what the database of DATABASE_URL counted.")
@click.option("--reports", default=ROOT / "reports", type=_FOLDER, help="Where queries.json goes.")
def queries(sizes: list[int], reports: Path, *, top_only: bool) -> None:
    """Show what each statement costs as the tables grow; 1 when one of them costs more."""
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    if top_only:
        console.print(top.table(_counted()))
        return
    reports.mkdir(parents=True, exist_ok=True)
    report = _measure(sizes, console)
    (reports / "queries.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8", newline="\n")
    console.print(_table(report))
    if report.top:
        console.print(top.table(report.top))
    raise SystemExit(_concluded(report, console))


def _measure(sizes: Sequence[int], console: Console) -> Report:
    started = monotonic()
    with console.status("starting PostgreSQL") as status:

        def say(what: str) -> None:
            status.update(what)
            console.print(f"[dim]{monotonic() - started:6.1f} s[/]  {what}", highlight=False)

        with rig.database("queries") as url:
            say("migrating")
            os.environ["DATABASE_URL"] = url
            schema.migrate()
            try:
                return asyncio.run(measured(url, sizes, say))
            except LookupError as error:
                raise click.ClickException(f"{error}.") from None


async def measured(url: str, sizes: Sequence[int], say: Callable[[str], None]) -> Report:
    """What every statement costs at each size, in a migrated database that is thrown away afterwards."""
    async with _connected(url) as connection:
        counts = await _counts(connection)
        found, rows = await growth.measured(connection, sizes, say, counts=counts)
        return Report(
            rows=list(sizes),
            tables={name: each.last for name, each in rows.filled.items()},
            statements=found,
            top=await top.timed(connection) if counts else [],
        )


async def _counts(connection: Connection) -> bool:
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        await connection.execute("SELECT pg_stat_statements_reset()")
    except asyncpg.PostgresError:  # this server does not preload it, or does not let us
        return False
    return True


def _counted() -> list[top.Timed]:
    try:
        url = DatabaseSettings.read().url.get_secret_value()
    except ValidationError as error:
        raise click.ClickException(str(cli.sentence(error))) from None

    async def run() -> list[top.Timed]:
        async with _connected(url, default_transaction_read_only="on", statement_timeout="10000") as connection:
            return await top.timed(connection)

    try:
        return asyncio.run(run())
    except asyncpg.UndefinedTableError:
        raise click.ClickException(
            "This database does not count its statements. Its administrator adds pg_stat_statements to "
            "shared_preload_libraries, restarts the server, and runs CREATE EXTENSION pg_stat_statements."
        ) from None
    except (OSError, asyncpg.PostgresError) as error:
        raise click.ClickException(f"The database does not tell what its statements cost: {error}") from error


@asynccontextmanager
async def _connected(url: str, **settings: str) -> AsyncGenerator[Connection]:
    connection = await asyncpg.connect(url, server_settings=settings, statement_cache_size=0)
    try:
        yield connection
    finally:
        await connection.close()


def _table(report: Report) -> Table:
    sizes = ", ".join(f"{name} {rows:,}" for name, rows in report.tables.items())
    table = Table(
        title="Blocks that each statement touches, and its time",
        title_justify="left",
        caption=f"At the last size: {sizes}",
        caption_justify="left",
        expand=True,
    )
    table.add_column("statement", ratio=1)
    for size in report.rows:
        table.add_column(f"{size:,} rows", justify="right", no_wrap=True)
    table.add_column("may touch", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for each in report.statements:
        table.add_row(each.name, *_cells(each, report.rows), _LOOK[each.status])
    return table


def _cells(statement: Growth, sizes: Sequence[int]) -> list[str]:
    costs = {each.rows: f"{each.blocks:,} · {each.ms:.3f} ms" for each in statement.measured}
    return [costs.get(size, "–") for size in sizes] + [f"{statement.allowed:,}" if costs else "–"]


def _concluded(report: Report, console: Console) -> int:
    faults = [fault for each in report.statements for fault in each.faults()]
    not_run = [f"{each.name} was not run: {each.not_run}." for each in report.statements if each.not_run]
    whole = [f"{each.name} may read a whole table: {each.whole}." for each in report.statements if each.whole]
    for sentence in (*faults, *not_run, *whole):
        console.print(f"  - {sentence}", markup=False, highlight=False, style="red" if sentence in faults else "")
    held = sum(each.status == "pass" for each in report.statements)
    console.print(
        f"{held} of {len(report.statements)} cost the same at each size, {len(faults)} cost more, "
        f"{len(not_run)} were not run, {len(whole)} may read all. reports/queries.json holds the plans."
    )
    return 1 if faults else 2 if not_run else 0


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)  # so that the database is put away, too


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    queries()
