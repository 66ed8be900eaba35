"""The stage: the service as production runs it, on a real PostgreSQL with rows in it. All of it is thrown away."""

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import cast
from urllib.parse import urlsplit

import asyncpg
import httpx

from standards.context import Context, execute

_SECONDS = 60.0
_PRELOAD = "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'"

# Enough rows that the database prefers an index wherever there is one.
_ACCOUNTS = 1_000
_ITEMS = 100
_SESSIONS = """
WITH opened AS (
  INSERT INTO sessions (id, account_id) SELECT gen_random_uuid(), id FROM accounts, generate_series(1, 10)
  RETURNING id
)
INSERT INTO refresh_tokens (id, session_id, digest, expires_at)
SELECT gen_random_uuid(), id, sha256(id::text::bytea), now() + interval '1 day' FROM opened
"""


class DoesNotStart(Exception):
    """The service can't be measured, because it does not run."""


@contextmanager
def service(root: Path, reports: Path, say: Callable[[str], None]) -> Generator[Context]:
    """Run the service: the one of `app serve`, in production's settings, with secrets of this run alone."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="standards-", ignore_cleanup_errors=True)))
        say("starting PostgreSQL")
        database = stack.enter_context(_database(folder))
        token = secrets.token_hex(32)
        environment = {
            **os.environ,
            "ENVIRONMENT": "production",
            "LOG_LEVEL": "info",
            "DATABASE_URL": database,
            "AUTH_SIGNING_KEYS": secrets.token_hex(32),
            "METRICS_TOKEN": token,
            # Nothing listens there: mails wait in a database that is dropped.
            "MAIL_URL": "smtps://127.0.0.1:1",
            "MAIL_SENDER": "service@example.com",
            "MAIL_LINKS": "https://example.com",
        }
        say("migrating")
        _run(root, environment, "migrate")
        say(f"seeding {_ACCOUNTS * _ITEMS:,} items of {_ACCOUNTS:,} accounts")
        _seed(database)
        say("starting the service")
        log = folder / "service.log"
        url = stack.enter_context(_served(root, environment, log))
        yield Context(url, database, log, root, reports, token)


@contextmanager
def _database(folder: Path) -> Generator[str]:
    """A database of this run alone: on the server that DATABASE_URL names, else on one of its own."""
    with ExitStack() as stack:
        server = os.environ.get("DATABASE_URL") or stack.enter_context(_server(folder / "data"))
        # The prefix lets the service's own tests use it, too.
        name = f"test_standards_{secrets.token_hex(4)}"
        execute(server, f"CREATE DATABASE {name}")
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def _server(data: Path) -> Generator[str]:
    """A PostgreSQL that counts what its statements cost; the library for that is loaded at a start alone."""
    from app.adapters import embedded_postgres  # noqa: PLC0415 - a development dependency

    url, stop = embedded_postgres.start(data)
    execute(url, _PRELOAD)
    stop()
    url, stop = embedded_postgres.start(data)
    try:
        yield url
    finally:
        stop()


def _seed(database: str) -> None:
    """Rows of a realistic number, and what the database knows of them."""
    from app import seed  # noqa: PLC0415 - it reads the settings of the database

    os.environ["DATABASE_URL"], before = database, os.environ.get("DATABASE_URL")
    try:
        asyncio.run(seed.fill(_ACCOUNTS, _ITEMS))
    except asyncpg.UndefinedTableError as error:
        raise DoesNotStart(
            f"app/seed.py fills a table that is gone: {error}. Bring it in line with the models."
        ) from error
    finally:
        if before is None:
            del os.environ["DATABASE_URL"]
        else:
            os.environ["DATABASE_URL"] = before
    execute(database, _SESSIONS, "VACUUM ANALYZE")


@contextmanager
def _served(root: Path, environment: dict[str, str], log: Path) -> Generator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = cast("tuple[str, int]", free.getsockname())[1]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [_app(), "serve", "--port", str(port)], cwd=root, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(process, url, log)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    end = monotonic() + _SECONDS
    with httpx.Client(base_url=url, trust_env=False) as client:
        while process.poll() is None and monotonic() < end:
            try:
                if client.get("/readyz").is_success:
                    return
            except httpx.TransportError:
                pass
            sleep(0.05)
    raise DoesNotStart(
        "The service does not start; it says:\n" + log.read_text(encoding="utf-8", errors="replace")[-2000:]
    )


def _run(root: Path, environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run([_app(), *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DoesNotStart(f"`app {' '.join(arguments)}` fails:\n{done.stdout}{done.stderr}")


def _app() -> str:
    found = shutil.which("app", path=str(Path(sys.executable).parent))
    if found is None:
        raise DoesNotStart("The service is not installed: run `make setup`.")
    return found
