"""The service under test: as production runs it, on a real PostgreSQL, in a database that is dropped afterwards."""

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import asyncpg
import click
from pydantic import ValidationError

from app import cli, seed
from app.adapters.database import DatabaseSettings

_START_SECONDS = 30.0
_STOP_SECONDS = 40.0


@contextmanager
def database() -> Generator[str]:
    """The address of an empty database beside the one that DATABASE_URL names, else on a server of its own."""
    folder: Path | None = None
    stop = None
    try:
        settings = DatabaseSettings.read()
    except ValidationError as error:
        if any(each["type"] != "missing" for each in error.errors()):
            raise click.ClickException(cli.explain(error)) from None
        from app.adapters import embedded_postgres

        data = cli.ROOT / ".data"
        data.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="load-", dir=data))
        server, stop = embedded_postgres.start(folder / "postgres")
    else:
        server = settings.url.get_secret_value()
    name = f"load_{secrets.token_hex(4)}"
    try:
        asyncio.run(_execute(server, f"CREATE DATABASE {name} TEMPLATE template0"))
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            asyncio.run(_execute(server, f"DROP DATABASE {name} WITH (FORCE)"))
    except (OSError, asyncpg.PostgresError) as error:
        raise click.ClickException(f"The load test can't make its database: {error}") from error
    finally:
        if stop is not None:
            stop()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def fill(url: str, accounts: int, items: int) -> None:
    """Bring the schema up to date, and fill it as a database is that has run for a while: with its statistics."""
    os.environ["DATABASE_URL"] = url
    cli.migrate_database()
    asyncio.run(seed.fill(accounts, items))
    asyncio.run(_execute(url, "VACUUM ANALYZE"))


@contextmanager
def serving(url: str, log: Path) -> Generator[str]:
    """The address of the service, started as production starts it; its lines go into a file."""
    program = shutil.which("app", path=str(Path(sys.executable).parent))
    if program is None:
        raise click.ClickException("app is not installed: run `make setup`.")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = cast("tuple[str, int]", listener.getsockname())[1]
    environment = os.environ | {
        "ENVIRONMENT": "production",
        "AUTH_SIGNING_KEYS": secrets.token_hex(32),
        "DATABASE_URL": url,
        # Nothing listens there: a mail that a scenario causes waits in a database that is dropped.
        "MAIL_URL": "smtps://127.0.0.1:1",
        "MAIL_SENDER": "service@example.com",
        "MAIL_LINKS": "https://example.com",
    }
    if DatabaseSettings.read().read_url is not None:
        environment["DATABASE_READ_URL"] = url  # reads have to find what this run writes
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [program, "serve", "--port", str(port)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(process, address, log)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise click.ClickException(f"The service did not become ready within {_START_SECONDS:.0f} s:\n{said}")
