"""`make seed`."""

import pytest
from click.testing import CliRunner, Result

from app import settings
from app.settings import Settings
from proof.seed import seed
from tests import database
from tests.conftest import Sql
from tests.example import needs_example


def run(*arguments: str) -> Result:
    """What the command does."""
    return CliRunner().invoke(seed, arguments)


@needs_example
def test_it_fills_a_database_once(empty_database: str, sql: Sql) -> None:
    assert empty_database
    assert sql("SELECT 1 AS one") == [{"one": 1}]

    assert "Added 2 accounts" in run("--accounts", "2", "--items", "3").output
    assert "Added 0 accounts" in run("--accounts", "2", "--items", "3").output
    database.execute(
        empty_database,
        "SELECT 1 / (count(*) - 2 + 1) FROM accounts HAVING count(*) <> 2",
    )


def test_production_is_not_seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setattr(settings, "settings", Settings)

    result = run()

    assert result.exit_code == 1
    assert "production refuses it" in result.output
