"""Documents over HTTP."""

import hashlib
import os
from typing import cast
from uuid import UUID

import httpx

from tests.conftest import Log, Sql
from tests.nouns import made
from tests.wire import body, eventually, problem, rows

SIZE = 5_000_000


def test_a_document_of_5_mb_is_kept(someone: httpx.Client, someone_else: httpx.Client) -> None:
    documents = f"/v1/bookings/{made(someone, '/v1/bookings')}/documents"
    content = os.urandom(SIZE)

    kept = someone.post(documents, files={"file": ("plan.pdf", content, "application/pdf")})

    assert kept.status_code == 201, kept.text
    assert body(kept)["name"] == "plan.pdf"
    assert (body(kept)["size"], body(kept)["sha256"]) == (SIZE, hashlib.sha256(content).hexdigest())
    address = f"{documents}/{body(kept)['id']}"
    assert someone.get(address).content == content
    _ = problem(someone_else.get(address), 404, "booking-not-found")
    _ = problem(someone.get(f"{documents}/{documents[13:49]}"), 404, "document-not-found")


def test_a_document_is_found_by_its_name_which_the_database_does_not_see(
    someone: httpx.Client, someone_else: httpx.Client, sql: Sql
) -> None:
    booking = made(someone, "/v1/bookings")
    documents = f"/v1/bookings/{booking}/documents"
    kept = someone.post(documents, files={"file": ("Ada's plan.pdf", b"some bytes")})

    assert rows(someone.get(documents, params={"name": "Ada's plan.pdf"})) == [body(kept)]
    assert rows(someone.get(documents, params={"name": "another.pdf"})) == []
    _ = problem(someone_else.get(documents, params={"name": "Ada's plan.pdf"}), 404, "booking-not-found")
    [stored] = sql("SELECT name FROM documents WHERE booking_id = $1", UUID(booking))
    assert b"plan" not in cast("bytes", stored["name"])


def test_what_is_kept_is_counted_after_the_answer(someone: httpx.Client, log: Log) -> None:
    booking = made(someone, "/v1/bookings")

    _ = someone.post(f"/v1/bookings/{booking}/documents", files={"file": ("plan.pdf", b"some bytes")})

    eventually(lambda: '"document kept"' in log.text())
    said = next(each for each in log.lines() if each["event"] == "document kept")
    assert (said["booking_id"], said["documents"]) == (booking, 1)


def test_a_document_that_is_too_large_is_refused(someone: httpx.Client) -> None:
    documents = f"/v1/bookings/{made(someone, '/v1/bookings')}/documents"

    _ = problem(someone.post(documents, files={"file": ("plan.pdf", bytes(6_000_001))}), 413)
