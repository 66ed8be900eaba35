"""The container image, where there is something to build it with: not as root, without tools, and it starts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support import render, run, uv

pytestmark = pytest.mark.slow
# Without an engine and its daemon: files in place of overlays, a chroot in place of namespaces.
ENGINE = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
BASES = {"docker.io/library/python:3.11-slim", "ghcr.io/astral-sh/uv:latest"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the image from base images that are already here."""
    if not shutil.which("buildah"):
        pytest.skip("buildah is not installed")
    here = run("buildah", "images", "--format", "{{.Name}}:{{.Tag}}", cwd=Path.cwd(), environment=ENGINE).split()
    if missing := BASES - set(here):
        pytest.skip(f"not pulled: {', '.join(sorted(missing))}")
    service = render(tmp_path_factory.mktemp("image") / "service")
    run(uv(), "lock", "--quiet", cwd=service)
    arguments = ["--build-arg", "PYTHON_VERSION=3.11", "--build-arg", "UV_VERSION=latest"]
    run(
        "buildah",
        "bud",
        "--format",
        "docker",
        "--pull-never",
        *arguments,
        "-t",
        "tested-service",
        ".",
        cwd=service,
        environment=ENGINE,
    )
    return "tested-service"


def within(image: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a container of the image."""
    name = f"test-{os.urandom(4).hex()}"
    run("buildah", "from", "--pull-never", "--name", name, image, cwd=Path.cwd(), environment=ENGINE)
    try:
        return subprocess.run(
            ["buildah", "run", name, "--", *command],
            env=os.environ | ENGINE,
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        run("buildah", "rm", name, cwd=Path.cwd(), environment=ENGINE)


def test_it_is_nobody_and_brings_no_tools(image: str) -> None:
    assert within(image, "id", "-u").stdout.strip() == "10001"
    assert within(image, "sh", "-c", "command -v uv gcc git make").stdout.strip() == ""
    assert within(image, "touch", "/srv/app/x").returncode != 0


def test_it_is_production(image: str) -> None:
    refused = within(image, "app", "serve")
    assert refused.returncode != 0
    assert "AUTH_SIGNING_KEYS" in refused.stdout + refused.stderr
    assert within(image, "app", "--version").returncode == 0
