"""Move the day that the dependencies are tested on: services and this repository resolve nothing newer."""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = {
    "copier.yml": re.compile(r'(?<=  default: ")\d{4}-\d\d-\d\d(?=T00:00:00Z")'),
    "pyproject.toml": re.compile(r'(?<=exclude-newer = ")\d{4}-\d\d-\d\d(?=T00:00:00Z")'),
}


class RefusedError(Exception):
    """The day cannot be the one, and the message says why."""


def day_from(text: str, today: date) -> date:
    """Read a day, and refuse one that is not two days past: a release that young may yet be withdrawn."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise RefusedError(f"{text!r} is not a day: write it like 2026-11-20.") from None
    if day > today - timedelta(days=2):
        raise RefusedError(f"{day} is too young: take {today - timedelta(days=2)} or a day before it.")
    return day


def move(root: Path, day: date) -> list[str]:
    """Write the day into every place that holds it, and name the files that changed."""
    changed = []
    for name, pattern in PLACES.items():
        file = root / name
        old = file.read_text(encoding="utf-8")
        new, count = pattern.subn(day.isoformat(), old)
        if count != 1:
            raise RefusedError(f"{name} holds the day {count} times, not once: mend that first.")
        if new != old:
            file.write_text(new, encoding="utf-8")
            changed.append(name)
    return changed


def main(arguments: list[str]) -> int:
    """Move the day given, or two days ago."""
    today = datetime.now(UTC).date()
    try:
        day = day_from(arguments[0] if arguments else (today - timedelta(days=2)).isoformat(), today)
        changed = move(ROOT, day)
    except RefusedError as refused:
        print(refused, file=sys.stderr)
        return 1
    print(
        f"{day}: {', '.join(changed) or 'nothing to change'}. "
        "Next: make test, then as docs/decisions/0005-releases.md says."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
