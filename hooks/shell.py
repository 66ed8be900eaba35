"""Commands of rendered services: uv, and an environment without what this process is run by."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class FailedError(Exception):
    """A command that has to succeed did not; the message says what it printed."""


def uv() -> str:
    """Find uv: the one that runs this process, or the one on the path, or the one that `make setup` brought."""
    return os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")


def outside() -> dict[str, str]:
    """Give the environment without what this process runs in: a service has its own packages and its own pytest."""
    inside = ("VIRTUAL_ENV", "PYTEST_", "COV_CORE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(inside)}


def run(
    *command: str | Path, cwd: Path, timeout: float | None = 600, environment: Mapping[str, str] | None = None
) -> str:
    """Run a command that has to succeed, and give what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=outside() | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    if done.returncode:
        raise FailedError(f"{' '.join(map(str, command))} exited {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout
