"""Whether the recorded answers are those that the service was made with.

An update takes the recorded ones for the old ones. So one that is changed by hand reaches no file, and later updates
keep the service as it was.
"""

import re

from proof.upgrade.worktree import ROOT

_RECORDED = ROOT / ".copier-answers.yml"
_MADE_WITH = ROOT / "proof" / "answers.yml"


def edited() -> str:
    """What was changed by hand, and how to change it; empty when nothing was."""
    recorded = _read(_RECORDED.read_text(encoding="utf-8") if _RECORDED.exists() else "")
    made_with = _read(_MADE_WITH.read_text(encoding="utf-8") if _MADE_WITH.exists() else "")
    changed = [name for name in recorded if name in made_with and recorded[name] != made_with[name]]
    if not changed:
        return ""
    told = ", ".join(f"{name} is {recorded[name]} there and {made_with[name]} in the service" for name in changed)
    given = " ".join(f"-d '{name}={recorded[name]}'" for name in changed)
    return (
        f".copier-answers.yml was changed by hand: {told}. Put it back, "
        f'then `make upgrade args="{given}"` changes it everywhere.'
    )


def _read(text: str) -> dict[str, str]:
    """The answers by name, each as it would be given by `-d`."""
    found: dict[str, list[str]] = {}
    name = "_"
    for line in text.splitlines():
        if start := re.match(r"(\w+): ?(.*)", line):
            name = start[1]
            found[name] = [start[2].strip()]
        elif not line.startswith("#"):
            found.setdefault(name, []).append(line.strip())
    return {name: _plain(lines) for name, lines in found.items() if not name.startswith("_")}


def _plain(lines: list[str]) -> str:
    first, *rest = lines
    entries = [line.removeprefix("- ") for line in rest if line.startswith("- ")]
    if entries or first.startswith("["):
        words = entries or [word.strip() for word in first.strip("[]").split(",") if word.strip()]
        return f"[{', '.join(word.strip(chr(39) + chr(34)) for word in words)}]"
    return " ".join(line for line in lines if line).strip("'\"")
