"""The template's questions: which there are, what each accepts, and what follows from the answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment


def folder() -> Path:
    """Find the folder that holds copier.yml and features/: in an installed package its own, else the repository's."""
    here = Path(__file__).resolve().parent
    return here if (here / "copier.yml").is_file() else here.parent


@cache
def documents() -> dict[str, Any]:
    """Read every question and every computed value, in the order of copier.yml."""
    text = (folder() / "copier.yml").read_text(encoding="utf-8")
    read: dict[str, Any] = {}
    for name in re.findall(r"^!include (\S+)$", text, flags=re.MULTILINE):
        read |= yaml.safe_load((folder() / name).read_text(encoding="utf-8"))
    return {name: value for name, value in read.items() if not name.startswith("_")}


@cache
def questions() -> dict[str, dict[str, Any]]:
    """Give the questions that a person can answer, in their order."""
    return {name: question for name, question in documents().items() if "when" not in question}


@cache
def environment() -> SandboxedEnvironment:
    """Give what Copier renders the questions with: its own filters, and the template's settings."""
    return SandboxedEnvironment(
        extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _template(source: str) -> Template:
    return environment().from_string(source)


def derive(given: Mapping[str, Any]) -> dict[str, Any]:
    """Work out every answer and every computed value. What hangs on the run of Copier is left out."""
    context: dict[str, Any] = dict(given)
    for name, question in documents().items():
        if name in given:
            continue
        value = question["default"]
        if isinstance(value, str) and "{" in value:
            try:
                value = _template(value).render(context)
            except TemplateError:
                continue
            if question["type"] == "yaml" or question.get("multiselect"):
                value = yaml.safe_load(value)
        if question["type"] in ("int", "bool") and isinstance(value, str):
            value = int(value) if question["type"] == "int" else value == "True"
        context[name] = value
    return context


def refusal(name: str, given: Mapping[str, Any]) -> str:
    """Give the sentence that the template refuses an answer with; empty where it accepts it."""
    question = questions().get(name)
    if question is None:
        return f"No question is called {name}."
    value = given[name]
    values = value if question.get("multiselect") and isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in values):
        return f"Must be text, not {value!r}."
    if choices := question.get("choices"):
        known = list(choices.values())
        if strange := [each for each in values if each not in known]:
            return f"Must be one of {', '.join(known)}, not {strange[0]!r}."
    if "validator" not in question:
        return ""
    said = _template(question["validator"]).render(derive(given))
    return " ".join(said.split())


def refusals(given: Mapping[str, Any]) -> dict[str, str]:
    """Give every answer that the template refuses, with its sentence; so, too, a name that a refused one is made of."""
    found = {name: said for name in given if (said := refusal(name, given))}
    if "project_name" in given and "project_name" not in found:
        whole = {"project_slug": derive(given)["project_slug"], **given}
        if said := refusal("project_slug", whole):
            found["project_name"] = said
    return found


def asked(name: str) -> str:
    """Give the question's words."""
    return str(questions()[name]["help"])


def default(name: str, given: Mapping[str, Any]) -> Any:
    """Give what the template takes where nothing is answered, after the answers that are given."""
    value = derive({key: value for key, value in given.items() if key != name})[name]
    return list(dict.fromkeys(value)) if isinstance(value, list) else value
