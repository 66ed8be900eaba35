"""Write docs/options.md and docs/answers.schema.json from copier.yml and features/; `--check` only compares."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "options.md"
SCHEMA = ROOT / "docs" / "answers.schema.json"
HEAD = """\
# Options

Written by `make options` from `features/`. Every question has a default, so Enter all the way gives
a service for production. Give an answer without being asked with `-d name=value`, or many with
`--data-file answers.yml` ([examples](../examples)).

[answers.schema.json](answers.schema.json) says the same to programs: a JSON Schema of the answers, in
the order of the questions, with each question as its `description`.

## In a pipeline

```console
$ copier copy --defaults --quiet --vcs-ref 0.9.0 --data-file answers.yml URL my-service
```

`--defaults` asks nothing, `--vcs-ref` names a release, and `--pretend` in front of the rest writes
nothing and only says whether the answers are accepted. A bad answer, or a name that is no question,
ends with its sentence and a status other than 0. `copier copy` trusts nothing: no `--trust` is needed.
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


def accepted(question: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of an answer; a number may be written with or without quotes."""
    if choices := question.get("choices"):
        every = [{"const": value, "description": label.partition(" - ")[2]} for label, value in choices.items()]
        if question.get("multiselect"):
            return {"type": "array", "uniqueItems": True, "items": {"oneOf": every}}
        numbers = [
            {"const": float(each["const"]), "description": each["description"]}
            for each in every
            if re.fullmatch(r"[\d.]+", each["const"])
        ]
        return {"oneOf": every + numbers}
    validator = question["validator"]
    if bounds := re.search(r"Must be a whole number, (\d+) to (\d+),", validator):
        pattern = re.search(r'regex_search\("(.+?)\\\\Z"\) is none', validator)
        least, most = (int(each) for each in bounds.groups())
        return {
            "anyOf": [
                {"type": "integer", "minimum": least, "maximum": most},
                {"type": "string", "pattern": f"{pattern[1]}$" if pattern else ""},
            ]
        }
    size = re.search(r"Must (?:have|be) 1 to (\d+)", validator)
    return {"type": "string", "minLength": 1, "maxLength": int(size[1])} if size else {"type": "string"}


def demanded() -> list[dict[str, Any]]:
    """Give what some answers demand of others, as rules of a schema."""
    demands: dict[str, dict[str, str]] = next(one["demands"]["default"] for _, one in documents() if "demands" in one)
    several = {name for name, question in questions().items() if question.get("multiselect")}
    answered = {
        value: name for name, question in questions().items() for value in (question.get("choices") or {}).values()
    }
    rules = []
    for part, reasons in demands.items():
        for answer in reasons:
            name = answered[answer]
            told = {"contains": {"const": answer}} if name in several else {"const": answer}
            rules.append(
                {
                    "if": {"required": [name, "parts"], "properties": {name: told}},
                    "then": {"properties": {"parts": {"contains": {"const": part}}}},
                }
            )
    return rules


def schema() -> str:
    """Give the schema of the answers."""
    properties = {}
    for name, question in questions().items():
        described: dict[str, Any] = {"description": question["help"], **accepted(question)}
        if isinstance(question["default"], list) or "{" not in question["default"]:
            described["default"] = question["default"]
        elif usually(name):
            described["default"] = usually(name)
        properties[name] = described | {"x-asked": question.get("ask", True)}
    found = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The answers that a service is made from",
        "type": "object",
        "properties": properties,
        "patternProperties": {"^_": True},
        "additionalProperties": False,
        "allOf": demanded(),
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write what is made from the questions, or say that it is not current."""
    made = {PAGE: page(), SCHEMA: schema()}
    if "--check" not in arguments:
        for file, text in made.items():
            file.write_text(text, encoding="utf-8")
        return 0
    old = [file.relative_to(ROOT).as_posix() for file, text in made.items() if file.read_text(encoding="utf-8") != text]
    for name in old:
        print(f"{name} is not what the questions say: run `make options`.", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
