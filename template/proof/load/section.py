"""What the page of `make standards` shows of the load test."""

from collections.abc import Iterator, Sequence
from html import escape
from math import log10
from pathlib import Path

from proof.load.report import Endpoint, Second
from proof.load.reported import read

# The plots, in their own units: a small one for each operation, a wide one for the time line.
_SMALL = (360, 170)
_WIDE = (1160, 240)
_LEFT, _BOTTOM, _TOP = 44, 24, 22
_LEAST_MS = 0.5
_NO_LOAD = """<p class="soft">There is no load report. <code>make load</code> writes one; run
<code>make standards</code> after it, and its plots stand here.</p>"""


def html(reports: Path) -> Iterator[str]:
    """The plots of the last load test."""
    load = read(reports / "load.json")
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


def _ms(value: float) -> str:
    if value >= 1_000:  # noqa: PLR2004
        return f"{value / 1_000:.3g} s"
    return f"{value:.3g} ms"


def _nice(value: float) -> float:
    """The next round number."""
    step = float(f"1e{int(log10(value))}")
    return next(step * factor for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15) if step * factor >= value)
