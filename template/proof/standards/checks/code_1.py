"""CODE-1: the tests cover the business logic, and nearly all of the authentication and authorization code."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from pydantic import BaseModel

from proof.standards.context import Context
from proof.standards.outcome import Outcome, Table, judged
from proof.workshop.checks import CRITICAL

_BUSINESS = 80.0
_CRITICAL = 90.0


class Summary(BaseModel):
    """What coverage counted in one file."""

    covered_lines: int
    num_statements: int
    covered_branches: int = 0
    num_branches: int = 0
    missing_lines: int


class _File(BaseModel):
    summary: Summary
    missing_lines: list[int]


class Report(BaseModel):
    """The part of coverage's JSON that is read here."""

    files: Mapping[str, _File]


def check(context: Context) -> Outcome:
    """Run every test, with coverage of lines and branches."""
    with tempfile.TemporaryDirectory(prefix="coverage-") as folder:
        report = Path(folder) / "coverage.json"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--cov", f"--cov-report=json:{report}", "--cov-fail-under=0"],
            cwd=context.root,
            env=_environment(context, Path(folder)),
            capture_output=True,
            text=True,
            check=False,
        )
        last = next(iter(done.stdout.strip().splitlines()[-1:]), "")
        if done.returncode:
            return judged([f"tests fail: {last.strip('= ')}. Run `make test` and read the first failure."], None)
        found = Report.model_validate_json(report.read_text(encoding="utf-8"))
    return read(found, last.strip("= "))


def read(report: Report, tests: str) -> Outcome:
    """Whether the tests reach what they have to."""
    files = {name.replace(os.sep, "/"): each for name, each in report.files.items()}
    critical = {name for name in files if any(fnmatch(name, pattern) for pattern in CRITICAL)}
    business = {name for name in files if name.startswith(("app/domain/", "app/platform/"))}
    parts = (
        ("business logic, app/domain/ and app/platform/", business, _BUSINESS),
        ("all of app/", set(files), _BUSINESS),
        ("authentication and authorization code", critical, _CRITICAL),
    )
    faults: list[str] = []
    percents: list[str] = []
    for what, names, least in parts:
        percent = covered([files[name].summary for name in names])
        percents.append(f"{what} {percent:.1f} %")
        if percent < least:
            worst = min(names, key=lambda name: covered([files[name].summary]), default="app/")
            lines = ", ".join(str(each) for each in files[worst].missing_lines[:5]) if worst in files else "all"
            faults.append(
                f"the tests reach {percent:.1f} % of {what}, not {least:.0f} %. Begin with {worst}, lines {lines}."
            )
    return judged(
        faults,
        f"{covered([files[name].summary for name in business]):.1f} % and "
        f"{covered([files[name].summary for name in critical]):.1f} %",
        "of business logic and of authentication and authorization code",
        evidence=[tests, *percents],
        tables=[
            Table(
                "Coverage",
                ("file", "reached", "missing lines"),
                [
                    (
                        name + (" · authentication and authorization" if name in critical else ""),
                        f"{covered([each.summary]):.0f} %",
                        ", ".join(str(line) for line in each.missing_lines[:12]),
                    )
                    for name, each in sorted(files.items(), key=lambda pair: covered([pair[1].summary]))
                    if each.summary.num_statements
                ],
            )
        ],
    )


def covered(summaries: list[Summary]) -> float:
    """The percentage of lines and branches that were reached; 0 where there are none."""
    reached = sum(each.covered_lines + each.covered_branches for each in summaries)
    there = sum(each.num_statements + each.num_branches for each in summaries)
    return 100 * reached / there if there else 0.0


def _environment(context: Context, folder: Path) -> dict[str, str]:
    """The environment of somebody who runs the tests by hand."""
    ours = ("DATABASE_", "PYTEST_", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    # Where the database is given, the tests get one there; else they start one of their own.
    given = {"DATABASE_URL": context.database} if "DATABASE_URL" in os.environ else {}
    return kept | given | {"COVERAGE_FILE": str(folder / ".coverage")}
