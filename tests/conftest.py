"""What more than one file of tests needs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import compiled_once, render_pairwise

# What engineers write in a service: test_product.py puts it into one.
collect_ignore = ["product"]

# A shell that starts these tests in the background has them ignore it, and so would every process that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def compiled() -> Iterator[None]:
    """Render faster than users do, and no differently."""
    with compiled_once():
        yield


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Give few projects in which every pair of answers occurs."""
    return render_pairwise(tmp_path_factory.mktemp("pairwise"))
