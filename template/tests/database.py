"""PostgreSQL for the tests: one server for all workers, and a database for each, copied from one that was migrated."""

import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from app.adapters import embedded_postgres
from app.adapters.process import ROOT
from proof.rig import execute

PREFIX = "test_"

# What makes a server fast and unsafe: a crash loses the data, and here that is no loss.
_UNSAFE = ("fsync", "full_page_writes", "synchronous_commit")


class NotForTests(Exception):
    """The database that the environment names is somebody's."""


def at(server: str, name: str) -> str:
    """The address of the database `name` on the server of an address."""
    return urlsplit(server)._replace(path=f"/{name}").geturl()


class Server:
    """The server of this run: the one that DATABASE_URL names, else one of its own in a temporary folder.

    Its own begins as a copy of what an earlier run has kept: the server whose template had the same migrations.
    """

    def __init__(self) -> None:
        self._stop: Callable[[], None] | None = None
        self._folder: Path | None = None
        self.url: str = os.environ.get("DATABASE_URL", "")
        self.migrated: bool = False
        if self.url:
            name = urlsplit(self.url).path.removeprefix("/")
            if not name.startswith(PREFIX):
                raise NotForTests(
                    f"DATABASE_URL names the database {name!r}, and tests only touch databases whose name begins with "
                    f"{PREFIX}. Unset it: the tests then start a PostgreSQL of their own."
                )
            self._template: str = f"{PREFIX}{secrets.token_hex(4)}"
        else:
            self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
            self._folder.chmod(0o755)  # root's PostgreSQL runs as somebody else
            self._template = f"{PREFIX}template"
            kept = _kept()
            self.migrated = kept.exists()
            if self.migrated:
                copy(kept, self._folder / "data")
            self._start(self._folder)
        if not self.migrated:
            execute(self.url, f"CREATE DATABASE {self._template}")

    @property
    def template(self) -> str:
        """The address of the database that others are copied from."""
        return at(self.url, self._template)

    def keep(self) -> None:
        """Keep the server as it is, with its template migrated, for the next run with the same migrations."""
        if self._stop is None or self._folder is None:
            return
        execute(self.url, *(f"ALTER SYSTEM SET {each} = off" for each in _UNSAFE))
        self._stop()
        kept = _kept()
        new = kept.with_name(f"{secrets.token_hex(4)}.new")
        copy(self._folder / "data", new)
        try:
            _ = new.rename(kept)
        except OSError:  # another run was faster
            shutil.rmtree(new)
        for each in kept.parent.iterdir():
            if each != kept and each.suffix != new.suffix:
                shutil.rmtree(each, ignore_errors=True)
        self._start(self._folder)

    def stop(self) -> None:
        """Leave nothing behind."""
        if self._stop is None or self._folder is None:
            execute(self.url, _drop(self.template))
        else:
            self._stop()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, folder: Path) -> None:
        with warnings.catch_warnings(action="ignore"):  # where the server puts its socket is no concern of a test
            self.url, self._stop = embedded_postgres.start(folder / "data")


def _kept() -> Path:
    """Where the server is kept whose template has what these files make of it."""
    made_by = hashlib.sha256(version("embedded-postgres").encode())
    for pattern in ("migrations/**/*.py", "app/**/models.py", "app/**/triggers.py"):
        for file in sorted(ROOT.glob(pattern)):
            made_by.update(file.relative_to(ROOT).as_posix().encode() + file.read_bytes())
    return ROOT / ".data/tests" / made_by.hexdigest()[:16]


def copy(source: Path, target: Path) -> None:
    """Copy the data of a server that does not run, with its owner, who is not always who runs the tests."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([shutil.which("cp") or "cp", "-a", str(source), str(target)], check=True)


def create(template: str, suffix: str, *, empty: bool = False) -> str:
    """Make a database beside the template, as its copy unless it is to be empty, and return its address."""
    url = at(template, f"{_name(template)}_{suffix}")
    copied = "template0" if empty else _name(template)
    execute(at(template, "template1"), f"CREATE DATABASE {_name(url)} TEMPLATE {copied}")
    return url


def drop(url: str) -> None:
    """Remove a database, whoever uses it."""
    execute(at(url, "template1"), _drop(url))


def _drop(url: str) -> str:
    return f"DROP DATABASE IF EXISTS {_name(url)} WITH (FORCE)"


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")
