"""The screens: what a person is asked, what is refused, and in which words."""

from __future__ import annotations

import io
import re
import threading
import time
from pathlib import Path
from typing import Any

import options
import pytest
import yaml
from copier import run_copy
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output
from support import answers, files, plain_template, questions, without_colour

ENTER, CLEAR, DOWN = "\r", "\x01\x0b", "\x1b[B"  # Ctrl-A Ctrl-K clears a line
ASKED = [
    "project_name",
    "peak_rps",
    "data_gb",
    "availability",
    "data_class",
    "compliance",
    "parts",
    "deploy",
    "ci",
]


def talk(target: Path, *strokes: tuple[str, str], columns: int = 240) -> tuple[dict[str, Any], str]:
    """Press keys as soon as the screen shows a text; give what was recorded and all that the screen showed."""
    screen = io.StringIO()
    output = Vt100_Output(screen, lambda: Size(rows=50, columns=columns))
    with create_pipe_input() as keyboard, create_app_session(input=keyboard, output=output):

        def press() -> None:
            for text, keys in strokes:
                deadline = time.monotonic() + 10
                while text not in without_colour(screen.getvalue()) and time.monotonic() < deadline:
                    time.sleep(0.01)
                keyboard.send_text(keys)

        person = threading.Thread(target=press)
        person.start()
        run_copy(str(plain_template()), target, quiet=True, unsafe=False)
        person.join()
    recorded = yaml.safe_load((target / ".copier-answers.yml").read_text(encoding="utf-8"))
    return recorded, without_colour(screen.getvalue())


def helps(*names: str) -> list[tuple[str, str]]:
    """Wait for each question in turn, and accept its default."""
    return [(questions().all[name]["help"], ENTER) for name in names]


def test_enter_all_the_way(tmp_path: Path) -> None:
    recorded, screen = talk(tmp_path / "x", *helps(*ASKED))
    assert recorded["project_name"] == "My Service"
    assert recorded["peak_rps"] == "200"
    assert recorded["availability"] == "99.9"
    assert len(ASKED) <= 9
    for name in ASKED:
        assert questions().all[name]["help"] in screen, name


def test_choosing_with_the_arrows(tmp_path: Path) -> None:
    chosen = {
        "availability": DOWN * 2,
        "data_class": DOWN,
        "compliance": " " + DOWN * 2 + " ",
        "parts": DOWN + " " + DOWN * 3 + " ",
        "deploy": DOWN,
        "ci": DOWN,
    }
    strokes = [(text, chosen.get(name, "") + keys) for name, (text, keys) in zip(ASKED, helps(*ASKED), strict=True)]
    recorded, _ = talk(tmp_path / "x", *strokes)
    assert recorded["availability"] == "99.99"
    assert recorded["data_class"] == "personal"
    assert recorded["compliance"] == ["gdpr", "hipaa"]
    assert recorded["parts"] == ["admin", "api_keys", "email", "personal_data", "second_factor"]
    assert recorded["deploy"] == "none"
    assert recorded["ci"] == "gitlab"


def test_a_refused_answer_can_be_mended(tmp_path: Path) -> None:
    sentence = "Must be a whole number, 1 to 100000,"
    refused = (questions().all["peak_rps"]["help"], CLEAR + "0" + ENTER)
    mended = (sentence, CLEAR + "500" + ENTER)
    recorded, screen = talk(tmp_path / "x", *helps(*ASKED[:1]), refused, mended, *helps(*ASKED[2:]), columns=80)
    assert recorded["peak_rps"] == "500"
    assert sentence in screen


# Copier shows a refusal on one line, behind these words, and cuts it at the edge of the terminal.
PREFIX = "Validation error for question '{}': "
SIZE = "Must have 1 to 60 characters"
ACCEPTED = "Allowed are letters, digits, spaces and . , & + ( ) ! ' - _"
PLAIN = 'Allowed is one line of text without " \\ ` { } < >'
NUMBER = "Must be a whole number, 1 to 100000, not"
SLUG = "Must be 1 to 60 of a-z, 0-9 and '-', starting with a letter and not ending in '-', not"
LETTER = "Must contain a letter from a to z: the package is named after it."
REFUSED: list[tuple[str, Any, str]] = [
    ("project_name", "", f"{SIZE}."),
    ("project_name", "  ", f"{SIZE}."),
    ("project_name", "a" * 61, f"{SIZE}, not 61."),
    ("project_name", 'a"b', f"Must not contain '\"'. {ACCEPTED}"),
    ("project_name", "a\nb", f"Must not contain '\\n'. {ACCEPTED}"),
    ("project_name", "a{b", f"Must not contain '{{'. {ACCEPTED}"),
    ("project_name", "a\\b", f"Must not contain '\\\\'. {ACCEPTED}"),
    ("project_name", "a:b", f"Must not contain ':'. {ACCEPTED}"),
    ("project_name", "name ", "Must not start or end in a space."),
    ("project_name", "\u65e5\u672c", LETTER),
    ("project_name", "42", LETTER),
    ("description", " ", "Must have 1 to 160 characters."),
    ("description", "d" * 161, "Must have 1 to 160 characters, not 161."),
    ("description", "a\nb", f"Must not contain '\\n'. {PLAIN}"),
    ("description", "a\u2028b", f"Must not contain '\\u2028'. {PLAIN}"),
    ("description", 'a"b', f"Must not contain '\"'. {PLAIN}"),
    ("description", "a\\", f"Must not contain '\\\\'. {PLAIN}"),
    ("description", "a {{ b }}", f"Must not contain '{{'. {PLAIN}"),
    ("description", "# a", "Must start with a letter and not end in a space."),
    ("description", "a ", "Must start with a letter and not end in a space."),
    ("peak_rps", 0, f"{NUMBER} '0'."),
    ("peak_rps", 10**12, f"{NUMBER} '1000000000000'."),
    ("peak_rps", 100_001, f"{NUMBER} '100001'."),
    ("peak_rps", "-5", f"{NUMBER} '-5'."),
    ("peak_rps", 1.5, f"{NUMBER} '1.5'."),
    ("peak_rps", "lots", f"{NUMBER} 'lots'."),
    ("peak_rps", "", f"{NUMBER} ''."),
    ("peak_rps", "0200", f"{NUMBER} '0200'."),
    ("peak_rps", "200\n", f"{NUMBER} '200\\n'."),
    ("data_gb", 0, f"{NUMBER} '0'."),
    ("data_gb", 100_001, f"{NUMBER} '100001'."),
    ("availability", "98", "Invalid choice for 'availability': '98' is not in ['99.9', '99.95', '99.99']"),
    (
        "data_class",
        "secret",
        "Invalid choice for 'data_class': 'secret' is not in ['public', 'internal', 'personal', 'regulated']",
    ),
    (
        "compliance",
        ["gdpr", "sox"],
        "Invalid choice for 'compliance': 'sox' is not in ['gdpr', 'soc2', 'hipaa', 'pci-dss']",
    ),
    (
        "compliance",
        "[iso]",
        "Invalid choice for 'compliance': 'iso' is not in ['gdpr', 'soc2', 'hipaa', 'pci-dss']",
    ),
    (
        "parts",
        ["admin", "payments"],
        "Invalid choice for 'parts': 'payments' is not in ['admin', 'api_keys', 'browser', 'email', 'load_test', "
        "'personal_data', 'second_factor', 'websockets']",
    ),
    ("deploy", "abacus", "Invalid choice for 'deploy': 'abacus' is not in ['compose', 'none']"),
    ("ci", "abacus", "Invalid choice for 'ci': 'abacus' is not in ['github', 'gitlab', 'none']"),
    (
        "license",
        "gpl",
        "Invalid choice for 'license': 'gpl' is not in ['none', 'mit', 'apache-2.0', 'bsd-3-clause']",
    ),
    ("rps_per_core", 99, "Must be a whole number, 100 to 20000, not '99'."),
    ("project_slug", "a_b", f"{SLUG} 'a_b'."),
    ("project_slug", "a\n", f"{SLUG} 'a\\n'."),
    (
        "project_slug",
        "fastapi",
        "Must not be a library's name: the service uses fastapi. Give another project_name or project_slug.",
    ),
    # What Copier would ignore, and what it would follow without recording it.
    ("peak_rp", 5000, "No question is called peak_rp. docs/options.md of the template lists them."),
    ("workers", 99, "No question is called workers. docs/options.md of the template lists them."),
    ("because", "x\nimport os", "No question is called because. docs/options.md of the template lists them."),
]


def test_every_question_that_can_be_answered_is_a_name_that_is_accepted() -> None:
    assert questions().all["answer_names"]["default"] == sorted(options.questions())


def test_the_answers_of_a_service_are_answers_for_another(tmp_path: Path) -> None:
    run_copy(str(plain_template()), tmp_path / "x", data={"peak_rps": "99"}, defaults=True, quiet=True)
    given = yaml.safe_load((tmp_path / "x/.copier-answers.yml").read_text(encoding="utf-8"))
    run_copy(str(plain_template()), tmp_path / "y", data=given, defaults=True, quiet=True)
    assert yaml.safe_load((tmp_path / "y/.copier-answers.yml").read_text(encoding="utf-8")) == given


@pytest.mark.parametrize("name", options.questions())
def test_a_question_fits_into_80_columns(name: str) -> None:
    question = questions().all[name]
    assert len(question["help"]) <= 76
    for choice in question.get("choices", []):
        assert len(choice) <= 72, choice  # behind the arrow and the box


@pytest.mark.parametrize(
    ("name", "sentence"), sorted({(name, said) for name, _, said in REFUSED if said.startswith(("Must ", "No "))})
)
def test_the_rule_of_a_refusal_fits_into_80_columns(name: str, sentence: str) -> None:
    """The rule comes first; what was wrong with the answer may be cut."""
    rule = re.split(r"[:.]|, (?=not |starting)| and not ", sentence, maxsplit=1)[0]
    assert len(rule) <= 37
    if name in ASKED:
        assert len(PREFIX.format(name) + rule) <= 80


@pytest.mark.parametrize(
    ("name", "answer", "sentence"), REFUSED, ids=[f"{name}={answer!r:.20}" for name, answer, _ in REFUSED]
)
def test_a_bad_answer_gets_one_sentence_and_no_files(name: str, answer: Any, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as refused:
        run_copy(str(plain_template()), tmp_path / "x", data={name: answer}, defaults=True, quiet=True)
    assert "\n" not in str(refused.value)
    assert not files(tmp_path)
    assert not (tmp_path / "x").exists()


DEMANDED: list[tuple[dict[str, Any], str]] = [
    ({"data_class": "personal", "parts": []}, "Must include email: the data is personal."),
    (
        {"data_class": "regulated", "parts": ["admin"]},
        "Must include email: the data is regulated; second_factor: the data is regulated.",
    ),
    (
        {"compliance": ["gdpr"], "parts": "[load_test]"},
        "Must include email: GDPR applies; personal_data: GDPR applies.",
    ),
    ({"compliance": ["soc2"], "parts": ["email"]}, "Must include admin: SOC 2 applies."),
    (
        {"compliance": ["hipaa", "pci-dss"], "parts": ["email"]},
        "Must include admin: HIPAA applies; second_factor: HIPAA applies.",
    ),
]


@pytest.mark.parametrize(("given", "sentence"), DEMANDED, ids=lambda each: str(each) if isinstance(each, dict) else "")
def test_a_part_that_other_answers_demand_cannot_be_left_out(
    given: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=re.escape(f"Validation error for question 'parts': {sentence}")):
        run_copy(str(plain_template()), tmp_path / "x", data=given, defaults=True, quiet=True)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("part", questions().all["parts"]["choices"].values())
def test_the_rule_comes_first_and_fits_beside_what_copier_says(part: str) -> None:
    assert len(f"Must include {part}") <= 37


def test_the_default_of_the_parts_follows_from_the_other_answers() -> None:
    usual = {"admin", "email", "load_test", "second_factor"}
    given = {name: value for name, value in answers().items() if name != "parts"}
    assert set(questions().derive(given)["parts"]) == usual
    demanding = given | {"compliance": ["gdpr"]}
    assert set(questions().derive(demanding)["parts"]) == usual | {"personal_data"}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("peak_rps", "1"),
        ("peak_rps", "100000"),
        ("data_gb", "100000"),
        ("project_name", "a" * 60),
        ("project_name", "Bob's Café & Co (new!)"),
        ("description", "Ünïcode \u65e5\u672c, it's #1: 100 % *fun* - [x] | y"),
        ("rps_per_core", "20000"),
    ],
)
def test_what_is_at_the_edge_is_accepted(name: str, answer: str) -> None:
    assert not questions().refusal(name, questions().derive(answers(**{name: answer})))


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("My Service", "my-service"),
        ("3D Printing", "d-printing"),
        ("Bob's Café & Co (new!)", "bob-s-caf-co-new"),
        ("--x--", "x"),
    ],
)
def test_the_name_for_machines(name: str, slug: str) -> None:
    assert questions().derive(answers(project_name=name))["project_slug"] == slug
