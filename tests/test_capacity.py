"""The derived numbers hold over the whole domain of answers, not only where somebody looked."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from copier import run_copy
from support import DOMAIN, answers, plain_template, questions

# Every number up to 64, each power of two with its neighbours, the ends, and an even sweep in between.
PEAKS = sorted(
    {*range(1, 65), *(2**k + d for k in range(6, 17) for d in (-1, 0, 1)), *range(1, 100_001, 997), 99_999, 100_000}
)
RATES = ["100", "350", "1000", "1900", "7000", "20000"]


def plans() -> list[dict[str, Any]]:
    """Give every plan of the sample, those that are refused included."""
    rows = itertools.product(DOMAIN["availability"], RATES, PEAKS)
    return [
        questions().derive(answers(availability=availability, rps_per_core=rate, peak_rps=str(peak)))
        for availability, rate, peak in rows
    ]


@pytest.fixture(scope="module")
def accepted() -> list[dict[str, Any]]:
    kept = [plan for plan in plans() if not questions().refusal("connection_budget", plan)]
    assert len(kept) > 3000
    return kept


def test_the_connections_always_fit(accepted: list[dict[str, Any]]) -> None:
    for plan in accepted:
        free = plan["max_connections"] - plan["reserved_connections"]
        assert plan["instances"] * plan["workers"] * plan["pool_size"] < plan["connections"] <= free
        assert 4 <= plan["pool_size"] <= 20


def test_the_database_is_the_smallest_that_fits(accepted: list[dict[str, Any]]) -> None:
    for plan in accepted:
        sizes = [100, 200, 400, 800, 1600]
        smaller = [size for size in sizes if size < plan["max_connections"]]
        assert plan["max_connections"] in sizes
        assert not smaller or plan["connections"] > smaller[-1] - plan["reserved_connections"]


def test_the_peak_is_carried_with_and_without_what_may_fail(accepted: list[dict[str, Any]]) -> None:
    for plan in accepted:
        peak, rate = int(plan["peak_rps"]), int(plan["rps_per_core"])
        left = plan["instances"] - plan["lost_instances"]
        assert peak <= plan["instances"] * plan["workers"] * rate * 0.6
        assert peak <= left * plan["workers"] * rate * 0.9
        assert plan["instances"] >= {"99.9": 2, "99.95": 2, "99.99": 3}[plan["availability"]]
        assert plan["lost_instances"] == (
            1 if plan["availability"] == "99.9" else math.ceil(plan["instances"] / plan["zones"])
        )


def test_the_pool_holds_what_is_in_use_at_once(accepted: list[dict[str, Any]]) -> None:
    for plan in accepted:
        in_use = plan["worker_rps"] * plan["database_ms"] / 1000
        assert plan["pool_size"] >= min(in_use, 20, plan["affordable_pool_size"])


def test_more_load_never_means_fewer_cores() -> None:
    for availability in DOMAIN["availability"]:
        cores = [questions().derive(answers(availability=availability, peak_rps=str(peak))) for peak in PEAKS]
        carried = [plan["instances"] * plan["workers"] for plan in cores]
        assert carried == sorted(carried)


def test_a_plan_beyond_the_largest_database_stops_the_copy(tmp_path: Any) -> None:
    with pytest.raises(
        ValueError,
        match=r"Must fit \d+ database connections, not need \d+: give a lower peak_rps or a higher rps_per_core",
    ):
        run_copy(
            str(plain_template()),
            tmp_path / "x",
            data={"peak_rps": 100000, "rps_per_core": 100},
            defaults=True,
            quiet=True,
        )
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("gigabytes", [1, 9, 10, 49, 50, 499, 500, 4000, 100_000])
def test_the_database_never_promises_more_memory_than_it_has(gigabytes: int) -> None:
    for peak in ("1", "20000", "100000"):
        plan = questions().derive(answers(data_gb=str(gigabytes), peak_rps=peak))
        memory = plan["database_memory_gb"] * 1024
        assert memory * 0.25 + plan["max_connections"] * plan["work_mem_mb"] <= memory
        assert plan["maintenance_work_mem_mb"] * 3 <= memory * 0.25
        assert plan["restore_minutes"] == math.ceil(gigabytes * 1024 / 100 / 60)
