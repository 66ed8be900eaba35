"""Write docs/options.md from copier.yml and features/; `--check` only compares."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "options.md"
HEAD = """\
# Options

Written by `make options` from `features/`. Every question has a default, so Enter all the way gives
a service for production. Give an answer without being asked with `-d name=value`, or many with
`--data-file answers.yml` ([examples](../examples)).
"""
QUIET = """\
## Never asked

These have a default that is right until you know better. They are recorded with the answers.
Give them with `-d`, or be asked with `--ask name`.
"""


def documents() -> list[tuple[str, dict[str, Any]]]:
    """Give each document behind copier.yml with its file, in the order of the questions."""
    text = (ROOT / "copier.yml").read_text(encoding="utf-8")
    names = re.findall(r"^!include (\S+)$", text, flags=re.MULTILINE)
    return [(name, yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))) for name in names]


def questions() -> dict[str, dict[str, Any]]:
    """Give every question that a person can answer, in order; what is computed is left out."""
    return {
        name: question
        for _, document in documents()
        for name, question in document.items()
        if not name.startswith("_") and "when" not in question
    }


def usually(name: str) -> list[str]:
    """Give the choices of a question that hold unless a person or another answer says otherwise."""
    found: list[str] = next(
        (each["default"] for _, one in documents() for key, each in one.items() if key == f"usual_{name}"), []
    )
    return found


def entry(name: str, question: dict[str, Any]) -> str:
    """Describe one question."""
    lines = [f"### `{name}`", "", question["help"], ""]
    default = question["default"]
    if choices := question.get("choices"):
        if question.get("multiselect"):
            some = ", ".join(list(choices.values())[:2])
            usual = "those that other answers demand, and the ones marked" if usually(name) else "none"
            lines += [
                f"Any of these; by default {usual}. Several as in `-d '{name}=[{some}]'`, brackets for one, too.",
                "",
            ]
        lines += ["| answer | meaning |", "|---|---|"]
        for label, value in choices.items():
            meaning = label.partition(" - ")[2]
            marked = value == default or value in usually(name)
            lines.append(f"| `{value}`{' (default)' if marked else ''} | {meaning} |")
    elif "{" in default:
        lines.append("Default: made from the name of the project.")
    else:
        lines.append(f"Default: `{default}`.")
    return "\n".join([*lines, ""])


def page() -> str:
    """Give the whole page."""
    asked = [entry(name, question) for name, question in questions().items() if question.get("ask", True)]
    quiet = [entry(name, question) for name, question in questions().items() if not question.get("ask", True)]
    return "\n".join([HEAD, "## Asked\n", *asked, QUIET, *quiet]).rstrip() + "\n"


def main(arguments: list[str]) -> int:
    """Write the page, or say that it is not current."""
    if "--check" not in arguments:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") != page():
        print("docs/options.md is not what the questions say: run `make options`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
