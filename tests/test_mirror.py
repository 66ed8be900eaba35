"""A mirror of packages that does not say when they were uploaded: what the service's how-to says of it works."""

from __future__ import annotations

import re
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from shell import outside, uv
from support import plain_template

NAME = "lonely-1.0-py3-none-any.whl"
INFO = "lonely-1.0.dist-info"
PROJECT = """
[project]
name = "service"
version = "1"
requires-python = ">=3.11"
dependencies = ["lonely"]

[tool.uv]
exclude-newer = "2026-11-20T00:00:00Z"
"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """Serve one package as PEP 503 has it, and give the address."""
    package = tmp_path / "mirror/simple/lonely"
    package.mkdir(parents=True)
    with zipfile.ZipFile(package / NAME, "w") as wheel:
        wheel.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: lonely\nVersion: 1.0\n")
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{INFO}/RECORD", "")
    (package / "index.html").write_text(f'<a href="{NAME}">{NAME}</a>', encoding="utf-8")
    serve = partial(Quiet, directory=str(tmp_path / "mirror"))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def locked(project: Path, settings: str) -> subprocess.CompletedProcess[str]:
    """Lock the project on a machine whose uv has these settings."""
    home = project / "home"
    (home / ".config/uv").mkdir(parents=True, exist_ok=True)
    (home / ".config/uv/uv.toml").write_text(settings, encoding="utf-8")
    environment = {key: value for key, value in outside().items() if not key.startswith(("UV_", "PIP_", "XDG_"))}
    return subprocess.run(
        [uv(), "lock", "--no-cache"],
        cwd=project,
        env=environment | {"HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_how_to_says_what_makes_a_mirror_without_dates_usable(mirror: str, tmp_path: Path) -> None:
    page = (plain_template() / "template/docs/how-to.md.jinja").read_text(encoding="utf-8")
    [settings] = re.findall(r"^## Install from a mirror.*?```toml\n(.*?)```", page, re.MULTILINE | re.DOTALL)
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    told = settings.replace("https://mirror.example.com/simple", mirror)
    assert mirror in told

    refused = locked(project, told.replace("exclude-newer = false\n", ""))
    assert refused.returncode
    assert "is missing an upload date" in refused.stderr
    assert "is missing an upload date, but user provided" in page
    assert "No solution found" in refused.stderr

    taken = locked(project, told)
    assert not taken.returncode, taken.stderr
