"""When which request is due: arrivals at a rate, whether or not the earlier ones were answered."""

import math
import random
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from app import defaults
from proof import seed
from proof.load.verdict import Thresholds

# What one instance has to serve at the answered peak.
PEAK_RATE = math.ceil(defaults.PEAK_RPS / defaults.INSTANCES)

# Signing in costs a password hash each time, and a few accounts are enough to spread the keys that are asked for.
_PEOPLE = 20

# The share of the run and the share of the peak rate. After the spike the service has to be as good as before it.
_STAGES = (
    ("warm-up", 0.10, 0.5),
    ("normal", 0.30, 0.5),
    ("peak", 0.35, 1.0),
    ("spike", 0.10, 2.0),
    ("recovery", 0.15, 0.5),
)


class Stage(BaseModel):
    """A time with a rate of arrivals; `ramp` grows to that rate from nothing."""

    model_config = ConfigDict(frozen=True)

    name: str
    seconds: float
    rate: float
    ramp: bool = False

    @property
    def arrivals(self) -> float:
        """How many arrivals are to be expected."""
        return self.rate * self.seconds / (2 if self.ramp else 1)


class Person(BaseModel):
    """An account that visitors use."""

    model_config = ConfigDict(frozen=True)

    email: str
    password: str


class Closed(BaseModel):
    """A time with so many connections, on each of which the next request follows an answer.

    Whoever waits for an answer spares a slow service; so this measures what a request costs, and promises nothing.
    """

    model_config = ConfigDict(frozen=True)

    connections: int
    seconds: float
    each_task: bool = False
    """Play every task by itself for that time, instead of their mix."""


class Saturation(BaseModel):
    """The search for the highest rate at which the promises are kept; one try takes so many seconds."""

    model_config = ConfigDict(frozen=True)

    seconds: float
    promises: Thresholds


class Plan(BaseModel):
    """Everything that the generator has to know."""

    model_config = ConfigDict(frozen=True)

    url: str
    people: list[Person]
    stages: list[Stage] = []
    saturation: Saturation | None = None
    closed: list[Closed] = []
    pid: int | None = None
    """Of the service, where it runs on this machine: to tell what it costs."""


def people(accounts: int) -> list[Person]:
    """Those who sign in, of so many seeded accounts."""
    return [
        Person(email=seed.address(number), password=seed.PASSWORD) for number in range(1, min(accounts, _PEOPLE) + 1)
    ]


def stages(rate: float, seconds: float, soak_minutes: float) -> list[Stage]:
    """The stages of a run: `seconds` in all, `rate` at its peak, and a soak behind it when there is to be one."""
    run = [
        Stage(name=name, seconds=seconds * share, rate=rate * of_peak, ramp=name == "warm-up")
        for name, share, of_peak in _STAGES
    ]
    return [*run, Stage(name="soak", seconds=soak_minutes * 60, rate=rate / 2)] if soak_minutes else run


def arrivals(stage: Stage, chance: random.Random) -> Iterator[float]:
    """The seconds of the stage at which somebody comes: a Poisson process, as the visits of strangers are."""
    expected = 0.0
    while (expected := expected + chance.expovariate(1)) < stage.arrivals:
        # `expected` arrivals have come by this second: the integral of the rate, solved for the time.
        yield math.sqrt(2 * stage.seconds * expected / stage.rate) if stage.ramp else expected / stage.rate
