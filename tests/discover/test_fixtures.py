"""Every technology and every trap: a small codebase, and what is said about it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from discover.engine import Result, discover
from discover.findings import ABSENT, Column, Proof
from discover.rules import rules

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = sorted(path.parent.name for path in FIXTURES.glob("*/expected.yml"))


@cache
def expected(name: str) -> dict[str, Any]:
    read = yaml.safe_load((FIXTURES / name / "expected.yml").read_text(encoding="utf-8"))
    assert isinstance(read, dict)
    return read


@cache
def found(name: str) -> Result:
    return discover(FIXTURES / name, unit=expected(name).get("unit"), strict=True)


def lines(name: str) -> str:
    return "\n".join(
        f"{item.row}/{item.key} = {item.value!r} scope={item.scope!r} condition={item.condition!r} "
        f"{item.proof.name.lower()} {', '.join(map(str, item.places[:3]))}"
        for item in found(name).findings
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_a_codebase_has_is_found_with_its_place(name: str) -> None:
    missing = []
    for wanted in expected(name).get("findings", []):
        same = [
            item
            for item in found(name).findings
            if item.row == wanted["row"]
            and item.key == wanted["key"]
            and str(item.value) == str(wanted["value"])
            and item.scope == wanted.get("scope", item.scope)
            and item.condition == wanted.get("condition", item.condition)
            and item.proof.name.lower() == wanted.get("proof", item.proof.name.lower())
            and wanted.get("place", str(item.places[0]) if item.places else "")
            in [str(place) for place in item.places] + [""]
        ]
        if not same:
            missing.append(wanted)
    assert not missing, lines(name)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_claimed_that_is_not_there(name: str) -> None:
    claims = [
        item
        for item in found(name).findings
        if item.proof >= Proof.USED and not str(item.value).startswith((ABSENT, "none"))
    ]
    false = [item for item in claims if item.key in expected(name).get("absent", [])]
    for word in expected(name).get("not_values", []):
        false += [item for item in claims if re.search(rf"\b{re.escape(str(word))}\b", str(item.value), re.IGNORECASE)]
    assert not false, lines(name)


@pytest.mark.parametrize("name", [name for name in NAMES if "routes" in expected(name)])
def test_every_operation_is_found_and_no_other(name: str) -> None:
    assert sorted(f"{route.method} {route.path}" for route in found(name).routes) == sorted(expected(name)["routes"])


@pytest.mark.parametrize("name", [name for name in NAMES if "entities" in expected(name)])
def test_every_table_is_found_with_its_columns(name: str) -> None:
    tables = {entity.table: entity for entity in found(name).entities}
    for wanted in expected(name)["entities"]:
        assert wanted["table"] in tables, sorted(tables)
        columns = {column.name: column for column in tables[wanted["table"]].columns}
        for column, says in wanted.get("columns", {}).items():
            assert column in columns, (wanted["table"], sorted(columns))
            said = words(columns[column])
            assert set(says.split()) - {"->"} <= said, (wanted["table"], column, says, said)
    for table in expected(name).get("no_tables", []):
        assert table not in tables


def words(column: Column) -> set[str]:
    """Write a column as words: `uuid pk unique null -> users.id`."""
    said = {
        *column.type.split(),
        column.type,
        "null" if column.nullable else "not",
        column.references,
        column.default or "",
    }
    said |= {"null"} if not column.nullable else set()
    said |= {
        word
        for word, holds in (("pk", column.primary_key), ("unique", column.unique), ("index", column.index))
        if holds
    }
    return said - {""}


def test_every_rule_has_a_fixture_that_uses_it() -> None:
    said = {
        (item.row, item.key, word)
        for name in NAMES
        for item in found(name).findings
        for word in [str(item.value).lower()]
        if item.proof >= Proof.USED
    }
    unproven = [
        rule.name
        for rule in rules().values()
        if not any(row == rule.row and key == rule.key and rule.value.lower() in text for row, key, text in said)
        and not any(rule.name in expected(name).get("rules", []) for name in NAMES)
    ]
    assert not unproven
