"""What more than one file of tests needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import render_pairwise


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Give few projects in which every pair of answers occurs."""
    return render_pairwise(tmp_path_factory.mktemp("pairwise"))
