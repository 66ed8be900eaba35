"""The work tree during an upgrade: what it was before, what arrived, where both sides changed the same lines."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

# What Copier writes around a conflict.
OURS, THEIRS = "<<<<<<< before updating", ">>>>>>> after updating"

_GIT = shutil.which("git") or "git"
# Copier finds by `git status` what it could not merge, and this finds files that are not in git: whatever somebody has
# told git not to show them. What stands in the environment comes before their configuration, for Copier's git, too.
_COUNT = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
os.environ |= {
    f"GIT_CONFIG_KEY_{_COUNT}": "status.showUntrackedFiles",
    f"GIT_CONFIG_VALUE_{_COUNT}": "normal",
    "GIT_CONFIG_COUNT": str(_COUNT + 1),
}
_MERGING, _INSTALLED = "merging", "installed"


class Stop(Exception):
    """Here a person has to decide; the message says what."""


def git(*arguments: str) -> str:
    """What git answers."""
    done = subprocess.run(
        [_GIT, *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", errors="surrogateescape", check=False
    )
    if done.returncode:
        raise Stop(f"`git {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout


def _names(*arguments: str) -> tuple[str, ...]:
    return tuple(name for name in git(*arguments).split("\0") if name)


@dataclass(frozen=True, slots=True)
class Journal:
    """What it takes to go on, or to give the tree back; it lies in .git while an upgrade is under way."""

    before: str
    phase: str = _MERGING
    arrived: tuple[str, ...] = ()

    @staticmethod
    def _file() -> Path:
        return ROOT / git("rev-parse", "--git-path", "upgrade-of-the-template").strip()

    @classmethod
    def read(cls) -> "Journal | None":
        """The journal of the upgrade that is under way."""
        with suppress(FileNotFoundError):
            before, phase, *arrived = cls._file().read_text(encoding="utf-8", errors="surrogateescape").split("\0")
            return cls(before, phase, tuple(arrived))
        return None

    def write(self) -> "Journal":
        """Keep it."""
        text = "\0".join((self.before, self.phase, *self.arrived))
        _ = self._file().write_text(text, encoding="utf-8", errors="surrogateescape")
        return self

    def close(self) -> None:
        """Forget it: the upgrade is over."""
        self._file().unlink(missing_ok=True)

    @property
    def merging(self) -> bool:
        """The merge did not come to its end."""
        return self.phase == _MERGING

    @property
    def installed(self) -> bool:
        """The packages may be those of the new version."""
        return self.phase == _INSTALLED

    def merged(self) -> "Journal":
        """The merge is done: what is not in git now was not there before, because the tree was clean."""
        return Journal(self.before, "merged", untracked()).write()

    def installing(self) -> "Journal":
        """From here on the packages may be those of the new version."""
        return Journal(self.before, _INSTALLED, self.arrived).write()

    def give_back(self) -> tuple[str, ...]:
        """Make the tree what it was, and return the files that are not in git and were left.

        Deleted is only what the update brought. A file that a person added since, staged or not, stays.
        """
        if git("rev-parse", "HEAD").strip() != self.before:
            raise Stop(
                "There are commits since the upgrade began, and giving back the tree would drop them. "
                f"If you mean that: `git reset --hard {self.before[:12]}`."
            )
        _ = git("reset", "--quiet", "--", ".")
        _ = git("restore", "--worktree", "--", ".")
        for name in self.arrived:
            file = ROOT / name
            file.unlink(missing_ok=True)
            for folder in file.relative_to(ROOT).parents:
                with suppress(OSError):  # it holds something else
                    (ROOT / folder).rmdir()
        return untracked()


def begin() -> Journal:
    """Note where an upgrade starts; only a clean tree can be given back."""
    try:
        head = git("rev-parse", "--verify", "--quiet", "HEAD").strip()
    except Stop:
        raise Stop(
            "The project has no commit in git yet, and an upgrade is a merge into one: `git init`, `git add --all`, "
            "`git commit`, then again."
        ) from None
    if changed := git("status", "--porcelain").splitlines():
        raise Stop(
            "The work tree is not clean, and an upgrade has to be able to give it back. Commit or stash first:\n"
            + listed(line[3:] for line in changed)
        )
    return Journal(head).write()


def held(commit: str) -> frozenset[str]:
    """The files of a commit."""
    return frozenset(_names("ls-tree", "-r", "-z", "--name-only", commit))


def untracked() -> tuple[str, ...]:
    """The files that are neither in git nor ignored by it."""
    return _names("ls-files", "-z", "--others", "--exclude-standard")


def changed(before: str, kind: str = "") -> tuple[str, ...]:
    """The files in git that differ from a commit: all, or those of one kind, such as D for deleted."""
    kinds = [f"--diff-filter={kind}"] if kind else []
    return tuple(dict.fromkeys(_names("diff", "-z", "--name-only", "--relative", *kinds, before)))


def conflicts(before: str) -> dict[str, list[str]]:
    """Where both sides changed the same lines: file, and the lines from marker to marker."""
    found = {name: list(_ranges(ROOT / name)) for name in changed(before) if (ROOT / name).is_file()}
    return {name: ranges for name, ranges in found.items() if ranges}


def _ranges(file: Path) -> Iterator[str]:
    start = 0
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if line == OURS:
            start = number
        elif line == THEIRS:
            yield f"{start}-{number}"


def settle() -> None:
    """Tell git that files without a marker are no conflicts any more."""
    if unmerged := tuple(dict.fromkeys(_names("diff", "-z", "--name-only", "--relative", "--diff-filter=U"))):
        _ = git("add", "--", *unmerged)


def version() -> str:
    """The release of the template that the project follows."""
    return _noted("_commit")


def source() -> str:
    """The address of the template."""
    return _noted("_src_path")


def _noted(name: str) -> str:
    try:
        lines = (ROOT / ".copier-answers.yml").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise Stop(
            "There is no .copier-answers.yml, and nothing else says which template this service follows."
        ) from None
    return next((line.partition(":")[2].strip(" '\"") for line in lines if line.startswith(f"{name}:")), "unknown")


def listed(names: Iterator[str] | tuple[str, ...]) -> str:
    """File by file, one a line; not more than a screen holds."""
    shown = list(names)
    more = [f"  … and {len(shown) - 20} more"] if len(shown) > 20 else []  # noqa: PLR2004 - a screen
    return "\n".join([*(f"  {name}" for name in shown[:20]), *more])
