"""REL-4: what the service has accepted when it is told to end is answered, and what it answered is kept."""

import os
import secrets
import signal
import socket
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

from pydantic_core import to_json

from proof import rig
from proof.standards.context import PASSWORD, Context
from proof.standards.outcome import Outcome, judged

_REQUESTS = 16
_SECONDS = 30.0
_HEAD = (
    "POST /v1/accounts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    "Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_MEND = "Let uvicorn wait for them: `timeout_graceful_shutdown` in app/cli/serve.py, and no longer elsewhere"


def told_to_end(pid: int) -> None:
    """Tell the process that its workers belong to."""
    os.kill(pid, signal.SIGTERM)


def check(context: Context, *, tell: Callable[[int], None] = told_to_end) -> Outcome:
    """End a service of its own while sign-ups are under way, and give it their bodies only then.

    Args:
        context: whose database is used.
        tell: tells it, by the process that its workers belong to.
    """
    before = _accounts(context)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        # Sixteen passwords to hash take their time on a busy machine, and that is not what is asked here.
        environment = rig.settings(context.database) | {"REQUEST_SECONDS": "60"}
        with rig.serving(environment, log) as running, _under_way(running.url) as requests:
            tell(running.pid)
            _wait_for_the_end_to_begin(running.url, log)
            for connection, body in requests:
                _send(connection, body)
            answered = sum(_is_answered(connection) for connection, _ in requests)
    kept = _accounts(context) - before
    return judged(
        list(_faults(answered, kept)),
        f"{min(answered, kept)} of {_REQUESTS}",
        "requests under way were answered, and what they wrote is there",
        evidence=[
            f"{_REQUESTS} sign-ups whose heads the service had accepted (100 Continue) when it got SIGTERM",
            "their bodies came after that; each answer is 202, and each account is in the database",
        ],
    )


def _faults(answered: int, kept: int) -> Iterator[str]:
    if answered < _REQUESTS:
        lost = _REQUESTS - answered
        yield f"{lost} of {_REQUESTS} requests got no answer when the service was told to end. {_MEND}."
    if kept < answered:
        yield f"{answered - kept} answered sign-ups are not in the database. Commit before the answer leaves."


@contextmanager
def _under_way(url: str) -> Generator[list[tuple[socket.socket, bytes]]]:
    """Requests that the service waits for the rest of, and their rests."""
    address = urlsplit(url)
    with ExitStack() as stack:
        found: list[tuple[socket.socket, bytes]] = []
        for _ in range(_REQUESTS):
            body = to_json({"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD})
            connection = socket.create_connection((address.hostname, address.port), _SECONDS)
            stack.enter_context(closing(connection))
            connection.sendall(_HEAD.format(length=len(body)).encode())
            found.append((connection, body))
        for connection, _ in found:
            said = connection.recv(len(_CONTINUE), socket.MSG_WAITALL)
            if said != _CONTINUE:
                raise RuntimeError(f"the service does not take a sign-up: {said!r}")
        yield found


def _wait_for_the_end_to_begin(url: str, log: Path) -> None:
    end = monotonic() + _SECONDS
    while b'"Shutting down"' not in log.read_bytes() and _listens(url) and monotonic() < end:
        sleep(0.02)


def _listens(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), 1).close()
    except OSError:
        return False
    return True


def _send(connection: socket.socket, body: bytes) -> None:
    # Whoever is cut off already gets no answer either.
    with suppress(OSError):
        connection.sendall(body)


def _is_answered(connection: socket.socket) -> bool:
    try:
        return connection.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 202"
    except OSError:
        return False


def _accounts(context: Context) -> int:
    (number,) = context.rows(_number, "SELECT count(*) AS number FROM accounts")
    return number


def _number(number: int) -> int:
    return number
