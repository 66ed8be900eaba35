"""Fixtures of the tests of `discover`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from codebases import Codebase, opened
from discover.workers import Workers


@pytest.fixture
def codebase(tmp_path: Path) -> Iterator[Codebase]:
    """Write files into a folder, and open it."""
    with Workers(count=1) as workers:
        yield lambda files: opened(tmp_path, files, workers)
