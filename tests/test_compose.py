"""What compose.yaml promises: the service is no superuser, nobody else reaches its database, and both may do little."""

from __future__ import annotations

import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster import Cluster, cluster, prepared
from shell import outside, run, uv
from support import EXAMPLES, files, render

PASSWORD = secrets.token_hex(32)


def composed(service: Path) -> dict[str, Any]:
    """Read the services of compose.yaml."""
    found: dict[str, Any] = yaml.safe_load((service / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return found


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give the services of the greatest service."""
    return composed(render(tmp_path_factory.mktemp("compose") / "x", **EXAMPLES["everything"]))


def test_every_container_has_few_privileges_and_a_bound(services: dict[str, Any]) -> None:
    for name, each in services.items():
        assert each["read_only"] is True, name
        assert each["cap_drop"] == ["ALL"], name
        assert each["security_opt"] == ["no-new-privileges:true"], name
        assert "/tmp" in each["tmpfs"], name  # noqa: S108
        assert re.fullmatch(r"\$\{\w+_MEMORY:-\d+g\}", each["mem_limit"]), name
        assert each["pids_limit"] > 0, name
        assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & each.keys(), name
    assert [name for name, each in services.items() if each.get("cap_add")] == ["database"]


def test_nothing_is_published_but_the_service_to_this_machine(services: dict[str, Any]) -> None:
    published = {name: each["ports"] for name, each in services.items() if "ports" in each}
    assert published == {"app": ["127.0.0.1:8000:8000"]}


def test_the_service_is_nobody_who_made_the_volume(services: dict[str, Any]) -> None:
    made_by = services["database"]["environment"]["POSTGRES_USER"]
    for name in ("migrate", "app"):
        assert f"//{made_by}:" not in services[name]["environment"]["DATABASE_URL"]


def test_a_copy_keeps_secrets_in_one_file_and_any_verb_closes_it(tmp_path: Path) -> None:
    service = render(tmp_path / "x", **EXAMPLES["everything"])
    secret = re.compile(r"^[A-Z_]+=[0-9a-f]{64}$", re.MULTILINE)
    assert [name for name, text in files(service).items() if secret.search(text)] == [".env"]
    (service / ".env").chmod(0o644)

    run("make", f"UV={uv()}", "help", cwd=service)

    assert (service / ".env").stat().st_mode & 0o777 == 0o600
    (service / ".env").unlink()
    assert "chmod" not in run("make", f"UV={uv()}", "help", cwd=service)


@pytest.fixture(scope="module")
def service() -> Iterator[Path]:
    """Give a service with what it needs, where a database that is not root can read its settings."""
    with tempfile.TemporaryDirectory(prefix="compose-") as folder:
        Path(folder).chmod(0o755)
        service = render(Path(folder, "service"))
        run(uv(), "sync", "--quiet", cwd=service)
        yield service


def settings(service: Path, **given: str) -> dict[str, str]:
    """Give what compose.yaml tells the database."""
    found: dict[str, str] = composed(service)["database"]["environment"]
    return found | {"POSTGRES_PASSWORD": PASSWORD} | given


def address(service: Path, made: Cluster) -> str:
    """Give the address by which compose.yaml has the service come, on this machine."""
    url: str = composed(service)["app"]["environment"]["DATABASE_URL"]
    return url.replace("${POSTGRES_PASSWORD}", PASSWORD).replace("database:5432", f"127.0.0.1:{made.port}")


def migrated(service: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Run the migrations as compose.yaml does."""
    told = outside() | {"DATABASE_URL": url, "DATABASE_WITHOUT_TLS_BECAUSE": "it is on this machine"}
    told |= {"ENVIRONMENT": "production", "ALLOWED_HOSTS": "localhost"}
    return subprocess.run(
        [service / ".venv/bin/app", "migrate"], cwd=service, env=told, capture_output=True, text=True, timeout=120
    )


@pytest.mark.slow
def test_on_a_new_volume_the_service_owns_its_database_and_nothing_else(service: Path) -> None:
    told = settings(service)
    with cluster(service, told) as made:
        prepared(service, made)
        url = address(service, made)
        done = migrated(service, url)
        assert done.returncode == 0, done.stdout + done.stderr

        who = "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication FROM pg_roles"
        assert made.tool("psql", "-Atc", f"{who} WHERE rolname = 'service'", url) == "f|f|f|f|f\n"
        # Neither can it read files or run programs of the server, nor see the other databases.
        for refused in ("COPY accounts TO PROGRAM 'true'", "SELECT pg_read_file('/etc/passwd')", "CREATE ROLE more"):
            answer = subprocess.run([made.binaries / "psql", "-c", refused, url], capture_output=True, text=True)
            assert "permission denied" in answer.stderr, refused
        # By the network nobody is superuser, whatever the password.
        superuser = url.replace("//service:", f"//{told['POSTGRES_USER']}:")
        answer = subprocess.run([made.binaries / "psql", "-c", "SELECT 1", superuser], capture_output=True, text=True)
        assert "password authentication failed" in answer.stderr
        inside = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        assert made.tool("psql", "-Atc", inside, told["POSTGRES_DB"]) == "t\n"
        kept = made.tool("psql", "-Atc", "SELECT rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL", "postgres")
        assert kept.startswith("SCRAM-SHA-256$")
        assert kept.count("\n") == 1
    assert PASSWORD not in (service.parent / "postgresql.log").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_volume_of_before_goes_on_and_its_data_move_into_a_new_one(service: Path, tmp_path: Path) -> None:
    dump = tmp_path / "old.dump"
    rows = "SELECT string_agg(version_num, ' ' ORDER BY version_num) FROM alembic_version"
    with cluster(service, settings(service, POSTGRES_USER="service")) as old:
        url = address(service, old)
        assert migrated(service, url).returncode == 0
        before = old.tool("psql", "-Atc", rows, url)
        old.tool("pg_dump", "--username=service", "--format=custom", f"--file={dump}", old.environment["POSTGRES_DB"])
    with cluster(service, settings(service)) as new:
        prepared(service, new)
        database = new.environment["POSTGRES_DB"]
        moving = ("--username=service", "--no-owner", "--exit-on-error", f"--dbname={database}", str(dump))
        new.tool("pg_restore", *moving)
        url = address(service, new)
        assert new.tool("psql", "-Atc", rows, url) == before != "\n"
        done = migrated(service, url)
        assert done.returncode == 0, done.stdout + done.stderr
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        assert new.tool("psql", "-Atc", owners, url) == "service\n"
