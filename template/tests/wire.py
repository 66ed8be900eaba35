"""The service under the server that production uses, and what comes over the wire."""

import socket
import ssl
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TypeVar

import httpx
import uvicorn
from fastapi import FastAPI

from app.adapters.database import Database
from app.kit import state

T = TypeVar("T")
Json = dict[str, object]

_SECONDS = 20.0

# The tests speak plain HTTP; without this every client would load the certificates of the world.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True, slots=True)
class Service:
    """A running service."""

    app: FastAPI
    url: str

    def connect(self, *, token: str | None = None) -> httpx.Client:
        """A client of it, signed in when there is a token."""
        headers = {"Authorization": f"Bearer {token}"} if token else None
        return httpx.Client(base_url=self.url, headers=headers, timeout=_SECONDS, trust_env=False, verify=_NO_TLS)

    @property
    def lent(self) -> int:
        """How many of its connections to the database are in use."""
        database = state.find(self.app, Database)
        return database.lent


@contextmanager
def running(app: FastAPI) -> Generator[Service]:
    """Run the service as `app serve` does, in a thread, on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            loop="auto",
            http="app.http.head_guard:HeadGuard",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="service", daemon=True)
    thread.start()
    eventually(lambda: server.started or not thread.is_alive())
    assert server.started, "the service did not start: its log says why"
    try:
        yield Service(app, f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(_SECONDS)


def eventually(true: Callable[[], bool], *, seconds: float = _SECONDS) -> None:
    """Wait until something is so; fail when it does not become so in time."""
    end = monotonic() + seconds
    while not true():
        assert monotonic() < end, "it did not happen in time"
        sleep(0.01)


def at_once(work: Sequence[Callable[[], T]]) -> list[T]:
    """Do several things at the same moment, each in its own thread."""
    start = threading.Barrier(len(work))

    def run(each: Callable[[], T]) -> T:
        _ = start.wait(_SECONDS)
        return each()

    with ThreadPoolExecutor(len(work)) as threads:
        return list(threads.map(run, work))


def body(response: httpx.Response) -> Json:
    """The object that an answer holds."""
    found: Json = response.json()
    return found


def rows(response: httpx.Response, key: str = "data") -> list[Json]:
    """The objects of a list in an answer."""
    found: list[Json] = response.json()[key]
    return found


def problem(response: httpx.Response, status: int, kind: str | None = None) -> Json:
    """The problem document of an answer, whole and with the status that is expected."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found = body(response)
    assert found["status"] == status
    assert found["instance"] == response.request.url.path
    assert found["request_id"] == response.headers["x-request-id"]
    assert isinstance(found["title"], str)
    assert isinstance(found["detail"], str)
    if kind is not None:
        assert found["type"] == f"urn:problem:{kind}"
    return found


def pointers(response: httpx.Response) -> set[object]:
    """The places that a problem says were refused."""
    return {each["pointer"] for each in rows(response, "errors")}


def header(response: httpx.Response, name: str) -> str:
    """One header of an answer."""
    found: str = response.headers[name]
    return found
