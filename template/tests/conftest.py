"""What every test may ask for: the running service, somebody signed in, the database behind it."""

import asyncio
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, cast

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

import tests.adapters
import tests.domain
import tests.platform
from app import main, registry, settings
from app.adapters import schema
from app.adapters.database import DatabaseSettings
from app.http import openapi
from app.kit import discovery, logging
from app.platform.auth import revocation
from app.settings import Settings
from tests import database, example
from tests.wire import Json, Service, body, eventually, running

PASSWORD = "correct horse battery 7"

_SERVER = pytest.StashKey[database.Server]()
_FOLDER = pytest.StashKey[Path]()

Environment = dict[str, str]
_NEEDS = [
    module
    for folder in (tests.adapters, tests.platform, tests.domain)
    for module in discovery.modules(folder, "settings")
]


def production() -> Environment:
    """What a service with the settings of production has to be given besides: each settings.py of the tests."""
    return {name: value for each in _NEEDS for name, value in cast("Environment", each.PRODUCTION).items()}


# The log has a thread of its own, which writes between two tests, too: not to the terminal.
_WRITTEN = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - open as long as this process
_PATCH = pytest.MonkeyPatch()
_PATCH.setattr(logging.writer, "_descriptor", _WRITTEN.fileno())


# Most services of the tests have the same routes. The routes are kept, so that no other ones take their ids.
_DOCUMENTS: dict[tuple[bool, *tuple[int, ...]], tuple[list[BaseRoute], Json]] = {}
_DOCUMENT = openapi.document


def _document(app: FastAPI, *, hidden: bool = False) -> Json:
    """The OpenAPI document, made once for the same routes: it is most of what creating a service takes."""
    key = (hidden, *map(id, app.routes))
    if key not in _DOCUMENTS:
        _DOCUMENTS[key] = [*app.routes], _DOCUMENT(app, hidden=hidden)
    return _DOCUMENTS[key][1]


_PATCH.setattr(openapi, "document", _document)


@pytest.fixture
def idle(sql: "Sql") -> Callable[[], None]:
    """Wait until this test has nothing under way in the background: BUSY of a noun's settings.py tells."""
    busy = [cast("str", vars(each)["BUSY"]) for each in _NEEDS if "BUSY" in vars(each)]
    # What a service of an earlier test left behind when it ended is taken up by nobody for a while.
    left = [sql(statement) for statement in busy]
    return lambda: eventually(
        lambda: all(each in old for statement, old in zip(busy, left, strict=True) for each in sql(statement))
    )


def pytest_configure(config: pytest.Config) -> None:
    """Settings of the tests' own, and one database server for all workers: the first process starts it."""
    example.stand_in()
    kinds = (Settings, DatabaseSettings, *registry.settings())
    for each in kinds:
        each.model_config["env_file"] = None
    # Nothing takes a connection behind a test's back; the tests of it ask as often as they like.
    revocation.EVERY_SECONDS = 3600.0
    if "PYTEST_XDIST_WORKER" in os.environ or config.getoption("collectonly"):
        return
    try:
        server = config.stash[_SERVER] = database.Server()
    except database.NotForTests as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    for name in (f"{each.model_config.get('env_prefix', '')}{name}" for each in kinds for name in each.model_fields):
        _ = os.environ.pop(name.upper(), None)
    os.environ["ENVIRONMENT"] = "test"
    # Tests read what is logged for each request, whichever level you gave the service.
    os.environ["LOG_LEVEL"] = "INFO"
    os.environ["AUTH_SIGNING_KEYS"] = secrets.token_hex(32)
    os.environ["ENCRYPTION_KEYS"] = secrets.token_hex(32)
    os.environ["METRICS_TOKEN"] = secrets.token_hex(32)
    os.environ["ALLOWED_HOSTS"] = "127.0.0.1"
    # The tests are one impatient caller; those of the limits set their own.
    for name in ("PRINCIPAL", "ADDRESS", "ATTEMPTS", "PROBES"):
        os.environ[f"RATE_LIMIT_{name}"] = "1000000/1"
    os.environ["DATABASE_URL"] = server.template
    os.environ["DATABASE_WITHOUT_TLS_BECAUSE"] = "the server of the tests is on this machine"
    folder = config.stash[_FOLDER] = Path(tempfile.mkdtemp(prefix="tests-"))
    for each in _NEEDS:
        of_tests = cast("Callable[[Path], Environment] | None", vars(each).get("of_tests"))
        os.environ.update(of_tests(folder) if of_tests else cast("Environment", each.PRODUCTION))
    if not server.migrated:
        schema.migrate()
        example.create_table(server.template)
        server.keep()
        os.environ["DATABASE_URL"] = server.template


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server, and give the log back."""
    _PATCH.undo()
    _WRITTEN.close()
    server = config.stash.get(_SERVER, None)
    if server is not None:
        server.stop()
        shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what was logged with the test that failed."""
    report = yield
    logging.writer.flush()
    _ = _WRITTEN.seek(0)
    written = _WRITTEN.read().decode(errors="replace")
    _ = _WRITTEN.truncate(0)
    if report.failed and written:
        report.sections.append(("log", written))
    return report


@pytest.fixture(scope="session")
def template() -> str:
    """The address of the migrated database that others are copied from."""
    return os.environ["DATABASE_URL"]


@pytest.fixture(scope="session", autouse=True)
def database_url(template: str, worker_id: str) -> Iterator[str]:
    """The address of this worker's own database."""
    url = database.create(template, worker_id)
    os.environ["DATABASE_URL"] = url
    yield url
    database.drop(url)
    os.environ["DATABASE_URL"] = template


@pytest.fixture
def scratch(template: str) -> Iterator[str]:
    """The address of a migrated database of this test alone, to fill and to break."""
    url = database.create(template, secrets.token_hex(4))
    yield url
    database.drop(url)


@pytest.fixture
def empty_database(template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a database of this test alone, with nothing in it; DATABASE_URL names it."""
    url = database.create(template, secrets.token_hex(4), empty=True)
    monkeypatch.setenv("DATABASE_URL", url)
    yield url
    database.drop(url)


class Sql:
    """Looks into the database behind the service's back."""

    def __init__(self, url: str) -> None:
        self._runner: asyncio.Runner = asyncio.Runner()
        self._connection: asyncpg.Connection[asyncpg.Record] = self._runner.run(_connected(url))

    def __call__(self, statement: str, *arguments: object) -> list[dict[str, object]]:
        """The rows of a statement."""
        return [dict(row) for row in self._runner.run(self._connection.fetch(statement, *arguments))]

    def close(self) -> None:
        """Close the connection."""
        self._runner.run(self._connection.close())
        self._runner.close()


async def _connected(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(url)


@pytest.fixture(scope="session")
def sql(database_url: str) -> Iterator[Sql]:
    """Runs SQL in this worker's database."""
    found = Sql(database_url)
    yield found
    found.close()


@pytest.fixture(scope="session")
def service(database_url: str) -> Iterator[Service]:
    """The service with the settings that the tests have, shared by this worker's tests."""
    assert database_url
    with running(main.create_app()) as found:
        yield found


def forget_settings() -> None:
    """Have the settings read anew: those of every process, and those of nouns."""
    settings.settings.cache_clear()
    for module in registry.modules("settings"):
        for each in cast("dict[str, object]", vars(module)).values():
            if (clear := getattr(each, "cache_clear", None)) is not None:
                cast("Callable[[], None]", clear)()


class Start(Protocol):
    """Starts another service, with routes and settings that one test needs."""

    def __call__(self, *routers: APIRouter, **environment: str) -> Service:
        """The running service."""
        ...


SetEnvironment = Callable[..., None]


@pytest.fixture
def set_environment() -> Iterator[SetEnvironment]:
    """Set variables of the environment for this test alone: `set_environment(REQUEST_SECONDS="0.5")`."""
    with pytest.MonkeyPatch.context() as patch:

        def put(**environment: str) -> None:
            needed = production() if environment.get("ENVIRONMENT", "").lower() == "production" else {}
            for name, value in (needed | environment).items():
                patch.setenv(name, value)
            forget_settings()

        yield put
    forget_settings()


@pytest.fixture
def start(set_environment: SetEnvironment) -> Iterator[Start]:
    """Start services of this test's own: `start(router, REQUEST_SECONDS="0.5")`."""
    with ExitStack() as stack:

        def begin(*routers: APIRouter, **environment: str) -> Service:
            set_environment(**environment)
            nouns = registry.routers()
            with pytest.MonkeyPatch.context() as briefly:
                briefly.setattr(registry, "routers", lambda: [*nouns, *routers])
                app = main.create_app()
            return stack.enter_context(running(app))

        yield begin


@pytest.fixture(scope="session")
def client(service: Service) -> Iterator[httpx.Client]:
    """A client that is not signed in."""
    with service.connect() as found:
        yield found


class Log:
    """What this process has written to its log since a test began."""

    def __init__(self, file: Path) -> None:
        self._file: Path = file

    def text(self) -> str:
        """Every line that is whole by now."""
        logging.writer.flush()
        return self._file.read_text(encoding="utf-8").rpartition("\n")[0]

    def lines(self) -> list[Json]:
        """The same as objects, which each of them has to be by itself."""
        found = [cast("object", json.loads(each)) for each in self.text().split("\n") if each]
        assert found
        assert all(isinstance(each, dict) and {"time", "event"} <= each.keys() for each in found)
        return cast("list[Json]", found)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """Keep the log of the services in this process.

    Not by `capfd`: it empties a file that the log's own thread may be writing to, and a line in between is lost.
    """
    file = tmp_path / "log"
    with file.open("wb") as open_file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.writer, "_descriptor", open_file.fileno())
        yield Log(file)
        patch.undo()
        # Returns when nobody writes to the file any more.
        logging.writer.flush()


def new_address() -> str:
    """An e-mail address that nobody has."""
    return f"{secrets.token_hex(8)}@example.com"


def email_index(address: object) -> bytes:
    """What finds the account of an address behind the service's back."""
    return settings.settings().key_ring.digest("accounts.email_index", str(address))


SignUp = Callable[..., httpx.Client]


@pytest.fixture
def sign_up(service: Service, sql: Sql) -> Iterator[SignUp]:
    """Make an account and sign in: `sign_up()`, `sign_up(another_service)`, or `sign_up(role="editor")`."""
    with ExitStack() as stack:

        def new(on: Service = service, role: str = "member") -> httpx.Client:
            credentials = {"email": new_address(), "password": PASSWORD}
            with on.connect() as anonymous:
                made = anonymous.post("/v1/accounts", json=credentials)
                assert made.status_code == 202, made.text
                if role != "member":
                    _ = sql(
                        "UPDATE accounts SET role = $2 WHERE email_index = $1", email_index(credentials["email"]), role
                    )
                answer = anonymous.post("/v1/auth/login", json=credentials)
                assert answer.status_code == 200, answer.text
            return stack.enter_context(on.connect(token=str(body(answer)["access_token"])))

        yield new


@pytest.fixture
def someone(sign_up: SignUp) -> httpx.Client:
    """The client of a new account."""
    return sign_up()


@pytest.fixture
def someone_else(sign_up: SignUp) -> httpx.Client:
    """The client of another new account."""
    return sign_up()
