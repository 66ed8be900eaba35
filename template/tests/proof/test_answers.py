"""The recorded answers are those that the service was made with, and one that is changed by hand is noticed."""

from pathlib import Path

import pytest

from proof.upgrade import answers

MADE = """\
# As Copier wrote it.
availability: '99.9'
compliance: []
description: One line
    that goes on.
parts:
- one
- two
peak_rps: '200'
"""


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of answers beside those that a service was made with."""
    made_with, found = tmp_path / "answers.yml", tmp_path / ".copier-answers.yml"
    _ = made_with.write_text(MADE, encoding="utf-8")
    _ = found.write_text("_commit: 0.8.0\n_src_path: https://example.com/template\n" + MADE, encoding="utf-8")
    monkeypatch.setattr(answers, "_MADE_WITH", made_with)
    monkeypatch.setattr(answers, "_RECORDED", found)
    return found


def test_nobody_changed_the_answers_of_this_service() -> None:
    sentence = answers.edited()

    assert not sentence, sentence


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("peak_rps: '200'", "peak_rps: 5000", "peak_rps is 5000 there and 200 in the service"),
        ("- two\n", "", "parts is [one] there and [one, two] in the service"),
        ("compliance: []", "compliance: [three]", "compliance is [three] there and [] in the service"),
    ],
)
def test_what_was_changed_by_hand_is_named_with_the_way_out(recorded: Path, old: str, new: str, told: str) -> None:
    text = recorded.read_text(encoding="utf-8")
    assert old in text
    _ = recorded.write_text(text.replace(old, new), encoding="utf-8")

    sentence = answers.edited()

    assert told in sentence
    assert "make upgrade args=" in sentence


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("peak_rps: '200'", "peak_rps: 200"),
        ("parts:\n- one\n- two\n", "parts: [one, two]\n"),
        ("_src_path: https://example.com/template", "_src_path: https://example.com/moved"),
        ("One line\n    that goes on.", "'One line that goes on.'"),
    ],
)
def test_what_is_only_written_otherwise_is_no_change(recorded: Path, old: str, new: str) -> None:
    text = recorded.read_text(encoding="utf-8")
    assert old in text
    _ = recorded.write_text(text.replace(old, new), encoding="utf-8")

    assert answers.edited() == ""
