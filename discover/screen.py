"""What a person sees in the terminal: one page."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from discover.answers import Answers
from discover.engine import Result
from discover.findings import Finding, Proof
from discover.text import plain
from discover.view import counted, glance, headline, label, lacking, reasons, seen, title, where

WIDTH = 80
MOST = 4
"""Findings of a row; the others are in the report."""

ASKED = ("peak_rps", "compliance", "deploy", "ci")
"""Questions whose remarks a person should see at once."""

STYLES = {
    Proof.RUNS: "green",
    Proof.USED: "green",
    Proof.IMPORTED: "yellow",
    Proof.LISTED: "yellow",
    Proof.NAMED: "yellow",
}


def show(result: Result, answered: Answers, file: TextIO, *, out: Path | None, command: str) -> None:
    """Print the page. Colours only on a terminal."""
    console = Console(file=file, width=WIDTH, highlight=False, emoji=False, markup=False)
    console.print(page(result, answered, out=out))
    # A command is copied: it stays on one line, however long.
    console.print(Text(f"  {plain(command)}", style="bold"), soft_wrap=True)


def page(result: Result, answered: Answers, *, out: Path | None) -> RenderableType:
    """Put the page together."""
    parts: list[RenderableType] = [Text(title(result), style="bold"), Text(headline(result)), Text("")]
    parts.append(_rows(result))
    parts += [Text(f"! {plain(sentence)}", style="magenta") for sentence in result.contradictions[:5]]
    if len(result.contradictions) > 5:
        parts.append(Text(f"! and {len(result.contradictions) - 5} more contradictions", style="magenta"))
    if only := seen(result):
        parts.append(_line("Seen, no use found", _listed([_short(each) for each in only]), "yellow"))
    parts.append(_line("Read", _unread(result), "dim"))
    parts.append(Text(""))
    given = _listed([f"{each.name} {_cut(_value(each.value), 48)}" for each in answered.given], most=20)
    parts.append(_line("Answers that follow", given or "none", "green"))
    asked = _listed([each.name for each in answered.open if each.name != "description"], most=20)
    parts.append(_line("Remain open", asked or "none", "yellow"))
    parts += [
        _line(each.name, note, "magenta") for each in answered.open if each.name in ASKED for note in each.notes[:2]
    ]
    if out is not None:
        parts.append(_line("Written", f"answers.yml, entities.yml and report.html in {plain(out)}/", "dim"))
    parts += [Text(""), Text("Next:")]
    return Group(*parts)


def _rows(result: Result) -> Table:
    table = Table.grid(padding=(0, 1), expand=False)
    for width in (15, 34, 5, 23):
        table.add_column(width=width, overflow="fold")
    for row in glance(result):
        shown = [*row.found[:MOST], *row.unknown[: max(0, MOST - len(row.found))]]
        first = row.title
        for found in shown:
            table.add_row(
                Text(first, style="bold"),
                Text(f"{label(found.key)}: {_cut(_said(found), 68 - len(label(found.key)))}"),
                Text(found.proof.name.lower(), style=STYLES[found.proof]),
                Text(_place(found), style="dim"),
            )
            first = ""
        if more := len(row.found) + len(row.unknown) - len(shown):
            table.add_row(Text(first, style="bold"), Text(f"and {more} more in the report", style="dim"), "", "")
            first = ""
        if row.missing:
            said = ", ".join(lacking(found.key) for found in row.missing)
            table.add_row(Text(first, style="bold"), Text(f"not there: {said}", style="red"), "", "")
        elif not shown:
            table.add_row(Text(first, style="bold"), Text("nothing found", style="dim"), "", "")
    return table


def _said(found: Finding) -> str:
    held = where(found)
    return f"{plain(found.value)}{f' ({held})' if held else ''}"


def _place(found: Finding) -> str:
    """Give the best place, its end rather than its beginning where it is long."""
    place = plain(found.places[0]) if found.places else ""
    return place if len(place) <= 23 else f"…{place[-22:]}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _short(found: Finding) -> str:
    return f"{_cut(plain(found.value), 40)} ({found.proof.name.lower()})"


def _value(value: str | list[str]) -> str:
    return ", ".join(value) if isinstance(value, list) else plain(value)


def _listed(items: list[str], most: int = 6) -> str:
    items = list(dict.fromkeys(items))
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")


def _line(name: str, text: str, style: str) -> Text:
    return Text.assemble((f"{name}: ", "bold"), (text, style))


def _unread(result: Result) -> str:
    said = f"{counted(result.read, 'file')} in {result.seconds:.1f} s"
    if not result.unread:
        return f"{said}; nothing was left unread"
    why = ", ".join(f"{len(paths)} ({reason})" for reason, paths in reasons(result).items())
    return f"{said}; not read: {_cut(why, 200)}"
