"""Text of a codebase, made fit for YAML, for a terminal and for a page."""

from __future__ import annotations

import json
import re
import textwrap

import yaml

WIDTH = 110


def plain(text: object) -> str:
    """Give one line that a terminal and a comment can bear: no control characters, line ends or turns of direction."""
    shown = "".join(each if each.isprintable() else " " for each in str(text))
    return " ".join(shown.split())


def comment(text: str, *, indent: int = 0) -> list[str]:
    """Write text as comments of YAML, one for each line and as many as it takes."""
    start = f"{' ' * indent}# "
    lines = []
    for line in text.splitlines():
        lines += textwrap.wrap(plain(line), WIDTH - len(start), break_on_hyphens=False) or [""]
    return [f"{start}{line}".rstrip() for line in lines]


def quoted(value: object) -> str:
    """Write a value on one line of YAML, with quotes where it would be read as something else."""
    if isinstance(value, list):
        return f"[{', '.join(quoted(each) if _BARE.fullmatch(str(each)) else _escaped(str(each)) for each in value)}]"
    text = str(value)
    if re.fullmatch(r"[A-Za-z_][\w .&+'()?=/,:-]*", text) and text == text.strip() and " #" not in text:
        try:
            if yaml.safe_load(text) == text and yaml.safe_load(f"x: {text}") == {"x": text}:
                return text
        except yaml.YAMLError:
            pass
    return _escaped(text)


_BARE = re.compile(r"[A-Za-z_][\w.-]*")


def _escaped(text: str) -> str:
    """Write text in double quotes; what cannot be printed is escaped."""
    return "".join(
        each if each.isprintable() else json.dumps(each)[1:-1] if ord(each) < 0x10000 else f"\\U{ord(each):08X}"
        for each in f'"{json.dumps(text, ensure_ascii=False)[1:-1]}"'
    )


def words(name: str) -> str:
    """Write a name in snake case: `userId` and `User-ID` are `user_id`."""
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"[^a-z0-9_]+", "_", name.lower())
