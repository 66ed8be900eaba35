"""The server for development: new code at once, and the reason where it does not start."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest
from click.testing import CliRunner

from app.adapters.process import ROOT
from app.cli import serve
from proof.workshop.dev import dev
from proof.workshop.reloading import Reloading
from tests import database
from tests.example import needs_example
from tests.wire import eventually

_DEV = "from proof.workshop.__main__ import workshop; workshop(['dev', '--port', '{}'])"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the service consists of, to be edited."""
    for each in ("app", "migrations", "proof"):
        _ = shutil.copytree(ROOT / each, tmp_path / each)
    _ = shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.fixture
def served(project: Path, database_url: str) -> Iterator[str]:
    """The address of the development server of that copy."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = cast("tuple[str, int]", free.getsockname())[1]
    command = [sys.executable, "-c", _DEV.format(port)]
    environment = os.environ | {"PYTHONPATH": str(project), "DATABASE_URL": database_url}
    with (project / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=project, env=environment, stdout=log, stderr=log)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    assert process.wait(20) == 0


def answer(url: str) -> tuple[int, str]:
    """What an address answers; nothing while nobody listens, or while a new process takes over."""
    try:
        found = httpx.get(url, timeout=20, trust_env=False)
    except httpx.TransportError:
        return 0, ""
    return found.status_code, found.text


@needs_example
def test_broken_code_is_answered_with_the_reason_until_it_is_mended(project: Path, served: str) -> None:
    def says(status: int, text: str) -> None:
        eventually(lambda: (found := answer(f"{served}/v1/items"))[0] == status and text in found[1], seconds=60)

    router = project / "app/domain/items/router.py"
    good = router.read_text(encoding="utf-8")

    says(401, "")
    for broken, reason in (
        (good + "\ndef (:\n", "SyntaxError: invalid syntax"),
        (good + '\n\n@router.get("/open")\nasync def read_open() -> None:\n    """Open."""\n', "has no access rule"),
    ):
        _ = router.write_text(broken, encoding="utf-8")
        says(500, reason)
    _ = router.write_text(good.replace("/v1/items", "/v1/things"), encoding="utf-8")
    says(404, "")


def said(*arguments: str) -> str:
    """What the command prints, in this process."""
    result = CliRunner().invoke(dev, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_dev_migrates_before_it_serves(monkeypatch: pytest.MonkeyPatch, empty_database: str) -> None:
    served: list[tuple[str, int]] = []

    def serve_it(host: str, port: int) -> None:
        served.append((host, port))

    monkeypatch.setattr(serve, "run", serve_it)

    assert "/docs" in said("--no-reload")

    assert served == [("127.0.0.1", 8000)]
    database.execute(empty_database, "SELECT 1 FROM accounts")


def test_dev_serves_new_code_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    watching: list[Reloading] = []

    def watch(self: Reloading) -> None:
        watching.append(self)

    monkeypatch.setattr(Reloading, "run", watch)

    _ = said("--port", "8124")

    (found,) = watching
    assert found.config.should_reload
    for each in found.sockets:
        each.close()
