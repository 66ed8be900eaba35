"""The command line."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
from click.testing import CliRunner, Result
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from app import cli, defaults, registry
from app.adapters import embedded_postgres, process, schema
from app.kit import routing
from proof.rig import looked_at
from tests import database
from tests.conftest import Log
from tests.wire import Json


def run(*arguments: str) -> Result:
    """What a command does."""
    return CliRunner().invoke(cli.cli, arguments)


def said(*arguments: str) -> str:
    """What a command that succeeds prints."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, object]]]:
    """What the server was started with; it is not started."""
    calls: list[dict[str, object]] = []

    def run_nothing(_app: str, **given: object) -> None:
        calls.append(given)

    monkeypatch.setattr("uvicorn.run", run_nothing)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
        yield calls
    _ = os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)


def test_help_names_every_command() -> None:
    text = said("--help")

    for name in (
        "serve",
        "migrate",
        "openapi",
        "routes",
        "retention",
        "audit",
        "keys",
    ):
        assert f"\n  {name} " in text
        assert said(name, "-h").startswith("Usage:")


def test_help_waits_for_nothing_that_a_command_needs() -> None:
    code = "import sys; from app.cli import cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert "app.platform.audit.cli" in loaded
    assert not {"alembic", "asyncpg", "fastapi", "pydantic", "sqlalchemy", "uvicorn"} & set(loaded)


def test_version_names_the_service() -> None:
    assert said("--version").startswith(defaults.PROJECT_SLUG)


@pytest.mark.parametrize(
    "arguments", [("nothing",), ("serve", "--port", "0"), ("serve", "--workers", "none"), ("routes", "-x")]
)
def test_a_mistake_is_a_sentence_and_not_0(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert "Error: " in result.output


def test_openapi_prints_the_document(tmp_path: Path) -> None:
    text = said("openapi")
    file = tmp_path / "openapi.json"
    _ = said("openapi", "--output", str(file))

    assert cast("Json", json.loads(text))["openapi"]
    assert file.read_text(encoding="utf-8") == text


def test_routes_lists_every_operation_with_its_rule() -> None:
    lines = said("routes").splitlines()

    assert any(line.startswith("GET") and "/v1/accounts/me" in line and "accounts:read-own" in line for line in lines)
    assert any("/v1/auth/login" in line and "public: nobody has a token" in line for line in lines)
    assert any("/metrics" in line and "token of its own" in line for line in lines)
    assert any("/openapi.json" in line and "(not in the OpenAPI document)" in line for line in lines)


def test_a_broken_house_rule_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    router = routing.router("/v1/bad", "bad")
    router.add_api_route("", test_version_names_the_service)
    monkeypatch.setattr(registry, "routers", lambda: [router])

    result = run("routes")

    assert result.exit_code == 1
    assert "Error: The service does not start:\n  - GET /v1/bad has no access rule" in result.output


@pytest.mark.parametrize("arguments", [("migrate",), ("audit", "verify"), ("audit", "retire"), ("retention",)])
@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/x", "postgresql://nowhere.invalid/x"])
def test_a_database_that_is_not_there_is_a_sentence(
    arguments: tuple[str, ...], url: str, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    result = run(*arguments)

    assert result.exit_code == 1
    assert result.output == "Error: The database can't be reached: try again shortly.\n"
    assert '"event":"database unreachable"' in log.text()


def test_migrate_logs_each_migration_and_says_nothing_else(empty_database: str, log: Log) -> None:
    assert empty_database

    assert not said("migrate")
    steps = [str(line["event"]) for line in log.lines() if str(line.get("logger")).startswith("alembic")]
    assert steps[0].startswith("Running upgrade  -> ")
    assert all(each.startswith("Running upgrade ") for each in steps)


def ends(url: str) -> list[str]:
    """The revisions that a database has."""
    query = "SELECT version_num FROM alembic_version ORDER BY 1"
    return looked_at(url, lambda connection: list(connection.exec_driver_sql(query).scalars().all()))


def test_migrate_leaves_what_a_later_release_migrated_as_it_is(empty_database: str, log: Log) -> None:
    schema.migrate()
    database.execute(empty_database, "UPDATE alembic_version SET version_num = 'later' WHERE version_num ~ '^platform'")
    before = ends(empty_database)
    assert "later" in before

    assert not said("migrate")

    assert ends(empty_database) == before
    (line,) = (each for each in log.lines() if each["event"] == "database ahead")
    assert line["migrations"] == ["later"]
    assert "has later, which this code has not. Use" in run("migrate", "platform_0001").output


def test_migrate_refuses_what_other_code_migrated(empty_database: str) -> None:
    schema.migrate("platform_0001")
    database.execute(empty_database, "INSERT INTO alembic_version VALUES ('others')")

    result = run("migrate")

    assert result.exit_code == 1
    lacking = next(each.revision for each in schema.newest() if each.branch == "platform")
    sentence = "Error: The database was migrated by other code: it has others, which this code has not, and lacks "
    assert f"{sentence}{lacking}. Use the code that knows it" in result.output
    assert ends(empty_database) == ["others", "platform_0001"]


def test_a_revision_that_is_not_there_is_a_sentence(empty_database: str) -> None:
    assert empty_database

    result = run("migrate", "nonsense")

    assert result.exit_code == 1
    assert result.output == "Error: Can't locate revision identified by 'nonsense'.\n"


NEWEST = next(each.revision for each in schema.newest() if each.branch == "platform")
TAKEN = (
    "Error: A migration in migrations/app/ has the id {}, which belongs to migrations/platform/. Give yours another: "
)


@pytest.mark.parametrize(
    ("revision", "after", "said"),
    [
        ("app_9", "app_8", "Error: The migration app_9 comes after app_8, which is not there.\n"),
        (NEWEST, NEWEST, TAKEN.format(NEWEST)),
        ("platform_9999", NEWEST, TAKEN.format("platform_9999")),
    ],
)
def test_a_migration_that_can_not_be_is_a_sentence_before_anything_runs(  # noqa: PLR0913, PLR0917
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty_database: str, revision: str, after: str, said: str
) -> None:
    _ = shutil.copytree(schema.MIGRATIONS, tmp_path / "migrations")
    _ = shutil.copy(process.ROOT / "pyproject.toml", tmp_path)
    text = f'revision = "{revision}"\ndown_revision = "{after}"\n'
    _ = (tmp_path / "migrations/app/9999_mine.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(schema, "MIGRATIONS", tmp_path / "migrations")
    monkeypatch.setattr(schema, "shipped", schema.shipped.__wrapped__)

    result = run("migrate")

    assert result.exit_code == 1
    assert result.output.startswith(said)
    made = "SELECT to_regclass('alembic_version')"
    assert looked_at(empty_database, lambda one: one.exec_driver_sql(made).scalar_one()) is None


@pytest.mark.parametrize("command", ["verify", "retire"])
def test_a_database_without_our_tables_is_a_sentence(command: str, empty_database: str) -> None:
    assert empty_database

    result = run("audit", command)

    assert result.exit_code == 1
    assert result.output.startswith("Error: The database is behind this release (")
    assert result.output.endswith("): run `app migrate`.\n")


def test_serve_is_what_production_needs(served: list[dict[str, object]]) -> None:
    _ = said("serve", "--port", "8123", "--workers", "1")

    (given,) = served
    assert given["port"] == 8123
    assert (given["server_header"], given["proxy_headers"], given["access_log"]) == (False, False, False)
    assert given["log_config"] is None
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


def test_a_bad_setting_of_a_noun_is_a_sentence_before_anything_starts(
    served: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class OrderSettings(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="ORDERS_")
        most: int
        peak: int = Field(validation_alias="PEAK")

    module = ModuleType(OrderSettings.__module__)
    vars(module)["OrderSettings"] = OrderSettings

    def found(name: str) -> list[ModuleType]:
        return [module] if name == "settings" else []

    monkeypatch.setattr(registry, "modules", found)
    monkeypatch.setenv("ORDERS_MOST", "lots")

    result = run("serve")

    assert result.exit_code == 1
    assert result.output.startswith("Error: Invalid settings:\n  - ORDERS_MOST Input should be a valid integer")
    assert "\n  - PEAK is missing. Set it in the environment" in result.output
    assert not served


def test_several_workers_share_their_metrics(served: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.setenv("RATE_LIMIT_WORKERS", "")

    _ = said("serve", "--workers", "2")

    assert served[0]["workers"] == 2
    assert "metrics-" in os.environ["PROMETHEUS_MULTIPROC_DIR"]
    assert os.environ["RATE_LIMIT_WORKERS"] == "2"


def test_without_a_database_development_starts_its_own(
    served: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    started: list[Path] = []
    monkeypatch.delenv("DATABASE_URL")

    def start(folder: Path) -> tuple[str, Callable[[], None]]:
        started.append(folder)
        return database_url, started.clear

    monkeypatch.setattr(embedded_postgres, "start", start)

    _ = said("serve", "--workers", "1")

    assert started == [process.DEVELOPMENT_DATA]
    assert len(served) == 1


def test_the_installed_command_ends_with_a_sentence(tmp_path: Path) -> None:
    app = shutil.which("app", path=str(Path(sys.executable).parent))
    assert app is not None
    environment = os.environ | {"ENVIRONMENT": "production", "AUTH_SIGNING_KEYS": "0" * 64}

    done = subprocess.run([app, "serve"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "is a pattern, not a secret" in done.stderr
    assert "Traceback" not in done.stderr
