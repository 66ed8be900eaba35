"""TLS to the database: 1.3 to a server that is known, or not at all."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.adapters.database import connect
from app.kit.errors import Unavailable
from proof.standards import tls
from proof.standards.checks import sec_4
from tests.conftest import Log, Start, new_address
from tests.wire import problem


def test_the_service_talks_tls_1_3_to_a_server_that_it_knows(start: Start, database_url: str, tmp_path: Path) -> None:
    with tls.front(database_url, tmp_path) as server:
        service = start(DATABASE_URL=server.url)
        with service.connect() as client:
            sent = {"email": new_address(), "password": "correct horse battery 7"}
            assert client.post("/v1/accounts", json=sent).status_code == 202
            assert client.get("/readyz").status_code == 200

            assert set(server.versions) == {"TLSv1.3"}
            assert server.refused == 0


def test_a_server_of_another_name_or_authority_or_of_the_past_is_refused(database_url: str) -> None:
    assert list(sec_4.refusals(database_url)) == []


def test_a_server_that_is_not_known_is_503_and_the_log_says_why(
    start: Start, database_url: str, tmp_path: Path, log: Log
) -> None:
    with tls.front(database_url, tmp_path) as server:
        service = start(DATABASE_URL=server.url.replace("@localhost:", "@127.0.0.1:"))
        with service.connect() as client:
            sent = {"email": new_address(), "password": "correct horse battery 7"}
            _ = problem(client.post("/v1/accounts", json=sent), 503, "unavailable")

            assert server.versions == []
    reasons = [line["reason"] for line in log.lines() if line["event"] == "database unreachable"]
    assert any("certificate verify failed" in str(each) for each in reasons)


def test_plain_text_is_refused_by_the_front(database_url: str, tmp_path: Path) -> None:
    async def run(url: str) -> None:
        _ = await connect(SecretStr(url))

    with tls.front(database_url, tmp_path) as server:
        with pytest.raises(Unavailable):
            asyncio.run(run(server.url.partition("?")[0] + "?sslmode=disable"))

        assert server.refused == 1
