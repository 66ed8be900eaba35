"""Render the default service into build/demo and run it."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

from copier import run_copy
from copier.errors import DirtyLocalWarning

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "build" / "demo"


def render() -> None:
    """Put a fresh default service where the last one was."""
    if DEMO.exists() and not (DEMO / ".copier-answers.yml").is_file():
        sys.exit(f"{DEMO.relative_to(ROOT)} was not made by `make demo`: move it away, and try again.")
    shutil.rmtree(DEMO, ignore_errors=True)
    warnings.filterwarnings("ignore", category=DirtyLocalWarning)  # what is not committed is to be seen, too
    run_copy(str(ROOT), DEMO, vcs_ref="HEAD", defaults=True, quiet=True)


def command(port: int) -> list[str]:
    """Give what starts the service, with the uv that runs this."""
    uv = os.environ.get("UV")
    return ["make", "--no-print-directory", "run", f"PORT={port}", *([f"UV={uv}"] if uv else [])]


def environment() -> dict[str, str]:
    """Give an environment in which the service has its own packages, not ours."""
    return {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}


def run(port: int) -> int:
    """Start the service, and hand over the terminal."""
    try:
        return subprocess.run(command(port), cwd=DEMO, env=environment()).returncode
    except KeyboardInterrupt:
        return 0


def main() -> int:
    """Render, then run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="where the service listens (8000)")
    arguments = parser.parse_args()
    render()
    print(f"rendered into {DEMO.relative_to(ROOT)}", flush=True)
    return run(arguments.port)


if __name__ == "__main__":
    sys.exit(main())
