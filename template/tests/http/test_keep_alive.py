"""Connections between two requests: kept longer than load balancers keep them, and given up at once at the end."""

import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.cli import serve
from app.settings import Settings
from proof.rig import serving, settings
from tests.conftest import SetEnvironment
from tests.http.test_head_limit import connected, said
from tests.wire import Service, eventually

ASK = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
# What nginx and AWS keep; they are to close first.
_COMMON = 60


def test_an_idle_connection_is_kept_for_as_long_as_the_setting_says(set_environment: SetEnvironment) -> None:
    given: dict[str, object] = {}

    def begun(*_: object, **more: object) -> None:
        given.update(more)

    serve.begin(begun, "127.0.0.1", 0)
    assert given["timeout_keep_alive"] == Settings().keep_alive_seconds == 75 > _COMMON

    set_environment(KEEP_ALIVE_SECONDS="620")
    serve.begin(begun, "127.0.0.1", 0)
    assert given["timeout_keep_alive"] == 620


def test_the_service_closes_a_connection_that_idles_for_longer(database_url: str, tmp_path: Path) -> None:
    with serving(settings(database_url) | {"KEEP_ALIVE_SECONDS": "1"}, tmp_path / "log") as running:
        address = urlsplit(running.url)
        with socket.create_connection((str(address.hostname), address.port or 0), timeout=10) as connection:
            connection.sendall(ASK)
            heard = said(connection)

    # Nothing but the answer: a client that idles did nothing wrong.
    assert heard.count(b"HTTP/1.1 ") == 1
    assert heard.startswith(b"HTTP/1.1 200 ")


def test_an_idle_connection_is_no_head_that_takes_for_ever(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.head_guard.SECONDS", 0.05)
    with connected(service) as slow, connected(service) as idle:
        idle.sendall(ASK)
        assert idle.recv(65_536).startswith(b"HTTP/1.1 200 ")
        # The one that asks nothing is closed in time; the other one is as idle, and has asked before.
        assert said(slow).startswith(b"HTTP/1.1 408 ")
        idle.sendall(ASK)
        assert idle.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_idle_connections_do_not_hold_up_the_end(database_url: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        serving(settings(database_url) | {"KEEP_ALIVE_SECONDS": "3600"}, log) as running,
        httpx.Client(base_url=running.url, trust_env=False) as client,
    ):
        assert client.get("/livez").status_code == 200

        os.kill(running.pid, signal.SIGTERM)

        eventually(lambda: '"stopping"' in log.read_text(encoding="utf-8"))
    assert "Waiting for connections to close" not in log.read_text(encoding="utf-8")
