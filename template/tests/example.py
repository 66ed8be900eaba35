"""The example, for the tests that need some noun of somebody's own, also once the service has forgotten it.

Then a noun of the same name is written as `make domain` writes it, into a folder of the tests' own, and only they have
its table. What has another process or database than the tests is the service alone: it is marked `needs_example`.
"""

import atexit
import shutil
import tempfile
from importlib import import_module, invalidate_caches
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table

import app.domain
from app import registry
from app.adapters.database import Base
from app.platform.audit import triggers
from proof.rig import looked_at

ROOT = Path(__file__).parents[1]
EXAMPLE = "items"
FORGOTTEN = not (ROOT / "app/domain" / EXAMPLE / "router.py").exists()

needs_example = pytest.mark.skipif(
    FORGOTTEN, reason="the example is gone, and this needs it outside of the tests' own database"
)


def stand_in() -> None:
    """Have the example in this process, where the service has none."""
    if not FORGOTTEN or EXAMPLE in Base.metadata.tables:
        return
    from proof.workshop import fields  # noqa: PLC0415 - most services have the example, and need none of this
    from proof.workshop.nouns import USUAL  # noqa: PLC0415
    from proof.workshop.written import Noun, Written  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="example-"))
    _ = atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / EXAMPLE).mkdir()
    for name, text in Written(Noun.new(EXAMPLE, "item"), fields.parse(USUAL)).files().items():
        _ = (folder / EXAMPLE / name).write_text(text, encoding="utf-8")
    app.domain.__path__.append(str(folder))
    invalidate_caches()
    _ = import_module(f"app.domain.{EXAMPLE}.models")


def create_table(url: str) -> None:
    """Make the table of the example in a database that the service's migrations made without it."""
    if FORGOTTEN:
        looked_at(url, _create)


def _create(connection: Connection) -> None:
    registry.load_models()
    Base.metadata.create_all(connection, [Base.metadata.tables[EXAMPLE]])
    triggers.attach(connection, Base.metadata.tables.values())


def is_stand_in(table: Table) -> bool:
    """Whether a table is the tests' alone."""
    return FORGOTTEN and table.name == EXAMPLE
