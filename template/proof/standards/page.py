"""The scorecard for people: one HTML file that needs no network, no script and no other file."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from pathlib import Path
from typing import cast

import proof
from app import defaults
from app.kit.discovery import modules
from proof.standards.outcome import Status, Table
from proof.standards.scorecard import Result

Section = Callable[[Path], Iterable[str]]

_WORDS: dict[Status, str] = {"pass": "holds", "fail": "fails", "not_measured": "not measured"}
_COUNTED: dict[Status, str] = {"pass": "hold", "fail": "fail", "not_measured": "not measured"}
_STATUSES: tuple[Status, ...] = ("pass", "fail", "not_measured")

_LONG = 46
_FOOTER = """<footer>Made by <code>make standards</code>. The service ran as in production, on this machine,
against a real PostgreSQL with rows in it; both were thrown away. A row that nothing measures is never shown as one
that holds.</footer>"""
_CODE = re.compile(r"`([^`]+)`")


def html(results: Sequence[Result], reports: Path) -> str:
    """The whole page; what else is in the folder of reports, other folders of proof show in their `section.py`."""
    css = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    title = escape(f"{defaults.PROJECT_NAME}: the register of standards")
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{css}</style></head><body>",
        *_header(results),
        "<main>",
        *_register(results),
        *(part for each in modules(proof, "section") for part in cast("Section", each.html)(reports)),
        *_evidence(results),
        _FOOTER,
        "</main></body></html>\n",
    ]
    return "\n".join(parts)


def _header(results: Sequence[Result]) -> Iterator[str]:
    counts = {status: sum(each.status == status for each in results) for status in _STATUSES}
    measured = counts["pass"] + counts["fail"]
    verdict = f"All {measured} measured standards hold." if not counts["fail"] else _failing(counts["fail"], measured)
    yield f"<header><div><h1>{escape(defaults.PROJECT_NAME)}</h1>"
    yield f'<p class="soft">Measured {datetime.now(UTC):%d %B %Y, %H:%M} UTC · {escape(defaults.DESCRIPTION)}</p>'
    yield f'<div class="counts">{"".join(_count(counts[each], each) for each in _STATUSES)}</div>'
    shares = "".join(f'<i class="{each}" style="flex:{counts[each]}"></i>' for each in _STATUSES if counts[each])
    yield f'<div class="share">{shares}</div><p style="margin-top:14px"><b>{verdict}</b></p></div></header>'


def _failing(failed: int, measured: int) -> str:
    if failed == 1:
        return f"1 of {measured} measured standards fails; its row says what to mend."
    return f"{failed} of {measured} measured standards fail; their rows say what to mend."


def _count(count: int, status: Status) -> str:
    return f'<div class="{status}"><b>{count}</b>{_COUNTED[status]}</div>'


def _register(results: Sequence[Result]) -> Iterator[str]:
    for group, rows in groupby(results, key=lambda each: each.standard.group):
        yield f'<h2>{escape(group)}</h2><div class="box"><table class="register">'
        yield "<colgroup><col><col><col><col><col></colgroup><thead><tr><th>id</th><th>standard</th><th>target</th>"
        yield "<th>measured</th><th>status</th></tr></thead><tbody>"
        for each in rows:
            value = "" if each.measured is None else f"<b>{escape(str(each.measured))}</b> {escape(each.outcome.unit)}"
            notes = [f'<small class="why">{_prose(each.reason)}</small>'] if each.reason else []
            notes += [f"<small>{_prose(note)}</small>" for note in each.outcome.evidence]
            yield (
                f'<tr class="{each.status}"><td class="id">{each.standard.id}</td>'
                f"<td><b>{escape(each.standard.standard)}</b></td>"
                f'<td class="target">{escape(each.standard.target)}<small>{_prose(each.standard.how)}</small></td>'
                f"<td>{value}{''.join(notes)}</td>"
                f'<td class="state"><span class="badge {each.status}">{_WORDS[each.status]}</span></td></tr>'
            )
        yield "</tbody></table></div>"


def _prose(text: str) -> str:
    """Text whose `code` looks like code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _evidence(results: Sequence[Result]) -> Iterator[str]:
    shown = [(each, table) for each in results for table in each.tables if table.rows]
    if not shown:
        return
    yield "<h2>Evidence</h2>"
    for each, table in shown:
        opened = " open" if table.title in {"Slowest statements", "Coverage"} else ""
        yield (
            f"<details{opened}><summary>{escape(table.title)} <span>· {each.standard.id}, {len(table.rows)} "
            f"{'row' if len(table.rows) == 1 else 'rows'}</span></summary>"
        )
        yield f'<div class="box">{"".join(_table(table))}</div></details>'


def _table(table: Table) -> Iterator[str]:
    numeric = [all(_is_number(row[index]) for row in table.rows) for index in range(len(table.columns))]
    yield "<table><thead><tr>"
    for name, is_number in zip(table.columns, numeric, strict=True):
        yield f"<th{' style=text-align:right' if is_number else ''}>{escape(name)}</th>"
    yield "</tr></thead><tbody>"
    for row in table.rows:
        yield "<tr>"
        for cell, is_number, name in zip(row, numeric, table.columns, strict=True):
            yield _cell(cell, name, is_number=is_number)
        yield "</tr>"
    yield "</tbody></table>"


def _cell(cell: str, column: str, *, is_number: bool) -> str:
    if column == "reached":
        return (
            f'<td class="id"><meter min="0" max="100" low="80" value="{cell.rstrip(" %")}"></meter>{escape(cell)}</td>'
        )
    if "\n" in cell:
        return f"<td><pre>{escape(cell)}</pre></td>"
    if is_number:
        return f'<td class="number">{escape(cell)}</td>'
    kind = ' class="code"' if len(cell) > _LONG and "$1" in cell else ' class="text"'
    return f"<td{kind}>{escape(cell)}</td>"


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").replace("%", "").replace("-", "").strip().isdigit()
