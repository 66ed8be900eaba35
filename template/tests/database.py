"""PostgreSQL for the tests: one server for all workers, and a database for each, copied from one that was migrated."""

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from app.adapters import embedded_postgres
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
    """The server of this run: the one that DATABASE_URL names, else one of its own in a temporary folder."""

    def __init__(self) -> None:
        self._stop: Callable[[], None] | None = None
        self._folder: Path | None = None
        self.url: str = os.environ.get("DATABASE_URL", "")
        if self.url:
            name = urlsplit(self.url).path.removeprefix("/")
            if not name.startswith(PREFIX):
                raise NotForTests(
                    f"DATABASE_URL names the database {name!r}, and tests only touch databases whose name begins with "
                    f"{PREFIX}. Unset it: the tests then start a PostgreSQL of their own."
                )
        else:
            self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
            with warnings.catch_warnings(action="ignore"):  # where the server puts its socket is no concern of a test
                self.url, self._stop = embedded_postgres.start(self._folder / "data")
            execute(self.url, *(f"ALTER SYSTEM SET {each} = off" for each in _UNSAFE), "SELECT pg_reload_conf()")
        self.template: str = at(self.url, f"{PREFIX}{secrets.token_hex(4)}")
        execute(self.url, f"CREATE DATABASE {_name(self.template)}")

    def stop(self) -> None:
        """Leave nothing behind."""
        execute(self.url, _drop(self.template))
        if self._stop is not None:
            self._stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


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
