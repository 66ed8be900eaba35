"""Dockerfiles, as far as it matters what an image is: its stages, their bases, users and what they copy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FROM = re.compile(r"(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
_HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its continued lines joined."""

    name: str
    """Upper case."""
    text: str
    line: int


@dataclass(slots=True)
class Stage:
    """One `FROM` and what follows it."""

    base: str
    """Arguments with a default are filled in."""
    name: str
    line: int
    user: str = ""
    copies: bool = False
    """It takes files of the build context."""
    command: str = ""


@dataclass(slots=True)
class Image:
    """What a Dockerfile makes."""

    stages: list[Stage] = field(default_factory=list)

    @property
    def last(self) -> Stage:
        """Give the stage that is the image."""
        return self.stages[-1]

    def parents(self, stage: Stage) -> list[Stage]:
        """Give a stage and those that it is made from, the nearest first."""
        found = [stage]
        while len(found) <= len(self.stages):
            above = next((other for other in self.stages if other.name and other.name == found[-1].base.lower()), None)
            if above is None or above in found:
                break
            found.append(above)
        return found

    @property
    def base(self) -> str:
        """Give the image that the last stage comes from in the end."""
        return self.parents(self.last)[-1].base

    @property
    def user(self) -> str:
        """Give the user that it runs as; `` where none is set."""
        return next((stage.user for stage in self.parents(self.last) if stage.user), "")

    @property
    def copies(self) -> bool:
        """Tell whether any stage takes files of the build context."""
        return any(stage.copies for stage in self.stages)


def instructions(text: str) -> list[Instruction]:
    """Split a Dockerfile; comments are dropped, also those between continued lines, and bodies of here-documents."""
    found: list[Instruction] = []
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        start = number
        joined = ""
        while number < len(lines):
            line = lines[number]
            number += 1
            if line.lstrip().startswith("#"):
                if not joined:
                    start = number
                continue
            stripped = line.rstrip()
            if stripped.endswith("\\"):
                joined += stripped[:-1] + " "
                continue
            joined += stripped
            break
        name, _, rest = joined.strip().partition(" ")
        if not name:
            continue
        found.append(Instruction(name.upper(), rest.strip(), start + 1))
        for mark in _HEREDOC.findall(rest) if name.upper() in ("RUN", "COPY", "ADD") else []:
            while number < len(lines) and lines[number].strip() != mark:
                number += 1
            number += 1
    return found


def _takes_files(instruction: Instruction) -> bool:
    if instruction.name in ("COPY", "ADD"):
        return "--from=" not in instruction.text
    return instruction.name == "RUN" and "type=bind" in instruction.text and "from=" not in instruction.text


def read(text: str) -> Image:
    """Read a Dockerfile."""
    image = Image()
    defaults: dict[str, str] = {}

    def filled(value: str) -> str:
        return _VARIABLE.sub(lambda found: defaults.get(found[1] or found[3]) or found[2] or found[0], value[:300])

    for instruction in instructions(text):
        if instruction.name == "ARG" and not image.stages:
            name, _, value = instruction.text.partition("=")
            defaults[name.strip()] = value.strip().strip("\"'")
        elif instruction.name == "FROM" and (found := _FROM.match(instruction.text)) is not None:
            image.stages.append(Stage(filled(found[1]), (found[2] or "").lower(), instruction.line))
        elif not image.stages:
            continue
        elif instruction.name == "USER":
            image.last.user = filled(instruction.text.split()[0] if instruction.text else "")
        elif _takes_files(instruction):
            image.last.copies = True
        elif instruction.name in ("CMD", "ENTRYPOINT"):
            image.last.command = f"{image.last.command} {instruction.text}".strip()
    return image
