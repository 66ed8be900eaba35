"""What a part leaves in the database when it is taken out: tables that harm nothing and are there later."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection

from app.adapters import schema
from app.adapters.schema import MigratedElsewhere
from proof.rig import looked_at
from tests import database
from tests.conftest import Start
from tests.example import needs_example

HEAD = '''"""A migration."""

from alembic import op

revision: str = "{revision}"
down_revision: str | None = {before}
branch_labels: str | None = {label}
depends_on: str | None = {after}
'''
# The newest of platform, whose row in alembic_version the part's first migration takes.
NEWEST = next(each.revision for each in schema.newest() if each.branch == "platform")
FIRST = (
    HEAD.format(revision="gifts_0001", before=None, label='"gifts"', after=f'"{NEWEST}"')
    + """

def upgrade() -> None:
    op.execute("CREATE TABLE gifts (id int PRIMARY KEY)")
    op.execute("COMMENT ON TABLE gifts IS 'part: gifts'")


def downgrade() -> None:
    op.execute("DROP TABLE gifts")
"""
)
SECOND = (
    HEAD.format(revision="gifts_0002", before='"gifts_0001"', label=None, after=None)
    + """

def upgrade() -> None:
    op.execute("ALTER TABLE gifts ADD COLUMN wrapped bool")


def downgrade() -> None:
    op.execute("ALTER TABLE gifts DROP COLUMN wrapped")
"""
)
LATER = (
    HEAD.format(revision="platform_9999", before=f'"{NEWEST}"', label=None, after=None)
    + """

def upgrade() -> None:
    op.execute("CREATE TABLE novelties (id int PRIMARY KEY)")
    op.execute("COMMENT ON TABLE novelties IS 'part: of a test'")


def downgrade() -> None:
    op.execute("DROP TABLE novelties")
"""
)

Use = Callable[[dict[str, str]], None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Use:
    """Take the migrations of the service and some more for the ones that this release has."""

    def use(more: dict[str, str]) -> None:
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        ignored = shutil.ignore_patterns("__pycache__")
        _ = shutil.copytree(Path(__file__).parents[2] / "migrations", root / "migrations", ignore=ignored)
        for name, text in more.items():
            file = root / "migrations" / name
            file.parent.mkdir(exist_ok=True)
            _ = file.write_text(text, encoding="utf-8")
        text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
        folder = '  "%(here)s/migrations/gifts",\n' if (root / "migrations/gifts").is_dir() else ""
        _ = (root / "pyproject.toml").write_text(
            text.replace("version_locations = [\n", f"version_locations = [\n{folder}"), encoding="utf-8"
        )
        found = sorted(each.parent.name for each in (root / "migrations").glob("*/[!_]*.py"))
        monkeypatch.setattr(schema, "MIGRATIONS", root / "migrations")
        monkeypatch.setattr(schema, "BRANCHES", tuple(dict.fromkeys(found)))
        monkeypatch.setattr(schema, "shipped", cache(schema.shipped.__wrapped__))

    return use


ON = {"gifts/0001_gifts.py": FIRST}


def rows(connection: Connection) -> list[str]:
    """What alembic_version says."""
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version ORDER BY 1").scalars().all()
    return [str(each) for each in found]


def gifts(connection: Connection) -> list[object]:
    """What the part holds."""
    return list(connection.exec_driver_sql("SELECT * FROM gifts ORDER BY 1").all())


@needs_example
def test_a_part_goes_and_comes_back_with_its_data(empty_database: str, use: Use, start: Start) -> None:
    use(ON)
    schema.migrate()
    assert {"gifts_0001", NEWEST} <= set(looked_at(empty_database, rows)), "each branch has a row of its own"
    database.execute(empty_database, "INSERT INTO gifts VALUES (1)")

    use({"platform/9999_later.py": LATER})
    schema.migrate()
    there = looked_at(empty_database, rows)
    assert {"gifts_0001", "platform_9999"} <= set(there)
    schema.migrate()
    assert looked_at(empty_database, rows) == there
    assert schema.missing(frozenset(there)) == []
    with start().connect() as client:
        assert client.get("/readyz").status_code == 200
    assert command.revision(schema.alembic_config(), "nothing", autogenerate=True, head="app@head") == []
    command.downgrade(schema.alembic_config(), NEWEST)
    assert {"gifts_0001", NEWEST} <= set(looked_at(empty_database, rows))
    schema.migrate()
    assert looked_at(empty_database, rows) == there

    use(ON | {"platform/9999_later.py": LATER, "gifts/0002_wrapped.py": SECOND})
    schema.migrate()
    assert {"gifts_0002", "platform_9999"} <= set(looked_at(empty_database, rows))
    assert looked_at(empty_database, gifts) == [(1, None)]
    command.downgrade(schema.alembic_config(), "gifts@base")
    with pytest.raises(asyncpg.UndefinedTableError):
        database.execute(empty_database, "SELECT * FROM gifts")
    assert "platform_9999" in looked_at(empty_database, rows)


def test_what_a_later_release_did_is_not_taken_for_a_part(empty_database: str, use: Use) -> None:
    use(ON | {"gifts/0002_wrapped.py": SECOND})
    schema.migrate()

    use(ON)
    with pytest.raises(MigratedElsewhere, match="it has gifts_0002"):
        _ = schema.present(looked_at(empty_database, rows))
    schema.migrate()  # it is ahead, and left alone

    use({})
    assert schema.absent(looked_at(empty_database, rows)) == ["gifts_0002"]
    schema.migrate()


def test_every_table_of_a_part_says_whose_it_is(database_url: str) -> None:
    """Else the next migration would drop it once the part is off, and an account that has rows there could not go."""
    parts = [each for each in schema.BRANCHES if each not in ("platform", "app")]
    made = {each: (schema.MIGRATIONS / each).glob("[!_]*.py") for each in parts}
    for part, files in made.items():
        text = "".join(file.read_text(encoding="utf-8") for file in files)
        assert text.count("op.create_table(") == text.count(f'comment="part: {part}"'), part
        assert text.count("ForeignKeyConstraint(") == text.count("ondelete="), part

    def settings(connection: Connection) -> list[str]:
        query = "SELECT obj_description(oid) FROM pg_class WHERE relkind = 'r' AND obj_description(oid) LIKE 'part: %'"
        return [str(each) for each in connection.exec_driver_sql(query).scalars().all()]

    assert {each.removeprefix("part: ") for each in looked_at(database_url, settings)} == set(parts)
