"""Whether a database is good enough for this release."""

import httpx
import pytest
from alembic.script import ScriptDirectory
from alembic.util import to_tuple

from app import cli
from app.adapters import schema
from app.adapters.schema import Migration, missing, shipped
from tests import database
from tests.conftest import Start
from tests.wire import body, problem

SHIPPED = (
    Migration("platform_1", "platform", frozenset()),
    Migration("platform_2", "platform", frozenset({"platform_1"})),
    Migration("app_1", "app", frozenset({"platform_1"})),
    Migration("app_2", "app", frozenset({"app_1"})),
)


@pytest.mark.parametrize(
    ("applied", "lacking"),
    [
        ({"platform_2", "app_2"}, []),
        (set[str](), ["app_2", "platform_2"]),
        ({"platform_2"}, ["app_2"]),
        ({"app_2"}, ["platform_2"]),
        ({"platform_1", "app_2"}, ["platform_2"]),
        ({"platform_2", "app_1"}, ["app_2"]),
        ({"platform_2", "app_3"}, []),
        ({"platform_3", "app_3"}, []),
        ({"platform_1", "app_3"}, ["platform_2"]),
        ({"platform_3", "app_1"}, ["app_2"]),
    ],
)
def test_what_lacks_is_named_and_what_is_ahead_is_fine(
    monkeypatch: pytest.MonkeyPatch, applied: set[str], lacking: list[str]
) -> None:
    monkeypatch.setattr(schema, "shipped", lambda: SHIPPED)

    assert missing(frozenset(applied)) == lacking


def test_the_shipped_migrations_are_those_that_alembic_finds() -> None:
    found = {each.revision: each for each in ScriptDirectory.from_config(cli.alembic_config()).walk_revisions()}

    assert {each.revision for each in shipped()} == set(found)
    for each in shipped():
        script = found[each.revision]
        assert each.parents == {*to_tuple(script.down_revision, ()), *to_tuple(script.dependencies, ())}
        assert each.branch in script.branch_labels


def test_the_service_is_ready(client: httpx.Client) -> None:
    assert body(client.get("/readyz")) == {"status": "ready"}


def test_the_service_is_not_ready_before_its_database_is_migrated(empty_database: str, start: Start) -> None:
    with start().connect() as client:
        _ = problem(client.get("/readyz"), 503, "not-ready")
        assert client.get("/livez").status_code == 200

        cli.migrate_database("platform@head")
        lacking = str(problem(client.get("/readyz"), 503, "not-ready")["detail"])
        assert any(each.revision in lacking for each in shipped() if each.branch == "app")

        cli.migrate_database()
        assert client.get("/readyz").status_code == 200

        database.execute(
            empty_database, "UPDATE alembic_version SET version_num = 'later' WHERE version_num LIKE 'app%'"
        )
        assert client.get("/readyz").status_code == 200
