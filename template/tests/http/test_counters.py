"""Counting by the generic cell rate algorithm, with a clock of the test's own."""

import asyncio

import pytest

from app.http.rate_limit import InProcess
from app.kit.rate_limits import Quota


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now: float = 1_000_000.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


def taken(counters: InProcess, *callers: str) -> list[float]:
    """How long each caller in turn has to wait: not at all when the request was counted."""

    async def run() -> list[float]:
        return [(await counters.take(each)).wait for each in callers]

    return asyncio.run(run())


@pytest.mark.parametrize("quota", [Quota(3, 60), Quota(40, 2), Quota(7, 3), Quota(1, 1)])
def test_a_burst_is_as_large_as_the_limit_and_no_larger(quota: Quota) -> None:
    clock = Clock()
    counters = InProcess(quota, clock=clock)

    *counted, refused = taken(counters, *(quota.requests + 1) * ["a"])

    assert all(each <= 0 for each in counted)
    assert counted[-1] == pytest.approx(0, abs=1e-4)
    assert refused == pytest.approx(quota.interval, abs=1e-4)


def test_what_was_taken_becomes_free_evenly_and_a_refusal_costs_nothing() -> None:
    clock = Clock()
    counters = InProcess(Quota(6, 60), clock=clock)
    assert all(each > 0 for each in taken(counters, *30 * ["a"])[6:])

    clock.now += 10
    first, second = taken(counters, "a", "a")

    assert first <= 0
    assert second == pytest.approx(10)
    clock.now += 60
    assert all(each <= 0 for each in taken(counters, *6 * ["a"]))


def test_over_any_length_of_time_nobody_gets_more() -> None:
    clock = Clock()
    counters = InProcess(Quota(5, 10), clock=clock)
    counted = 0
    for _ in range(2_000):
        counted += taken(counters, "a")[0] <= 0
        clock.now += 0.1

    assert 5 + 200 / 2 - 1 <= counted <= 5 + 200 / 2


def test_callers_are_counted_apart() -> None:
    counters = InProcess(Quota(1, 60), clock=Clock())

    assert [each > 0 for each in taken(counters, "a", "b", "a", "b", "c")] == [False, False, True, True, False]


def test_memory_is_bounded_and_who_still_counts_is_not_forgotten() -> None:
    clock = Clock()
    counters = InProcess(Quota(2, 60), most=100, clock=clock)
    _ = taken(counters, "a", "a", *(str(number) for number in range(98)))

    # A generation older, and still known.
    assert taken(counters, "a")[0] > 0
    _ = taken(counters, *(f"many {number}" for number in range(1_000)))

    assert counters.size <= 200


def test_time_alone_forgets_nobody_who_is_still_refused() -> None:
    clock = Clock()
    counters = InProcess(Quota(2, 60), clock=clock)
    clock.now += 59
    _ = taken(counters, "a", "a")
    clock.now += 2  # a turn of generations between the request and the next one

    assert taken(counters, "b", "a")[1] > 0


@pytest.mark.parametrize(("workers", "part"), [(1, Quota(10, 60)), (2, Quota(5, 60)), (4, Quota(3, 60))])
def test_workers_share_a_limit(workers: int, part: Quota) -> None:
    assert Quota(10, 60).shared_by(workers) == part


def test_what_is_in_use_grows_by_each_request_and_shrinks_with_time() -> None:
    clock = Clock()
    counters = InProcess(Quota(6, 60), clock=clock)

    def used() -> float:
        return asyncio.run(counters.take("a")).used

    assert [used() for _ in range(6)] == pytest.approx([10, 20, 30, 40, 50, 60])
    assert used() == pytest.approx(60)  # refused, and not counted
    clock.now += 25
    assert used() == pytest.approx(45)
