"""The channel manager of the tests, and the people of a company."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from typing_extensions import override

from tests.conftest import SignUp, Start
from tests.nouns import made, new
from tests.wire import Json, Service, body

PATH = "/v1/bookings"
SECRET = "secret of the stand-in"


@dataclass
class StandIn:
    """A channel manager on this machine."""

    url: str = ""
    seconds: float = 0.0
    """How long it thinks."""
    status: int = 200
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """The paths that it was asked for, and what they were asked with."""


@contextmanager
def standing_in() -> Generator[StandIn]:
    """Run a channel manager."""
    found = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            """Block a room."""
            _ = self.rfile.read(int(self.headers["content-length"]))
            found.asked.append((self.path, self.headers["authorization"]))
            time.sleep(found.seconds)
            content = b'{"reference": "block 7"}'
            self.send_response(found.status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            _ = self.wfile.write(content)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


@dataclass(frozen=True)
class Hotel:
    """A service with a channel manager, and the people of one company."""

    service: Service
    channel: StandIn
    owner: httpx.Client
    manager: httpx.Client

    def book(self, **fields: object) -> Json:
        """A new draft of the owner, which the manager may confirm."""
        sent = new(self.owner, PATH) | fields
        answer = self.owner.post(PATH, json=sent)
        assert answer.status_code == 201, answer.text
        account = body(self.manager.get("/v1/accounts/me"))["id"]
        joined = self.owner.post(f"/v1/companies/{sent['company_id']}/members", json={"account_id": account})
        assert joined.status_code in {201, 409}, joined.text
        return body(answer)

    def confirm(self, booking: Json) -> httpx.Response:
        """The answer to the manager, who confirms a booking."""
        return self.manager.post(f"{PATH}/{booking['id']}/confirm")

    def room(self) -> str:
        """A new room of the owner."""
        return made(self.owner, "/v1/rooms")


@pytest.fixture
def hotel(start: Start, sign_up: SignUp) -> Iterator[Hotel]:
    """A hotel with an owner and a manager."""
    with standing_in() as channel:
        service = start(CHANNEL_URL=channel.url, CHANNEL_SECRET=SECRET)
        yield Hotel(service, channel, sign_up(service), sign_up(service, role="manager"))
