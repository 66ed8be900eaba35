"""The services themselves: their checks pass, they start as a user starts them, and they answer over HTTP."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cluster
import httpx
import nouns
import pytest
from shell import outside, run, uv
from support import EXAMPLES, files, free_port, render

pytestmark = pytest.mark.slow
PASSWORD = "correct horse battery staple 7"  # noqa: S105
FULLY = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in EXAMPLES]


def command(*words: str) -> list[str]:
    """Give a command of the service as its Makefile has it."""
    return [uv(), "run", "--quiet", "app", *words]


def make(service: Path, *words: str) -> str:
    """Run a verb of the service."""
    return run("make", "--no-print-directory", f"UV={uv()}", *words, cwd=service, timeout=2400)


def commit(service: Path, message: str) -> None:
    """Commit everything."""
    run("git", "add", "--all", cwd=service)
    run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", message, cwd=service)


class Server:
    """A service that runs, and what it wrote so far."""

    def __init__(self, service: Path, *words: str, **environment: str) -> None:
        self.port = free_port()
        self.log = service.parent / f"{service.name}-{self.port}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [word.format(port=self.port) for word in words],
                cwd=service,
                env=outside() | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def wait(self, seconds: float = 120) -> None:
        """Wait until it is ready."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"it stopped:\n{self.written()[-4000:]}"
            with contextlib.suppress(httpx.TransportError):
                if self.client.get("/readyz").status_code == httpx.codes.OK:
                    return
            time.sleep(0.1)
        pytest.fail(f"not ready after {seconds} s:\n{self.written()[-4000:]}")

    def stop(self) -> None:
        """Stop it as a terminal does, with all that it started."""
        self.client.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            pytest.fail(f"it did not stop within 30 s:\n{self.written()[-4000:]}")

    def written(self) -> str:
        """Give what it wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def lines(self) -> list[dict[str, object]]:
        """Give the lines of its log that are JSON objects."""
        found = []
        for line in self.written().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                if isinstance(entry := json.loads(line), dict):
                    found.append(entry)
        return found

    def account(self) -> dict[str, str]:
        """Register somebody new, sign in, and give the header that says so."""
        person = {"email": f"{os.urandom(8).hex()}@example.com", "password": PASSWORD}
        registered = self.client.post("/v1/accounts", json=person)
        assert registered.status_code == httpx.codes.ACCEPTED, registered.text
        answer = self.client.post("/v1/auth/login", json=person)
        assert answer.status_code == httpx.codes.OK, answer.text
        assert {"access_token", "refresh_token", "token_type", "expires_in"} <= set(answer.json())
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture(scope="session")
def services() -> Iterator[dict[str, Path]]:
    """Give a place for each service; it is rendered where it is first asked for.

    Not below pytest's own directory: a service's pytest makes that private again, and then PostgreSQL, which runs as
    another user when the tests run as root, loses its own files while it serves.
    """
    with tempfile.TemporaryDirectory(prefix="services-", ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o755)
        yield {name: Path(root) / name for name in EXAMPLES}


@pytest.fixture
def service(services: dict[str, Path], request: pytest.FixtureRequest) -> Path:
    """Give a service in git, as its user would have it after the first commit."""
    name: str = request.param
    path = services[name]
    if not path.exists():
        render(path, **EXAMPLES[name])
        make(path, "setup")
        run("git", "init", "-q", "-b", "main", cwd=path)
        commit(path, "Rendered")
        run("git", "tag", "rendered", cwd=path)
    return path


@pytest.fixture
def server(service: Path) -> Iterator[Server]:
    """Start the service as `make run` does."""
    running = Server(service, "make", "--no-print-directory", f"UV={uv()}", "run", "PORT={port}")
    try:
        running.wait()
        yield running
    finally:
        running.stop()


# Forms need a package that no service has by itself, and what FastAPI keeps to itself may move with any release of it.
@pytest.mark.parametrize("service", FULLY[-1:], indirect=True)
def test_the_newest_fastapi_keeps_its_word_there_too(service: Path) -> None:
    now = datetime.now(tz=UTC).isoformat()
    newest = ("--frozen", "--exclude-newer", now, "--with", "fastapi", "--with", "python-multipart")
    said = run(uv(), "run", *newest, "pytest", "-q", "-n", "0", "tests/http/test_fastapi.py", cwd=service, timeout=600)
    assert "passed" in said
    assert "skipped" not in said


# Several processes share the tests of a run, and refuse to when each finds others.
@pytest.mark.parametrize("service", FULLY[-1:], indirect=True)
def test_its_tests_have_the_same_names_each_time(service: Path) -> None:
    binaries = service / ".venv" / "bin"
    found = [
        run(binaries / "pytest", "--collect-only", "-q", "-n", "0", cwd=service, environment={"PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    ]
    tests = [sorted(line for line in each.splitlines() if "::" in line) for each in found]
    assert tests[0]
    assert tests[0] == tests[1]


# The most and the least that there is.
@pytest.mark.parametrize("service", FULLY[1:], indirect=True)
def test_every_promise_that_is_measured_holds(service: Path) -> None:
    """Without what its own checks prove, of SEC-9 the greater part, and without speed: this machine may be busy."""
    rows = tomllib.loads((service / "standards.toml").read_text(encoding="utf-8"))["standard"]
    chosen = [
        row["id"] for row in rows if row["id"] not in {"CODE-1", "CODE-4", "SEC-9"} and not row["id"].startswith("PERF")
    ]
    run(uv(), "run", "--quiet", "--group", "proof", "python", "-m", "proof.standards", *chosen, cwd=service)


@pytest.mark.parametrize("service", FULLY, indirect=True)
def test_it_answers(server: Server) -> None:
    caller = server.account()
    created = server.client.post("/v1/items", json={"name": "first light", "description": "it works"}, headers=caller)
    assert created.status_code == httpx.codes.CREATED, created.text
    assert created.headers["etag"]
    read = server.client.get(f"/v1/items/{created.json()['id']}", headers=caller | {"X-Request-ID": "asked-by-a-test"})
    assert read.json()["name"] == "first light"
    request_id = read.headers["x-request-id"]
    assert request_id != "asked-by-a-test"
    assert server.client.get("/livez").headers["x-request-id"]
    deadline = time.monotonic() + 30
    while not (found := [line for line in server.lines() if line.get("request_id") == request_id]):
        assert time.monotonic() < deadline, "no line of the log holds the request id as JSON"
        time.sleep(0.1)
    assert found[0]["client_request_id"] == "asked-by-a-test"


@pytest.mark.parametrize("service", FULLY, indirect=True)
def test_one_of_twenty_gets_the_name(server: Server) -> None:
    caller = server.account()

    def create(_: int) -> int:
        return server.client.post(
            "/v1/items", json={"name": "mine", "description": "only once"}, headers=caller
        ).status_code

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        codes = sorted(pool.map(create, range(20)))
    assert codes == [httpx.codes.CREATED] + [httpx.codes.CONFLICT] * 19


@pytest.mark.parametrize("service", FULLY, indirect=True)
def test_everybody_but_the_owner_is_turned_away(server: Server) -> None:
    mine = server.client.post("/v1/items", json={"name": "mine", "description": ""}, headers=server.account())
    address = f"/v1/items/{mine.json()['id']}"
    assert server.client.get(address).status_code == httpx.codes.UNAUTHORIZED
    assert server.client.get(address, headers=server.account()).status_code == httpx.codes.NOT_FOUND
    problem = server.client.get("/v1/items/nothing-like-it", headers=server.account())
    assert problem.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("service", FULLY, indirect=True)
def test_it_passes_its_checks_with_a_new_noun_which_is_live_and_edits_nothing(service: Path) -> None:
    # In one of them it is the only noun: the example can be forgotten first.
    if service.name == "minimal":
        make(service, "forget-example")
        commit(service, "Forget the example")
    make(service, "domain", "name=orders")
    # Every type of field once, in one service: `make nouns` and the tests of the generator in each service do the rest.
    others = nouns.COVERING if service.name == "default" else {}
    for name, fields in others.items():
        make(service, "domain", f"name={name}", f"fields={fields}")
    changes = run("git", "status", "--porcelain", cwd=service).splitlines()
    try:
        assert changes
        assert not [line for line in changes if not line.startswith("?? ")], "an existing file was edited"
        # As it was rendered, and with these.
        make(service, "check")
        assert run("git", "status", "--porcelain", cwd=service).splitlines() == changes, "the checks left something"
        routes = run(*command("routes"), cwd=service)
        assert not [name for name in ("orders", *others) if f"/v1/{name.replace('_', '-')}" not in routes]
    finally:
        run("git", "clean", "-fdq", cwd=service)
        run("git", "reset", "-q", "--hard", "rendered", cwd=service)


ROGUE = '''

@router.get("/rogue", summary="Nobody may")
async def rogue() -> None:
    """Answer whoever asks."""
'''


@pytest.mark.parametrize("service", FULLY, indirect=True)
def test_a_route_that_anybody_may_call_by_accident_does_not_start(service: Path) -> None:
    router = service / "app" / "domain" / "items" / "router.py"
    before = router.read_text(encoding="utf-8")
    router.write_text(before + ROGUE, encoding="utf-8")
    try:
        done = subprocess.run(
            command("routes"), cwd=service, env=outside(), capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
    finally:
        router.write_text(before, encoding="utf-8")
    assert done.returncode != 0
    assert "/v1/items/rogue" in done.stderr
    assert "access" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("service", FULLY, indirect=True)
@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"ENVIRONMENT": "production", "DATABASE_URL": "", "ALLOWED_HOSTS": "127.0.0.1"}, "DATABASE_URL"),
        ({"ENVIRONMENT": "production", "DATABASE_URL": "", "ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
        (
            {
                "ENVIRONMENT": "production",
                "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c",
                "AUTH_SIGNING_KEYS": "0" * 64,
            },
            "AUTH_SIGNING_KEYS",
        ),
        (
            {"ENVIRONMENT": "production", "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c", "AUTH_SIGNING_KEYS": "abc"},
            "AUTH_SIGNING_KEYS",
        ),
    ],
)
def test_production_refuses_what_is_missing_or_weak(service: Path, environment: dict[str, str], named: str) -> None:
    done = subprocess.run(
        command("serve", "--port", str(free_port())),
        cwd=service,
        env=outside() | environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    assert done.returncode != 0
    assert named in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("service", FULLY, indirect=True)
def test_the_example_of_the_settings_is_complete(service: Path) -> None:
    program = (
        "import importlib, pkgutil, app, pydantic_settings\n"
        "for module in pkgutil.walk_packages(app.__path__, 'app.'):\n"
        "    if module.name.endswith('settings'):\n"
        "        importlib.import_module(module.name)\n"
        "for kind in pydantic_settings.BaseSettings.__subclasses__():\n"
        "    if kind.__module__.startswith('app'):\n"
        "        print(*(kind.model_config.get('env_prefix', '') + name.upper() for name, field in "
        "kind.model_fields.items() if field.validation_alias is None))\n"
    )
    read = set(run(service / ".venv" / "bin" / "python", "-c", program, cwd=service).split())
    example = (service / ".env.example").read_text(encoding="utf-8")
    listed = {line.partition("=")[0] for line in example.splitlines() if "=" in line and not line.startswith("#")}
    assert listed - {"POSTGRES_PASSWORD", "POSTGRES_MEMORY", "SERVICE_MEMORY"} == read
    assert ("POSTGRES_PASSWORD" in listed) == (service / "compose.yaml").is_file()


def dependencies(service: Path) -> set[str]:
    """Give what a service depends on."""
    project = tomllib.loads((service / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return set(project["dependencies"])


@pytest.mark.parametrize("service", FULLY[:2], indirect=True)
def test_every_pair_of_answers_imports_and_is_typed(service: Path, projects: list[Path], tmp_path: Path) -> None:
    """Those that need what the default has are tried in its environment; types are those of the same sources once."""
    usual = dependencies(render(tmp_path / "usual", **EXAMPLES["default"]))
    binaries = service / ".venv" / "bin"
    typed: set[frozenset[tuple[str, str]]] = set()
    mine = [each for each in projects if (dependencies(each) <= usual) == (service.name == "default")]
    assert mine
    for project in mine:
        run(
            binaries / "python",
            "-c",
            "import app.main; app.main.create_app()",
            cwd=project,
            environment={"PYTHONPATH": str(project)},
        )
        # Numbers alone differ in defaults.py, and each has its type there.
        sources = frozenset(each for each in files(project / "app").items() if each[0] != "defaults.py")
        if sources not in typed:
            run(binaries / "basedpyright", "--pythonpath", binaries / "python", "app", cwd=project)
        typed.add(sources)


@pytest.mark.parametrize("service", ["default"], indirect=True)
@pytest.mark.xdist_group("default")
def test_postgresql_accepts_its_settings(service: Path, projects: list[Path], tmp_path: Path) -> None:
    binaries = cluster.binaries(service)
    for project in projects:
        if (settings := project / "deploy" / "postgresql.conf").is_file():
            reading = (binaries / "postgres", "-C", "max_connections", "-D", tmp_path, "-c", f"config_file={settings}")
            assert f"max_connections = {run(*reading, cwd=project).split()[-1]}" in settings.read_text(encoding="utf-8")


# A slow statement with a parameter, a refused row, a conflict.
STATEMENTS = r"""
CREATE TEMPORARY TABLE person (email text PRIMARY KEY CHECK (email LIKE '%@%'));
SELECT pg_sleep(0.3), $1::text \bind 'ada@example.com' \g
INSERT INTO person VALUES ($1) \bind 'ada@example.com' \g
INSERT INTO person VALUES ($1) \bind 'ada@example.com' \g
INSERT INTO person VALUES ($1) \bind 'ada-at-example.com' \g
"""


@pytest.mark.parametrize("service", ["default"], indirect=True)
@pytest.mark.xdist_group("default")
def test_the_log_of_postgresql_shows_nothing_that_people_entered(service: Path) -> None:
    binaries = cluster.binaries(service)
    user = 65534 if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="database-") as folder:
        if user is not None:
            os.chown(folder, user, user)
        making: list[str | Path] = [binaries / "initdb", "-A", "trust", "-U", "service", "-D", f"{folder}/data"]
        subprocess.run(making, user=user, check=True, capture_output=True, cwd=folder)
        serving: list[str | Path] = [
            binaries / "postgres",
            "-D",
            f"{folder}/data",
            f"--config_file={service}/deploy/postgresql.conf",
        ]
        here = ["-p", str(free_port()), "--listen_addresses=", f"--unix_socket_directories={folder}"]
        with (service.parent / "postgresql.log").open("w+", encoding="utf-8") as log:
            server = subprocess.Popen([*serving, *here], user=user, cwd=folder, stdout=log, stderr=log)
            try:
                connecting = ["-h", folder, "-p", here[1], "-U", "service"]
                deadline = time.monotonic() + 60
                while subprocess.run([binaries / "pg_isready", "-q", *connecting]).returncode:
                    assert time.monotonic() < deadline, "PostgreSQL does not start"
                    time.sleep(0.1)
                asking: list[str | Path] = [binaries / "psql", "-q", "-d", "postgres", *connecting]
                subprocess.run(asking, input=STATEMENTS, text=True, capture_output=True, check=True)
            finally:
                server.send_signal(signal.SIGINT)
                server.wait(30)
            log.seek(0)
            said = log.read()
    assert "duration: " in said
    assert "duplicate key value" in said
    assert "violates check constraint" in said
    assert not [line for line in said.splitlines() if "ada" in line]
