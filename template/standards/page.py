"""The scorecard for people: one HTML file that needs no network, no script and no other file."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from math import log10
from pathlib import Path

from app import defaults
from loadtest.report import Endpoint, Report, Second
from standards.outcome import Status, Table
from standards.scorecard import Result

_WORDS: dict[Status, str] = {"pass": "holds", "fail": "fails", "not_measured": "not measured"}
_COUNTED: dict[Status, str] = {"pass": "hold", "fail": "fail", "not_measured": "not measured"}
_STATUSES: tuple[Status, ...] = ("pass", "fail", "not_measured")

# The plots, in their own units: a small one for each operation, a wide one for the time line.
_SMALL = (360, 170)
_WIDE = (1160, 240)
_LEFT, _BOTTOM, _TOP = 44, 24, 22
_LONG = 46
_LEAST_MS = 0.5
_FOOTER = """<footer>Made by <code>make standards</code>. The service ran as in production, on this machine,
against a real PostgreSQL with rows in it; both were thrown away. A row that nothing measures is never shown as one
that holds.</footer>"""
_NO_LOAD = """<p class="soft">There is no load report. <code>make load</code> writes one; run
<code>make standards</code> after it, and its plots stand here.</p>"""
_CODE = re.compile(r"`([^`]+)`")


def html(results: Sequence[Result], load: Report | None) -> str:
    """The whole page."""
    css = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    title = escape(f"{defaults.PROJECT_NAME}: the register of standards")
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{css}</style></head><body>",
        *_header(results),
        "<main>",
        *_register(results),
        *_load(load),
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


def _load(load: Report | None) -> Iterator[str]:
    yield "<h2>Under load</h2>"
    if load is None:
        yield _NO_LOAD
        return
    if load.generator_was_bottleneck:
        yield f"<p>The load generator was the bottleneck, so these are its limits: {escape(load.reason or '')}</p>"
    if load.throughput:
        yield (
            '<figure class="wide"><h3>Throughput</h3><p class="soft">requests answered in each second; '
            f"errors in red</p>{_timeline(load.throughput)}</figure>"
        )
    yield '<div class="plots">'
    for each in load.endpoints:
        if each.count:
            yield (
                f'<figure><h3>{escape(each.name)}</h3><p class="soft">{each.count:,} requests, {each.failures} failed'
                f" · longest {_ms(each.max_ms or 0.0)}</p>{_distribution(each)}"
                f'<p class="marks">{" · ".join(f"{name} {_ms(ms)}" for name, ms in _percentiles(each))}</p></figure>'
            )
    yield "</div>"


def _timeline(seconds: Sequence[Second]) -> str:
    width, height = _WIDE
    top = _nice(max([1.0, *(each.rps for each in seconds)]))
    first, last = seconds[0].second, max(seconds[-1].second, seconds[0].second + 1)

    def x(second: float) -> float:
        return _LEFT + (second - first) / (last - first) * (width - _LEFT - 10)

    def y(value: float) -> float:
        return height - _BOTTOM - value / top * (height - _BOTTOM - _TOP)

    rate = " ".join(f"{x(each.second):.1f},{y(each.rps):.1f}" for each in seconds)
    errors = " ".join(f"{x(each.second):.1f},{y(each.errors):.1f}" for each in seconds)
    grid = "".join(
        f'<line class="axis" x1="{_LEFT}" x2="{width - 10}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        f'<text x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.0f}</text>'
        for value in (0, top / 2, top)
    )
    step = _nice((last - first) / 6)
    steps = "".join(
        f'<text x="{x(first + step * part):.0f}" y="{height - 6}" text-anchor="middle">{step * part:g} s</text>'
        for part in range(1, 6)
        if first + step * part < last
    )
    under = f"{x(first):.1f},{y(0):.1f} {rate} {x(seconds[-1].second):.1f},{y(0):.1f}"
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Throughput over time">{grid}{steps}'
        f'<polygon class="under" points="{under}"/><polyline class="rate" points="{rate}"/>'
        f'<polyline class="error" points="{errors}"/></svg>'
    )


def _distribution(endpoint: Endpoint) -> str:
    """Bars over a logarithmic axis: how many answers took how long."""
    width, height = _SMALL
    bars = [(upper, count) for upper, count in endpoint.histogram if count]
    most_ms = max([endpoint.max_ms or 0.0, endpoint.p99_ms or 0.0, 10.0, *(upper for upper, _ in bars)])
    low, high = log10(_LEAST_MS), log10(most_ms * 1.15)

    def x(ms: float) -> float:
        return 8 + (log10(max(ms, _LEAST_MS)) - low) / (high - low) * (width - 16)

    tallest = max((count for _, count in bars), default=1)
    uppers = [upper for upper, _ in endpoint.histogram]
    # The first bucket is as wide as the second one; on this axis that is a ratio.
    first = [uppers[0] ** 2 / uppers[1]] if len(uppers) > 1 else [_LEAST_MS]
    below = dict(zip(uppers, first + uppers, strict=False))
    floor = height - _BOTTOM
    drawn = "".join(
        f'<rect class="bar" x="{x(below[upper]):.1f}" width="{max(x(upper) - x(below[upper]) - 0.8, 1):.1f}" '
        f'y="{floor - count / tallest * (floor - 14):.1f}" height="{count / tallest * (floor - 14):.1f}"/>'
        for upper, count in bars
    )
    ticks = "".join(
        f'<text x="{x(ms):.0f}" y="{height - 7}" text-anchor="middle">{_ms(ms)}</text>'
        for ms in (1, 10, 100, 1_000)
        if _LEAST_MS < ms < most_ms
    )
    marks = "".join(
        f'<line class="mark" x1="{x(ms):.1f}" x2="{x(ms):.1f}" y1="4" y2="{floor}"/>'
        for _, ms in _percentiles(endpoint)
    )
    axis = f'<line class="axis" x1="8" x2="{width - 8}" y1="{floor}" y2="{floor}"/>'
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Latency of {escape(endpoint.name)}">'
        f"{drawn}{axis}{ticks}{marks}</svg>"
    )


def _percentiles(endpoint: Endpoint) -> list[tuple[str, float]]:
    every = (("p50", endpoint.p50_ms), ("p95", endpoint.p95_ms), ("p99", endpoint.p99_ms))
    return [(name, ms) for name, ms in every if ms is not None]


def _prose(text: str) -> str:
    """Text whose `code` looks like code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _ms(value: float) -> str:
    if value >= 1_000:  # noqa: PLR2004
        return f"{value / 1_000:.3g} s"
    return f"{value:.3g} ms"


def _nice(value: float) -> float:
    """The next round number."""
    step = float(f"1e{int(log10(value))}")
    return next(step * factor for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15) if step * factor >= value)


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
