"""The capacity: the curve is the one behind the points, and the plan is held against what was measured."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from proof.load import capacity, finding, page
from proof.load.curve import Curve, fitted
from proof.load.finding import Finding, Point, Sweep
from proof.load.measured import Cost, Endpoint, Sender, StageMeasured
from proof.load.verdict import Thresholds
from tests.example import needs_example

ROOT = Path(__file__).parents[2]
CONNECTIONS = capacity.CONNECTIONS


def at(connections: int, rps: float, *, idle: float = 40.0, generator: str | None = None) -> Point:
    """A point of a service that spends 500 µs on a request, on a machine with idle cores."""
    return Point(connections, rps, 1.0, 2.0, 500.0, rps * 500e-6, idle, 30.0, generator)


@pytest.mark.parametrize(
    "law", [Curve(900, 0.4, 0.002, 0), Curve(900, 0.4, 0, 0), Curve(900, 0, 0.002, 0), Curve(900, 0, 0, 0)]
)
def test_the_fit_finds_the_law_behind_the_points(law: Curve) -> None:
    found = fitted([(each, law.at(each)) for each in CONNECTIONS])

    assert (found.rate, found.contention, found.coherency) == pytest.approx(
        (law.rate, law.contention, law.coherency), rel=1e-6, abs=1e-9
    )
    assert found.residual_percent == pytest.approx(0, abs=1e-6)


def test_the_fit_says_how_far_it_is_from_the_points() -> None:
    law = Curve(900, 0.4, 0.002, 0)
    found = fitted([(each, law.at(each) * (1.1 if index % 2 else 0.9)) for index, each in enumerate(CONNECTIONS)])

    assert 5 < found.residual_percent < 11
    assert found.rate == pytest.approx(900, rel=0.2)
    with pytest.raises(ValueError, match="needs three points"):
        _ = fitted([(1, 900), (2, 1000), (2, 1001)])


def test_no_parameter_is_negative_where_the_points_ask_for_it() -> None:
    # More than twice as much from twice as many: no law of queues says that.
    found = fitted([(1, 100), (2, 300), (4, 900)])

    assert (found.contention, found.coherency) == (0, 0)


def test_the_most_of_a_curve_is_among_what_was_measured() -> None:
    assert Curve(900, 0.4, 0.002, 0).most(64)[0] == 17
    assert Curve(900, 0.4, 0, 0).most(64)[0] == 64
    assert Curve(900, 0.4, 0.002, 0).most(8) == (8, Curve(900, 0.4, 0.002, 0).at(8))


def of_one_worker(*points: Point) -> Sweep:
    """The sweep of one worker."""
    return finding.sweep(1, points)


def test_a_plan_below_what_was_measured_holds() -> None:
    found = finding.found(1000, of_one_worker(at(1, 900), at(2, 1500), at(4, 1740), at(8, 1750)))

    assert found.holds
    assert found.measured == pytest.approx(2000)
    assert found.sentence() == (
        "The plan counts on 1,000 requests/s of a busy core, and 2,000 were measured (500 µs on the processor for each "
        "request): it holds, with room. To plan with what was measured, answer "
        '`make upgrade args="--data rps_per_core=2000"`.'
    )
    assert Finding(1000, 1090, "seen").sentence().endswith("(seen): it holds.")


def test_a_plan_above_what_was_measured_does_not_hold() -> None:
    found = finding.found(3000, of_one_worker(at(1, 900), at(2, 1500), at(4, 1740), at(8, 1750)))

    assert not found.holds
    assert found.sentence().endswith(
        'it does not hold. Answer `make upgrade args="--data rps_per_core=2000"`, or make requests cheaper.'
    )
    assert "the least that can be planned with is 100" in Finding(1000, 64, "seen").sentence()


@pytest.mark.parametrize(("measured", "answer"), [(1749, 1700), (640.9, 640), (12_345, 12_000), (99_999, 20_000)])
def test_the_answer_is_one_that_the_question_accepts(measured: float, answer: int) -> None:
    assert Finding(1000, measured, "seen").answer == answer


def test_a_worker_that_waits_is_not_taken_for_one_that_is_cheap() -> None:
    # 500 µs for each request, and yet no more than 400 of them: something else holds it back.
    waits = [at(1, 100), at(2, 200), at(4, 390), at(8, 400)]
    found = finding.found(1000, of_one_worker(*waits))

    assert not found.holds
    assert found.measured < 600
    assert "of its core and waited otherwise" in found.why
    # On a machine without an idle core, or with a generator that did not keep up, it may have waited for the machine.
    starved = [at(each.connections, each.rps, idle=1.0) for each in waits]
    held_up = [at(each.connections, each.rps, generator="it used 95 % of its core") for each in waits]
    assert finding.found(1000, of_one_worker(*starved)).holds
    assert finding.found(1000, of_one_worker(*held_up)).holds


def test_a_step_that_failed_measures_nothing() -> None:
    def step(failed: int, answered: int) -> StageMeasured:
        refused = {"status 503": failed} if failed else {}
        return StageMeasured(
            name="the mix",
            seconds=2,
            intended_rps=0,
            endpoints=[Endpoint(name="GET /", answers=[(5.0, answered)], failures=refused)],
            unsent=0,
            sender=Sender(due=1000, sent=1000, late=[], busy_percent=30),
            in_time=answered,
            connections=4,
            cost=Cost(service_seconds=0.5, idle_percent=50),
        )

    found = finding.point(step(0, 1000), Thresholds.read())

    assert (found.rps, found.mean_ms, found.cpu_us, found.cores) == (500, 8, 500, 0.25)
    with pytest.raises(ValueError, match="100 of 1000 requests of the mix failed: status 503"):
        _ = finding.point(step(100, 900), Thresholds.read())


def test_workers_are_doubled_up_to_the_cores() -> None:
    assert [capacity.several(most) for most in (1, 2, 6, 8)] == [[1], [1, 2], [1, 2, 4, 6], [1, 2, 4, 8]]


def test_the_page_holds_the_verdict_and_every_point() -> None:
    one = of_one_worker(*(at(each, 1900 * each / (each + 1)) for each in CONNECTIONS))
    text = page.written("2026-11-23", "a machine", finding.found(1000, one), [one], {"GET /": one.points[0]})

    assert "**The plan counts on 1,000 requests/s of a busy core, and 2,000 were measured" in text
    assert all(f"| 1 | {each} | " in text for each in CONNECTIONS)
    assert "| GET / | 500 | 2000 |" in text


@needs_example
@pytest.mark.skipif(find_spec("locust") is None, reason="Locust is not installed: uv sync --group proof")
def test_a_plan_that_no_machine_keeps_is_refused(tmp_path: Path) -> None:
    options = ("--seconds", "1", "--workers", "1", "--planned", "1000000", "--accounts", "2", "--items", "30")
    done = subprocess.run(
        [sys.executable, "-m", "proof.load.capacity", *options, "--output", str(tmp_path / "page.md")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert "The plan counts on 1,000,000 requests/s of a busy core" in done.stdout
    assert 'it does not hold. Answer `make upgrade args="--data rps_per_core=' in done.stdout
    assert "| GET /v1/items/{item_id} | " in (tmp_path / "page.md").read_text(encoding="utf-8")
