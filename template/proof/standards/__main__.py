"""`make standards`: start the service, run every check, print the table, write the reports."""

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from typing import cast

from rich.console import Console
from rich.table import Table

from proof.rig import DoesNotStart
from proof.standards import page, stage
from proof.standards.register import ROOT, Row, rows
from proof.standards.scorecard import Result, as_json, measured

_LOOK = {"pass": "[green]pass[/]", "fail": "[bold red]FAIL[/]", "not_measured": "[dim]not measured[/]"}

# Of the table, where no terminal says how wide it may be.
_WIDTH = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 1 when a row fails, 2 when the service does not start."""
    parser = argparse.ArgumentParser(prog="standards", description="Measure this service against standards.toml.")
    parser.add_argument("ids", nargs="*", metavar="ID", help="measure only these rows: SEC-2 DATA-1")
    given = cast("list[str]", vars(parser.parse_args(arguments))["ids"])
    wanted = {each.upper() for each in given}
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    chosen = [row for row in rows() if not wanted or row.standard.id in wanted]
    if unknown := wanted - {row.standard.id for row in chosen}:
        console.print(f"standards.toml has no row {', '.join(sorted(unknown))}.", style="red")
        return 2
    reports = ROOT / "reports"
    reports.mkdir(exist_ok=True)
    # What this process reads of the service's settings; the service itself gets another key to sign with.
    os.environ.setdefault("AUTH_SIGNING_KEYS", secrets.token_hex(32))
    os.environ.setdefault("ENCRYPTION_KEYS", secrets.token_hex(32))
    try:
        results = _measure(chosen, console)
    except DoesNotStart as error:
        console.print(str(error), style="red", markup=False)
        return 2
    console.print(_table(results))
    (reports / "standards.json").write_bytes(as_json(results))
    html = page.html(results, reports)
    (reports / "standards.html").write_text(html, encoding="utf-8", newline="\n")
    counts = {status: sum(each.status == status for each in results) for status in _LOOK}
    console.print(
        f"{counts['pass']} hold, {counts['fail']} fail, {counts['not_measured']} are not measured. "
        "reports/standards.html shows the evidence, reports/standards.json is for machines."
    )
    return 1 if counts["fail"] else 0


def _measure(chosen: Sequence[Row], console: Console) -> list[Result]:
    results: list[Result] = []
    with console.status("starting") as status:

        def say(what: str) -> None:
            status.update(what)
            if not console.is_terminal:
                console.print(f"… {what}", markup=False)

        with stage.service(ROOT, ROOT / "reports", say) as context:
            for row in chosen:
                if row.check is not None:
                    say(f"{row.standard.id} {row.standard.standard}")
                result = measured(row, context)
                results.append(result)
                if row.check is not None:
                    console.print(f"{result.standard.id:7} {_LOOK[result.status]} ({result.seconds:.1f} s)")
    return results


def _table(results: Sequence[Result]) -> Table:
    table = Table(title="The register of this service", title_justify="left", show_lines=True, expand=True)
    for name, ratio in (("id", None), ("standard", 2), ("target", 3), ("measured", 4), ("status", None)):
        table.add_column(name, ratio=ratio, no_wrap=ratio is None)
    for each in results:
        value = "" if each.measured is None else f"{each.measured} {each.outcome.unit}".strip()
        why = each.reason.removeprefix("not measured, ")
        found = "\n".join(_plain(text) for text in (value, why) if text)
        promised = (_plain(text) for text in (each.standard.id, each.standard.standard, each.standard.target))
        table.add_row(*promised, found, _LOOK[each.status])
    return table


def _plain(text: str) -> str:
    return text.replace("[", "\\[")


if __name__ == "__main__":
    sys.exit(main())
