"""Documents over HTTP."""

import hashlib
import os

import httpx

from tests.nouns import made
from tests.wire import body, problem

SIZE = 5_000_000


def test_a_document_of_5_mb_is_kept(someone: httpx.Client, someone_else: httpx.Client) -> None:
    documents = f"/v1/bookings/{made(someone, '/v1/bookings')}/documents"
    content = os.urandom(SIZE)

    kept = someone.post(documents, files={"file": ("plan.pdf", content, "application/pdf")})

    assert kept.status_code == 201, kept.text
    assert (body(kept)["size"], body(kept)["sha256"]) == (SIZE, hashlib.sha256(content).hexdigest())
    address = f"{documents}/{body(kept)['id']}"
    assert someone.get(address).content == content
    _ = problem(someone_else.get(address), 404, "booking-not-found")
    _ = problem(someone.get(f"{documents}/{documents[13:49]}"), 404, "document-not-found")


def test_a_document_that_is_too_large_is_refused(someone: httpx.Client) -> None:
    documents = f"/v1/bookings/{made(someone, '/v1/bookings')}/documents"

    _ = problem(someone.post(documents, files={"file": ("plan.pdf", bytes(6_000_001))}), 413)
