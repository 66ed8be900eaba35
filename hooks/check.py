"""Format, lint, type and test this repository; `--fix` mends what a machine can mend instead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = [sys.executable, "-m"]
CHECKS = [
    [*PYTHON, "ruff", "format", "--check"],
    [*PYTHON, "ruff", "check"],
    [*PYTHON, "mypy", "discover", "hooks", "tests"],
    [*PYTHON, "pytest", "-n", "2", "-m", "not slow"],
]
FIXES = [
    [*PYTHON, "ruff", "check", "--fix"],
    [*PYTHON, "ruff", "format"],
    [sys.executable, "hooks/options.py"],
]


def main() -> int:
    """Run every command, and fail with the first that fails."""
    for command in FIXES if "--fix" in sys.argv[1:] else CHECKS:
        code = subprocess.run(command, cwd=ROOT).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
