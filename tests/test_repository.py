"""What this repository says about itself is true, and nothing in it is of one machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from shell import run
from support import ROOT

TRACKED = [Path(name) for name in run("git", "ls-files", cwd=ROOT).split("\n") if name and (ROOT / name).is_file()]
# What is rendered leads somewhere in the service: its own tests ask.
RENDERED = {"includes", "template"}
DOCUMENTS = [path for path in TRACKED if path.suffix == ".md" and path.parts[0] not in RENDERED]


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_link_leads_somewhere(document: Path) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)", text)
    assert not [link for link in links if "://" not in link and not (ROOT / document.parent / link).exists()]


def test_the_readme_names_verbs_that_exist() -> None:
    files = (ROOT / "Makefile", ROOT / "template/Makefile.jinja")
    verbs = {
        verb for file in files for verb in re.findall(r"^([a-z-]+):", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    for document in DOCUMENTS:
        named = set(
            re.findall(r"(?<=[`$] )make ([a-z-]+)|`make ([a-z-]+)", (ROOT / document).read_text(encoding="utf-8"))
        )
        assert {first or second for first, second in named} - {""} <= verbs, document


def test_no_lock_file_and_no_path_of_a_machine_is_committed() -> None:
    assert not [path for path in TRACKED if path.name in {"uv.lock", "poetry.lock", "requirements.txt"}]
    places = re.compile(r"(?<![\w.])(/(?:root|work)/|/home/\w|/Users/\w|C:\\Users)")
    found = []
    for path in TRACKED:
        if path.suffix not in {".svg", ".png"} and path.name != Path(__file__).name:
            found += [
                f"{path}: {line}" for line in (ROOT / path).read_text("utf-8").splitlines() if places.search(line)
            ]
    assert not found


def test_every_text_ends_with_one_line_end_and_has_unix_ones() -> None:
    for path in TRACKED:
        content = (ROOT / path).read_bytes()
        if path.suffix not in {".png"} and content:
            assert b"\r\n" not in content, path
            assert content.endswith(b"\n"), path
