"""Every technology and every trap: a small codebase, and what is said about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from discover.engine import Result, discover
from discover.findings import ABSENT, Column, Finding, Proof
from discover.rules import Rule, rules
from discover.workers import Workers

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.yml"))
ALONE = {name: rule for name, rule in rules().items() if rule.example}


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(count=1) as shared:
        yield shared


def expected(name: str) -> dict[str, Any]:
    read = yaml.safe_load((FIXTURES / f"{name}.yml").read_text(encoding="utf-8"))
    assert isinstance(read, dict), name
    return read


@pytest.mark.parametrize("name", NAMES)
def test_a_codebase_is_what_its_fixture_says(name: str, tmp_path: Path, workers: Workers) -> None:
    wanted = expected(name)
    root = tmp_path / name
    root.mkdir()
    for path, content in (wanted["files"] or {}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content, encoding="utf-8")
    result = discover(root, unit=wanted.get("unit"), strict=True, workers=workers)
    assert [
        each for each in wanted.get("findings", []) if not any(fits(item, each) for item in result.findings)
    ] == [], lines(result)
    assert false_claims(result, wanted) == [], lines(result)
    if "routes" in wanted:
        assert sorted(f"{route.method} {route.path}" for route in result.routes) == sorted(wanted["routes"])
    routes = {f"{route.method} {route.path}": route for route in result.routes}
    for key, says in wanted.get("guards", {}).items():
        assert routes[key].guards == says, key
    for key, says in wanted.get("validated", {}).items():
        assert routes[key].validated is says, key
    tables = {entity.table: entity for entity in result.entities}
    assert not [table for table in wanted.get("no_tables", []) if table in tables]
    for table in wanted.get("entities", []):
        assert table["table"] in tables, sorted(tables)
        columns = {column.name: column for column in tables[table["table"]].columns}
        for column, says in table.get("columns", {}).items():
            assert column in columns, (table["table"], sorted(columns))
            assert set(str(says).split()) - {"->"} <= words(columns[column]), (table["table"], column, says)


def fits(item: Finding, wanted: dict[str, Any]) -> bool:
    """Tell whether a finding is the wanted one, as far as that says."""
    return (
        item.row == wanted["row"]
        and item.key == wanted["key"]
        and str(item.value) == str(wanted["value"])
        and item.scope == wanted.get("scope", item.scope)
        and item.condition == wanted.get("condition", item.condition)
        and item.proof.name.lower() == wanted.get("proof", item.proof.name.lower())
        and ("place" not in wanted or wanted["place"] in map(str, item.places))
    )


def false_claims(result: Result, wanted: dict[str, Any]) -> list[str]:
    """Give what is claimed and must not be."""
    claims = [
        item
        for item in result.findings
        if item.proof >= Proof.USED and not str(item.value).startswith((ABSENT, "none"))
    ]
    false = [item for item in claims if item.key in wanted.get("absent", [])]
    for word in wanted.get("not_values", []):
        false += [item for item in claims if re.search(rf"\b{re.escape(str(word))}\b", str(item.value), re.IGNORECASE)]
    return [f"{item.key} = {item.value}" for item in false]


def lines(result: Result) -> str:
    """Write what was found, for whoever reads a failure."""
    return "\n".join(
        f"{item.row}/{item.key} = {item.value!r} scope={item.scope!r} condition={item.condition!r} "
        f"{item.proof.name.lower()} {', '.join(map(str, item.places[:3]))}"
        for item in result.findings
    )


def words(column: Column) -> set[str]:
    """Write a column as words: `uuid pk unique null -> users.id`."""
    said = {*column.type.split(), column.type, column.references, column.default or "", "null"}
    said |= {
        word
        for word, holds in (
            ("not", not column.nullable),
            ("pk", column.primary_key),
            ("unique", column.unique),
            ("index", column.index),
        )
        if holds
    }
    return said - {""}


@pytest.mark.parametrize("rule", ALONE.values(), ids=list(ALONE))
def test_the_example_of_a_rule_is_a_use(rule: Rule, tmp_path: Path, workers: Workers) -> None:
    python = rule.pypi and not rule.npm
    if python:
        (tmp_path / "requirements.txt").write_text("\n".join(rule.pypi), encoding="utf-8")
    else:
        listed = ", ".join(f'"{name}": "1"' for name in rule.npm)
        (tmp_path / "package.json").write_text(f'{{"name": "x", "dependencies": {{{listed}}}}}', encoding="utf-8")
    file = tmp_path / (rule.example_file or ("app.py" if python else "app.ts"))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(rule.example, encoding="utf-8")
    found = discover(tmp_path, strict=True, workers=workers).findings
    assert [item for item in found if proves(rule, item.row, item.key, item.value) and item.proof >= Proof.USED], found


def proves(rule: Rule, row: object, key: object, value: object) -> bool:
    """Tell whether a finding speaks of a rule's technology."""
    return row == rule.row and key == rule.key and rule.value.lower() in str(value).lower()


def test_every_rule_has_an_example_or_a_fixture() -> None:
    said = [each for name in NAMES for each in expected(name).get("findings", [])]
    named = {rule for name in NAMES for rule in expected(name).get("rules", [])}
    unproven = [
        name
        for name, rule in rules().items()
        if not rule.example
        and name not in named
        and not any(proves(rule, each["row"], each["key"], each["value"]) for each in said)
    ]
    assert not unproven
    assert not named - rules().keys()
