"""What the tests of the adapters share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def room() -> Iterator[Path]:
    """A folder that everybody can reach, as pytest's own is not: root's PostgreSQL runs as somebody else."""
    with tempfile.TemporaryDirectory(prefix="p-") as made:
        Path(made).chmod(0o755)
        yield Path(made).resolve()
