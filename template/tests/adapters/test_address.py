"""The address of a database: each form of a URL is used as it says, or refused in a sentence without a secret."""

import asyncio
import getpass
import secrets
import socket
import socketserver
import threading
import traceback
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast
from urllib.parse import quote

import asyncpg
import pytest
from click.testing import CliRunner
from pydantic import SecretStr, ValidationError
from typing_extensions import override

from app import cli, defaults
from app.adapters import embedded_postgres
from app.adapters.database import DatabaseSettings, connect
from app.adapters.database.address import Address
from app.adapters.database.work import Database
from app.kit import logging
from app.kit.crypto import KeyRing
from app.kit.errors import Unavailable
from proof.standards import tls
from tests.conftest import Log
from tests.wire import eventually

ROLE = "ada@ops/1"
PASSWORD = "Zq7%/#?@:&=+ [x]é"
QUOTED = quote(PASSWORD, safe="")
WHO = f"{quote(ROLE, safe='')}:{QUOTED}"


@pytest.fixture(scope="module")
def folder(room: Path) -> Iterator[Path]:
    """The folder of a server's socket; two roles of it need their passwords."""
    data = room / "server"
    url, stop = embedded_postgres.start(data)

    async def prepare() -> None:
        owner = await asyncpg.connect(url)
        await owner.execute(f"CREATE ROLE \"{ROLE}\" LOGIN PASSWORD '{PASSWORD}'")
        await owner.execute("CREATE ROLE plain LOGIN PASSWORD 'of-a-file'")
        await owner.execute(f'CREATE DATABASE "{ROLE}"')
        rules = "local all postgres trust\nlocal all all scram-sha-256\n"
        (data / "pg_hba.conf").write_text(rules, encoding="utf-8")
        await owner.execute("SELECT pg_reload_conf()")
        await owner.close()

    asyncio.run(prepare())
    eventually(lambda: asyncio.run(_demands_a_password(data)))
    yield data
    stop()


async def _demands_a_password(data: Path) -> bool:
    try:
        connection = await asyncpg.connect(host=str(data), user="plain", password="wrong", database="postgres")
    except asyncpg.InvalidPasswordError:
        return True
    await connection.close()
    return False


class Wire(socketserver.ThreadingTCPServer):
    """The server's socket as a port of this machine."""

    def __init__(self, folder: Path, *, ipv6: bool = False) -> None:
        self.address_family: int = socket.AF_INET6 if ipv6 else socket.AF_INET
        self.taken: int = 0
        self._socket: str = str(folder / ".s.PGSQL.5432")
        super().__init__(("::1" if ipv6 else "127.0.0.1", 0), socketserver.BaseRequestHandler)
        self.port: int = int(str(self.server_address[1]))

    @override
    def finish_request(self, request: object, client_address: object) -> None:
        self.taken += 1
        outer = cast("socket.socket", request)
        with socket.socket(socket.AF_UNIX) as inner:
            inner.connect(self._socket)
            back = threading.Thread(target=_pump, args=(inner, outer))
            back.start()
            _pump(outer, inner)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65_536):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def on_a_wire(folder: Path, *, ipv6: bool = False) -> Generator[Wire]:
    """The server on a port; skips where this machine has no IPv6."""
    try:
        wire = Wire(folder, ipv6=ipv6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    thread = threading.Thread(target=wire.serve_forever, args=(0.01,))
    thread.start()
    with wire:
        yield wire
        wire.shutdown()
        thread.join()


async def asked(url: str, question: str = "SELECT current_user || ' ' || current_database()") -> object:
    """What a server answers that is reached by this URL."""
    connection = await connect(SecretStr(url))
    try:
        return await connection.fetchval(question)
    finally:
        connection.terminate()


SOCKET = "{folder}"
ESCAPED = "{escaped}"
V4, V6 = "127.0.0.1:{port}", "[::1]:{port}"


@pytest.mark.parametrize(
    "form",
    [
        f"postgresql://{WHO}@/postgres?host={SOCKET}",
        f"postgres://{WHO}@/postgres?host={SOCKET}&port=5432",
        f"postgresql+asyncpg://{WHO}@:5432/postgres?host={SOCKET}",
        f"postgresql://{WHO}@{ESCAPED}/postgres",
        f"postgresql://{WHO}@{ESCAPED}:5432/postgres",
        f"postgresql:///postgres?host={SOCKET}&user={quote(ROLE, safe='')}&password={QUOTED}",
        f"postgresql://?host={SOCKET}&user={quote(ROLE, safe='')}&password={QUOTED}&dbname=postgres",
        f"postgresql://{WHO}@?host={SOCKET}&database=postgres",
        f"postgresql://{WHO}@{V4}/postgres",
        f"  postgresql://{WHO}@{V4}/postgres\r\n",
        f"postgresql://{WHO}@{V4}/postgres?sslmode=disable",
        f"postgresql://{WHO}@{V4}/postgres?sslmode=prefer",
        f"postgresql://{WHO}@{V4}/postgres?sslmode=allow",
        f"postgresql://{WHO}@{V4}/postgres?target_session_attrs=primary&connect_timeout=10",
        f"postgresql://{WHO}@{V4}/postgres?target_session_attrs=prefer-standby",
        f"postgresql://{WHO}@{V6}/postgres",
        f"postgresql://{WHO}@/postgres?host=::1&port={{port}}",
        f"postgresql://{WHO}@/postgres?host={V6}",
        f"postgresql://{WHO}@127.0.0.1:1,{V4}/postgres",
        f"postgresql://{WHO}@nowhere.invalid,127.0.0.1:{{port}}/postgres",
        f"postgresql://{WHO}@/postgres?host=/nowhere,127.0.0.1&port={{port}}",
        f"postgresql://{WHO}@/postgres?host=127.0.0.1:1,{V4}",
    ],
)
def test_a_form_that_is_accepted_reaches_the_server(folder: Path, form: str) -> None:
    with on_a_wire(folder, ipv6="::1" in form) as wire:
        found = asyncio.run(asked(form.format(folder=folder, escaped=quote(str(folder), safe=""), port=wire.port)))

    assert found == f"{ROLE} postgres"


@pytest.mark.parametrize("who", ["plain", "plain:"])
def test_a_password_may_come_from_a_file(folder: Path, tmp_path: Path, who: str) -> None:
    passfile = tmp_path / "pgpass"
    passfile.touch(mode=0o600)
    _ = passfile.write_text("*:*:*:plain:of-a-file\n", encoding="utf-8")

    url = f"postgresql://{who}@{quote(str(folder), safe='')}/postgres?passfile={passfile}"
    assert asyncio.run(asked(url)) == "plain postgres"


def test_what_is_left_out_is_what_everybody_expects(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = f"postgresql://{WHO}@{quote(str(folder), safe='')}"
    assert asyncio.run(asked(base)) == f"{ROLE} {ROLE}"  # the database of the user's name
    assert asyncio.run(asked(f"{base}/")) == f"{ROLE} {ROLE}"

    monkeypatch.setenv("PGUSER", "postgres")
    assert asyncio.run(asked(f"postgresql:///postgres?host={folder}")) == "postgres postgres"
    monkeypatch.delenv("PGUSER")
    assert Address.parse("postgresql:///postgres").user == getpass.getuser()


@pytest.mark.parametrize(
    ("parameters", "question", "answer"),
    [
        ("", "SELECT current_setting('application_name')", defaults.PROJECT_SLUG),
        ("application_name=nightly%20job", "SELECT current_setting('application_name')", "nightly job"),
        ("options=-c%20work_mem%3D7MB", "SELECT current_setting('work_mem')", "7MB"),
        ("options=-c+work_mem%3D7MB", "SELECT current_setting('work_mem')", "7MB"),
        ("search_path=pg_catalog", "SELECT current_setting('search_path')", "pg_catalog"),
        ("", "SELECT current_setting('timezone')", "UTC"),
    ],
)
def test_a_parameter_counts(folder: Path, parameters: str, question: str, answer: str) -> None:
    url = f"postgresql://{WHO}@{quote(str(folder), safe='')}/postgres?{parameters}".rstrip("?")

    assert asyncio.run(asked(url, question)) == answer


def test_a_wrong_password_is_not_tried_on_the_next_host(folder: Path) -> None:
    with on_a_wire(folder) as wire:
        place = f"127.0.0.1:{wire.port}"
        with pytest.raises(Unavailable):
            _ = asyncio.run(
                asked(f"postgresql://{quote(ROLE, safe='')}:wrong@{place},{place}/postgres?sslmode=disable")
            )

        assert wire.taken == 1


def test_a_kind_of_server_that_there_is_none_of_is_unavailable(folder: Path) -> None:
    with pytest.raises(Unavailable):
        _ = asyncio.run(
            asked(f"postgresql://{WHO}@{quote(str(folder), safe='')}/postgres?target_session_attrs=standby")
        )


def test_a_host_that_says_nothing_is_left_in_time(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, on_a_wire(folder) as wire:
        places = f"127.0.0.1:{silent.getsockname()[1]},127.0.0.1:{wire.port}"
        found = asyncio.run(asked(f"postgresql://{WHO}@{places}/postgres?connect_timeout=1"))

    assert found == f"{ROLE} postgres"


@pytest.mark.parametrize(
    ("parameters", "secured"),
    [
        ("sslmode=verify-full&sslrootcert={ca}", True),
        ("sslmode=verify-ca&sslrootcert={ca}", True),
        ("sslmode=require&sslrootcert={ca}", True),
        ("sslmode=require", True),
        ("sslmode=require&sslcert={pair}", True),
        ("sslmode=verify-full&sslrootcert={ca}&sslcert={pair}&sslkey={pair}", True),
        ("sslmode=verify-full", False),  # the system does not know the authority
        ("sslmode=verify-full&sslrootcert=system", False),
        ("sslmode=verify-ca&sslrootcert={other}", False),
        ("sslmode=require&sslrootcert={other}", False),
    ],
)
def test_tls_checks_what_the_mode_says(database_url: str, tmp_path: Path, parameters: str, *, secured: bool) -> None:
    (tmp_path / "other").mkdir()
    tls.certified(tmp_path / "other", ["localhost"])
    with tls.front(database_url, tmp_path / "front") as server:
        files = {
            "ca": tmp_path / "front" / "authority.pem",
            "pair": tmp_path / "front" / "server.pem",
            "other": tmp_path / "other" / "authority.pem",
        }
        url = f"{server.url.partition('?')[0]}?{parameters.format(**files)}"
        if secured:
            assert asyncio.run(asked(url, "SELECT 1")) == 1
            assert server.versions == ["TLSv1.3"]
        else:
            with pytest.raises(Unavailable):
                _ = asyncio.run(asked(url, "SELECT 1"))


SECRET = "Zx81c2f4aQ"
LEFT, RIGHT = f"{SECRET}L", f"{SECRET}R"
HOST = "127.0.0.1/service"
FORM = "must have the form postgresql://user:password@host:5432/database"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        *((f"postgresql://ada:{LEFT}{sign}{RIGHT}@{HOST}", FORM) for sign in "/#?@\n\t\0"),
        *(
            (f"postgresql://ada:{LEFT}{first}{SECRET}{second}{RIGHT}@{HOST}", FORM)
            for first in "/#?@"
            for second in "/#?@"
        ),
        (f"postgresql://ada:{LEFT}%ff{RIGHT}@{HOST}", FORM),
        (f"postgresql://ada:{SECRET}", "has a port that is none"),
        (f"postgresql://ada:{SECRET}/service", "has a port that is none"),
        (f"postgresql://ada:{SECRET}@{HOST}#fragment", FORM),
        (f"postgresql://ada:{SECRET}@{HOST}/more", FORM),
        (f"postgresql://ada:{SECRET}@{HOST}?{RIGHT}", FORM),
        (f"postgresql://ada:{SECRET}@{HOST}?application_name=%ff", FORM),
        (f"postgresql+psycopg://ada:{SECRET}@{HOST}", FORM),
        (f"mysql://ada:{SECRET}@{HOST}", FORM),
        (f"ada:{SECRET}@{HOST}", FORM),
        (f"host=127.0.0.1 user=ada password={SECRET}", FORM),
        (f"postgresql://ada:{SECRET}@::1/service", "has a host that is none"),
        (f"postgresql://ada:{SECRET}@[::1/service", "has a host that is none"),
        (f"postgresql://ada:{SECRET}@h:0/service", "has a port that is none"),
        (f"postgresql://ada:{SECRET}@h:65536/service", "has a port that is none"),
        (f"postgresql://ada:{SECRET}@h,/service", "lists an empty host"),
        (f"postgresql://ada:{SECRET}@a,b,c/service?port=1,2", "has another number of ports than of hosts"),
        (f"postgresql://ada:{SECRET}@{HOST}?host=/tmp", "says host twice"),
        (f"postgresql://ada:{SECRET}@h:1/service?port=2", "says port twice"),
        (f"postgresql://ada:{LEFT}@{HOST}?password={RIGHT}", "says password twice"),
        (f"postgresql://ada:{SECRET}@{HOST}?user=eve", "says user twice"),
        (f"postgresql://ada:{SECRET}@{HOST}?dbname=other", "says dbname twice"),
        (f"postgresql://ada:{SECRET}@{HOST}?sslmode=require&sslmode=disable", "says sslmode twice"),
        (f"postgresql://ada:{SECRET}@{HOST}?sslmode={RIGHT}", "has an unknown sslmode: it is one of allow, "),
        (f"postgresql://ada:{SECRET}@{HOST}?sslmode=verify-ca", "has an sslmode that needs the file of a CA"),
        (f"postgresql://ada:{SECRET}@{HOST}?sslmode=require&sslrootcert=system", "has an sslmode that needs the file"),
        (f"postgresql://ada:{SECRET}@{HOST}?sslrootcert=/ca.pem", "has sslrootcert, which needs sslmode=verify-full"),
        (f"postgresql://ada:{SECRET}@{HOST}?sslmode=prefer&sslcert=/a.pem", "has sslcert, which needs sslmode="),
        (f"postgresql://ada:{SECRET}@{HOST}?sslmode=require&sslkey=/a.pem", "has sslkey without sslcert"),
        (
            f"postgresql://ada:{SECRET}@{HOST}?sslmode=verify-full&sslrootcert=/{RIGHT}",
            "that is no file of a certificate",
        ),
        (
            f"postgresql://ada:{SECRET}@{HOST}?sslmode=verify-full&sslrootcert={__file__}",
            "that is no file of a certificate",
        ),
        (f"postgresql://ada:{SECRET}@{HOST}?target_session_attrs=master", "has an unknown target_session_attrs"),
        *(
            (f"postgresql://ada:{SECRET}@{HOST}?connect_timeout={each}", "has a connect_timeout that is no number")
            for each in ("0", "61", "-1", "soon", "1.5")
        ),
        (f"postgresql://ada:{SECRET}@{HOST}?options=-c%20Statement_Timeout%3D0", "sets statement_timeout in options"),
        (f"postgresql://ada:{SECRET}@{HOST}?options=--lock-timeout%3D0", "sets lock_timeout in options"),
        (
            f"postgresql://ada:{SECRET}@{HOST}?sslpassword={RIGHT}",
            "has the parameter sslpassword, which is not supported",
        ),
        *(
            (
                f"postgresql://ada:{SECRET}@{HOST}?{each}=x",
                f"has the parameter {each}, which is not supported. Supported",
            )
            for each in (
                "channel_binding",
                "gssencmode",
                "keepalives",
                "load_balance_hosts",
                "service",
                "sslcrl",
                "ssl",
            )
        ),
        (f"postgresql://ada:{SECRET}@{HOST}?%5B{RIGHT}=x", "has a parameter, which is not supported"),
    ],
)
@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_READ_URL", "DATABASE_OWNER_URL"])
def test_any_other_form_is_refused_at_the_start_without_a_word_of_the_password(
    monkeypatch: pytest.MonkeyPatch, log: Log, name: str, url: str, said: str
) -> None:
    # The environment holds no NUL, and what a process is given by other ways may.
    if "\0" in url:
        with pytest.raises(ValueError, match="must have the form"):
            _ = Address.parse(url)
        return
    monkeypatch.setenv(name, url)

    result = CliRunner().invoke(cli.cli, ["migrate"])

    assert result.exit_code == 1
    assert result.output.startswith("Error: Invalid settings:\n")
    assert f"  - {name} {said}" in result.output or ("that is no file" in said and said in result.output)
    assert result.output.count("\n") == 2
    with pytest.raises(ValidationError) as refused:
        _ = DatabaseSettings.read()
    told = "".join(traceback.format_exception(refused.value))
    for text in (result.output, told, repr(refused.value), log.text()):
        assert SECRET not in text


def test_whoever_runs_without_a_name_is_told_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.delenv("PGUSER", raising=False)
    monkeypatch.setattr(getpass, "getuser", nobody)

    with pytest.raises(ValueError, match="names no user, and whoever runs this process has no name"):
        _ = Address.parse("postgresql://db.example.com/service")


@pytest.mark.parametrize("sign", ["", '"', "\\", "é"])
@pytest.mark.parametrize(
    "form", ["postgresql://ada:{0}@db.example.com/service", "postgresql://db.example.com/service?user=ada&password={0}"]
)
@pytest.mark.parametrize("name", ["url", "read_url", "owner_url"])
def test_the_password_of_an_accepted_form_is_hidden_wherever_it_stands(
    form: str, name: str, sign: str, log: Log
) -> None:
    password = f"{secrets.token_hex(8)}{sign}"
    url = form.format(quote(password, safe=""))
    settings = DatabaseSettings.model_validate({"url": "postgresql://eve@h/d", name: url})

    assert settings.passwords == {password}
    for shown in (repr(settings), str(settings), repr(Address.parse(url)), str(Address.parse(url))):
        assert password[:16] not in shown
    _ = Database(settings, KeyRing([bytes(32)]))
    logging.write_line({"time": "now", "event": f"said by a library: {password}"})
    assert [each["event"] for each in log.lines()] == ["said by a library: ***"]


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("postgresql://ada@/service?host=/tmp", True),
        ("postgresql://ada@%2Ftmp/service", True),
        ("postgresql://ada@/service?host=/tmp,/var", True),
        ("postgresql://ada@/service?host=/tmp,db.example.com", False),
        ("postgresql://ada@db.example.com/service", False),
        ("postgresql://ada@/service", False),  # the environment may name any host
    ],
)
def test_only_sockets_do_without_tls(url: str, *, local: bool) -> None:
    assert Address.parse(url).is_local is local
