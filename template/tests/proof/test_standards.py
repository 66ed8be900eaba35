"""Each row of the scorecard can fail: what it measures is broken here on purpose, and it says so."""

import json
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, cast

import asyncpg
import psutil
import pytest
from fastapi import Body, Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import select
from typing_extensions import override

from app.adapters.database import Connection, Query
from app.adapters.database.address import Address
from app.http.probes import Status
from app.kit import routing
from app.kit.access import public
from app.kit.crypto import KeyRing, Place
from app.kit.errors import NotFound, answers
from app.kit.schemas import In, Line
from app.platform.accounts.models import Account
from proof.queries.statements import Named
from proof.standards import page, tls
from proof.standards.checks import (
    code_1,
    code_2,
    code_3,
    code_4,
    data_1,
    data_2,
    data_5,
    perf_2,
    rel_4,
    sec_1,
    sec_2,
    sec_3,
    sec_4,
    sec_5,
    sec_6,
    sec_7,
    sec_8,
)
from proof.standards.context import Context
from proof.standards.outcome import Outcome, Table, judged, unmeasured
from proof.standards.register import ROOT, Row, Standard, rows
from proof.standards.scorecard import Result, as_json, measured
from tests import database
from tests.conftest import Start
from tests.proof.conftest import context_of, fails
from tests.wire import Json, running


@contextmanager
def careless(url: str, folder: Path) -> Generator[Context]:
    """A service as it is often written: the commit comes after the answer, and nobody asks who is calling."""
    app = FastAPI()

    async def transaction() -> AsyncIterator[Connection]:
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction():
                yield connection
        finally:
            await connection.close()

    @app.post("/v1/accounts", status_code=202)
    async def create(
        data: Annotated[dict[str, str], Body()], connection: Annotated[Connection, Depends(transaction)]
    ) -> None:
        await connection.execute(
            "INSERT INTO accounts (id, email, email_index, password_hash) "
            "VALUES (gen_random_uuid(), $1, sha256($1), $2) ON CONFLICT DO NOTHING",
            b"\x01" + bytes(40) + data["email"].encode(),
            data["password"],
        )

    @app.post("/v1/auth/login")
    async def log_in(
        data: Annotated[dict[str, str], Body()], connection: Annotated[Connection, Depends(transaction)]
    ) -> dict[str, str]:
        await connection.execute(
            "INSERT INTO sessions (id, account_id) "
            "SELECT gen_random_uuid(), id FROM accounts WHERE email_index = sha256($1)",
            b"\x01" + bytes(40) + data["email"].encode(),
        )
        return {"access_token": "anything"}

    assert create
    assert log_in
    with running(app) as service:
        yield context_of(service.url, url, folder)


def trust(_app: FastAPI, _routers: object) -> None:
    """Start a service whatever its routes are, as house.inspect does not."""


# The register


def test_every_check_has_its_row_and_every_row_a_check_or_a_reason() -> None:
    checked = {row.place for row in rows() if row.check is not None}

    assert checked == {each.relative_to(ROOT).as_posix() for each in (ROOT / "proof").glob("*/checks/[!_]*.py")}


def test_a_row_without_check_and_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"NEW-1 has no check and no reason\. Write standards/new_1\.py"):
        _ = rows(register(tmp_path, "NEW-1"))


def register(folder: Path, row: str) -> Path:
    """A register of one row."""
    file = folder / "standards.toml"
    _ = file.write_text(f'[[standard]]\nid = "{row}"\ngroup = "New"\nstandard = "s"\ntarget = "t"\nhow = "h"\n')
    return file


@pytest.mark.parametrize("name", ["NEW-7", "SEC-2"])
def test_a_check_of_your_own_is_found_by_its_file_and_comes_before_ours(
    name: str, tmp_path: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "standards" / f"{name.lower().replace('-', '_')}.py"
    file.parent.mkdir()
    _ = file.write_text(
        "from proof.standards.outcome import judged\n\n\ndef check(context):\n    return judged([], context.url)\n"
    )
    ours = tmp_path / "proof/standards/checks/sec_2.py"
    ours.parent.mkdir(parents=True)
    ours.touch()
    monkeypatch.setattr("proof.standards.register.ROOT", tmp_path)
    monkeypatch.setattr("sys.path", [str(tmp_path), *sys.path])

    (row,) = rows(register(tmp_path, name))

    assert row.place == f"standards/{file.name}"
    assert measured(row, context).measured == context.url


STANDARD = Standard(id="NEW-1", group="New", standard="One", target="more", how="a look", not_measured="it is new")


def test_what_nothing_measures_never_passes(context: Context) -> None:
    result = measured(Row(STANDARD, None), context)

    assert (result.status, result.measured) == ("not_measured", None)
    assert result.reason == "not measured, because it is new"


def test_a_check_that_breaks_is_a_failure(context: Context) -> None:
    def check(_context: Context) -> Outcome:
        raise LookupError("gone")

    result = measured(Row(STANDARD, check, "standards/new_1.py"), context)

    assert result.status == "fail"
    assert result.reason.startswith("NEW-1 fails: its check broke: LookupError: gone. Mend standards/new_1.py")


def test_the_json_keeps_its_schema() -> None:
    whole = [
        Result(STANDARD, judged([], 1.5, "ms", evidence=["seen"]), 0.0),
        Result(STANDARD, judged(["it is late. Mend it."], None), 0.0),
        Result(STANDARD, unmeasured("it is new"), 0.0),
    ]

    found = cast("list[Json]", json.loads(as_json(whole)))
    assert [each["status"] for each in found] == ["pass", "fail", "not_measured"]
    assert found[1]["reason"] == "NEW-1 fails: it is late. Mend it."
    with pytest.raises(ValueError, match="the scorecard is not what schema"):
        _ = as_json([Result(STANDARD, judged([], None), 0.0)])  # it holds, and nothing was measured


def test_the_page_shows_everything_and_loads_nothing(tmp_path: Path) -> None:
    table = Table("Plans", ("statement", "plan"), [("<script>", "Seq Scan\n  Filter")])
    result = Result(STANDARD, judged(["`a < b` is late. Mend it."], 1, tables=[table]), 0.0)

    html = page.html([result], tmp_path)

    assert "<code>a &lt; b</code> is late" in html
    assert "&lt;script&gt;" in html
    assert not any(each in html for each in ("<script", "http://", "https://", "src=", "@import", "url("))


# Security


_LOCK = """version = 1
requires-python = ">=3.11"

[[package]]
name = "service"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "leaky" }, { name = "sound" }]

[[package]]
name = "leaky"
version = "1.2.3"
source = { registry = "https://example.com/simple" }

[[package]]
name = "sound"
version = "4"
source = { registry = "https://example.com/simple" }
"""


class Vulnerabilities(BaseHTTPRequestHandler):
    """A source of vulnerabilities that knows one, of one package."""

    def do_POST(self) -> None:
        """Tell which packages have one."""
        asked = cast("Json", json.loads(self.rfile.read(int(self.headers["content-length"]))))
        named = [str(each["package"]["name"]) for each in cast("list[dict[str, Json]]", asked["queries"])]
        self._answer({"results": [{"vulns": [_KNOWN]} if name == "leaky" else {} for name in named]})

    def do_GET(self) -> None:
        """Tell about one."""
        event = [{"introduced": "0"}, {"fixed": "1.2.4"}]
        package = {"name": "leaky", "ecosystem": "PyPI"}
        affected = [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": event}]}]
        self._answer({**_KNOWN, "summary": "It tells secrets.", "affected": affected})

    def _answer(self, document: Json) -> None:
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        _ = self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


_KNOWN: Json = {"id": "GHSA-test-test-test", "modified": "2026-01-01T00:00:00Z"}


@pytest.fixture
def project(context: Context, tmp_path: Path) -> Context:
    """A project with two locked packages."""
    _ = (tmp_path / "uv.lock").write_text(_LOCK)
    _ = (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "service"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["leaky", "sound"]\n'
    )
    return replace(context, root=tmp_path)


def test_sec_1_sees_a_known_vulnerability(project: Context) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Vulnerabilities) as source:
        threading.Thread(target=source.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{source.server_port}/"
        found = sec_1.check(project, source=address)
        _ = (project.root / "uv.lock").write_text(_LOCK.replace("leaky", "sturdy"))
        sound = sec_1.check(project, source=address)
        source.shutdown()

    fails(
        found,
        "leaky 1.2.3 has GHSA-test-test-test (It tells secrets). It is fixed in 1.2.4: run `uv lock --upgrade-package",
    )
    assert (found.measured, found.unit) == (1, "known vulnerabilities in 2 packages")
    assert (sound.status, sound.measured) == ("pass", 0)


def test_sec_1_is_not_measured_where_no_source_answers(project: Context) -> None:
    found = sec_1.check(project, source="http://127.0.0.1:1/")

    assert found.status == "not_measured"
    assert found.reason.startswith("`uv audit` gets no answer about this project from http://127.0.0.1:1/: ")


def test_sec_2_sees_a_route_without_a_rule(start: Start, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.house.inspect", trust)
    router = routing.router("/v1/open", "open")

    @router.get("")
    async def read() -> Status:
        """Ask nobody."""
        return Status(status="ok")

    assert read
    broken = context_of(start(router).url, context.database, context.reports)

    fails(sec_2.check(broken), "GET /v1/open has no access rule: it answers 200 without a token. Declare one in")


def test_sec_3_sees_inputs_without_bounds(start: Start, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.house.inspect", trust)
    router = routing.router("/v1/open", "open")

    class Loose(BaseModel):
        name: str = ""

    async def create(data: Loose) -> Status:
        """Take anything."""
        return Status(status=data.name)

    create.__annotations__["data"] = Loose
    router.add_api_route("", create, methods=["POST"], dependencies=[public("a test")])
    broken = context_of(start(router).url, context.database, context.reports)

    fails(
        sec_3.check(broken),
        "POST /v1/open takes an unbounded input: body.name (text without a maximum length)",
        "POST /v1/open answers 200 to an unknown body field, not 422 naming #/unknown_input. Derive its model",
    )


def test_sec_3_knows_parameters_within_a_segment_and_objects_in_objects(start: Start, context: Context) -> None:
    router = routing.router("/v1/files", "files")

    class Inner(In):
        name: Line

    class Outer(In):
        inner: Inner
        maybe: Inner | None = None

    @router.get("/{name}.csv", dependencies=[public("a test")], responses=answers(NotFound))
    async def read(name: Line) -> Status:
        """Read a file."""
        return Status(status=name)

    async def create(data: Outer) -> Status:
        """Take an object in an object."""
        return Status(status=data.inner.name)

    create.__annotations__["data"] = Outer
    router.add_api_route("", create, methods=["POST"], dependencies=[public("a test")], responses=answers(NotFound))
    assert read
    with_files = context_of(start(router).url, context.database, context.reports)
    outcome = sec_3.check(with_files)
    assert (outcome.status, outcome.faults) == ("pass", ())


LOW = {
    "TRUSTED_PROXIES": "127.0.0.1",
    "RATE_LIMIT_PRINCIPAL": "30/3600",
    "RATE_LIMIT_ADDRESS": "30/3600",
    "RATE_LIMIT_ATTEMPTS": "4/3600",
    "RATE_LIMIT_PROBES": "4/3600",
}


def test_sec_7_holds_where_the_limits_are_reached(start: Start, context: Context) -> None:
    found = sec_7.check(context_of(start(**LOW).url, context.database, context.reports), most=32)

    assert found.status == "pass", found.faults
    assert any(each.startswith("GET /livez has no limit: the answer costs less") for each in found.evidence)


def test_sec_7_sees_limits_that_nobody_reaches(start: Start, context: Context) -> None:
    far = start(**(LOW | {"RATE_LIMIT_ADDRESS": "1000/1", "RATE_LIMIT_ATTEMPTS": "1000/1"}))

    fails(
        sec_7.check(context_of(far.url, context.database, context.reports), most=32),
        "GET /v1/accounts/me has no limit: a stranger is never refused in 32 requests. Keep RateLimit in",
        "POST /v1/auth/login has no limit: a stranger",
    )


def test_sec_7_sees_accounts_without_a_limit(start: Start, context: Context) -> None:
    far = start(**(LOW | {"RATE_LIMIT_PRINCIPAL": "1000/1"}))

    fails(
        sec_7.check(context_of(far.url, context.database, context.reports), most=32),
        "GET /v1/accounts/me has no limit: an account is never refused in 32 requests",
    )


def test_sec_7_sees_secrets_that_may_be_guessed_at_will(start: Start, context: Context) -> None:
    lax = start(**(LOW | {"RATE_LIMIT_ATTEMPTS": "100/1"}))

    fails(
        sec_7.check(context_of(lax.url, context.database, context.reports), most=32),
        "takes a secret and refused only request 31, by the limit of the address. Let Route count attempts",
    )


def test_sec_7_sees_refusals_that_do_not_say_when_to_come_again(
    start: Start, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*given: object) -> tuple[()]:
        assert given
        return ()

    monkeypatch.setattr("app.http.rate_limit._Policy._state", nothing)
    mute = start(**LOW)

    fails(
        sec_7.check(context_of(mute.url, context.database, context.reports), most=32),
        "GET /readyz answers 429 without RateLimit and RateLimit-Policy. Raise TooManyRequests in",
    )


def test_sec_4_sees_old_tls_and_strangers(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sec_4.check(replace(context, database_tls=["TLSv1.3"])).status == "pass"
    lax = ssl.create_default_context()
    lax.check_hostname, lax.verify_mode = False, ssl.CERT_NONE

    def careless_tls(_address: Address) -> ssl.SSLContext:
        return lax

    monkeypatch.setattr(Address, "tls", careless_tls)
    monkeypatch.setattr(Address, "is_local", True)

    fails(
        sec_4.check(replace(context, database_tls=["TLSv1.3", "TLSv1.2"])),
        "a server of another name is trusted",
        "a server of an unknown authority is trusted",
        "a server that speaks TLS 1.2 at most is talked to",
        "production takes a database without TLS",
        "the running service talks to its database by TLSv1.2, TLSv1.3, not TLSv1.3",
    )


def test_sec_4_sees_an_edge_that_speaks_what_is_old(tmp_path: Path) -> None:
    tls.certified(tmp_path, ["127.0.0.1"])
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    lax.load_cert_chain(tmp_path / "server.pem")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        closing(lax.wrap_socket(listener, server_side=True)) as edge,
    ):
        answering = threading.Thread(target=_shake_hands, args=[edge], daemon=True)
        answering.start()
        port = edge.getsockname()[1]

        found = list(sec_4.edge_faults(port, tmp_path / "authority.pem"))

    assert len(found) == 1
    assert found[0].startswith("a client that speaks TLS 1.2 at most is answered by TLSv1.2. Keep the context of")


def _shake_hands(edge: ssl.SSLSocket) -> None:
    for _ in range(3):
        with suppress(OSError):
            edge.accept()[0].close()


_UNSEALED = """
DO $$ DECLARE each record; BEGIN
  FOR each IN SELECT conrelid::regclass AS at, conname AS name FROM pg_constraint WHERE conname LIKE '%is_sealed' LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', each.at, each.name);
  END LOOP;
END $$
"""


def test_sec_5_sees_plain_text_and_values_that_move(
    context: Context, scratch: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sec_5.check(context).status == "pass"
    database.execute(scratch, _UNSEALED)

    def seal(_ring: KeyRing, text: str, _place: Place) -> bytes:
        return text.encode()

    def unseal(_ring: KeyRing, value: bytes, _place: Place) -> str:
        return value.decode()

    monkeypatch.setattr(KeyRing, "seal", seal)
    monkeypatch.setattr(KeyRing, "open", unseal)
    broken = context_of(start(DATABASE_URL=scratch).url, scratch, context.reports)

    fails(
        sec_5.check(broken),
        "public.accounts.email holds an address in plain text",
        "is no value of a key of the ring",
        "an address that was moved to another row is read there: 200",
    )


def test_sec_6_sees_hashes_that_cost_nothing(context: Context) -> None:
    # The tests hash cheaply, as production must not.
    fails(sec_6.check(context), "Argon2id uses 8 KiB and 1 passes; RFC 9106 wants at least 65536 KiB and 3")


@pytest.mark.parametrize(
    ("stored", "sentence"),
    [
        ("$2b$12$abcdefghijklmnopqrstuv", "which is no Argon2id"),
        ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$" + "A" * 43, "the salt of a stored hash has 4 bytes"),
        ("$argon2id$v=16$m=65536,t=3,p=4$" + "A" * 22 + "$" + "A" * 43, "Argon2 is version 16"),
        ("$argon2id$v=19$m=65536,t=3,p=4$" + "A" * 22 + "$" + "A" * 43, ""),
    ],
)
def test_sec_6_sees_each_weakness(stored: str, sentence: str) -> None:
    found = " ".join(sec_6.weaknesses(stored))

    assert sentence in found
    assert bool(found) is bool(sentence)


def audited(start: Start, scratch: str, folder: Path) -> Context:
    """A service on a database of its own."""
    return context_of(start(DATABASE_URL=scratch).url, scratch, folder)


def test_sec_8_sees_what_is_not_recorded(
    start: Start, scratch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = audited(start, scratch, tmp_path)
    assert sec_8.check(context).status == "pass"

    async def forget(*_: object, **__: object) -> None:
        """Decide in silence."""

    monkeypatch.setattr("app.platform.audit.repository.decided", forget)
    database.execute(scratch, "ALTER TABLE items DISABLE TRIGGER audit")

    fails(
        sec_8.check(context),
        "POST /v1/auth/login (401) leaves no entry with the id of its request",
        "POST /v1/auth/login (200) leaves no entry that says how it was decided",
        "POST /v1/items (201) leaves no entry",
        "changes of items are not recorded: its trigger is gone or off",
    )


def test_sec_8_sees_a_trail_that_can_be_altered(
    start: Start, scratch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = audited(start, scratch, tmp_path)
    database.execute(scratch, "DROP TRIGGER append_only ON audit_seals")
    monkeypatch.setattr("app.platform.audit.service._MOST_FAULTS", 0)

    fails(
        sec_8.check(context),
        "the database takes `DELETE FROM audit_seals`. Put the trigger",
        "was changed, and `app audit verify` does not name it",
    )


def test_sec_8_sees_entries_from_outside_and_operations_nobody_tried(
    start: Start, scratch: str, tmp_path: Path
) -> None:
    router = routing.router("/v1/auth/keys", "auth")

    @router.post("", dependencies=[public("a test")])
    async def create() -> Status:
        """Let somebody in."""
        return Status(status="ok")

    assert create
    context = context_of(start(router, DATABASE_URL=scratch).url, scratch, tmp_path)
    database.execute(scratch, "ALTER TABLE audit_entries DISABLE TRIGGER audit_seal")

    fails(
        sec_8.check(context),
        "POST /v1/auth/keys decides about sessions, and nobody looked for its entry",
        "the trail does not hold before anything was altered: entry 1 was put in from outside",
    )


# Data integrity


def test_data_1_sees_an_answer_before_its_commit(scratch: str, tmp_path: Path) -> None:
    with careless(scratch, tmp_path) as context:
        fails(
            data_1.check(context),
            "POST /v1/accounts answers 202 though its commit failed, not 5xx",
            "before its commit, which takes 300 ms. Take the transaction as `session: Session`",
        )


def test_data_2_sees_lost_constraints(context: Context, scratch: str) -> None:
    database.execute(
        scratch,
        "ALTER TABLE accounts DROP CONSTRAINT ck_accounts_role_is_well_formed",
        "ALTER TABLE accounts ALTER COLUMN password_hash DROP NOT NULL",
    )
    broken = context_of(context.url, scratch, context.reports)

    fails(
        data_2.check(broken),
        "accounts has no valid constraint ck_accounts_role_is_well_formed in the database",
        "accounts.password_hash takes NULL in the database",
        "the database takes an account with a malformed role",
        "the database takes an account without a password",
    )


def test_data_2_sees_a_race_that_everybody_wins(scratch: str, tmp_path: Path) -> None:
    database.execute(scratch, "ALTER TABLE accounts DROP CONSTRAINT uq_accounts_email_index")
    with careless(scratch, tmp_path) as context:
        fails(data_2.check(context), "POST /v1/accounts, 8 equal ones at once, makes ")


def test_data_5_sees_keys_without_index_or_effect(context: Context, scratch: str) -> None:
    database.execute(scratch, "DROP INDEX ix_sessions_account_id_id", "ALTER TABLE refresh_tokens DISABLE TRIGGER ALL")

    fails(
        data_5.check(context_of(context.url, scratch, context.reports)),
        "sessions has no index that begins with the columns of fk_sessions_account_id_accounts",
        "of refresh_tokens is not enforced: 2 of its triggers are disabled",
    )


# Code quality


def coverage(reached: int) -> code_1.Report:
    """A report of a project whose two files are reached by so many of 100 lines."""
    summary: Json = {"covered_lines": reached, "num_statements": 100, "missing_lines": 100 - reached}
    files = {
        name: {"summary": summary, "missing_lines": [7]} for name in ("app/platform/auth/service.py", "app/main.py")
    }
    return code_1.Report.model_validate({"files": files})


def test_code_1_sees_what_no_test_reaches() -> None:
    assert code_1.read(coverage(95), "2 passed").status == "pass"
    fails(
        code_1.read(coverage(85), "2 passed"),
        "the tests reach 85.0 % of authentication and authorization code, not 90 %. Begin with app/",
    )
    fails(
        code_1.read(coverage(70), "2 passed"),
        "the tests reach 70.0 % of business logic, app/domain/ and app/platform/, not 80 %",
    )


def test_code_1_sees_tests_that_fail(context: Context, tmp_path: Path) -> None:
    _ = (tmp_path / "test_it.py").write_text("def test_it():\n    assert False\n")
    broken = Context(context.url, context.database, context.log, tmp_path, tmp_path)

    fails(code_1.check(broken), "tests fail: 1 failed")


def test_code_2_sees_what_is_not_documented(context: Context) -> None:
    assert code_2.check(context).status == "pass"
    document = context.document()
    login = cast("dict[str, dict[str, Json]]", document["paths"])["/v1/auth/login"]["post"]
    del login["description"]
    login["responses"] = {"200": {"description": "A pair"}}

    fails(
        code_2.read(document | {"openapi": "3.0.3"}),
        "POST /v1/auth/login has no description. Write the docstring",
        "POST /v1/auth/login documents no error",
        "the document is OpenAPI 3.0.3, not 3.1",
    )


def test_code_3_sees_errors_that_the_log_misses(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proof.standards.context._LOG_SECONDS", 0.0)

    fails(code_3.check(context), "GET /v1/accounts/me answers 401 and the log has no line with")


def test_code_3_sees_errors_without_an_id(scratch: str, tmp_path: Path) -> None:
    with careless(scratch, tmp_path) as context:
        fails(code_3.check(context), "answers 404 without X-Request-ID. Keep Exchanges outermost")


def test_code_4_sees_findings_lax_settings_and_ignores(tmp_path: Path) -> None:
    _ = (tmp_path / "pyproject.toml").write_text(
        '[tool.basedpyright]\ntypeCheckingMode = "basic"\ninclude = ["tests"]\n'
    )
    (tmp_path / "app").mkdir()
    _ = (tmp_path / "app/lax.py").write_text("x = y  # type" + ": ignore\n")
    finding = {"file": "/x/app/lax.py", "message": "Type of x is Any", "rule": "reportAny"}
    summary = {"filesAnalyzed": 1, "errorCount": 1, "warningCount": 0}
    report = code_4.Report.model_validate({"summary": summary, "generalDiagnostics": [finding]})

    fails(
        code_4.read(tmp_path, report),
        "lax.py has a finding of reportAny: Type of x is Any. Give it its type",
        "pyproject.toml sets typeCheckingMode to basic, not strict",
        "pyproject.toml does not check app/",
        "app/lax.py:1 silences the type checker",
    )


def test_nothing_silences_the_type_checker() -> None:
    assert list(code_4.silences(Path(__file__).parents[2])) == []


# Performance


def test_perf_2_sees_a_statement_without_an_index(scratch: str) -> None:
    assert not [fault for plan in perf_2.planned(scratch) for fault in perf_2.scans(plan)]
    database.execute(scratch, "ALTER TABLE accounts DROP CONSTRAINT uq_accounts_email_index")

    faults = [fault for plan in perf_2.planned(scratch) for fault in perf_2.scans(plan)]

    (fault,) = [each for each in faults if each.startswith("accounts.credentials ")]
    assert fault.startswith("accounts.credentials reads all of accounts: `SELECT accounts.id")
    assert "Add an index" in fault


@pytest.mark.parametrize(("whole", "faults"), [("", 1), ("a backup reads all", 0)])
def test_perf_2_asks_no_index_of_what_reads_all_for_a_reason(
    whole: str, faults: int, scratch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every: Query[object] = Query(select(Account.id).where(Account.role == "member"), dict, whole=whole)
    monkeypatch.setattr(perf_2, "statements", lambda: [Named("accounts.every", every)])

    assert len([fault for plan in perf_2.planned(scratch) for fault in perf_2.scans(plan)]) == faults


def test_perf_2_plans_what_the_database_saw_except_the_inside_of_functions(scratch: str) -> None:
    named = len(perf_2.planned(scratch))

    found = perf_2.planned(scratch, ["SELECT hash FROM audit_seals WHERE chain = own", "SELECT 1 FROM accounts"])

    assert [each.sql for each in found[named:]] == ["SELECT 1 FROM accounts"]


@pytest.mark.parametrize(
    ("query", "ms", "slow"),
    [
        ("SELECT 1", 49.0, False),
        ("SELECT 1", 51.0, True),
        ("SELECT 1 FROM a JOIN b USING (id)", 51.0, False),
        ("SELECT 1 FROM a JOIN b USING (id)", 201.0, True),
    ],
)
def test_perf_2_sees_a_slow_statement(query: str, ms: float, slow: bool) -> None:  # noqa: FBT001
    timed = perf_2.Timed(query, calls=3, mean_ms=ms, max_ms=ms, rows=1, hit=1, read=0)

    assert bool(list(perf_2.slow([timed]))) is slow


def test_perf_2_says_when_the_server_does_not_count(context: Context, scratch: str) -> None:
    outcome = perf_2.check(context_of(context.url, scratch, context.reports))

    assert outcome.status == "not_measured"
    assert "pg_stat_statements" in outcome.reason


def _kill(pid: int) -> None:
    """Kill the supervisor and its workers at once: alone, they would answer what they have."""
    supervisor = psutil.Process(pid)
    for each in (*supervisor.children(recursive=True), supervisor):
        each.kill()


def test_rel_4_sees_requests_that_are_dropped(scratch: str, tmp_path: Path) -> None:
    context = context_of("", scratch, tmp_path)

    ended, killed = rel_4.check(context), rel_4.check(context, tell=_kill)

    assert (ended.status, ended.measured) == ("pass", "16 of 16")
    fails(killed, "16 of 16 requests got no answer when the service was told to end")
    assert killed.measured == "0 of 16"
