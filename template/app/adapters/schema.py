"""Whether the database has the schema that this release was written for, and what brings it there."""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from asyncpg import UndefinedTableError
from sqlalchemy import String, column, select, table

from app.adapters.database import Query, Reader
from app.kit.logging import get_logger

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parents[2] / "migrations"
# One folder each: the template's, one for each part that has tables, and `app`, which is the service's own.
BRANCHES = tuple(sorted(each.name for each in MIGRATIONS.iterdir() if any(each.glob("[!_]*.py"))))

# Read as text, because importing Alembic would cost every worker memory and start-up time for this one question.
_FIELD = re.compile(r"^(revision|down_revision|depends_on)(?:: [^=]+)? = (.+)$", re.MULTILINE)
# What a revision of the template is called: its branch and a number.
_NAMED = re.compile(r"(\w+)_[0-9]{4}")
_QUOTED = re.compile(r"[\"'](\w+)[\"']")


def _text(version_num: str) -> str:
    return version_num


_APPLIED = Query(select(column("version_num", String)).select_from(table("alembic_version")), _text)


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of migrations/: its id, its branch, and the ids that come before it."""

    revision: str
    branch: str
    parents: frozenset[str]


class MigratedElsewhere(Exception):
    """Other code, a later release or another branch of it, has migrated the database."""

    def __init__(self, unknown: list[str], lacking: list[str]) -> None:
        self.unknown: list[str] = unknown
        self.lacking: list[str] = lacking
        lacks = f", and lacks {', '.join(lacking)}" if lacking else ""
        super().__init__(
            f"The database was migrated by other code: it has {', '.join(unknown)}, which this code has not{lacks}. "
            "Use the code that knows it, or begin with an empty database."
        )


class NoSuchParent(Exception):
    """A migration comes after one that is not there."""


class NameTaken(Exception):
    """Two migrations have one id, or one has an id of another branch, which grows with the template."""


@cache
def shipped() -> tuple[Migration, ...]:
    """Every migration of this release."""
    return tuple(
        _read(file.read_text(encoding="utf-8"), branch)
        for branch in BRANCHES
        for file in sorted((MIGRATIONS / branch).glob("[!_]*.py"))
    )


def _read(text: str, branch: str) -> Migration:
    fields = dict(cast("list[tuple[str, str]]", _FIELD.findall(text)))
    parents = _quoted(fields["down_revision"]) + _quoted(fields.get("depends_on", ""))
    return Migration(_quoted(fields["revision"])[0], branch, frozenset(parents))


def _quoted(text: str) -> list[str]:
    return cast("list[str]", _QUOTED.findall(text))


def missing(applied: frozenset[str]) -> list[str]:
    """The newest migrations of this release that a database with these revisions lacks.

    A branch whose row is unknown here was migrated by a later release: it is ahead, and that is fine, because every
    migration keeps the release before it working.
    """
    known = {each.revision: each for each in shipped()}
    reached = _reached(applied)
    has_unknown = bool(applied - known.keys() - set(absent(applied)))
    branches_seen = {known[revision].branch for revision in applied & known.keys()}
    heads = {each.revision for each in newest()}
    return sorted(head for head in heads - reached if not (has_unknown and known[head].branch not in branches_seen))


def _reached(applied: Iterable[str]) -> set[str]:
    known = {each.revision: each for each in shipped()}
    reached: set[str] = set()
    to_visit = list(applied)
    while to_visit:
        revision = to_visit.pop()
        if revision in known and revision not in reached:
            reached.add(revision)
            to_visit.extend(known[revision].parents)
    return reached


def newest() -> list[Migration]:
    """The migrations of this release that none of their branch comes after: one of each branch."""
    return _last(shipped())


def _last(migrations: Iterable[Migration]) -> list[Migration]:
    found = list(migrations)
    followed = {(each.branch, parent) for each in found for parent in each.parents}
    return [each for each in found if (each.branch, each.revision) not in followed]


def absent(applied: Iterable[str]) -> list[str]:
    """Revisions of parts that are off: those of branches without a folder. Their tables stay, and do no harm."""
    known = {each.revision for each in shipped()}
    named = {each: _NAMED.fullmatch(each) for each in applied if each not in known}
    return sorted(each for each, name in named.items() if name is not None and name[1] not in BRANCHES)


def present(applied: Iterable[str]) -> tuple[str, ...]:
    """The revisions that this release has. Raises MigratedElsewhere for one that only other code has."""
    found = frozenset(applied)
    known = found & {each.revision for each in shipped()}
    if unknown := sorted(found - known - set(absent(found))):
        raise MigratedElsewhere(unknown, missing(found))
    return tuple(sorted(known))


def unrecorded(applied: Iterable[str]) -> list[str]:
    """The newest of each branch that the database has and Alembic keeps no row for.

    A migration that depends on another branch's newest takes the place of its row. Once the former belongs to a part
    that is off, nothing would tell of the latter: so every branch keeps a row of its own.
    """
    found = frozenset(applied)
    reached = _reached(found)
    return sorted({each.revision for each in _last(each for each in shipped() if each.revision in reached)} - found)


def inspect() -> None:
    """Raise NoSuchParent or NameTaken for migrations of this release that no database can have."""
    known: dict[str, Migration] = {}
    for each in shipped():
        branch = _NAMED.fullmatch(each.revision)
        is_reserved = branch is not None and branch[1] in BRANCHES and branch[1] != each.branch
        if each.revision in known or is_reserved:
            other = known[each.revision].branch if each.revision in known else cast("re.Match[str]", branch)[1]
            raise NameTaken(
                f"A migration in migrations/{each.branch}/ has the id {each.revision}, which belongs to migrations/"
                f"{other}/. Give yours another: its file's `revision`, and `down_revision` of the one that follows."
            )
        known[each.revision] = each
    for each in shipped():
        if absent := sorted(each.parents - known.keys()):
            raise NoSuchParent(f"The migration {each.revision} comes after {', '.join(absent)}, which is not there.")


async def behind(database: Reader) -> list[str]:
    """The newest migrations that the database lacks; none when it is current."""
    try:
        applied = await database.all(_APPLIED)
    except UndefinedTableError:
        applied = []  # a database that was never migrated
    return missing(frozenset(applied))


def migrate(revision: str = "heads") -> None:
    """Bring the database to a revision; what a later release has migrated stays as it is, and the log says so.

    Raises NoSuchParent and NameTaken before anything runs, and MigratedElsewhere where the database does not have what
    was asked for.
    """
    from alembic import command  # noqa: PLC0415 - see _FIELD

    inspect()
    try:
        command.upgrade(alembic_config(), revision)
    except MigratedElsewhere as elsewhere:
        if elsewhere.lacking or revision != "heads":
            raise
        get_logger().warning("database ahead", migrations=elsewhere.unknown)


def alembic_config() -> "Config":
    """How Alembic is set up: [tool.alembic] in pyproject.toml."""
    from alembic.config import Config  # noqa: PLC0415 - see _FIELD

    return Config(toml_file=MIGRATIONS.parent / "pyproject.toml", stdout=sys.stderr)
