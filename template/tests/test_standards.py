"""Each row of the scorecard can fail: what it measures is broken here on purpose, and it says so."""

import json
import os
import secrets
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, cast

import asyncpg
import pytest
from fastapi import Body, Depends, FastAPI
from pydantic import BaseModel

from app.adapters.database import Connection
from app.http.probes import Status
from app.kit import routing
from app.kit.access import public
from standards import load, page
from standards.checks import (
    code_1,
    code_2,
    code_3,
    code_4,
    data_1,
    data_2,
    data_5,
    perf_1,
    perf_2,
    perf_3,
    perf_4,
    sec_2,
    sec_3,
    sec_6,
)
from standards.context import Context
from standards.outcome import Outcome, Table, judged, unmeasured
from standards.register import ROOT, Row, Standard, rows
from standards.scorecard import Result, as_json, measured
from tests import database
from tests.conftest import Start
from tests.wire import Json, Service, running


@pytest.fixture
def context(service: Service, database_url: str, tmp_path: Path) -> Context:
    """The service of the tests, whose log nobody keeps."""
    return context_of(service.url, database_url, tmp_path)


def context_of(url: str, database_url: str, folder: Path) -> Context:
    """What the checks get of a service."""
    log = folder / "service.log"
    log.touch()
    return Context(url, database_url, log, ROOT, folder, "")


@pytest.fixture
def scratch(template: str) -> Iterator[str]:
    """A migrated database to break."""
    url = database.create(template, secrets.token_hex(4))
    yield url
    database.drop(url)


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
            "INSERT INTO accounts (id, email, password_hash) VALUES (gen_random_uuid(), $1, $2) ON CONFLICT DO NOTHING",
            data["email"],
            data["password"],
        )

    @app.post("/v1/auth/login")
    async def log_in(
        data: Annotated[dict[str, str], Body()], connection: Annotated[Connection, Depends(transaction)]
    ) -> dict[str, str]:
        await connection.execute(
            "INSERT INTO sessions (id, account_id) SELECT gen_random_uuid(), id FROM accounts WHERE email = $1",
            data["email"],
        )
        return {"access_token": "anything"}

    assert create
    assert log_in
    with running(app) as service:
        yield context_of(service.url, url, folder)


def trust(_app: FastAPI) -> None:
    """Start a service whatever its routes are, as house.inspect does not."""


def fails(outcome: Outcome, *sentences: str) -> None:
    """The row fails, and says each of these."""
    assert outcome.status == "fail", outcome
    said = "\n".join(outcome.faults)
    for sentence in sentences:
        assert sentence in said
    assert all(fault.endswith(".") and ". " in fault for fault in outcome.faults), "what was seen, and the mend"


# The register


def test_every_check_has_its_row_and_every_row_a_check_or_a_reason() -> None:
    checked = {row.standard.module.rpartition(".")[2] for row in rows() if row.check is not None}

    assert checked == {file.stem for file in (ROOT / "standards/checks").glob("[!_]*.py")}


def test_a_row_without_check_and_reason_is_refused(tmp_path: Path) -> None:
    register = tmp_path / "standards.toml"
    _ = register.write_text('[[standard]]\nid = "NEW-1"\ngroup = "New"\nstandard = "s"\ntarget = "t"\nhow = "h"\n')

    with pytest.raises(ValueError, match=r"NEW-1 has no check and no reason\. Write standards/checks/new_1\.py"):
        _ = rows(register)


STANDARD = Standard(id="NEW-1", group="New", standard="One", target="more", how="a look", not_measured="it is new")


def test_what_nothing_measures_never_passes(context: Context) -> None:
    result = measured(Row(STANDARD, None), context)

    assert (result.status, result.measured) == ("not_measured", None)
    assert result.reason == "not measured, because it is new"


def test_a_check_that_breaks_is_a_failure(context: Context) -> None:
    def check(_context: Context) -> Outcome:
        raise LookupError("gone")

    result = measured(Row(STANDARD, check), context)

    assert result.status == "fail"
    assert result.reason.startswith("NEW-1 fails: its check broke: LookupError: gone. Mend standards/checks/new_1.py")


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


def test_the_page_shows_everything_and_loads_nothing() -> None:
    table = Table("Plans", ("statement", "plan"), [("<script>", "Seq Scan\n  Filter")])
    result = Result(STANDARD, judged(["`a < b` is late. Mend it."], 1, tables=[table]), 0.0)

    html = page.html([result], load.Load.model_validate(LOAD))

    assert "<code>a &lt; b</code> is late" in html
    assert "&lt;script&gt;" in html
    assert html.count("<svg") == 2
    assert not any(each in html for each in ("<script", "http://", "https://", "src=", "@import", "url("))


# Security


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
        "ALTER TABLE accounts DROP CONSTRAINT ck_accounts_role_is_known",
        "ALTER TABLE accounts ALTER COLUMN password_hash DROP NOT NULL",
    )
    broken = context_of(context.url, scratch, context.reports)

    fails(
        data_2.check(broken),
        "accounts has no valid constraint ck_accounts_role_is_known in the database",
        "accounts.password_hash takes NULL in the database",
        "the database takes an account with an unknown role",
        "the database takes an account without a password",
    )


def test_data_2_sees_a_race_that_everybody_wins(scratch: str, tmp_path: Path) -> None:
    database.execute(scratch, "ALTER TABLE accounts DROP CONSTRAINT uq_accounts_email")
    with careless(scratch, tmp_path) as context:
        fails(data_2.check(context), "POST /v1/accounts, 8 equal ones at once, makes 8 accounts, not one")


def test_data_5_sees_keys_without_index_or_effect(context: Context, scratch: str) -> None:
    database.execute(scratch, "DROP INDEX ix_sessions_account_id", "ALTER TABLE refresh_tokens DISABLE TRIGGER ALL")

    fails(
        data_5.check(context_of(context.url, scratch, context.reports)),
        "sessions has no index that begins with the columns of fk_sessions_account_id_accounts",
        "of refresh_tokens is not enforced: 2 of its triggers are disabled",
    )


# Code quality


def coverage(reached: int) -> code_1.Report:
    """A report of a project whose two files are reached by so many of 100 lines."""
    summary: Json = {"covered_lines": reached, "num_statements": 100, "missing_lines": 100 - reached}
    files = {name: {"summary": summary, "missing_lines": [7]} for name in ("app/domain/auth/service.py", "app/main.py")}
    return code_1.Report.model_validate({"files": files})


def test_code_1_sees_what_no_test_reaches() -> None:
    assert code_1.read(coverage(95), "2 passed").status == "pass"
    fails(code_1.read(coverage(85), "2 passed"), "the tests reach 85.0 % of who and may, not 90 %. Begin with app/")
    fails(code_1.read(coverage(70), "2 passed"), "the tests reach 70.0 % of business logic, app/domain/, not 80 %")


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
    monkeypatch.setattr("standards.context._LOG_SECONDS", 0.0)

    fails(code_3.check(context), "GET /v1/accounts/me answers 401 and the log has no line with")


def test_code_3_sees_errors_without_an_id(scratch: str, tmp_path: Path) -> None:
    with careless(scratch, tmp_path) as context:
        fails(code_3.check(context), "answers 404 without X-Request-ID. Keep Exchanges outermost")


def test_code_4_sees_findings_lax_settings_and_ignores(tmp_path: Path) -> None:
    _ = (tmp_path / "pyproject.toml").write_text('[tool.basedpyright]\ntypeCheckingMode = "basic"\n')
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


# Performance

LOAD: Json = {
    "stages": [
        {"name": "normal", "seconds": 30, "intended_rps": 100, "rps": 100, "requests": 3000, "failures": 0},
        {"name": "peak", "seconds": 30, "intended_rps": 200, "rps": 200, "requests": 6000, "failures": 1},
    ],
    "endpoints": [
        {
            "name": "GET /v1/items",
            "count": 9000,
            "failures": 1,
            "p50_ms": 4.0,
            "p95_ms": 9.0,
            "p99_ms": 20.0,
            "max_ms": 80.0,
            "histogram": [[1.0, 0], [10.0, 8900], [100.0, 99]],
        }
    ],
    "throughput": [{"second": 0, "rps": 99, "errors": 0}, {"second": 1, "rps": 101, "errors": 1}],
    "generator_was_bottleneck": False,
}


def loaded(context: Context, **changes: object) -> Context:
    """The context with a load report, changed."""
    _ = (context.reports / "load.json").write_text(json.dumps(LOAD | changes))
    return context


def with_first(key: str, **changes: object) -> Json:
    """The load report with its first stage or endpoint changed."""
    first, *rest = cast("list[Json]", LOAD[key])
    return {key: [first | changes, *rest]}


def test_perf_1_sees_slow_answers(context: Context) -> None:
    assert perf_1.check(loaded(context)).status == "pass"
    slow = loaded(context, **with_first("endpoints", p95_ms=600.0))

    fails(perf_1.check(slow), "GET /v1/items answers with p95 = 600 ms, and may take 500 ms")


def test_perf_3_sees_low_throughput(context: Context) -> None:
    assert perf_3.check(loaded(context)).status == "not_measured"
    low = loaded(context, **with_first("stages", name="saturation", rps=700))

    fails(perf_3.check(low), "one instance answers 700 requests/s, not 1000")


def test_perf_4_sees_errors(context: Context) -> None:
    assert perf_4.check(loaded(context)).status == "pass"
    bad = loaded(context, **with_first("stages", failures=30))

    fails(perf_4.check(bad), "1.00 % of the requests fail at normal load (30 of 3000), and 0.1 % may")


def test_a_load_report_counts_only_while_it_tells_of_this_code(context: Context) -> None:
    assert "there is no load report: run `make load`" in perf_1.check(context).reason
    assert (
        "the load generator was the bottleneck" in perf_1.check(loaded(context, generator_was_bottleneck=True)).reason
    )
    stale = loaded(context)

    os.utime(context.reports / "load.json", (1, 1))
    assert "the load report is older than" in perf_1.check(stale).reason


def test_perf_2_sees_a_statement_without_an_index(scratch: str) -> None:
    assert not [fault for plan in perf_2.planned(scratch) for fault in perf_2.scans(plan)]
    database.execute(scratch, "ALTER TABLE accounts DROP CONSTRAINT uq_accounts_email")

    faults = [fault for plan in perf_2.planned(scratch) for fault in perf_2.scans(plan)]

    assert len(faults) == 1
    assert faults[0].startswith("accounts.credentials reads all of accounts: `SELECT accounts.id")
    assert "Add an index" in faults[0]


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
