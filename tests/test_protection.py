"""The numbers are the strictest of the data's class and of what the service answers to, and each has its page."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from support import DOMAIN, answers, questions, render

ALL = list(questions().all["compliance"]["choices"].values())
SETS = [list(some) for count in range(len(ALL) + 1) for some in itertools.combinations(ALL, count)]


def derived(data_class: str, *compliance: str) -> dict[str, Any]:
    return questions().derive(answers(data_class=data_class, compliance=list(compliance)))


@pytest.mark.parametrize("data_class", DOMAIN["data_class"])
def test_the_numbers_that_a_standard_names_hold_whatever_else_is_answered(data_class: str) -> None:
    for some in SETS:
        found = derived(data_class, *some)
        if "pci-dss" in some:
            assert found["idle_seconds"] <= 15 * 60  # 8.2.8
            assert found["account_attempts"] <= 10  # 8.3.4
            assert found["account_first_wait"] >= 30 * 60
            assert found["known_place_days"] == 0
            assert found["password_mixes"]  # 8.3.6
            assert found["second_factor_for"] == "everybody"  # 8.4.2
            assert found["audit_retention_days"] >= 365  # 10.5.1
        if "hipaa" in some:
            assert found["audit_retention_days"] >= 6 * 365 + 2  # § 164.316(b)(2)(i)
            assert found["idle_seconds"] <= 15 * 60
            assert not found["log_client_address"]
        if "gdpr" in some:
            assert found["require_verified_email"]
            assert not found["log_client_address"]


def test_one_more_thing_to_answer_to_never_loosens_a_number() -> None:
    def strictness(data_class: str, some: list[str]) -> list[float]:
        found = derived(data_class, *some)
        shorter = ("access_token_seconds", "idle_seconds", "session_seconds", "account_attempts", "known_place_days")
        longer = ("password_mixes", "account_first_wait", "account_longest_wait", "audit_retention_days")
        return [
            *(-found[name] for name in shorter),
            *(found[name] for name in longer),
            found["second_factor_for"] == "everybody",
            found["require_verified_email"],
            not found["log_client_address"],
            not found["docs_in_production"],
        ]

    for data_class, some, other in itertools.product(DOMAIN["data_class"], SETS, ALL):
        more = [each for each in ALL if each in some or each == other]
        pairs = zip(strictness(data_class, some), strictness(data_class, more), strict=True)
        assert all(before <= after for before, after in pairs), f"{data_class}: {other} loosens {some}"


def test_soc_2_names_no_number() -> None:
    for data_class in DOMAIN["data_class"]:
        with_it, without = derived(data_class, "soc2"), derived(data_class)
        changed = {name for name in without if with_it[name] != without[name]}
        assert changed <= {"compliance", "obligations", "because", "demanded_parts", "fragments", "made_with"}


@pytest.mark.parametrize("some", [["gdpr"], ["hipaa"], ["soc2", "pci-dss"]], ids=str)
def test_each_page_comes_when_it_is_asked_for(some: list[str], tmp_path: Path) -> None:
    service = render(tmp_path / "x", compliance=some)
    assert {page.stem for page in (service / "docs/compliance").iterdir()} == set(some)
    assert (service / "docs/decisions/platform/0018-compliance.md").is_file()
