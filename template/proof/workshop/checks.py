"""What has to hold before a change is done, and what mends it."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from resource import RUSAGE_CHILDREN, getrusage
from typing import IO, cast

import click

from app.adapters.process import ROOT
from app.kit.discovery import modules
from proof import parts
from proof.workshop.tools import tool

# What authenticates and authorizes, beside what each part adds.
_CRITICAL = (
    "app/platform/auth/*",
    "app/adapters/encryption.py",
    "app/kit/access.py",
    "app/kit/crypto.py",
    "app/kit/passwords.py",
    "app/http/authentication.py",
)
CRITICAL = tuple(chain(_CRITICAL, *(cast("tuple[str, ...]", each.CRITICAL) for each in modules(parts, "critical"))))


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that `make check` proves."""

    name: str
    command: tuple[str, ...]
    mend: str
    shown: bool = False
    """Whether what it says is shown while it says it."""


_PROOF = "tests/proof"
# What stands in one row is done one after the other; the rows, at once. So each needs one processor, and the tests of
# what proves the service cost no time for lines of app/ that other tests are there to cover.
_ROWS = (
    (
        Check("format", ("ruff", "format", "--check", "--quiet", "."), "run `make fix`"),
        Check("lint", ("ruff", "check", "--quiet", "."), "run `make fix`, then mend what is left"),
        Check("arrows", ("lint-imports", "--no-cache"), "move the code to where it belongs: AGENTS.md has the list"),
        Check("types", ("basedpyright",), "give it its type; an ignore is no mend"),
        Check("tests of the proof", ("pytest", "-n", "0", "--quiet", _PROOF), "read the first failure above"),
    ),
    (
        Check(
            "tests",
            ("pytest", "-n", "0", "--quiet", "--cov", "--cov-report=term-missing:skip-covered", f"--ignore={_PROOF}"),
            "read the first failure above",
            shown=True,
        ),
        Check(
            "coverage of authentication and authorization code",
            ("coverage", "report", f"--include={','.join(CRITICAL)}", "--fail-under=90"),
            "test the lines named above",
        ),
    ),
)


@click.command()
def check() -> None:
    """Prove everything: format, lint, types, import arrows, migrations, tests with coverage."""
    began = time.perf_counter()
    with ThreadPoolExecutor(len(_ROWS)) as rows:
        done = [each for row in rows.map(_row, _ROWS) for each in row]
    usage = getrusage(RUSAGE_CHILDREN)
    took = f"{time.perf_counter() - began:.0f} s, {usage.ru_utime + usage.ru_stime:.0f} s of a processor"
    if failed := [each for each, passed in done if not passed]:
        lines = "\n".join(f"  - {each.name}: {each.mend}." for each in failed)
        raise click.ClickException(f"{len(failed)} of {len(done)} checks failed ({took}):\n{lines}")
    click.echo(f"All {len(done)} checks passed ({took}).")


def _row(checks: tuple[Check, ...]) -> list[tuple[Check, bool]]:
    return [(each, _passes(each)) for each in checks]


def _passes(check: Check) -> bool:
    began = time.perf_counter()
    said: list[str] = []
    with subprocess.Popen(
        tool(*check.command), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in cast("IO[str]", process.stdout):
            click.echo(line, nl=False) if check.shown else said.append(line)
    passed = process.returncode == 0
    verdict = click.style("passed", fg="green") if passed else click.style("FAILED", fg="red")
    # In one piece: others speak at the same time.
    click.echo(f"{'' if passed else ''.join(said)}{verdict}  {check.name} ({time.perf_counter() - began:.1f} s)")
    return passed


@click.command()
def fix() -> None:
    """Mend what a machine can mend: imports, format, simple findings."""
    for command in (("ruff", "check", "--fix", "."), ("ruff", "format", ".")):
        if subprocess.run(tool(*command), cwd=ROOT, check=False).returncode:
            raise click.ClickException("What is listed above needs a person.")
