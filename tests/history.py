"""The template as services see it, with a past: copies of its releases, and their updates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import releases
from copier import run_copy, run_update
from support import run

RELEASED = releases.read()
# The work tree, as if it were released, and one more. No release that is recorded comes near them.
NEWEST, NEXT = "999.0.0", "1000.0.0"


def commit(service: Path, message: str) -> None:
    """Commit everything."""
    run("git", "add", "--all", cwd=service)
    run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", message, cwd=service)


def copy(template: Path, target: Path, version: str, **given: Any) -> Path:
    """Make a service from one release, and put it into git."""
    run_copy(str(template), target, data=given, vcs_ref=version, defaults=True, quiet=True, unsafe=False)
    run("git", "init", "-q", "-b", "main", cwd=target)
    commit(target, "Rendered")
    return target


def update(service: Path, **given: Any) -> None:
    """Update as `copier update --defaults` does, trusting nothing."""
    run_update(service, data=given, defaults=True, overwrite=True, quiet=True, unsafe=False)
