"""The report: one file that a browser shows without a network."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from discover import view
from discover.answers import Answers
from discover.drawing import draw
from discover.engine import Result
from discover.findings import Finding, Proof, Row
from discover.nouns import Nouns
from discover.text import plain, quoted


@dataclass(frozen=True, slots=True)
class Target:
    """One promise of the new service, and what says how it is today: targets.toml."""

    row: Row
    subject: str
    keys: tuple[str, ...]
    target: str
    better: str
    id: str = ""
    met: str = ""
    weak: str = ""
    only_if_found: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """A promise beside today's value."""

    target: Target
    today: list[str]
    place: str
    state: str
    """`met`, `weak`, `other`, `absent` or `unseen`."""


@cache
def targets() -> list[Target]:
    """Read what the new service promises."""
    read = tomllib.loads(files("discover").joinpath("targets.toml").read_text(encoding="utf-8"))
    return [Target(**{**each, "row": Row(each["row"]), "keys": tuple(each["keys"])}) for each in read["target"]]


def compared(result: Result) -> list[Compared]:
    """Put today's values beside the targets."""
    return [each for target in targets() if (each := _compared(result, target)).today or not target.only_if_found]


def _compared(result: Result, target: Target) -> Compared:
    if "@foreign_keys" in target.keys:
        return _foreign_keys(result, target)
    proven = [each for key in target.keys for each in result.findings if each.key == key and each.proof >= Proof.USED]
    there = [each for each in proven if not view.is_absent(each)]
    if there:
        said = [_said(each) for each in there[:2]]
        met = target.met and all(re.search(target.met, line, re.IGNORECASE) for line in said)
        weak = any(is_weak(each) for each in there)
        place = plain(there[0].places[0]) if there[0].places else ""
        return Compared(target, said, place, "weak" if weak else "met" if met else "other")
    if proven:
        return Compared(target, ["not there"], "", "absent")
    return Compared(target, [], "", "unseen")


def _foreign_keys(result: Result, target: Target) -> Compared:
    own = view.tables(result)
    keys = [(table, column) for table in own for column in table.columns if column.references]
    if not own:
        return Compared(target, [], "", "unseen")
    collections = [table for table, _ in keys if table.kind == "collection"]
    if collections and len(collections) == len(keys):
        said = f"{view.counted(len(keys), 'reference')} between collections, which no database enforces"
        return Compared(target, [said], plain(keys[0][0].place), "other")
    bare = [
        column
        for table, column in keys
        if not (column.index or column.unique or column.primary_key)
        and not {column.name, column.column} & {_first_column(index) for index in table.indexes}
    ]
    if _indexes_references(result):
        bare = []
    said = view.counted(len(keys), "foreign key")
    said += f"; no index was seen for {len(bare)} of them" if bare else ", each with an index" if keys else ""
    return Compared(target, [said], plain(keys[0][0].place) if keys else "", "other" if bare or not keys else "met")


def _indexes_references(result: Result) -> bool:
    """Tell whether each foreign key has an index anyway: MySQL and Django make it."""
    said = " ".join(str(found.value) for key in ("database", "orm") for found in result.used(key))
    return bool(re.search(r"mysql|mariadb|django", said, re.IGNORECASE))


def is_weak(found: Finding) -> bool:
    """Tell whether a value is one that the new service is there to end: `any origin`, `md5`, a secret in the code."""
    return any(
        found.key in target.keys and target.weak and re.search(target.weak, _said(found), re.IGNORECASE)
        for target in targets()
    )


def _first_column(index: str) -> str:
    """Give the first column of an index: `created` of `ix_posts (created, author)`."""
    return re.split(r"[(,)]", index)[1].strip() if "(" in index else ""


def _said(found: Finding) -> str:
    held = view.where(found)
    return f"{plain(found.value)}{f' ({held})' if held else ''}"


def environment() -> Environment:
    """Give what the report is rendered with: everything that is put in is escaped."""
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"plain": plain, "label": view.label, "lacking": view.lacking, "quoted": quoted}
    made.tests |= {"absent": view.is_absent, "weak": is_weak}
    return made


def write(result: Result, answered: Answers, made: Nouns, command: str) -> str:
    """Write the report."""
    source = files("discover").joinpath("report.html.jinja").read_text(encoding="utf-8")
    rows = view.glance(result)
    context: dict[str, Any] = {
        "result": result,
        "title": view.title(result),
        "headline": view.headline(result),
        "rows": rows,
        "found": sum(len(row.found) for row in rows),
        "unknown": sum(len(row.unknown) for row in rows),
        "missing": [found for row in rows for found in row.missing],
        "proofs": view.PROOFS,
        "seen": view.seen(result),
        "tables": view.tables(result),
        "drawing": draw(view.tables(result)),
        "reasons": view.reasons(result),
        "compared": compared(result),
        "titles": view.ROWS,
        "answers": answered,
        "nouns": made,
        "command": command,
        "said": _said,
        "where": view.where,
        "counted": view.counted,
    }
    text = environment().from_string(source).render(context)
    return text.encode("utf-8", errors="replace").decode("utf-8")
