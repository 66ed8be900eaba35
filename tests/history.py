"""The template as services see it, with a past: copies of its releases, and their updates."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import releases
from copier import run_copy, run_update
from releases import Release
from shell import run

RELEASED = releases.read()
# The work tree, as if it were released, and one more. No release that is recorded comes near them.
NEWEST, NEXT = "999.0.0", "1000.0.0"
# What services follow from: every release, and the work tree, from which they go on to the next one.
FOLLOWED = [*RELEASED, Release(NEWEST, "HEAD", date.max, ())]


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


RULES = ("indent_size = 4\n", "indent_size = 8\n", "indent_size = 3\n")
ROOM = '''"""Room for updates in every page of the {table}."""

from collections.abc import Sequence

from alembic import op

revision: str = "{revision}"
down_revision: str | None = "{head}"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE {table} SET (fillfactor = {percent})")


def downgrade() -> None:
    op.execute("ALTER TABLE {table} RESET (fillfactor)")
'''


def publish_next(template: Path) -> Path:
    """Publish one more release: a file that others changed, a new file, a migration of the platform."""
    new = template / "template"
    rules = new / ".editorconfig"
    text = rules.read_text(encoding="utf-8")
    assert text.count(RULES[0]) == 1
    rules.write_text(text.replace(*RULES[:2]), encoding="utf-8")
    (new / "docs/news").mkdir()
    (new / "docs/news/new.md").write_text("# New\n", encoding="utf-8")
    folder = new / "migrations/platform"
    room = ROOM.format(revision="platform_9999", head=head(folder), table="accounts", percent=90)
    (folder / "9999_room.py").write_text(room, encoding="utf-8")
    releases.publish(template, NEXT)
    return template


def head(folder: Path) -> str:
    """Give the newest of some migrations: the one that no other builds on."""
    text = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    newest: str
    (newest,) = set(re.findall(r'^revision[^=]*= "(\w+)"', text, re.M)) - set(
        re.findall(r'^down_revision[^=]*= "(\w+)"', text, re.M)
    )
    return newest
