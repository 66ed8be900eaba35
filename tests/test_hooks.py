"""The commands around a copy."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import options
import pytest
import release
from support import ROOT


def test_the_page_of_options_is_current() -> None:
    assert options.PAGE.read_text(encoding="utf-8") == options.page(), "run `make options`"


def test_at_most_nine_questions_are_asked() -> None:
    assert 0 < sum(1 for question in options.questions().values() if question.get("ask", True)) <= 9


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in release.PLACES:
        shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_release_moves_the_day_everywhere(checkout: Path) -> None:
    assert release.move(checkout, date(2027, 1, 2)) == ["copier.yml", "pyproject.toml"]
    assert 'default: "2027-01-02T00:00:00Z"' in (checkout / "copier.yml").read_text(encoding="utf-8")
    assert 'exclude-newer = "2027-01-02T00:00:00Z"' in (checkout / "pyproject.toml").read_text(encoding="utf-8")
    assert release.move(checkout, date(2027, 1, 2)) == []


def test_this_repository_tests_with_what_a_service_gets() -> None:
    found = {pattern.search((ROOT / name).read_text(encoding="utf-8")) for name, pattern in release.PLACES.items()}
    assert len({day[0] for day in found if day}) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("soon", "'soon' is not a day: write it like 2026-11-20."),
        ("2026-11-22", "2026-11-22 is too young: take 2026-11-20 or a day before it."),
    ],
)
def test_a_release_refuses_a_day_that_cannot_be(text: str, sentence: str) -> None:
    with pytest.raises(release.RefusedError) as refused:
        release.day_from(text, date(2026, 11, 22))
    assert str(refused.value) == sentence
