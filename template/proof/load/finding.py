"""What a sweep says of the plan: requests per second of a busy core, and whether that is what was planned with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from proof.load.curve import Curve, fitted
from proof.load.measured import StageMeasured, merged, percentile
from proof.load.verdict import Thresholds, held_up

# What the question of the template accepts.
_LEAST_PLAN, _MOST_PLAN = 100, 20_000

# Below this a worker did not keep its core busy; it waited for something, unless the machine had nothing left to give.
_BUSY_PERCENT = 85.0
_IDLE_PERCENT = 10.0
# Past this the answers that are missing make the others look cheap.
_FAILED_PERCENT = 1.0


@dataclass(frozen=True, slots=True)
class Point:
    """One number of busy connections, at one number of workers."""

    connections: int
    rps: float
    mean_ms: float
    p95_ms: float
    cpu_us: float
    """Time on a processor of all processes of the service, per request."""
    cores: float
    """How many cores the service kept busy."""
    idle_percent: float
    generator_percent: float
    """How much of its one core the generator used."""
    generator: str | None
    """What the generator could not do."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Every number of connections at one number of workers."""

    workers: int
    points: Sequence[Point]
    curve: Curve

    @property
    def best(self) -> Point:
        """The point with the most requests per second."""
        return max(self.points, key=lambda each: each.rps)

    @property
    def cpu_us(self) -> float:
        """What a request costs where the service is busy: over all points with at least half of the most."""
        busy = [each for each in self.points if each.rps >= self.best.rps / 2]
        return sum(each.cpu_us * each.rps for each in busy) / sum(each.rps for each in busy)

    @property
    def held_back(self) -> bool:
        """Whether the workers could not use their cores although there was one to use: they waited for something."""
        best = self.best
        return (
            best.cores / self.workers * 100 < _BUSY_PERCENT
            and best.idle_percent >= _IDLE_PERCENT
            and best.generator is None
        )


def point(stage: StageMeasured, thresholds: Thresholds) -> Point:
    """What one step of a sweep measured; ValueError where too much of it failed to mean anything."""
    if not stage.in_time or stage.cost is None or stage.cost.service_seconds is None:
        raise ValueError(f"No request of {stage.name} succeeded.")
    if stage.failed / stage.requests * 100 >= _FAILED_PERCENT:
        reasons = {reason for each in stage.endpoints for reason in each.failures}
        raise ValueError(f"{stage.failed} of {stage.requests} requests of {stage.name} failed: {', '.join(reasons)}.")
    return Point(
        connections=stage.connections,
        rps=stage.answered_rps,
        # Little's law: as many as wait are the rate times the time that each one takes.
        mean_ms=stage.connections / (stage.requests / stage.seconds) * 1000,
        p95_ms=percentile(merged(each.answers for each in stage.endpoints), 95) or 0.0,
        cpu_us=stage.cost.service_seconds / stage.requests * 1e6,
        cores=stage.cost.service_seconds / stage.seconds,
        idle_percent=stage.cost.idle_percent,
        generator_percent=stage.sender.busy_percent,
        generator=held_up(stage.sender, thresholds.generator),
    )


def sweep(workers: int, points: Sequence[Point]) -> Sweep:
    """The points with the curve through them."""
    return Sweep(workers, points, fitted([(each.connections, each.rps) for each in points]))


@dataclass(frozen=True, slots=True)
class Finding:
    """The plan beside what was measured."""

    planned: int
    measured: float
    why: str
    """How that number came about."""

    @property
    def holds(self) -> bool:
        """Whether the plan asks for no more than was measured."""
        return self.measured >= self.planned

    @property
    def answer(self) -> int:
        """What to answer instead: two digits of what was measured, rounded down, within what is accepted."""
        step = 10 ** max(0, math.floor(math.log10(self.measured)) - 1) if self.measured >= 1 else 1
        return max(_LEAST_PLAN, min(_MOST_PLAN, int(self.measured // step * step)))

    def sentence(self) -> str:
        """Whether the plan holds, and what to answer at the next update."""
        start = f"The plan counts on {self.planned:,} requests/s of a busy core, and {self.measured:,.0f} were measured"
        update = f'`make upgrade args="--data rps_per_core={self.answer}"`'
        if not self.holds:
            least = (
                f"Make requests cheaper: the least that can be planned with is {_LEAST_PLAN}"
                if self.measured < _LEAST_PLAN
                else f"Answer {update}, or make requests cheaper"
            )
            return f"{start} ({self.why}): it does not hold. {least}."
        if self.answer <= self.planned:
            return f"{start} ({self.why}): it holds."
        return f"{start} ({self.why}): it holds, with room. To plan with what was measured, answer {update}."


def found(planned: int, one: Sweep) -> Finding:
    """The verdict, from the sweep of one worker: the plan has one worker for each core.

    The time on the processor counts, because it stays the same when the generator and the database take theirs from the
    same machine. Unless the worker was idle although there was a core for it: then it waited for something
    else, more processor would not help, and the rate that it reached counts.
    """
    if one.held_back:
        reached = one.curve.most(max(each.connections for each in one.points))[1]
        why = f"the fitted most of one worker, which used {one.best.cores * 100:.0f} % of its core and waited otherwise"
        return Finding(planned, reached, why)
    return Finding(planned, 1e6 / one.cpu_us, f"{one.cpu_us:.0f} µs on the processor for each request")
