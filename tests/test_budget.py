"""Jinja stays where it is expected, and stays simple; so that the service is written as Python and not as a riddle."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from support import ROOT

TEMPLATE = ROOT / "template"
TAG = re.compile(r"{%[-+]?\s*(\w+)(.*?)[-+]?%}", flags=re.DOTALL)

# The only files in which `{%` may stand, beside the documents in Markdown.
JUNCTIONS = {
    "pyproject.toml.jinja",
    "compose.yaml.jinja",
    ".env.jinja",
    ".env.example.jinja",
    "Makefile.jinja",
    "app/defaults.py.jinja",
    "LICENSE.jinja",
    "proof/pyproject.toml.jinja",
    "app/parts.py.jinja",
}
# A setting of a part has its default only while the part is on, so this one may hold flat conditions, too.
PYTHON = {"app/defaults.py.jinja"}
RENDERED = sorted(path.relative_to(TEMPLATE).as_posix() for path in TEMPLATE.rglob("*.jinja"))


def tags(name: str) -> list[tuple[str, str]]:
    """Give the statements of one file: keyword and rest."""
    return [(found[1], found[2]) for found in TAG.finditer((TEMPLATE / name).read_text(encoding="utf-8"))]


def test_statements_stand_in_junction_files_only() -> None:
    assert not [name for name in RENDERED if tags(name) and name not in JUNCTIONS and not name.endswith(".md.jinja")]


def test_python_is_rendered_unchanged_but_for_the_answers() -> None:
    assert {name for name in RENDERED if name.endswith(".py.jinja")} <= PYTHON


def test_no_path_but_the_answers_file_is_rendered() -> None:
    strange = [path.name for path in TEMPLATE.rglob("*") if "{" in path.name]
    assert strange == ["{{ _copier_conf.answers_file }}.jinja"]


@pytest.mark.parametrize("name", RENDERED)
def test_conditions_are_derived_and_flat(name: str) -> None:
    depth = 0
    for keyword, rest in tags(name):
        assert keyword in {"if", "else", "elif", "endif", "for", "endfor", "include"}, (
            f"{name}: a {keyword} is too much"
        )
        assert not re.search(r"\b(and|or)\b", rest), f"{name}: derive `{rest.strip()}` in features/"
        depth += {"if": 1, "endif": -1}.get(keyword, 0)
        assert depth <= 1, f"{name}: an if within an if"


def test_nothing_needs_trust() -> None:
    documents = [ROOT / "copier.yml", *ROOT.glob("features/*.yml")]
    keys = {
        key for path in documents for key in re.findall(r"^(_\w+):", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert not keys & {"_tasks", "_migrations", "_jinja_extensions"}


def test_each_option_says_what_it_is_for() -> None:
    included = re.findall(r"^!include (\S+)$", (ROOT / "copier.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(included) == sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("features/*.yml"))
    for name in included:
        for question, details in yaml.safe_load(Path(ROOT, name).read_text(encoding="utf-8")).items():
            assert question.startswith("_") or "help" in details or "when" in details, f"{name}: {question} has no help"
