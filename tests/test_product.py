"""A product, written into a rendered service as its documents say (hooks/product.py): its checks pass, it answers."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import product
import pytest
import releases
from history import NEWEST, commit, copy, publish_next, update
from product import SECRETS
from shell import outside, run, uv
from support import ROOT, files
from test_generated import PASSWORD, Server, command, make

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("product")]

MANY = 100_000

# Where each recipe of the service's how-to is followed: in the product, or in a test that is about nothing else.
RECIPES = {
    "Add a noun": ("hooks/product.py", 'make("domain"'),
    "Take a noun out": ("template/tests/proof/test_workshop.py", '["drop-domain", "rooms"]'),
    "Add a setting": ("tests/product/app/domain/payments/settings.py", "class PaymentSettings"),
    "Call an outside system": ("tests/product/app/adapters/channel/client.py", "AsyncClient"),
    "Add a command": ("tests/product/app/domain/bookings/cli.py", "commands = ("),
    "Add a role": ("tests/product/app/domain/bookings/roles.py", "roles = (MANAGER,)"),
    "Admit people only": ("tests/product/app/domain/members/access.py", "signed_in=True"),
    "Limit how often an operation is called": ("tests/product/app/domain/occupancy/router.py", "rate="),
    "Filter and sort a list": ("tests/product/app/domain/bookings/schemas.py", "class BookingList(Listed)"),
    "Take a file": ("tests/product/app/domain/documents/router.py", "UploadFile"),
    "Stream an answer": ("tests/product/app/domain/bookings/repository.py", "reader.stream("),
    "Keep a line open": ("tests/product/app/domain/bookings/router.py", "@router.websocket("),
    "Do something after the answer": ("tests/product/app/domain/documents/router.py", "tasks.add_task("),
    "Add middleware or an exception handler": ("tests/product/app/domain/bookings/layer.py", "add_middleware("),
    "End the sessions of an account": ("tests/product/app/domain/members/service.py", "auth.end_all("),
    "Rotate the signing keys": ("template/tests/http/test_authentication.py", "def test_keys_are_rotated_without"),
    "Change a table": ("hooks/product.py", "CREATE EXTENSION IF NOT EXISTS btree_gist"),
    "Count and log what happens": ("tests/product/app/domain/bookings/service.py", "_confirmed.inc()"),
    "Record what was decided": ("tests/product/app/domain/payments/service.py", "audit.decided("),
    "Encrypt a column": ("tests/product/app/domain/documents/models.py", "mapped_column(Encrypted())"),
    "Delete old rows": ("tests/product/app/domain/bookings/retention.py", "RULES = ("),
    "Make an admin": ("tests/test_product.py", 'command("create-admin"'),
    "Parts": ("tests/test_drop_and_add.py", "def test_"),
    "Install from a mirror of your own": ("tests/test_mirror.py", "def test_the_how_to_says"),
    "Follow the template": ("tests/test_upgrade.py", "def test_a_person_upgrades"),
}


@pytest.fixture(scope="module")
def service() -> Iterator[Path]:
    """Give a service with the product, in git as its engineers have it; where it may be: see test_generated.py."""
    with tempfile.TemporaryDirectory(prefix="product-", ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o755)
        template = publish_next(releases.clone(Path(root) / "template", NEWEST))
        path = copy(template, Path(root) / "service", NEWEST, **product.answers())
        make(path, "setup")
        product.write(path)
        commit(path, "The product")
        yield path


def test_every_recipe_is_followed_somewhere(service: Path) -> None:
    headings = re.findall(r"^## (.+)$", (service / "docs/how-to.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == list(RECIPES)
    assert not [place for place, text in RECIPES.values() if text not in (ROOT / place).read_text(encoding="utf-8")]


def test_its_checks_pass(service: Path) -> None:
    make(service, "check")
    assert not run("git", "status", "--porcelain", cwd=service), "the checks left something behind"


def test_it_follows_the_template(service: Path, tmp_path: Path) -> None:
    followed = tmp_path / "followed"
    run("git", "clone", "-q", str(service), str(followed), cwd=tmp_path)
    shutil.copy2(service / ".env", followed)
    before = files(followed)

    update(followed)

    after = files(followed)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed == {
        ".copier-answers.yml",
        ".editorconfig",
        "docs/news/new.md",
        "migrations/platform/9999_room.py",
    }
    make(followed, "test", "path=tests/test_migrations.py")


@dataclass
class Channel:
    """The channel manager: an outside system that is slow."""

    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def channel() -> Iterator[Channel]:
    """Run a channel manager."""
    found = Channel()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            """Block a room."""
            self.rfile.read(int(self.headers["content-length"]))
            found.asked.append((self.path, self.headers["authorization"]))
            time.sleep(0.5)
            content = b'{"reference": "block 7"}'
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


class Hotel:
    """The product that runs, its owner, and a manager of the company."""

    def __init__(self, service: Path, server: Server, outside_system: Channel) -> None:
        self.service, self.server, self.channel, self.client = service, server, outside_system, server.client
        self.days = itertools.count(1)
        self.owner = server.account()
        self.company = self.made("companies", name="Hotels & Co")
        self.room = self.made("rooms", name="Blue room", price="120.00")
        self.extra = self.made("extras", name="Breakfast", price="9.50")
        self.manager = self.promoted()

    def made(self, noun: str, **fields: Any) -> str:
        """Make something of the owner's, and give its id."""
        answer = self.client.post(f"/v1/{noun}", json=fields, headers=self.owner)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return str(answer.json()["id"])

    def promoted(self) -> dict[str, str]:
        """Have an admin make somebody a manager, who joins the company."""
        admin = {"email": "admin@example.com", "password": PASSWORD}
        run(*command("create-admin", admin["email"]), cwd=self.service, environment={"ADMIN_PASSWORD": PASSWORD})
        manager = {"email": "manager@example.com", "password": PASSWORD}
        assert self.client.post("/v1/accounts", json=manager).is_success
        account = self.client.get("/v1/accounts/me", headers=self.signed_in(manager)).json()["id"]
        address = f"/v1/admin/accounts/{account}"
        given = self.client.patch(address, json={"role": "manager"}, headers=self.signed_in(admin))
        assert given.is_success, given.text
        self.made(f"companies/{self.company}/members", account_id=account)
        return self.signed_in(manager)

    def signed_in(self, person: dict[str, str]) -> dict[str, str]:
        """Sign somebody in, and give the header that says so."""
        answer = self.client.post("/v1/auth/login", json=person)
        assert answer.is_success, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def book(self, **fields: Any) -> dict[str, Any]:
        """Make a draft of the owner's, on a day of its own."""
        day = next(self.days)
        sent = {
            "company_id": self.company,
            "room_id": self.room,
            "starts_at": f"2031-01-{day:02}T08:00:00Z",
            "ends_at": f"2031-01-{day:02}T18:00:00Z",
            **fields,
        }
        answer = self.client.post("/v1/bookings", json=sent, headers=self.owner)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def confirm(self, booking: dict[str, Any]) -> httpx.Response:
        """Confirm a booking as the manager does."""
        return self.client.post(f"/v1/bookings/{booking['id']}/confirm", headers=self.manager)

    def get(self, path: str, **asked: str) -> httpx.Response:
        """Ask as the owner does."""
        return self.client.get(path, params=asked, headers=self.owner)

    def python(self, program: str, *words: str) -> str:
        """Run a program with the packages of the service."""
        return run(uv(), "run", "--quiet", "python", "-c", program, *words, cwd=self.service)


@pytest.fixture(scope="module")
def hotel(service: Path) -> Iterator[Hotel]:
    """Start the product as `make run` does."""
    with channel() as outside_system:
        words = ("make", "--no-print-directory", f"UV={uv()}", "run", "PORT={port}")
        more = {"CHANNEL_URL": outside_system.url, "RATE_LIMIT_ATTEMPTS": "1000/1", "RATE_LIMIT_PRINCIPAL": "1000/1"}
        server = Server(service, *words, **SECRETS, **more)
        try:
            server.wait()
            yield Hotel(service, server, outside_system)
        finally:
            server.stop()


def test_a_booking_has_lines_and_extras_and_is_found_by_filter_order_and_words(hotel: Hotel) -> None:
    lines = [{"label": "Room", "amount": "100.10"}, {"label": "Projector", "amount": "19.95"}]
    made = hotel.book(lines=lines, extra_ids=[hotel.extra], tags=["board"], notes="two large whiteboards")

    whole = hotel.get(f"/v1/bookings/{made['id']}").json()
    assert (whole["price"], whole["lines"], whole["extra_ids"]) == ("120.05", lines, [hotel.extra])
    assert (whole["status"], whole["tags"]) == ("draft", ["board"])
    listed = hotel.get("/v1/bookings", status="draft", sort="-starts_at").json()["data"]
    assert made["id"] in [each["id"] for each in listed]
    found = hotel.get("/v1/bookings/search", q="whiteboard").json()["data"]
    assert [each["id"] for each in found] == [made["id"]]


def test_a_manager_confirms_and_nobody_else(hotel: Hotel) -> None:
    draft = hotel.book()
    address = f"/v1/bookings/{draft['id']}/confirm"

    assert hotel.client.post(address, headers=hotel.owner).status_code == httpx.codes.FORBIDDEN
    assert hotel.client.post(address, headers=hotel.server.account()).status_code == httpx.codes.FORBIDDEN
    confirmed = hotel.confirm(draft)
    assert confirmed.status_code == httpx.codes.OK, confirmed.text
    assert (confirmed.json()["status"], confirmed.json()["reference"]) == ("confirmed", "block 7")
    assert hotel.channel.asked[-1] == (f"/blocks/{draft['id']}", f"Bearer {SECRETS['CHANNEL_SECRET']}")


def test_no_two_confirmed_bookings_of_a_room_overlap(hotel: Hotel) -> None:
    first = hotel.book()
    second = hotel.book(starts_at=first["starts_at"], ends_at=first["ends_at"])

    assert hotel.confirm(first).is_success
    refused = hotel.confirm(second)
    assert (refused.status_code, refused.json()["type"]) == (httpx.codes.CONFLICT, "urn:problem:room-taken")


# In a transaction of the database's, behind the service's back.
MANY_ROWS = """
import asyncio, sys
from app.adapters.process import on_the_database

async def add(database):
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.execute("SET LOCAL statement_timeout = '60s'")
        await connection.execute(
            "INSERT INTO bookings (id, owner_id, company_id, room_id, starts_at, ends_at, tags, price, notes) "
            "SELECT gen_random_uuid(), owner_id, company_id, room_id, starts_at, ends_at, tags, number, '' "
            "FROM bookings, generate_series(1, $2::int) AS number WHERE id = $1::text::uuid",
            sys.argv[1], int(sys.argv[2]),
        )

on_the_database(add)
"""


def test_an_export_has_every_row(hotel: Hotel) -> None:
    other = Hotel.__new__(Hotel)
    other.__dict__ |= hotel.__dict__ | {"owner": hotel.server.account()}
    other.company, other.room = other.made("companies", name="a"), other.made("rooms", name="a", price="1.00")
    hotel.python(MANY_ROWS, other.book()["id"], str(MANY - 1))

    answer = other.get("/v1/bookings/export")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    head, *rows = answer.text.splitlines()
    assert head == "id,starts_at,ends_at,status,price"
    assert len({each.partition(",")[0] for each in rows}) == MANY


def test_a_document_of_5_mb_is_kept(hotel: Hotel) -> None:
    documents = f"/v1/bookings/{hotel.book()['id']}/documents"
    content = os.urandom(5_000_000)

    kept = hotel.client.post(documents, files={"file": ("plan.pdf", content)}, headers=hotel.owner)
    assert kept.status_code == httpx.codes.CREATED, kept.text
    assert kept.json()["sha256"] == hashlib.sha256(content).hexdigest()
    assert hotel.get(f"{documents}/{kept.json()['id']}").content == content
    large = hotel.client.post(documents, files={"file": ("plan.pdf", bytes(6_000_001))}, headers=hotel.owner)
    assert large.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE


def test_events_tell_of_a_booking(hotel: Hotel) -> None:
    draft = hotel.book()
    with httpx.stream("GET", f"{hotel.client.base_url}/v1/bookings/events", headers=hotel.owner, timeout=30) as events:
        assert hotel.confirm(draft).is_success
        told = next(each for each in events.iter_lines() if each.startswith("data:"))
    assert json.loads(told.removeprefix("data:"))["booking_id"] == draft["id"]


LISTENING = """
import sys
from websockets.sync.client import connect

with connect(sys.argv[1], additional_headers={"Authorization": sys.argv[2]}, proxy=None) as socket:
    print("open", flush=True)
    print(socket.recv(timeout=30), flush=True)
"""


def test_a_websocket_tells_of_a_booking(hotel: Hotel) -> None:
    draft = hotel.book()
    address = f"ws://127.0.0.1:{hotel.server.port}/v1/bookings/{draft['id']}/live"
    words = [str(hotel.service / ".venv/bin/python"), "-c", LISTENING, address, hotel.owner["Authorization"]]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=outside(), cwd=hotel.service) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == "open\n"
        assert hotel.confirm(draft).is_success
        assert json.loads(listener.stdout.readline())["booking_id"] == draft["id"]


def test_a_signed_payment_is_taken(hotel: Hotel) -> None:
    paid = {"id": str(uuid.uuid4()), "booking_id": hotel.book()["id"], "amount": "12.50"}
    content = json.dumps(paid).encode()
    signature = hmac.digest(SECRETS["PAYMENTS_SECRET"].encode(), content, "sha256").hex()

    def told(by: str) -> int:
        return hotel.client.post("/v1/payments", content=content, headers={"X-Signature": by}).status_code

    assert [told(signature), told(signature)] == [httpx.codes.NO_CONTENT] * 2
    assert told(signature[::-1]) == httpx.codes.FORBIDDEN


def test_what_is_public_may_be_cached_and_has_a_rate_of_its_own(hotel: Hotel) -> None:
    answers = [hotel.client.get("/v1/occupancy") for _ in range(11)]

    assert [each.status_code for each in answers] == [httpx.codes.OK] * 10 + [httpx.codes.TOO_MANY_REQUESTS]
    assert answers[0].headers["cache-control"] == "public, max-age=60"
    assert answers[10].headers["cache-control"] == "no-store"


def test_a_metric_and_a_field_of_the_log_tell_of_a_confirmation(hotel: Hotel) -> None:
    def count() -> float:
        shown = hotel.client.get("/metrics", headers={"Authorization": f"Bearer {SECRETS['METRICS_TOKEN']}"})
        [line] = [each for each in shown.text.splitlines() if each.startswith("bookings_confirmed_total ")]
        return float(line.split()[1])

    before = count()
    answer = hotel.confirm(draft := hotel.book())

    assert count() == before + 1
    deadline = time.monotonic() + 30
    while not (said := [each for each in hotel.server.lines() if each.get("booking_id") == draft["id"]]):
        assert time.monotonic() < deadline, "the log does not name the booking"
        time.sleep(0.1)
    assert said[0]["channel_reference"] == "block 7"
    assert said[0]["request_id"] == answer.headers["x-request-id"]
