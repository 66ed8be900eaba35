"""What the generator hands back: counts, from which everything else is computed."""

import math
from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, Field

Histogram = list[tuple[float, int]]
"""Milliseconds, and how many answers took that long."""


STATUS = "status "


class Endpoint(BaseModel):
    """One operation within one stage."""

    name: str
    answers: Histogram
    """The requests that succeeded. A failure has no latency: a fast refusal must not make the service look fast."""
    failures: dict[str, int]
    """How many failed, by reason: a status, or what happened instead of one."""

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(self.failures.values())

    @property
    def reported(self) -> int:
        """How many failed with a status, which only the service can say."""
        return sum(count for reason, count in self.failures.items() if reason.startswith(STATUS))

    @property
    def count(self) -> int:
        """How many were sent."""
        return size(self.answers) + self.failed


class Sender(BaseModel):
    """How the generator itself did in one stage."""

    due: int
    sent: int
    late: Histogram
    busy_percent: float


class Cost(BaseModel):
    """What the processors did in one stage; None where the generator can't know."""

    service_seconds: float | None
    """Of all processes of the service together."""
    idle_percent: float
    """Of all processors of the machine that the generator runs on."""


class StageMeasured(BaseModel):
    """One stage."""

    name: str
    seconds: float
    intended_rps: float
    endpoints: list[Endpoint]
    unsent: Annotated[int, Field(description="Not sent, because too many earlier ones waited for their answer")]
    sender: Sender
    in_time: int = 0
    """Answers that succeeded before the stage was over: what it answered, without what it left for later."""
    connections: int = 0
    """In use all the time, where the next request follows an answer; 0 where requests arrive at a rate."""
    cost: Cost | None = None

    @property
    def answered_rps(self) -> float:
        """Successes per second, within the stage."""
        return self.in_time / self.seconds

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(each.failed for each in self.endpoints) + self.unsent

    @property
    def reported(self) -> int:
        """How many the service itself said had failed."""
        return sum(each.reported for each in self.endpoints)

    @property
    def requests(self) -> int:
        """How many were made, or would have been."""
        return sum(each.count for each in self.endpoints) + self.unsent


class Measured(BaseModel):
    """A whole run."""

    stages: list[StageMeasured]
    seconds: list[tuple[int, int, int]]
    """The second, the answers in it, the failures among them."""
    saturation: list[StageMeasured] = []
    """The probe, which is what busy connections get, then each rate that was tried, in order."""
    closed: list[StageMeasured] = []
    """One for each number of connections, and for each task by itself."""


def rounded(milliseconds: float) -> float:
    """Three digits are more than a load test can tell apart, and keep the number of different values small."""
    return float(f"{milliseconds:.3g}")


def size(histogram: Histogram) -> int:
    """How many values there are."""
    return sum(count for _, count in histogram)


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """One histogram from several, in order."""
    counts: dict[float, int] = {}
    for histogram in histograms:
        for value, count in histogram:
            counts[value] = counts.get(value, 0) + count
    return sorted(counts.items())


def percentile(histogram: Histogram, percent: float) -> float | None:
    """The smallest value that `percent` of all values do not exceed; None without values."""
    ordered = sorted(histogram)
    rank = math.ceil(size(ordered) * percent / 100)
    seen = 0
    for value, count in ordered:
        seen += count
        if seen >= rank:
            return value
    return None
