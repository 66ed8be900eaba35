"""The container image, where there is something to build it with: not as root, without tools, and it serves."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cluster import cluster, prepared
from shell import run, uv
from support import free_port, render

pytestmark = pytest.mark.slow
# Without an engine and its daemon: files in place of overlays, a chroot in place of namespaces.
ENGINE = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
BASES = {"docker.io/library/python:3.11-slim", "ghcr.io/astral-sh/uv:latest"}


def skip_without_engine() -> None:
    """Say what is missing to build with, or to build on."""
    if not shutil.which("buildah"):
        pytest.skip("buildah is not installed")
    here = run("buildah", "images", "--format", "{{.Name}}:{{.Tag}}", cwd=Path.cwd(), environment=ENGINE).split()
    if missing := BASES - set(here):
        pytest.skip(f"not pulled: {', '.join(sorted(missing))}")


@pytest.fixture(scope="module")
def service() -> Iterator[Path]:
    """Give a service as its user has it after `make setup`, where a database that is not root can serve."""
    skip_without_engine()
    with tempfile.TemporaryDirectory(prefix="image-") as folder:
        Path(folder).chmod(0o755)
        service = render(Path(folder, "service"))
        run(uv(), "sync", "--quiet", cwd=service)
        yield service


@pytest.fixture(scope="module")
def image(service: Path) -> str:
    """Build the image as compose.yaml does."""
    build = ["buildah", "bud", "--format", "docker", "--pull-never", "-t", "tested-service"]
    build += ["--build-arg", "PYTHON_VERSION=3.11", "--build-arg", "UV_VERSION=latest", "."]
    run(*build, cwd=service, environment=ENGINE)
    return "tested-service"


@contextmanager
def container(image: str) -> Iterator[str]:
    """Make a container of the image, and give its name."""
    name = f"test-{os.urandom(4).hex()}"
    run("buildah", "from", "--pull-never", "--name", name, image, cwd=Path.cwd(), environment=ENGINE)
    try:
        yield name
    finally:
        run("buildah", "rm", name, cwd=Path.cwd(), environment=ENGINE)


def within(image: str, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a container of its own."""
    with container(image) as name:
        return subprocess.run(
            ["buildah", "run", *given(environment), name, "--", *command],
            env=os.environ | ENGINE,
            capture_output=True,
            text=True,
            timeout=120,
        )


def given(environment: dict[str, str]) -> list[str]:
    """Give the options that set the environment in a container."""
    return [f"--env={name}={value}" for name, value in environment.items()]


def test_it_is_nobody_and_brings_no_tools(image: str) -> None:
    assert within(image, "id", "-u").stdout.strip() == "10001"
    assert within(image, "sh", "-c", "command -v uv gcc git make").stdout.strip() == ""
    assert within(image, "touch", "/srv/app/x").returncode != 0


def test_it_is_production(image: str) -> None:
    refused = within(image, "app", "serve")
    assert refused.returncode != 0
    assert "AUTH_SIGNING_KEYS" in refused.stdout + refused.stderr
    assert within(image, "app", "--version").returncode == 0


# As compose.yaml has it: the same environment, the same commands, the same settings of PostgreSQL. No engine of
# Compose runs here, so its file is read.


@pytest.fixture
def composed(service: Path) -> dict[str, Any]:
    """Read compose.yaml as Compose does, with what .env has and the lines that a person adds to it."""
    lines = (service / ".env").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    values |= {"MAIL_URL": "smtps://127.0.0.1:1", "MAIL_SENDER": "a@example.com", "MAIL_LINKS": "https://example.com"}
    values |= {"MAX_BODY_BYTES": "2048"}

    def filled(found: re.Match[str]) -> str:
        name, default = found.groups()
        return values.get(name) or (default.removeprefix("-") if default.startswith("-") else pytest.fail(default))

    services = yaml.safe_load((service / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for each in services.values():
        for name, text in each["environment"].items():
            each["environment"][name] = re.sub(r"\$\{(\w+):?([-?][^}]*)?\}", filled, text)
        if each.get("env_file") == ".env":
            each["environment"] = values | each["environment"]
    return dict(services)


@pytest.fixture
def database(service: Path, composed: dict[str, Any]) -> Iterator[int]:
    """Serve the database of compose.yaml with its own settings, and give its port."""
    with cluster(service, composed["database"]["environment"]) as made:
        prepared(service, made)
        yield made.port


@pytest.fixture
def certificate(service: Path) -> Path:
    """Give a folder with a certificate and its key, as whoever serves by TLS mounts it."""
    folder = service.with_name("tls")
    folder.mkdir(exist_ok=True)
    making = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=api.example.com"
    run(*making.split(), "-keyout", folder / "key.pem", "-out", folder / "certificate.pem", cwd=folder)
    (folder / "key.pem").chmod(0o644)
    return folder


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_compose_brings_up_a_service_that_serves_and_ends_when_told(
    scheme: str, image: str, composed: dict[str, Any], database: int, certificate: Path
) -> None:
    environment: dict[str, str] = composed["app"]["environment"]
    environment["ALLOWED_HOSTS"] = "api.example.com"
    environment["DATABASE_URL"] = environment["DATABASE_URL"].replace("database:5432", f"127.0.0.1:{database}")
    migrated = within(image, *composed["migrate"]["command"], **environment)
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr

    if scheme == "https":
        environment |= {"TLS_CERTIFICATE": "/tls/certificate.pem", "TLS_KEY": "/tls/key.pem"}
    options = [*given(environment), f"--volume={certificate}:/tls:ro"]
    config = json.loads(run("buildah", "inspect", "--type", "image", image, cwd=Path.cwd(), environment=ENGINE))
    told = config["Docker"]["config"]
    port = str(free_port())
    serve, healthy = (
        [word.replace("8000", port) for word in each] for each in (told["Cmd"], told["Healthcheck"]["Test"])
    )
    assert healthy.pop(0) == "CMD"
    with container(image) as name, tempfile.TemporaryFile("w+") as log:
        service = subprocess.Popen(
            ["buildah", "run", *options, name, "--", *serve],
            env=os.environ | ENGINE,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            host = {"Host": "api.example.com"}
            with httpx.Client(base_url=f"{scheme}://127.0.0.1:{port}", headers=host, verify=False) as client:  # noqa: S501
                until(lambda: client.get("/readyz").status_code == httpx.codes.OK)
                asked = subprocess.run(["buildah", "run", *options, name, "--", *healthy], env=os.environ | ENGINE)
                assert asked.returncode == 0
                person = {"email": "ann@example.com", "password": "correct horse battery staple 7"}
                assert client.post("/v1/accounts", json=person).status_code == httpx.codes.ACCEPTED
                assert client.get("/v1/items").status_code == httpx.codes.UNAUTHORIZED
                # A setting that compose.yaml does not name.
                large = client.post("/v1/accounts", json={"email": "a" * 3000, "password": "x"})
                assert large.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
                # As `docker stop` does, while a client idles. What has to end, and soon, is the service itself.
                os.kill(innermost(service.pid), signal.SIGTERM)
                service.wait(15)
        finally:
            if service.poll() is None:
                os.kill(innermost(service.pid), signal.SIGKILL)
                service.wait()
            log.seek(0)
            said = log.read()
    assert '"event":"stopping"' in said, said


def innermost(pid: int) -> int:
    """Find the process for whose sake all others run."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
    return innermost(int(children[0])) if children else pid


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that may not answer yet."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(httpx.TransportError):
            if true():
                return
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(0.1)
