"""What comes before a body has bounds, too; sent as bytes, because a good client would not send it."""

import contextlib
import os
import signal
import socket
import ssl
from pathlib import Path
from time import sleep
from urllib.parse import urlsplit

import httpx
import pytest

from app.http import limits
from app.http.exchange import SECURITY_HEADERS
from app.http.head_guard import MOST_BYTES
from proof.rig import serving, settings
from proof.standards import tls
from tests.wire import Service, eventually, problem

ASK = b"GET /v1/accounts/me HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def said(connection: socket.socket) -> bytes:
    """All that comes before the other end closes."""
    heard = b""
    try:
        while piece := connection.recv(65_536):
            heard += piece
    except ConnectionError:
        pass
    return heard


def connected(service: Service) -> socket.socket:
    """A connection as bytes."""
    address = urlsplit(service.url)
    return socket.create_connection((str(address.hostname), address.port or 0), timeout=10)


def sent(service: Service, *pieces: bytes) -> bytes:
    """The first line of what the service answers to bytes."""
    with connected(service) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return connection.recv(65_536).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/" + "a" * (limits.MOST_PATH - 1), 404),
        ("/" + "a" * limits.MOST_PATH, 414),
        ("/%00" + "%61" * limits.MOST_PATH, 414),
        ("/v1/items?" + "a" * limits.MOST_QUERY, 422),
        ("/v1/items?" + "a" * (limits.MOST_QUERY + 1), 414),
    ],
    ids=["longest path", "path", "escaped path", "longest query", "query"],
)
def test_a_long_address_is_414(someone: httpx.Client, path: str, status: int) -> None:
    _ = problem(someone.get(path), status, {404: "not-found", 414: "uri-too-long", 422: "invalid"}[status])


def test_large_header_fields_are_431(client: httpx.Client) -> None:
    fits = client.get("/v1/accounts/me", headers={"x-long": "x" * (limits.MOST_FIELD_BYTES - 500)})
    assert fits.status_code == 401
    for headers in (
        {"x-long": "x" * limits.MOST_FIELD_BYTES},
        {f"x-many-{number}": "x" for number in range(limits.MOST_FIELDS)},
    ):
        _ = problem(client.get("/v1/accounts/me", headers=headers), 431, "headers-too-large")


@pytest.mark.parametrize("field", [b"Host: evil.com", b"Authorization: Bearer x", b"Origin: https://a.b"])
def test_what_decides_may_be_said_once(service: Service, field: bytes) -> None:
    twice = field if field.startswith(b"Host") else field + b"\r\n" + field

    assert sent(service, ASK, twice, b"\r\n\r\n") == b"HTTP/1.1 400 Bad Request"
    assert sent(service, ASK, b"Accept: a\r\nAccept: b\r\n\r\n") == b"HTTP/1.1 401 Unauthorized"


def test_header_fields_that_never_end_are_cut_off(service: Service) -> None:
    with connected(service) as connection:
        connection.sendall(ASK)
        with contextlib.suppress(ConnectionError):
            for number in range(10_000):
                connection.sendall(f"x-{number}: {'x' * 1_000}\r\n".encode())
            pytest.fail("ten million bytes of header fields were taken")
        heard = said(connection)

    assert heard.startswith(b"HTTP/1.1 431 ") or not heard


@pytest.mark.parametrize("begun", [b"", ASK, b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + ASK])
def test_a_head_that_takes_for_ever_is_408(service: Service, begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.head_guard.SECONDS", 0.1)
    with connected(service) as connection:
        connection.sendall(begun)
        heard = said(connection)

    assert heard.split(b"HTTP/1.1 ")[-1].startswith(b"408 ")


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        (b"GET / HTTP/1.1\r\nX-A : a\r\n\r\n", b"400"),
        (b"", b"408"),
        # The last byte is the first too many: with one that is never read, the answer might not arrive.
        ((ASK + b"X-A: ").ljust(MOST_BYTES + 1, b"a"), b"431"),
    ],
    ids=["400", "408", "431"],
)
def test_what_is_refused_before_it_is_a_request_has_the_security_headers(
    service: Service, begun: bytes, status: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.head_guard.SECONDS", 0.1)
    with connected(service) as connection:
        connection.sendall(begun)
        head = connection.recv(65_536).partition(b"\r\n\r\n")[0]

    first, *fields = head.split(b"\r\n")
    assert first.startswith(b"HTTP/1.1 " + status)
    for name, value in SECURITY_HEADERS:
        assert fields.count(name + b": " + value) == 1


def test_a_connection_is_kept_while_it_asks_in_time(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.head_guard.SECONDS", 0.2)
    with connected(service) as connection:
        for _ in range(3):
            connection.sendall(ASK)
            sleep(0.1)
            connection.sendall(b"\r\n")
            assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")


def test_a_client_that_idles_by_tls_does_not_hold_up_the_end(database_url: str, tmp_path: Path) -> None:
    tls.certified(tmp_path, ["127.0.0.1"])
    files = {"TLS_CERTIFICATE": str(tmp_path / "server.pem"), "TLS_KEY": str(tmp_path / "server.pem")}
    authority, log = tmp_path / "authority.pem", tmp_path / "log"
    trusting = ssl.create_default_context(cafile=authority)
    with (
        serving(settings(database_url) | files, log, authority=authority) as running,
        httpx.Client(base_url=running.url, verify=trusting, trust_env=False) as client,
    ):
        assert client.get("/livez").status_code == 200

        os.kill(running.pid, signal.SIGTERM)

        eventually(lambda: '"stopping"' in log.read_text(encoding="utf-8"))
