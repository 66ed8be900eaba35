"""The rows of the scorecard that need a load report can fail, and its page shows the report."""

import json
import os
from pathlib import Path
from typing import cast

from proof.load.checks import perf_1, perf_3, perf_4
from proof.standards import page
from proof.standards.context import Context
from tests.proof.conftest import fails
from tests.wire import Json

STAGE: Json = {
    "name": "saturation",
    "seconds": 30,
    "intended_rps": 100,
    "rps": 100,
    "requests": 3000,
    "failures": 0,
    "error_rate": 0,
    "late_p99_ms": 1,
    "generator_busy_percent": 10,
}

LOAD: Json = {
    "stages": [
        STAGE | {"name": "normal", "requests": 3000},
        STAGE | {"name": "peak", "requests": 6000, "failures": 1},
    ],
    "endpoints": [
        {
            "name": "GET /v1/items",
            "count": 9000,
            "failures": 1,
            "p50_ms": 4.0,
            "p95_ms": 9.0,
            "p99_ms": 20.0,
            "max_ms": 80.0,
            "histogram": [[1.0, 0], [10.0, 8900], [100.0, 99]],
        }
    ],
    "throughput": [{"second": 0, "rps": 99, "errors": 0}, {"second": 1, "rps": 101, "errors": 1}],
    "saturation": None,
    "failures": [],
    "generator_was_bottleneck": False,
    "reason": None,
    "thresholds": [],
    "passed": True,
}


def loaded(context: Context, **changes: object) -> Context:
    """The context with a load report, changed."""
    _ = (context.reports / "load.json").write_text(json.dumps(LOAD | changes))
    return context


def with_first(key: str, **changes: object) -> Json:
    """The load report with its first stage or endpoint changed."""
    first, *rest = cast("list[Json]", LOAD[key])
    return {key: [first | changes, *rest]}


def test_perf_1_sees_slow_answers(context: Context) -> None:
    assert perf_1.check(loaded(context)).status == "pass"
    slow = loaded(context, **with_first("endpoints", p95_ms=600.0))

    fails(perf_1.check(slow), "GET /v1/items answers with p95 = 600 ms, and may take 500 ms")


def test_perf_3_sees_low_throughput(context: Context) -> None:
    def saturated(rps: float, **changes: object) -> Context:
        why: Json = {"service_was_bottleneck": True, "reason": "at 900 requests/s …", "tried": [STAGE]}
        return loaded(context, saturation={"rps": rps} | why | changes)

    assert "no saturation stage" in perf_3.check(loaded(context)).reason
    assert perf_3.check(saturated(1000)).status == "pass"
    fails(perf_3.check(saturated(700)), "one instance answers 700 requests/s, not 1000: at 900 requests/s …")
    reason = "the generator was the bottleneck at 700 requests/s: it used 95 % of its core"
    held_up = perf_3.check(saturated(700, service_was_bottleneck=False, reason=reason))
    assert (held_up.status, held_up.reason) == ("not_measured", reason)
    # What was answered was answered, whoever was the bottleneck.
    assert perf_3.check(saturated(1000, service_was_bottleneck=False, reason=reason)).status == "pass"


def test_perf_4_sees_errors(context: Context) -> None:
    assert perf_4.check(loaded(context)).status == "pass"
    bad = loaded(context, **with_first("stages", failures=30))

    fails(perf_4.check(bad), "1.00 % of the requests fail at normal load (30 of 3000), and 0.1 % may")


def test_a_load_report_counts_only_while_it_tells_of_this_code(context: Context) -> None:
    assert "there is no load report: run `make load`" in perf_1.check(context).reason
    assert (
        "the load generator was the bottleneck" in perf_1.check(loaded(context, generator_was_bottleneck=True)).reason
    )
    stale = loaded(context)

    os.utime(context.reports / "load.json", (1, 1))
    assert "the load report is older than" in perf_1.check(stale).reason


def test_the_page_shows_the_load_report(tmp_path: Path) -> None:
    assert "There is no load report" in page.html([], tmp_path)
    _ = (tmp_path / "load.json").write_text(json.dumps(LOAD))

    html = page.html([], tmp_path)

    assert html.count("<svg") == 2
    assert not any(each in html for each in ("<script", "http://", "https://", "src=", "@import", "url("))
