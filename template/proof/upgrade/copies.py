"""The service as the template makes it: with other answers, or as an earlier release did."""

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from proof.upgrade import worktree
from proof.upgrade.worktree import ROOT, Stop

ANSWERS = ".copier-answers.yml"
# What differs between any two copies.
_OWN = {ANSWERS, ".env"}


def uv() -> str:
    """Where uv is."""
    return os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")


def copier() -> list[str]:
    """The command that Copier is called by."""
    return shlex.split(os.environ.get("COPIER", "")) or [uv(), "tool", "run", "--from", "copier>=9.19", "copier"]


@dataclass(frozen=True, slots=True)
class Copy:
    """A fresh copy of the service."""

    root: Path
    files: frozenset[str]

    @classmethod
    def of(cls, root: Path, *data: str, release: str = "", answers: Path = ROOT / ANSWERS) -> "Copy":
        """Render one.

        Args:
            root: the folder to make.
            data: answers that replace those that are recorded: `peak_rps=500`.
            release: of the template; the one that the service follows when it is empty.
            answers: the file that they are recorded in.
        """
        given = ["--data-file", str(answers), *(word for each in data for word in ("--data", each))]
        asked = ["copy", "--quiet", "--defaults", *given, "--vcs-ref", release or worktree.version()]
        command = [*copier(), *asked, worktree.source(), str(root)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "it gave no reason"
            raise Stop(re.sub(r"^.*?(Must |Invalid choice)", r"\1", reason))
        found = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        return cls(root, frozenset(found) - _OWN)

    def differs(self, other: Path, name: str) -> bool:
        """Whether a file is not the same elsewhere."""
        there = other / name
        return not there.is_file() or (self.root / name).read_bytes() != there.read_bytes()
