"""Plain text of sources that no parser is at hand for, read in time that grows with its length alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SECRET = re.compile(r"secret|passw|token|api_?key|private|credential|dsn|salt", re.IGNORECASE)
_LITERAL = re.compile(r"([\"'`])[^\"'`]*\1")
_LINE_COMMENT = re.compile(r"(?<!:)//[^\n]*")


def without_comments(text: str) -> str:
    """Take `//` and `/* */` comments out of a text; its lines keep their numbers."""
    kept: list[str] = []
    at = 0
    while (start := text.find("/*", at)) != -1:
        kept.append(text[at:start])
        end = text.find("*/", start + 2)
        if end == -1:
            at = len(text)
            break
        kept.append("\n" * text.count("\n", start, end))
        at = end + 2
    kept.append(text[at:])
    return _LINE_COMMENT.sub("", "".join(kept))


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Give a shell text's lines, those that a backslash continues joined, each with the number of its first."""
    joined: list[str] = []
    start = 1
    for number, line in enumerate(text.splitlines(), 1):
        if not joined:
            start = number
        if line.endswith("\\"):
            joined.append(line[:-1])
            continue
        yield start, " ".join([*joined, line])
        joined = []
    if joined:
        yield start, " ".join(joined)


def shown(text: str) -> str:
    """Give a source text for a person; literals beside a secret word are left out."""
    return _LITERAL.sub('"…"', text) if _SECRET.search(text) else text
