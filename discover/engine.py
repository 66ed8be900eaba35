"""From a folder to everything that was found in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from discover.findings import Entity, Finding, Route
from discover.project import Unit


@dataclass(slots=True)
class Result:
    """What `discover` found in one unit of a codebase."""

    root: Path
    unit: Unit
    units: list[Unit]
    """Every unit of the codebase, the chosen one included."""
    findings: list[Finding] = field(default_factory=list)
    """Sorted by row; those of USED or more come before those that are only seen."""
    routes: list[Route] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)
    """In foreign-key order: what is referred to comes first."""
    contradictions: list[str] = field(default_factory=list)
    """Sentences: where two sources disagree, with both places."""
    unread: dict[str, str] = field(default_factory=dict)
    """Path → why it was not read."""
    read: int = 0
    """How many files were read."""
    seconds: float = 0.0

    def used(self, key: str) -> list[Finding]:
        """Give what is proven of a key: used or running."""
        return [found for found in self.findings if found.key == key and found.proof >= 4]
