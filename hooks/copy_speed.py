"""Measure `copier copy` of the default service against its floor: Copier copying the same files, and asking nothing.

Both come from a git repository, as users have it, and take turns. What counts is the time on the CPU, with that of git:
the clock also measures what else the machine does.

    make copy-speed                five turns
    make copy-speed ROUNDS=9       more
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from releases import PARTS, git, publish

ROOT = Path(__file__).resolve().parent.parent
TARGET = 1.5  # times the floor
IGNORED = ("__pycache__", ".venv", ".data", ".pytest_cache", ".ruff_cache", "uv.lock")


def repository(folder: Path) -> Path:
    """Put a folder into git."""
    git("init", "--quiet", "--initial-branch", "main", cwd=folder)
    publish(folder, "1.0.0")
    return folder


def template(folder: Path) -> Path:
    """Copy the template as the work tree has it."""
    folder.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(*IGNORED))
        else:
            shutil.copy2(ROOT / part, folder / part)
    return repository(folder)


def floor(folder: Path, service: Path) -> Path:
    """Make a template that holds a rendered service as it is, and asks nothing."""
    shutil.copytree(service, folder / "template", ignore=shutil.ignore_patterns(".copier-answers.yml"))
    (folder / "copier.yml").write_text("_subdirectory: template\n_exclude: []\n", encoding="utf-8")
    # Otherwise git would leave out what the service ignores.
    (folder / "template" / ".gitignore").rename(folder / "template" / "gitignore")
    return repository(folder)


def cpu_seconds(source: Path, target: Path) -> float:
    """Copy once as a whole process, and give the time on the CPU of it and its children."""
    copier = str(Path(sys.executable).with_name("copier"))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [copier, "copy", "--quiet", "--defaults", str(source), str(target)]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, env=kept, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(rounds: int) -> tuple[list[float], list[float], int]:
    """Give the times of the template and of the floor, and how many files each copies."""
    with TemporaryDirectory(prefix="copy-speed-") as name:
        scratch = Path(name)
        ours = template(scratch / "ours")
        cpu_seconds(ours, scratch / "service")
        bare = floor(scratch / "bare", scratch / "service")
        cpu_seconds(bare, scratch / "floor")
        files = sum(path.is_file() for path in (scratch / "floor").rglob("*"))
        if files + 1 != sum(path.is_file() for path in (scratch / "service").rglob("*")):  # the answers are ours alone
            sys.exit("The floor copies other files than the template: its figure would mean nothing.")
        turns = [
            (cpu_seconds(ours, scratch / f"service-{turn}"), cpu_seconds(bare, scratch / f"floor-{turn}"))
            for turn in range(rounds)
        ]
    return [each for each, _ in turns], [each for _, each in turns], files


def main() -> int:
    """Print both times and their ratio; fail above the target."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    ours, bare, files = measure(parser.parse_args().rounds)
    ratios = sorted(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    ratio = statistics.median(ratios)
    print(
        f"copier copy --defaults, {files} files: {statistics.median(ours):.2f} s of CPU; without questions and Jinja "
        f"{statistics.median(bare):.2f} s; {ratio:.2f} times the floor ({ratios[0]:.2f} to {ratios[-1]:.2f}), "
        f"at most {TARGET} is wanted"
    )
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
