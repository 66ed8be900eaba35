"""What was released: which commit is which version, and the template as it was then."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "releases.yml"
# The first whose promises hold; CHANGELOG.md tells of older ones, which nobody followed.
FIRST = (0, 4, 0)
# What makes the template; the rest of the repository is around it.
PARTS = ("copier.yml", "examples", "features", "includes", "template")


@dataclass(frozen=True)
class Release:
    """One version that services may follow."""

    version: str
    commit: str
    date: date
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return self.version


def read(file: Path = FILE) -> list[Release]:
    """Read every release, the newest first."""
    entries = yaml.safe_load(file.read_text(encoding="utf-8")) or []
    return [
        Release(str(each["version"]), str(each["commit"]), each["date"], tuple(each.get("notes", [])))
        for each in entries
    ]


def unpack(release: Release, target: Path) -> Path:
    """Write the template as it was released into a directory, without its history."""
    command = ["git", "archive", release.commit, *PARTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True)
    if done.returncode:
        raise LookupError(
            f"Release {release} is commit {release.commit}, and this clone does not have it: "
            f"fetch the whole history of main, or mend releases.yml. {done.stderr.decode().strip()}"
        )
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(target, filter="data")
    return target


def clone(target: Path, newest: str) -> Path:
    """Make a repository as services see it: each release is a tag, and the work tree is the newest one."""
    git("clone", "--quiet", "--no-checkout", "--no-tags", str(ROOT), str(target), cwd=ROOT)
    git("checkout", "--quiet", "-B", "main", cwd=target)
    for release in read():
        git("tag", release.version, release.commit, cwd=target)
    for part in PARTS:
        here, there = ROOT / part, target / part
        if there.is_dir():
            shutil.rmtree(there)
        if here.is_dir():
            shutil.copytree(here, there, ignore=shutil.ignore_patterns("__pycache__", ".venv", "uv.lock"))
        else:
            shutil.copy2(here, there)
    publish(target, newest)
    return target


def publish(repository: Path, version: str) -> None:
    """Commit what is in a clone, and tag it."""
    git("add", "--all", cwd=repository)
    person = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    git(*person, "commit", "--quiet", "--allow-empty", "--message", version, cwd=repository)
    git("tag", version, cwd=repository)


def sections(changelog: str) -> list[tuple[str, str]]:
    """Give the versions of a changelog with their days, the newest first."""
    return re.findall(r"^## (\d\S*) - (\d{4}-\d\d-\d\d)$", changelog, re.MULTILINE)


def git(*arguments: str, cwd: Path) -> None:
    """Call git, which has to succeed."""
    subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True)
