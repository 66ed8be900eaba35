"""What a run found, told three times: a table for the terminal, JSON for machines, one HTML file for everybody else."""

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from string import Template

from pydantic import BaseModel

from app import defaults
from proof.load.measured import Histogram, Measured, StageMeasured, percentile, rounded
from proof.load.verdict import Most, Row, Thresholds, bottleneck, endpoints, judge, most

_PAGE = Path(__file__).parent / "report.html"

# Eight steps for each power of ten, from 0.1 ms to 100 s.
_BOUNDS = [rounded(10 ** (step / 8)) for step in range(-8, 41)]
_POINTS = 240


class Stage(BaseModel):
    """One stage of the run."""

    name: str
    seconds: float
    intended_rps: float
    rps: float
    requests: int
    failures: int
    error_rate: float
    """From 0 to 1."""
    late_p99_ms: float | None
    generator_busy_percent: float

    @property
    def error_percent(self) -> float:
        """How many of a hundred requests failed; all of them when there were none."""
        return 100 * self.failures / self.requests if self.requests else 100.0


class Endpoint(BaseModel):
    """One operation, over the stages that count for the latency."""

    name: str
    count: int
    failures: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    histogram: Histogram
    """The upper bound in ms, and how many answers were between the bound before and this one."""


class Second(BaseModel):
    """What was answered in one second."""

    second: int
    rps: int
    errors: int


class Failure(BaseModel):
    """Why requests failed, in any stage."""

    endpoint: str
    reason: str
    count: int


class Saturation(Most):
    """The highest rate at which every promise was kept, and what was tried to find it."""

    tried: list[Stage]


class Report(BaseModel):
    """The whole of `reports/load.json`."""

    stages: list[Stage]
    endpoints: list[Endpoint]
    throughput: list[Second]
    saturation: Saturation | None
    failures: list[Failure]
    generator_was_bottleneck: bool
    reason: str | None
    thresholds: list[Row]
    passed: bool

    def stage(self, name: str) -> Stage | None:
        """The stage of that name."""
        return next((each for each in self.stages if each.name == name), None)


def made(measured: Measured, thresholds: Thresholds) -> Report:
    """The report on a run."""
    rows = judge(measured, thresholds)
    late = bottleneck(measured, thresholds.generator)
    found = most(measured, thresholds)
    return Report(
        stages=[_stage(stage, stage.requests / stage.seconds) for stage in measured.stages],
        endpoints=[
            Endpoint(
                name=each.name,
                count=each.count,
                failures=each.failed,
                p50_ms=percentile(each.answers, 50),
                p95_ms=percentile(each.answers, 95),
                p99_ms=percentile(each.answers, 99),
                max_ms=percentile(each.answers, 100),
                histogram=_coarse(each.answers),
            )
            for each in endpoints(measured, thresholds.latency_stages)
        ],
        throughput=[Second(second=second, rps=count, errors=errors) for second, count, errors in measured.seconds],
        saturation=None
        if found is None
        else Saturation(
            rps=found.rps,
            service_was_bottleneck=found.service_was_bottleneck,
            reason=found.reason,
            tried=[_stage(stage, stage.answered_rps) for stage in measured.saturation],
        ),
        failures=[
            *(
                Failure(endpoint=each.name, reason=reason, count=count)
                for each in endpoints(measured)
                for reason, count in each.failures.items()
            ),
            *(
                Failure(endpoint="none", reason=f"turned away in {each.name}: too many waited", count=each.unsent)
                for each in measured.stages
                if each.unsent
            ),
        ],
        generator_was_bottleneck=late is not None,
        reason=late,
        thresholds=rows,
        passed=bool(rows) and all(row.status == "pass" for row in rows),
    )


def _stage(stage: StageMeasured, rps: float) -> Stage:
    return Stage(
        name=stage.name,
        seconds=round(stage.seconds, 2),
        intended_rps=round(stage.intended_rps, 2),
        rps=round(rps, 2),
        requests=stage.requests,
        failures=stage.failed,
        error_rate=round(stage.failed / stage.requests, 6) if stage.requests else 0.0,
        late_p99_ms=percentile(stage.sender.late, 99),
        generator_busy_percent=round(stage.sender.busy_percent, 1),
    )


def exit_code(report: Report) -> int:
    """0: every promise was kept; 1: one was broken; 2: none was broken, and some could not be measured."""
    if any(row.status == "fail" for row in report.thresholds):
        return 1
    return 0 if report.passed else 2


def _coarse(answers: Histogram) -> Histogram:
    counts = [(bound, sum(n for ms, n in answers if low < ms <= bound)) for low, bound in pairwise([0.0, *_BOUNDS])]
    filled = [index for index, (_, count) in enumerate(counts) if count]
    return counts[filled[0] : filled[-1] + 1] if filled else []


def write(report: Report, folder: Path) -> None:
    """Write load.json and load.html."""
    (folder / "load.json").write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8", newline="\n")
    (folder / "load.html").write_text(html(report), encoding="utf-8", newline="\n")


_WORDS = {"pass": "kept", "fail": "BROKEN", "not_measured": "not measured"}


def table(report: Report) -> str:
    """The stages and the promises, for a terminal."""
    stages = [("stage", "s", "due/s", "got/s", "requests", "failed")]
    stages += [
        (s.name, f"{s.seconds:.1f}", f"{s.intended_rps:.1f}", f"{s.rps:.1f}", str(s.requests), str(s.failures))
        for s in _played(report)
    ]
    rows = [("promise", "what", "target", "measured", "verdict")]
    rows += [(r.standard, r.id, r.promised, _value(r), _WORDS[r.status]) for r in report.thresholds]
    lines = ["", *aligned(stages), "", *aligned(rows), ""]
    lines += [f"{each.count} × {each.endpoint}: {each.reason}" for each in report.failures]
    if report.saturation is not None:
        lines.append(f"saturation: {report.saturation.rps:.0f} requests/s, and not more: {report.saturation.reason}")
    lines += [f"not measured, because {reason}" for reason in _reasons(report)]
    lines.append(_sentence(report))
    return "\n".join(lines)


def _played(report: Report) -> list[Stage]:
    """Every stage, those of the search for the most behind the others."""
    return [*report.stages, *(report.saturation.tried if report.saturation else [])]


def _value(row: Row) -> str:
    return "–" if row.measured is None else f"{row.measured:g} {row.unit}"


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:g} ms"


def _reasons(report: Report) -> list[str]:
    return list(dict.fromkeys(row.reason for row in report.thresholds if row.reason))


def _sentence(report: Report) -> str:
    kept, broken, unknown = (
        sum(row.status == status for row in report.thresholds) for status in ("pass", "fail", "not_measured")
    )
    if broken:
        return f"{broken} of {len(report.thresholds)} promises were broken."
    if unknown or not kept:
        return f"No promise was broken, but {unknown} of {len(report.thresholds)} could not be measured."
    return f"All {kept} promises were kept."


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows of a table as lines, each column as wide as it has to be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def html(report: Report) -> str:
    """One file that needs nothing else."""
    kind = {0: "pass", 1: "fail", 2: "not_measured"}[exit_code(report)]
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        name=escape(defaults.PROJECT_NAME),
        kind=kind,
        sentence=escape(_sentence(report)),
        reasons="".join(f"<p>Not measured, because {escape(each)}.</p>" for each in _reasons(report)),
        thresholds="".join(
            f'<tr class="{row.status}"><td>{_WORDS[row.status]}<td>{row.standard}<td>{escape(row.id)}'
            f"<td>{escape(row.promised)}<td>{_value(row)}"
            for row in report.thresholds
        ),
        stages="".join(
            f"<tr><td>{each.name}<td>{each.seconds:g}<td>{each.intended_rps:g}<td>{each.rps:g}<td>{each.requests}"
            f"<td>{each.failures}<td>{each.error_rate * 100:g} %"
            f"<td>{_milliseconds(each.late_p99_ms)}<td>{each.generator_busy_percent:g} %"
            for each in _played(report)
        ),
        throughput=_over_time(report.throughput),
        endpoints="".join(_distribution(each) for each in report.endpoints),
        failures="".join(
            f"<tr><td>{escape(each.endpoint)}<td>{escape(each.reason)}<td>{each.count}" for each in report.failures
        )
        or "<tr><td colspan=3>none",
    )


def _bars(bars: Sequence[tuple[str, Sequence[tuple[str, int]]]], labels: Sequence[str]) -> str:
    """Stacked bars as SVG; each bar has a title, and parts with a class and a height."""
    most = max((sum(height for _, height in parts) for _, parts in bars), default=0) or 1
    width = 720 / max(len(bars), 1)
    drawn: list[str] = []
    for index, (title, parts) in enumerate(bars):
        top = 160.0
        for name, height in parts:
            high = height / most * 150
            top -= high
            place = f'x="{index * width:.1f}" y="{top:.1f}" width="{max(width - 1, 0.5):.1f}" height="{high:.1f}"'
            drawn.append(f'<rect class="{name}" {place}><title>{escape(title)}</title></rect>')
    first, last = (labels[0], labels[-1]) if labels else ("", "")
    return (
        f'<svg viewBox="0 0 720 182" role="img">{"".join(drawn)}<line x1="0" x2="720" y1="160" y2="160"/>'
        f'<text x="0" y="177">{first}</text><text x="720" y="177" text-anchor="end">{last}</text>'
        f'<text x="0" y="10">{most}</text></svg>'
    )


def _over_time(seconds: Sequence[Second]) -> str:
    step = max(1, -(-len(seconds) // _POINTS))
    bars: list[tuple[str, list[tuple[str, int]]]] = []
    for start in range(0, len(seconds), step):
        part = seconds[start : start + step]
        answers, errors = sum(each.rps for each in part), sum(each.errors for each in part)
        title = f"second {part[0].second}: {answers} answers, {errors} failed"
        bars.append((title, [("bad", errors), ("good", answers - errors)]))
    return _bars(bars, ["0 s", f"{len(seconds)} s"])


def _distribution(endpoint: Endpoint) -> str:
    bars = [(f"up to {upper:g} ms: {count}", [("good", count)]) for upper, count in endpoint.histogram]
    labels = [f"{upper:g} ms" for upper, _ in endpoint.histogram]
    numbers = " · ".join(
        f"{name} {_milliseconds(value)}"
        for name, value in (
            ("p50", endpoint.p50_ms),
            ("p95", endpoint.p95_ms),
            ("p99", endpoint.p99_ms),
            ("max", endpoint.max_ms),
        )
    )
    return (
        f"<h3>{escape(endpoint.name)}</h3><p>{endpoint.count} requests, {endpoint.failures} failed · {numbers}</p>"
        f"{_bars(bars, labels)}"
    )
