"""The load test: its promises can break, its arrivals come as planned, and it says so when it could not measure."""

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest

from app import main
from app.adapters.database import Reader
from app.kit.access import Principal
from app.kit.errors import Unavailable
from proof.load import plan, report
from proof.load.measured import Cost, Endpoint, Measured, Sender, StageMeasured, percentile
from proof.load.verdict import THRESHOLDS, Row, Thresholds, judge, most
from proof.seed import fill
from tests.example import needs_example
from tests.wire import Json, running

ROOT = Path(__file__).parents[2]
READ = "GET /v1/items/{item_id}"
PUNCTUAL = Sender(due=1000, sent=1000, late=[(1.0, 1000)], busy_percent=30)

generator = pytest.mark.skipif(find_spec("locust") is None, reason="Locust is not installed: uv sync --group proof")


def run_of(
    answers: dict[float, int], *, stage: str = "normal", failed: int = 0, unsent: int = 0, sender: Sender = PUNCTUAL
) -> Measured:
    """A run of one stage with one endpoint."""
    endpoint = Endpoint(name=READ, answers=list(answers.items()), failures={"status 503": failed} if failed else {})
    return Measured(
        stages=[
            StageMeasured(name=stage, seconds=10, intended_rps=100, endpoints=[endpoint], unsent=unsent, sender=sender)
        ],
        seconds=[(0, endpoint.count, failed)],
    )


def broken(run: Measured) -> set[str]:
    """The promises that a run broke."""
    return {row.id for row in judged(run) if row.status == "fail"}


def judged(run: Measured) -> list[Row]:
    """What becomes of the promises of this service."""
    return judge(run, Thresholds.read())


def test_the_thresholds_are_those_of_the_register() -> None:
    limits = Thresholds.read()

    assert [(each.standard, each.percentile, each.below_ms) for each in limits.latency] == [
        ("PERF-1", 50, 100),
        ("PERF-1", 95, 500),
        ("PERF-1", 99, 2000),
    ]
    assert {stage: each.below_percent for each in limits.errors for stage in each.stages} == {
        "normal": 0.1,
        "recovery": 0.1,
        "soak": 0.1,
        "peak": 1.0,
    }


def test_a_good_run_keeps_every_promise() -> None:
    run = run_of({5.0: 990, 400.0: 10})

    assert {row.status for row in judged(run)} == {"pass"}
    assert report.exit_code(report.made(run, Thresholds.read())) == 0


@pytest.mark.parametrize(
    ("run", "promises"),
    [
        (run_of({5.0: 499, 100.0: 501}), {f"p50 {READ}"}),
        (run_of({5.0: 949, 500.0: 51}), {f"p95 {READ}"}),
        (run_of({5.0: 989, 2000.0: 11}), {f"p99 {READ}"}),
        (run_of({5.0: 999}, failed=1), {"errors normal"}),
        (run_of({5.0: 999}, failed=1, stage="recovery"), {"errors recovery"}),
        (run_of({5.0: 999}, failed=1, stage="soak"), {"errors soak"}),
        (run_of({5.0: 999}, failed=1, stage="peak"), set[str]()),
        (run_of({5.0: 990}, failed=10, stage="peak"), {"errors peak"}),
        (run_of({5.0: 990}, unsent=10, stage="peak"), {"errors peak"}),
    ],
)
def test_each_promise_can_break(run: Measured, promises: set[str]) -> None:
    assert broken(run) == promises
    assert report.exit_code(report.made(run, Thresholds.read())) == (1 if promises else 0)


def test_a_spike_and_a_warm_up_promise_nothing() -> None:
    for stage in ("warm-up", "spike"):
        assert judged(run_of({5000.0: 100}, failed=100, stage=stage)) == []


def test_a_run_that_judged_nothing_did_not_pass() -> None:
    nothing = report.made(run_of({5.0: 100}, stage="spike"), Thresholds.read())

    assert not nothing.passed
    assert report.exit_code(nothing) == 2


def test_too_few_answers_are_no_measurement() -> None:
    rows = [row for row in judged(run_of({5.0: 19})) if row.unit == "ms"]

    assert {(row.status, row.reason) for row in rows} == {
        ("not_measured", "only 19 requests succeeded, and 20 are needed")
    }


@pytest.mark.parametrize(
    ("sender", "because"),
    [
        (PUNCTUAL.model_copy(update={"late": [(1.0, 980), (50.0, 20)]}), "left 50 ms late or more"),
        (PUNCTUAL.model_copy(update={"sent": 980}), "it sent 98.0 %"),
        (PUNCTUAL.model_copy(update={"busy_percent": 95.0}), "it used 95 % of its core"),
    ],
)
def test_a_slow_generator_measures_nothing_but_failures(sender: Sender, because: str) -> None:
    slow = report.made(run_of({5.0: 500, 5000.0: 500}, sender=sender), Thresholds.read())
    failing = report.made(run_of({5.0: 500}, failed=500, sender=sender), Thresholds.read())

    assert slow.generator_was_bottleneck
    assert because in str(slow.reason)
    assert {row.status for row in slow.thresholds} == {"not_measured"}
    assert not slow.passed
    assert report.exit_code(slow) == 2
    assert f"not measured, because {slow.reason}" in report.table(slow)
    assert [row.id for row in failing.thresholds if row.status == "fail"] == ["errors normal"]
    # Those that it never sent, or that it did not hear the answer of, may be its own fault.
    assert broken(run_of({5.0: 500}, unsent=500, sender=sender)) == set()


def tried(
    rate: float, ms: float = 5.0, *, failed: int = 0, sender: Sender = PUNCTUAL, cost: Cost | None = None
) -> StageMeasured:
    """One try of the search for the highest rate, of 10 s."""
    stage = run_of({ms: round(rate * 10) - failed}, failed=failed, stage="saturation", sender=sender).stages[0]
    return stage.model_copy(update={"intended_rps": rate, "in_time": round(rate * 10) - failed, "cost": cost})


PROBE = tried(1500).model_copy(update={"connections": 64})
HELD_UP = PUNCTUAL.model_copy(update={"busy_percent": 95.0})
STARVED = Cost(service_seconds=2.0, idle_percent=1.0)


def saturated(*tries: StageMeasured) -> Row:
    """What becomes of the promise on the highest rate."""
    run = run_of({5.0: 1000}).model_copy(update={"saturation": [*tries]})
    return next(row for row in judged(run) if row.standard == "PERF-3")


def test_the_most_is_the_highest_rate_at_which_every_promise_was_kept() -> None:
    slow, failing = tried(1300, 600.0), tried(1400, failed=140)

    found = saturated(PROBE, failing, slow, tried(1200), tried(1100))
    assert (found.status, found.measured, found.target) == ("pass", 1200, 1000)
    least = saturated(PROBE, tried(1001, 600.0), tried(999))
    assert (least.status, least.measured, least.reason) == ("fail", 999, None)
    run = run_of({5.0: 1000}).model_copy(update={"saturation": [PROBE, slow]})
    none = most(run, Thresholds.read())
    assert none is not None
    assert (none.rps, none.reason) == (0, f"at 1300 requests/s {READ} had p50 = 600 ms")
    assert saturated(PROBE, slow).status == "fail"
    assert saturated(PROBE, tried(1100, failed=110)).status == "fail"


def test_a_rate_that_another_held_down_is_no_failure_and_no_pass() -> None:
    held_up = saturated(PROBE, tried(1001, 600.0, sender=HELD_UP), tried(900))
    starved = saturated(PROBE, tried(1001, 600.0, cost=STARVED), tried(900))
    never_more = saturated(tried(900, sender=HELD_UP), tried(900))

    assert (held_up.status, never_more.status) == ("not_measured", "not_measured")
    assert held_up.reason == "the generator was the bottleneck at 900 requests/s: it used 95 % of its core"
    assert starved.status == "not_measured"
    assert str(starved.reason).startswith("the machine was the bottleneck at 900 requests/s: the service got 0.20 of")
    assert "and none was idle" in str(starved.reason)
    # Idle cores, or a generator that did better in the try that counts: then it was the service.
    idle = STARVED.model_copy(update={"idle_percent": 40.0})
    assert saturated(PROBE, tried(1001, 600.0, cost=idle), tried(900)).status == "fail"
    assert saturated(PROBE, tried(1400, 600.0, sender=HELD_UP), tried(1001, 600.0), tried(900)).status == "fail"
    # A rate that was reached was reached.
    assert saturated(PROBE, tried(1300, 600.0, sender=HELD_UP), tried(1000)).status == "pass"
    assert report.exit_code(report.made(run_of({5.0: 1000}), Thresholds.read())) == 0


def test_a_misspelt_threshold_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "thresholds.toml"
    _ = file.write_text(THRESHOLDS.read_text(encoding="utf-8").replace("below_ms", "under_ms"), encoding="utf-8")

    with pytest.raises(ValueError, match="under_ms"):
        _ = Thresholds.read(file)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    hundred = [(float(value), 1) for value in range(1, 101)]

    assert [percentile(hundred, each) for each in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([], 50) is None


def test_arrivals_come_at_their_rate_and_at_chance() -> None:
    stage = plan.Stage(name="peak", seconds=100, rate=50)
    ramp = plan.Stage(name="warm-up", seconds=100, rate=50, ramp=True)
    chance = random.Random(1)  # noqa: S311 - no secret
    steady, growing = (list(plan.arrivals(each, chance)) for each in (stage, ramp))

    assert len(steady) == pytest.approx(5000, rel=0.05)
    assert len(growing) == pytest.approx(2500, rel=0.05)
    for found in (steady, growing):
        assert found == sorted(found)
        assert 0 <= found[0] < found[-1] < 100
    # The gaps of a Poisson process vary as much as they last; those of a metronome not at all.
    gaps = [after - before for before, after in pairwise(steady)]
    mean = sum(gaps) / len(gaps)
    assert (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5 == pytest.approx(mean, rel=0.1)
    # Half of a ramp's arrivals come in its last 29 %.
    assert sum(each > 70.7 for each in growing) == pytest.approx(len(growing) / 2, rel=0.1)


def test_a_soak_is_only_there_when_it_is_asked_for() -> None:
    assert [each.name for each in plan.stages(100, 60, 0)] == ["warm-up", "normal", "peak", "spike", "recovery"]
    assert plan.stages(100, 60, 5)[-1] == plan.Stage(name="soak", seconds=300, rate=50)


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    """Thresholds for a run of seconds beside other tests: few answers, and whatever the machine did not get done."""
    text = THRESHOLDS.read_text(encoding="utf-8")
    for strict, loose in (
        ("least_answers = 20", "least_answers = 1"),
        ("late_p99_ms = 50.0", "late_p99_ms = 60000.0"),
        ("busy_percent = 90.0", "busy_percent = 1000.0"),
        ("sent_percent = 99.0", "sent_percent = 0.0"),
        ("idle_percent = 10.0", "idle_percent = 0.0"),
        ("at_least_rps = 1000.0", "at_least_rps = 10.0"),
    ):
        assert strict in text
        text = text.replace(strict, loose)
    file = tmp_path / "thresholds.toml"
    _ = file.write_text(text, encoding="utf-8")
    return file


def load(reports: Path, thresholds: Path, *more: str) -> tuple[int, str, Json]:
    """The exit code of a short run of the example's scenario, its table, and its report."""
    mix = reports / "loadtest/scenarios"
    mix.mkdir(parents=True)
    # With the scenarios of other nouns, each operation of this one would seldom be asked in so short a time.
    for file in ("__init__.py", "items.py"):
        _ = shutil.copy(ROOT / "loadtest/scenarios" / file, mix / file)
    options = ("--seconds", "3", "--rate", "100", "--accounts", "2", "--saturation", "0.3", "--reports", str(reports))
    done = subprocess.run(
        [sys.executable, "-m", "proof.load", *options, "--thresholds", str(thresholds), *more],
        cwd=reports,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (reports / "load.json").exists(), done.stderr
    return done.returncode, done.stdout, cast("Json", json.loads((reports / "load.json").read_text(encoding="utf-8")))


@needs_example
@generator
def test_a_service_as_in_production_keeps_its_promises(tmp_path: Path, patient: Path) -> None:
    # Other tests run at the same time, so the latencies may be ten times those of a quiet machine.
    text = patient.read_text(encoding="utf-8")
    for limit in ("100.0", "500.0", "2000.0"):
        text = text.replace(f"below_ms = {limit}", f"below_ms = {limit.replace('.', '0.')}")
    _ = patient.write_text(text, encoding="utf-8")

    code, said, found = load(tmp_path, patient, "--items", "30")

    assert code == 0, said
    assert found["passed"] is True
    assert "promises were kept" in said
    stages = {str(each["name"]): each for each in cast("list[Json]", found["stages"])}
    assert list(stages) == ["warm-up", "normal", "peak", "spike", "recovery"]
    assert {each["failures"] for each in stages.values()} == {0}
    saturation = cast("Json", found["saturation"])
    assert cast("float", saturation["rps"]) >= 10
    names = {str(each["name"]) for each in cast("list[Json]", found["endpoints"])}
    assert {name.partition(" ")[0] for name in names} >= {"GET", "POST", "PATCH"}
    page = (tmp_path / "load.html").read_text(encoding="utf-8")
    assert "promises were kept" in page
    assert "http://" not in page
    assert "https://" not in page
    assert '"environment":"production"' in (tmp_path / "load.log").read_text(encoding="utf-8").replace(" ", "")


@needs_example
@generator
@pytest.mark.usefixtures("database_url")
def test_a_slow_service_that_fails_is_found_out(tmp_path: Path, patient: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = import_module("app.domain.items.service")
    get = cast("Callable[..., Awaitable[object]]", vars(items)["get"])

    async def slow(reader: Reader, item_id: UUID, caller: Principal) -> object:
        await asyncio.sleep(0.15)
        return await get(reader, item_id, caller)

    async def failing(*_: object) -> object:
        raise Unavailable("broken on purpose")

    monkeypatch.setattr(items, "get", slow)
    monkeypatch.setattr(items, "create", failing)
    monkeypatch.setattr(items, "change", failing)
    _ = asyncio.run(fill(2, 30))
    with running(main.create_app()) as service:
        code, said, found = load(tmp_path, patient, "--url", service.url)

    assert code == 1, said
    assert found["passed"] is False
    failed = {str(row["id"]) for row in cast("list[Json]", found["thresholds"]) if row["status"] == "fail"}
    assert {f"p50 {READ}", "errors normal", "errors peak", "saturation"} <= failed
    assert f"p50 {READ} " in said
    assert "POST /v1/items: status 503" in said


_DROPPED_ONCE = """
from proof.load.visitor import Visitor, listen
import proof.load.generator
import gevent, socket
from locust.env import Environment

def serve(listener):
    for turn in range(9):
        connection, _ = listener.accept()
        connection.recv(65536)
        if turn:
            connection.sendall(b"HTTP/1.1 204 No Content\\r\\nConnection: close\\r\\n\\r\\n")
        connection.close()

listener = socket.create_server(("127.0.0.1", 0))
gevent.spawn(serve, listener)
environment = Environment()
heard = []
listen(environment, lambda **event: heard.append(event["exception"]))
Visitor.host = f"http://127.0.0.1:{listener.getsockname()[1]}"
visitor = type("Stranger", (Visitor,), {})(environment)
answers = [visitor.call("GET /").status_code for _ in range(2)]
assert (answers, [each is None for each in heard]) == ([0, 204], [False, True]), (answers, heard)
"""


@generator
def test_a_request_without_an_answer_is_not_sent_again() -> None:
    # In a process of its own, because Locust changes the standard library of the one that imports it.
    done = subprocess.run([sys.executable, "-c", _DROPPED_ONCE], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
