"""WebSockets as a client opens them."""

import json
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import cast

import httpx
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.wire import Json, Service


@contextmanager
def opened(  # noqa: PLR0913 - what a client may say of it
    service: Service,
    path: str,
    who: httpx.Client | None = None,
    *,
    origin: str | None = None,
    headers: Mapping[str, str] | None = None,
    subprotocols: tuple[str, ...] = (),
) -> Generator[ClientConnection]:
    """A WebSocket that is open, for somebody who is signed in or for nobody."""
    shown = {"Authorization": who.headers["Authorization"]} if who is not None else {}
    with connect(
        service.url.replace("http", "ws", 1) + path,
        additional_headers={**shown, **(headers or {})},
        origin=Origin(origin) if origin is not None else None,
        subprotocols=[Subprotocol(each) for each in subprotocols] or None,
        open_timeout=20,
        close_timeout=20,
        proxy=None,
    ) as socket:
        yield socket


def refused(opening: AbstractContextManager[ClientConnection]) -> tuple[int, Json]:
    """The status that a WebSocket was refused with, and its problem document."""
    try:
        with opening:
            pass
    except InvalidStatus as error:
        content = bytes(error.response.body or b"{}")
        return error.response.status_code, cast("Json", json.loads(content)) if content.startswith(b"{") else {}
    raise AssertionError("it was opened")


def closed(socket: ClientConnection) -> tuple[int, str]:
    """How a WebSocket was closed: the code and the reason."""
    try:
        while True:
            _ = socket.recv(timeout=20)
    except ConnectionClosed as error:
        return (error.rcvd.code, error.rcvd.reason) if error.rcvd is not None else (1006, "")
