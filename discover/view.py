"""What the screen and the report both say: words for rows, keys and levels of proof, and the first sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from discover.engine import Result
from discover.findings import ABSENT, Entity, Finding, Proof, Row
from discover.text import plain

ROWS: dict[Row, str] = {
    Row.API: "API",
    Row.DATA: "Data",
    Row.WHO: "Who may call",
    Row.VERSIONS: "API versions",
    Row.LOGS: "Logs and errors",
    Row.LOAD: "Load",
    Row.EDGES: "Edges",
    Row.DELIVERY: "Delivery",
}

PROOFS: dict[Proof, str] = {
    Proof.RUNS: "used, and reached from the entry point",
    Proof.USED: "imported and called outside tests",
    Proof.IMPORTED: "imported, and no call was found",
    Proof.LISTED: "a dependency, and no more",
    Proof.NAMED: "a file name or a README says so",
}

_ACRONYMS = re.compile(
    r"\b(api|cors|csrf|ci|orm|jwt|mfa|totp|csp|http|https|tls|ssl|url|id|ip|sql|vus|rps|hsts|cd|paas)\b", re.IGNORECASE
)
_FIRST = ("language", "framework", "database", "datastore", "orm", "auth", "versioning", "logger", "load_tests", "ci")


def label(key: str) -> str:
    """Give a key as a person would say it: `rate_limit` is `rate limit`."""
    return _ACRONYMS.sub(lambda found: found[0].upper(), plain(key).replace("_", " "))


_LACKING = {
    "auth": "authentication",
    "ci": "pipeline (CI)",
    "compose": "compose file",
    "docker": "Dockerfile",
    "helmet": "security headers",
    "rate_limit": "rate limits",
    "validation": "input validation",
    "versioning": "API versions",
}


def lacking(key: str) -> str:
    """Give what is not there as a person would say it."""
    return _LACKING.get(key) or label(key)


def where(found: Finding) -> str:
    """Say where and when a finding holds, if not everywhere and always."""
    return ", ".join(plain(part) for part in (found.scope, found.condition) if part)


def is_absent(found: Finding) -> bool:
    """Tell whether a finding says that something is not there."""
    return str(found.value).startswith(ABSENT)


@dataclass(slots=True)
class Glance:
    """One row at a glance."""

    row: Row
    title: str
    found: list[Finding] = field(default_factory=list)
    unknown: list[Finding] = field(default_factory=list)
    missing: list[Finding] = field(default_factory=list)


def glance(result: Result) -> list[Glance]:
    """Give every row with what is proven of it, what could not be read, and what is not there."""
    rows = []
    for row, title in ROWS.items():
        proven = [each for each in result.findings if each.row is row and each.proof >= Proof.USED]
        proven.sort(key=lambda each: _FIRST.index(each.key) if each.key in _FIRST else len(_FIRST))
        rows.append(
            Glance(
                row,
                title,
                [each for each in proven if not is_absent(each) and not each.unknown],
                [each for each in proven if each.unknown],
                [each for each in proven if is_absent(each)],
            )
        )
    return rows


def seen(result: Result) -> list[Finding]:
    """Give what was only seen: imported, listed or named."""
    return [each for each in result.findings if each.proof < Proof.USED and not is_absent(each)]


def tables(result: Result) -> list[Entity]:
    """Give the tables and collections that are the business's own."""
    return [each for each in result.entities if each.proof >= Proof.USED and not each.internal]


def title(result: Result) -> str:
    """Give what the codebase, or its unit, is called."""
    return plain(result.unit.name or result.unit.folder or result.root.name)


def counted(number: int, thing: str, things: str = "") -> str:
    """Write a number with its noun."""
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"


def headline(result: Result) -> str:
    """Say in one sentence what it is: language, framework, database, operations, tables."""
    named = []
    for key in ("language", "framework", "database", "datastore", "orm", "query_builder"):
        values = [plain(each.value) for each in result.used(key) if not is_absent(each) and not each.unknown]
        named += [value for value in values[:2] if value not in named]
    # What is only answered under a condition is listed, and not counted.
    counts = [each.value for each in result.used("endpoint_count") if isinstance(each.value, int)]
    operations = counts[0] if counts else len(result.routes)
    count = [counted(operations, "operation")] if operations else []
    count += [counted(len(tables(result)), "table")] if tables(result) else []
    what = ", ".join(named) or "No framework was recognised"
    return f"{what}{': ' if count else ''}{' and '.join(count)}."


def reasons(result: Result) -> dict[str, list[str]]:
    """Group what was not read by the reason: reason → paths."""
    grouped: dict[str, list[str]] = {}
    for path, why in result.unread.items():
        grouped.setdefault(plain(why), []).append(plain(path))
    return grouped
