"""Small codebases in a folder, opened as extractors see them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from discover.manifests import units
from discover.project import Project
from discover.tree import Tree
from discover.workers import Workers

Codebase = Callable[[dict[str, str]], Project]


def opened(root: Path, files: dict[str, str], workers: Workers) -> Project:
    """Write files into a folder, and open it."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    tree = Tree.walk(root)
    project = Project(tree, units(tree), workers)
    project.strict = True
    return project
