"""Starts and stops what is measured: a database of its own, and `app serve` with the settings of production.

Whatever measures starts the service here, so that all of them measure the same one.
"""

import asyncio
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType
from typing import TYPE_CHECKING, Final, TypeVar, cast
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import asyncpg

from app.kit.discovery import modules
from proof import parts

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")

ROOT: Final = Path(__file__).parents[1]

# What a measured service is told, beside what its parts are told (proof/parts), the address of its database and the
# secrets of the run. A measurement is many people at one address: what is counted for each address belongs here, with
# a number that they do not reach.
SETTINGS: Final = {
    "ENVIRONMENT": "production",
    "LOG_LEVEL": "info",
    "DATABASE_WITHOUT_TLS_BECAUSE": "the database of a measurement is its own, for one run",
    "ALLOWED_HOSTS": "127.0.0.1",
    "RATE_LIMIT_PRINCIPAL": "1000000/1",
    "RATE_LIMIT_ADDRESS": "1000000/1",
    "RATE_LIMIT_ATTEMPTS": "1000000/1",
    "RATE_LIMIT_PROBES": "1000000/1",
}

_START_SECONDS = 60.0
# Longer than the service waits for the requests that are under way.
_STOP_SECONDS = 40.0

# The library that counts what statements cost; deploy/ preloads it in production, too. Loaded at a start alone.
_PRELOAD = "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'"


class DoesNotStart(Exception):
    """There is nothing to measure, because the service or its database does not run."""


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers."""

    url: str
    pid: int
    """Of the process that its workers belong to."""


@contextmanager
def database(purpose: str) -> Generator[str]:
    """The address of an empty database: on the server that DATABASE_URL names in the environment, else on its own.

    Args:
        purpose: part of its name, `test_load_…`; the prefix lets the tests of the service use it, too.
    """
    with ExitStack() as stack:
        server = os.environ.get("DATABASE_URL") or stack.enter_context(_server())
        name = f"test_{purpose}_{secrets.token_hex(4)}"
        try:
            execute(server, f"CREATE DATABASE {name} TEMPLATE template0")
        except (OSError, asyncpg.PostgresError) as error:
            raise DoesNotStart(f"PostgreSQL makes no database to measure in: {error}") from error
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def _server() -> Generator[str]:
    """A PostgreSQL of this run alone. Beside the project, because a folder for temporary files may be memory."""
    from app.adapters import embedded_postgres

    within = ROOT / ".data"
    within.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rig-", dir=within, ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # root's PostgreSQL runs as somebody else
        data = Path(folder) / "postgres"
        url, stop = embedded_postgres.start(data)
        execute(url, _PRELOAD)
        stop()
        url, stop = embedded_postgres.start(data)
        try:
            yield url
        finally:
            stop()


def settings(url: str) -> dict[str, str]:
    """The environment of a measured service on the database of that address, with secrets of this run alone."""
    from app.adapters.database import DatabaseSettings

    # Where reads have an address of their own, they still have to find what this run writes.
    elsewhere = DatabaseSettings.model_validate({"url": url}).read_url is not None
    return {
        **os.environ,
        **SETTINGS,
        **{name: value for each in _parts() for name, value in cast("dict[str, str]", each.SETTINGS).items()},
        "DATABASE_URL": url,
        **({"DATABASE_READ_URL": url} if elsewhere else {}),
        "AUTH_SIGNING_KEYS": secrets.token_hex(32),
        # What fills the rows and what reads them have the same keys: those of this run, unless there are some already.
        "ENCRYPTION_KEYS": os.environ.get("ENCRYPTION_KEYS") or secrets.token_hex(32),
        "METRICS_TOKEN": secrets.token_hex(32),
    }


@contextmanager
def filled(purpose: str, accounts: int, items: int) -> Generator[dict[str, str]]:
    """The environment of a measured service on a database of its own that holds so much."""
    with database(purpose) as url:
        environment = settings(url)
        fill(environment, accounts, items)
        yield environment


def fill(environment: dict[str, str], accounts: int, items: int) -> None:
    """Bring the schema up to date, and fill it as a database is that has run for a while: with its statistics."""
    # Production refuses to seed, and is right; the command migrates before it fills.
    command = [sys.executable, "-m", "proof.seed", "--accounts", str(accounts), "--items", str(items)]
    development = environment | {"ENVIRONMENT": "development"}
    done = subprocess.run(command, cwd=ROOT, env=development, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DoesNotStart(f"The database of the measurement can't be filled:\n{done.stdout}{done.stderr}")
    execute(environment["DATABASE_URL"], "VACUUM ANALYZE")


def admitting() -> list[str]:
    """What lets new accounts, $1, sign in without what only their owner could do: a statement for each part."""
    return [statement for each in _parts() if (statement := cast("str | None", vars(each).get("ADMIT")))]


def _parts() -> list[ModuleType]:
    return list(modules(parts, "rig"))


@contextmanager
def serving(
    environment: dict[str, str], log: Path, *arguments: str, authority: Path | None = None
) -> Generator[Running]:
    """The service, started as production starts it; its lines go into a file.

    Args:
        environment: its settings.
        log: that file.
        arguments: more of them for `app serve`.
        authority: where it serves by TLS, who signed its certificate.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = cast("tuple[str, int]", free.getsockname())[1]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [_app(), "serve", "--port", str(port), *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"{'https' if authority else 'http'}://127.0.0.1:{port}"
        _wait(process, url, log, ssl.create_default_context(cafile=authority) if authority else None)
        yield Running(url, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path, tls: ssl.SSLContext | None) -> None:
    end = monotonic() + _START_SECONDS
    while process.poll() is None and monotonic() < end:
        try:
            with urlopen(f"{url}/readyz", timeout=2, context=tls):  # noqa: S310 - our own address
                return
        except (URLError, OSError):
            sleep(0.05)
    raise DoesNotStart(
        "The service does not start; it says:\n" + log.read_text(encoding="utf-8", errors="replace")[-2000:]
    )


def _app() -> str:
    found = shutil.which("app", path=str(Path(sys.executable).parent))
    if found is None:
        raise DoesNotStart("The service is not installed: run `make setup`.")
    return found


def looked_at(url: str, work: "Callable[[Connection], T]") -> T:
    """What a function finds or does on a connection of SQLAlchemy to a database, in a transaction that is committed."""
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    async def run() -> T:
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
        )
        async with engine.begin() as connection:
            return await connection.run_sync(work)

    return asyncio.run(run())


def execute(url: str, *statements: str) -> None:
    """Run statements in a database that may be in use, each by itself."""

    async def each() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                try:
                    await connection.execute(statement)
                except asyncpg.DeadlockDetectedError:
                    # The other side has gone on by now; in a transaction, what came before would be missing.
                    if connection.is_in_transaction():
                        raise
                    await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(each())
