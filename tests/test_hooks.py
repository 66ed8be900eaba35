"""The commands around a copy."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import options
import pytest
import release
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from support import DOMAIN, EXAMPLES, ROOT, answers, questions
from test_prompts import REFUSED

COMPLIANCE = questions().all["compliance"]["choices"].values()


def test_the_page_of_options_is_current() -> None:
    assert options.PAGE.read_text(encoding="utf-8") == options.page(), "run `make options`"


def test_the_schema_of_the_answers_is_current() -> None:
    assert options.SCHEMA.read_text(encoding="utf-8") == options.schema(), "run `make options`"


def taken(given: dict[str, Any]) -> bool:
    """Tell whether the schema takes some answers."""
    return bool(Draft202012Validator(json.loads(options.schema())).is_valid(given))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_schema_takes_every_example(name: str) -> None:
    assert taken(EXAMPLES[name])


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in DOMAIN.items() for value in values])
def test_the_schema_takes_what_the_questions_take(name: str, value: Any) -> None:
    assert taken({name: value})
    assert taken({"_commit": "0.8.0", "_src_path": "somewhere"})


# Which characters a text may have is said by the copy alone; in Python, `$` fits before a last newline, too.
BROAD = {"project_name", "description", "project_slug"}
ELSEWHERE = {"[iso]", "200\n"}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, value, _ in REFUSED if name not in BROAD and str(value) not in ELSEWHERE],
)
def test_the_schema_refuses_what_the_questions_refuse(name: str, value: Any) -> None:
    assert not taken({name: value})


def test_the_schema_knows_what_answers_oblige_to() -> None:
    for part, reasons in questions().all["demands"]["default"].items():
        for answer in reasons:
            given = {"compliance": [answer]} if answer in COMPLIANCE else {"data_class": answer}
            obliged = questions().obliged(answers(**given, parts=[]))["parts"]
            assert taken({**given, "parts": obliged})
            assert not taken({**given, "parts": [each for each in obliged if each != part]})


def test_a_service_knows_every_answer_that_it_was_made_with() -> None:
    assert set(questions().derive(answers())["made_with"]) == set(options.questions())


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
