"""What comes before a body has bounds, too; sent as bytes, because a good client would not send it."""

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from app.http import head_limit
from tests.wire import Service, problem

ASK = b"GET /v1/accounts/me HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def sent(service: Service, *pieces: bytes) -> bytes:
    """The head of what the service answers to bytes, until it closes or has said enough."""
    address = urlsplit(service.url)
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=10) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            answer = connection.recv(65_536)
        except ConnectionError:
            return b""
    return answer.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/" + "a" * (head_limit.MOST_PATH - 1), 404),
        ("/" + "a" * head_limit.MOST_PATH, 414),
        ("/%00" + "%61" * head_limit.MOST_PATH, 414),
        ("/v1/items?" + "a" * head_limit.MOST_QUERY, 422),
        ("/v1/items?" + "a" * (head_limit.MOST_QUERY + 1), 414),
    ],
    ids=["longest path", "path", "escaped path", "longest query", "query"],
)
def test_a_long_address_is_414(someone: httpx.Client, path: str, status: int) -> None:
    _ = problem(someone.get(path), status, {404: "not-found", 414: "uri-too-long", 422: "invalid"}[status])


def test_large_header_fields_are_431(client: httpx.Client) -> None:
    fits = client.get("/v1/accounts/me", headers={"x-long": "x" * (head_limit.MOST_FIELD_BYTES - 500)})
    assert fits.status_code == 401
    for headers in (
        {"x-long": "x" * head_limit.MOST_FIELD_BYTES},
        {f"x-many-{number}": "x" for number in range(head_limit.MOST_FIELDS)},
    ):
        _ = problem(client.get("/v1/accounts/me", headers=headers), 431, "headers-too-large")


@pytest.mark.parametrize(
    "field", [b"Host: evil.com", b"Authorization: Bearer x", b"If-Match: 1", b"Origin: https://a.b"]
)
def test_what_decides_may_be_said_once(service: Service, field: bytes) -> None:
    twice = field if field.startswith(b"Host") else field + b"\r\n" + field

    assert sent(service, ASK, twice, b"\r\n\r\n") == b"HTTP/1.1 400 Bad Request"
    assert sent(service, ASK, b"Accept: a\r\nAccept: b\r\n\r\n") == b"HTTP/1.1 401 Unauthorized"
