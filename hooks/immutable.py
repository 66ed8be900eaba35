"""Refuse a releases.yml that changes or forgets what an earlier commit released."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml
from releases import FIRST

ROOT = Path(__file__).resolve().parent.parent
FILE = "releases.yml"


def broken(root: Path) -> list[str]:
    """Give one sentence for each release of the history that the work tree changes or forgets."""
    if _git(root, "rev-parse", "--is-shallow-repository").strip() == "true":
        return ["This clone has not the whole history, so no release can be compared: run `git fetch --unshallow`."]
    now = _commits((root / FILE).read_text(encoding="utf-8"))
    said = {}
    # --full-history: one that was recorded on a branch and lost in its merge counts, too.
    for commit in _git(root, "log", "-m", "--format=%H", "--full-history", "--diff-filter=AM", "--", FILE).split():
        for version, released in _commits(_git(root, "show", f"{commit}:{FILE}")).items():
            if now.get(version) != released:
                said[version, released] = (
                    f"{version} was released as {released} (releases.yml of {commit[:12]}), and is "
                    f"{now.get(version, 'gone')} now: a release never changes. Put it back, and release a new version."
                )
    return [said[key] for key in sorted(said)]


def _commits(text: str) -> dict[str, str]:
    """Give the commit of each version that a releases.yml lists."""
    entries = {str(each["version"]): str(each["commit"]) for each in yaml.safe_load(text) or []}
    return {version: commit for version, commit in entries.items() if tuple(map(int, version.split("."))) >= FIRST}


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def main() -> int:
    """Say what is broken, if anything."""
    for sentence in (said := broken(ROOT)):
        print(sentence, file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
