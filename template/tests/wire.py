"""The service under the server that production uses, and what comes over the wire."""

import asyncio
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TypeVar, cast

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from app import registry
from app.adapters.database import Command, Query
from app.adapters.database.work import Database, Session
from app.kit import state
from app.kit.passwords import Passwords
from proof.standards.context import Client

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
        return Client(base_url=self.url, headers=headers, timeout=_SECONDS, trust_env=False, verify=_NO_TLS)

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
        cast("Callable[..., uvicorn.Config]", uvicorn.Config)(
            app,
            loop="auto",
            http="app.http.head_guard:HeadGuard",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
            **{"ws": "none", **registry.server_options()},
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
    assert found["instance"] == response.request.url.raw_path.partition(b"?")[0].decode()
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


def meanwhile(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]) -> Callable[[], bool]:
    """Let something happen after the next password was looked at, and before whoever asked goes on.

    What this returns says whether it has happened.
    """
    looked = Passwords.matches
    happened: list[object] = []

    async def matches(self: Passwords, password: str, stored: str | None) -> bool:
        found = await looked(self, password, stored)
        if not happened:
            happened.append(what)
            await asyncio.to_thread(what)
        return found

    monkeypatch.setattr(Passwords, "matches", matches)
    return lambda: bool(happened)


def counted_work(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Counter[str]]:
    """What requests cost since the last call of what this returns: hashes of passwords, and statements by their text.

    Times differ from run to run; the work behind them does not. What is done in the background does not count: tasks
    with a name.
    """
    done: Counter[str] = Counter()
    one, every = Session.one, Session.all
    hashed, matched = Passwords.hash, Passwords.matches

    def note(what: str) -> None:
        task = asyncio.current_task()
        if task is None or task.get_name().startswith("Task-"):
            done[what] += 1

    async def counted_one(self: Session, statement: Query[T] | Command[T], **arguments: object) -> T | None:
        note(statement.sql)
        return await one(self, statement, **arguments)

    async def counted_all(self: Session, statement: Query[T] | Command[T], **arguments: object) -> list[T]:
        note(statement.sql)
        return await every(self, statement, **arguments)

    async def counted_hash(self: Passwords, password: str) -> str:
        note("hash")
        return await hashed(self, password)

    async def counted_match(self: Passwords, password: str, stored: str | None) -> bool:
        note("match")
        return await matched(self, password, stored)

    monkeypatch.setattr(Session, "one", counted_one)
    monkeypatch.setattr(Session, "all", counted_all)
    monkeypatch.setattr(Passwords, "hash", counted_hash)
    monkeypatch.setattr(Passwords, "matches", counted_match)

    def since() -> Counter[str]:
        found = done.copy()
        done.clear()
        return found

    return since
