"""Compare `discover` with a ground truth: facts found, wrong claims, and what must not be claimed.

`make discover-truth repos=FOLDER truth=FILE`: the folder holds the repositories as `OWNER+NAME` or `NAME`, the file is
a list of repositories with `facts`, `entities` and `must_not_claim`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from discover.engine import Result, UnitNeededError, discover
from discover.findings import ABSENT, Column, Entity, Finding, Proof

ROOT = Path(__file__).resolve().parent.parent
PROSE = ROOT / "tests" / "discover" / "must_not_claim.toml"
"""What each sentence of `must_not_claim` means: a pattern of findings, tables or output."""

ROWS = {
    "D1": "api",
    "D2": "data",
    "D3": "who",
    "D4": "versions",
    "D5": "logs",
    "D6": "load",
    "D7": "edges",
    "D8": "delivery",
}
ALIASES = (
    {"database", "datastore", "second_store", "two_databases"},
    {"orm", "query_builder", "datastore"},
    {"auth", "session", "sessions", "token", "api_key", "social"},
    {"session", "sessions", "session_lifetime"},
    {"docker", "dockerfile"},
    {"relation_m2m", "relations", "relation_self_m2m", "association_table", "association_tables"},
    {"schema_sync", "create_all", "migrations"},
    {"mfa", "second_factor"},
    {"guard", "auth_guard", "protected_routes"},
    {"endpoint_count", "api_routes", "generated_routes"},
    {"versioning", "versions"},
    {"process_manager", "server"},
    {"helmet", "headers"},
    {"refresh", "auth"},
    {"revocation", "token_revocation"},
    {"secret_fallback", "committed_secret", "committed_key"},
)
NOISE = frozenset(
    {
        "a", "an", "the", "of", "in", "on", "by", "for", "to", "and", "or", "with", "through", "via", "only", "is",
        "are", "be", "not", "no", "own", "one", "from", "at", "as", "it", "its", "per", "set", "up", "all", "default",
        "defaults", "using", "used",
    }
)  # fmt: skip
SAME = {"postgres": "postgresql", "javascript": "js", "typescript": "ts", "nextjs": "next", "next.js": "next",
        "nestjs": "nest", "minutes": "min", "minute": "min", "hours": "h", "hour": "h", "days": "day",
        "weeks": "week", "seconds": "s",
        "session": "sessions", "route": "routes", "test": "tests"}  # fmt: skip


@dataclass(slots=True)
class Score:
    """What came out for one or many repositories."""

    expected: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    columns: int = 0
    columns_found: int = 0
    claims: int = 0

    def add(self, other: Score) -> None:
        """Add another repository's."""
        self.expected += other.expected
        self.found += other.found
        self.wrong += other.wrong
        self.missed += other.missed
        self.broken += other.broken
        self.unsure += other.unsure
        self.columns += other.columns
        self.columns_found += other.columns_found
        self.claims += other.claims


def words(text: Any) -> set[str]:
    """Give the words of a value that count."""
    found = re.findall(r"[a-z]+(?:[./-][a-z]+)*|\d+", str(text).lower().replace("'", ""))
    return {SAME.get(word, word) for word in found} - NOISE


def alike(wanted: Any, got: Finding) -> bool:
    """Tell whether a finding says what the truth says: its numbers, and most of its words."""
    if isinstance(wanted, int):
        return str(got.value) == str(wanted)
    expected = words(wanted)
    said = words(f"{got.value} {got.scope} {got.condition} {got.note}")
    pieces = said | {piece for word in said for piece in re.split(r"[./-]", word)}
    numbers = {word for word in expected if word.isdigit()}
    if not numbers <= pieces:
        return False
    rest = expected - numbers
    hits = sum(1 for word in rest if word in pieces or set(re.split(r"[./-]", word)) & pieces)
    return not rest or hits / len(rest) >= (0.5 if len(rest) > 2 else 0.99 if len(rest) == 1 else 0.5)


def related(key: str) -> set[str]:
    """Give the keys under which a fact may stand."""
    return {key}.union(*(group for group in ALIASES if key in group))


def compare(result: Result, truth: dict[str, Any], prose: list[dict[str, str]]) -> Score:
    """Compare one repository."""
    score = Score()
    used = [found for found in result.findings if found.proof >= Proof.USED]
    claims = [found for found in used if found.value != ABSENT]
    score.claims = len(claims)
    for fact in truth["facts"]:
        row, key, value = fact["row"], fact["key"], fact["value"]
        score.expected[row] += 1
        name = f"{truth['repo']}: {row} {key} = {value!r} [{fact['path']}:{fact['line']}]"
        keyed = [found for found in claims if found.key in related(key)]
        if str(value).startswith(ABSENT) or str(value).startswith("none"):
            contrary = [
                found for found in claims if found.key == key and not str(found.value).startswith((ABSENT, "none"))
            ]
            if contrary:
                score.wrong.append(f"{name}, but: {contrary[0].value} ({', '.join(map(str, contrary[0].places[:1]))})")
            else:
                score.found[row] += 1
            continue
        if any(alike(value, found) for found in keyed) or any(
            alike(value, found) and any(place.path == fact["path"] for place in found.places)
            for found in result.findings
        ):
            score.found[row] += 1
        else:
            same = [found for found in keyed if found.key == key]
            (score.unsure if same else score.missed).append(
                f"{name}{f', got: {same[0].value} {same[0].scope} {same[0].condition}' if same else ''}"
            )
    entities(result, truth, score)
    lines = [f"{found.row}/{found.key}={found.value} {found.scope}" for found in claims]
    tables = [entity.table for entity in result.entities if entity.kind != "join"]
    for sentence in truth["must_not_claim"]:
        rule = next((rule for rule in prose if rule["says"] == sentence), None)
        if rule is None:
            score.broken.append(f"{truth['repo']}: no rule in {PROSE.name} for: {sentence}")
            continue
        said = {
            "finding": lines,
            "table": [*tables, *(entity.name for entity in result.entities)],
            "route": [f"{route.method} {route.path} {route.place}" for route in result.routes],
        }
        for name, texts in said.items():
            if name in rule:
                score.broken += [
                    f"{truth['repo']}: {sentence}: {text}"
                    for text in texts
                    if re.search(rule[name], text, re.IGNORECASE)
                ]
        if "tables" in rule and len(tables) > int(rule["tables"]):
            score.broken.append(f"{truth['repo']}: {sentence}: {len(tables)} tables")
    return score


def entities(result: Result, truth: dict[str, Any], score: Score) -> None:
    """Compare the columns of the tables."""
    for expected in truth["entities"]:
        mine = next((entity for entity in result.entities if same_table(entity, expected)), None)
        for column in expected["columns"]:
            score.columns += 1
            got = next((item for item in mine.columns if same_column(item, column)), None) if mine else None
            why = "no such table" if mine is None else "no such column" if got is None else difference(got, column)
            if why:
                score.missed.append(f"{truth['repo']}: {expected['table']}.{column['name']}: {why}")
            else:
                score.columns_found += 1


def same_table(entity: Entity, expected: dict[str, Any]) -> bool:
    """Tell whether an entity is the one of the truth."""
    return entity.table.lower() == expected["table"].lower() or entity.table.lower().endswith(
        f".{expected['table'].lower()}"
    )


def same_column(column: Column, expected: dict[str, Any]) -> bool:
    """Tell whether a column is the one of the truth, by either of its names."""
    names = {expected["name"].lower(), str(expected.get("column", "")).lower()} - {""}
    return bool(names & {column.name.lower(), column.column.lower()})


KINDS = (
    (
        "string",
        "text",
        "varchar",
        "char",
        "cuid",
        "email",
        "slug",
        "url",
        "file",
        "uuid",
        "objectid",
        "enum",
        "simple-array",
        "character",
        "citext",
    ),
    (
        "int",
        "integer",
        "bigint",
        "serial",
        "increments",
        "number",
        "bigserial",
        "smallint",
        "autofield",
        "bigautofield",
    ),
    ("datetime", "timestamp", "timestamptz", "date", "time"),
    ("bool", "boolean", "tinyint"),
    ("json", "jsonb", "array", "object"),
    ("float", "double", "decimal", "numeric", "number", "real"),
    ("binary", "bytea", "blob"),
)


def difference(got: Column, expected: dict[str, Any]) -> str:
    """Say what differs between two columns; `` if they agree in kind, null, key and reference."""
    mine, theirs = re.split(r"[( ]", got.type.lower())[0], re.split(r"[( ]", expected["type"].lower())[0]
    alike_kinds = mine == theirs or any(mine in kinds and theirs in kinds for kinds in KINDS) or got.enum
    if not alike_kinds:
        return f"type {got.type}, not {expected['type']}"
    if got.nullable != expected["nullable"] and not got.primary_key:
        return f"{'null' if got.nullable else 'not null'}, not {'null' if expected['nullable'] else 'not null'}"
    if expected.get("primary_key", False) and not got.primary_key:
        return "no primary key"
    if expected.get("unique", False) and not (got.unique or got.primary_key):
        return "not unique"
    if expected.get("references") and not got.references:
        return f"no reference to {expected['references']}"
    return ""


def main() -> int:
    """Print the comparison, and fail where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repos", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--only", default="", help="a part of a repository's name")
    parser.add_argument("--show", action="store_true", help="list what was missed")
    options = parser.parse_args()
    prose = tomllib.loads(PROSE.read_text(encoding="utf-8"))["rule"]
    total = Score()
    for truth in json.loads(options.truth.read_text(encoding="utf-8")):
        folder = next((path for name in (truth["repo"].replace("/", "+"), truth["repo"].rpartition("/")[2])
                       if (path := options.repos / name).is_dir()), None)  # fmt: skip
        if folder is None or options.only not in truth["repo"]:
            if options.only in truth["repo"]:
                print(f"{truth['repo']}: not in {options.repos}, skipped")
            continue
        try:
            result = discover(folder)
        except UnitNeededError as error:
            print(f"{truth['repo']}: {error}")
            continue
        score = compare(result, truth, prose)
        total.add(score)
        print(
            f"{truth['repo']}: {sum(score.found.values())}/{sum(score.expected.values())} facts, "
            f"{score.columns_found}/{score.columns} columns, {len(score.wrong)} wrong, {len(score.broken)} broken, "
            f"{len(result.findings)} findings, {len(result.routes)} routes, {result.seconds:.1f} s"
        )
    return summary(total, show=options.show)


def summary(total: Score, *, show: bool) -> int:
    """Print the sums."""
    print()
    for row in sorted(total.expected):
        print(f"  {row} {ROWS.get(row, 'python'):9} {total.found[row]:4} / {total.expected[row]}")
    facts, expected = sum(total.found.values()), sum(total.expected.values())
    share = facts / expected if expected else 0.0
    columns = total.columns_found / total.columns if total.columns else 0.0
    wrong = len(total.wrong) / total.claims if total.claims else 0.0
    print(f"\nfacts {facts}/{expected} ({share:.1%}, wanted 92%)")
    print(f"columns {total.columns_found}/{total.columns} ({columns:.1%}, wanted 90%)")
    print(f"wrong claims {len(total.wrong)} of {total.claims} ({wrong:.1%}, at most 2%)")
    print(f"broken {len(total.broken)} (wanted 0)")
    for title, lines in (("Wrong", total.wrong), ("Broken", total.broken)):
        if lines:
            print(f"\n{title}:", *lines, sep="\n  ")
    if show:
        print("\nThe key is there, the value reads otherwise:", *total.unsure, sep="\n  ")
        print("\nMissed:", *total.missed, sep="\n  ")
    return 0 if share >= 0.92 and columns >= 0.9 and wrong <= 0.02 and not total.broken else 1


if __name__ == "__main__":
    sys.exit(main())
