"""Migrations in SQL, applied in order: the tables that they lead to, and what the database itself enforces.

Down and undo scripts never count; of Drizzle's files only those in its journal; a dump of the schema that lies beside
migrations is named and not counted again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from discover.code import Class, Module
from discover.findings import Column, Entity, Finding, Place, Proof, Row
from discover.project import Project, Unit
from discover.sql import Key, Statement
from discover.workers import TaskError, unpack

MAX_SCRIPTS = 2_000

ORMS = (
    "drizzle-orm", "typeorm", "sequelize", "sequelize-typescript", "@mikro-orm/core", "objection", "sqlalchemy",
    "flask_sqlalchemy", "sqlmodel", "django.db", "peewee", "tortoise",
)  # fmt: skip
"""Packages whose models say what the tables are; migrations are then compared with them."""

RUNNERS = (
    "postgrator", "node-pg-migrate", "db-migrate", "postgres-migrations", "marv", "dbmate", "umzug", "ley",
    "@databases/pg-migrations", "pg-patch",
    "mysql-migrations", "yoyo-migrations", "simple-migrate", "dbmigrate",
)  # fmt: skip
"""What runs SQL files; a project may as well run them by hand."""

_ELSEWHERE = ("prisma migrate", "drizzle-kit", "typeorm")
"""Tools whose own extractors count their migrations."""

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_ASIDE = re.compile(
    r"(^|[/_.-])(seed(s|ers?|ing)?|fixtures?|sample|dummy|mock|demo|testdata|quer(y|ies)|snippets?)([/_.-]|\d|$)", re.I
)
_DOWN_FOLDERS = {"down", "undo", "rollback", "rollbacks", "revert", "reverts", "downs", "verify"}
_UP_FOLDERS = {"up", "do", "ups", "deploy", "apply"}
_DOWN_NAME = re.compile(r"(^|[._-])(down|undo|rollback|revert)([._-]|$)|^U\d[\d._]*__", re.I)
_UP_NAME = re.compile(r"[._-](up|do|apply)([._-]|$)", re.I)
_NUMBERED = re.compile(r"^[VBR]?\d+|^R__", re.I)
_MIGRATION_FOLDER = re.compile(
    r"(^|[_-])(db[_-])?(migrations?|migrate|changelogs?|changesets|versions|flyway|evolutions|updates|patches|sqls?)$",
    re.I,
)
_SECTION = re.compile(
    r"^\s*--+\s*(?:migrate:|\+goose\s+|\+migrate\s+|rambler\s+|@|)(up|down|undo|do|rollback)(?:\s+migration)?\b\s*(?:transaction:\w+)?\s*$",
    re.I,
)
_SECTION_TOOLS = (
    (r"--\s*migrate:up", "dbmate"),
    (r"--\s*\+goose\s+up", "goose"),
    (r"--\s*\+migrate\s+up", "sql-migrate"),
    (r"--\s*up\s+migration", "node-pg-migrate"),
    (r"--liquibase formatted sql", "liquibase"),
)


@dataclass(slots=True)
class Script:
    """SQL of one migration."""

    path: str
    text: str
    name: str = ""
    line: int = 1
    """Where the text begins."""


@dataclass(slots=True)
class Migrations:
    """The migrations of one folder and tool, in the order in which they run."""

    tool: str
    value: str
    place: Place
    dialect: str = ""
    scripts: list[Script] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Of the migrations; several scripts may belong to one."""
    down: str = ""
    """What undoes them."""
    down_place: Place | None = None
    supabase: bool = False


@dataclass(slots=True)
class Dropped:
    """A foreign key that a later migration takes away."""

    table: str
    key: Key
    place: Place
    migration: str


class Catalogue:
    """The schema that statements lead to."""

    def __init__(self) -> None:
        self.tables: dict[str, Entity] = {}
        self.keys: dict[str, list[Key]] = {}
        self.foreign: list[tuple[Key, Place, int]] = []
        """Every foreign key ever added: (key, place, line of the DO block around it)."""
        self.dropped: list[Dropped] = []
        self.enums: dict[str, tuple[list[str], Place]] = {}
        self.secured: dict[str, Place] = {}
        self.policies: dict[tuple[str, str], Place] = {}
        self.triggers: dict[str, Place] = {}
        self.schemas: set[str] = set()
        self.unread: dict[str, int] = {}
        """Path → how many statements could not be read."""
        self.added: dict[tuple[str, str], Place] = {}
        """(table, column), both in lower case → where a column was added to a table that was there."""
        self.gone: set[str] = set()
        """Tables that were dropped; SQLite's way to change one is to drop it and to make it again."""
        self._spelling: dict[str, str] = {}

    # -- applying ---------------------------------------------------------------------------------------------------

    def apply(self, statement: Statement, path: str, migration: str = "", shift: int = 0) -> None:
        """Take one statement in."""
        place = Place(path, statement.line + shift)
        table = statement.table.lower()
        match statement.kind:
            case "create_table":
                self._create(statement, table, path, shift)
            case "drop_table":
                self._drop(table)
            case "rename_table":
                self._rename(table, statement.to)
            case "add_column" | "change_column" | "alter_column" | "drop_column" | "rename_column":
                self._change(statement, table, path, shift)
            case "add_key":
                self._add(table, statement, path, shift)
            case "drop_key":
                self._drop_key(table, statement, place, migration)
            case "rename_key":
                for key in self._named(table, statement.name):
                    key.name = statement.to
            case "create_type":
                self.enums[statement.name.lower()] = (list(statement.values), place)
                self._spelling[statement.name.lower()] = statement.name
            case "add_value":
                values, _ = self.enums.get(statement.name.lower(), ([], place))
                values += [value for value in statement.values if value not in values]
            case "drop_type":
                self.enums.pop(statement.name.lower(), None)
            case "rename_type":
                self._rename_type(statement.name, statement.to)
            case "row_level_security":
                self.secured[table] = place
            case "no_row_level_security":
                self.secured.pop(table, None)
            case "create_policy":
                self.policies[table, statement.name.lower()] = place
            case "drop_policy":
                self.policies.pop((table, statement.name.lower()), None)
            case "create_trigger":
                self.triggers[statement.name.lower()] = place
                self._spelling[statement.name.lower()] = statement.name
            case "drop_trigger":
                self.triggers.pop(statement.name.lower(), None)
            case "create_schema":
                self.schemas.add(statement.name.lower())
            case "unread":
                self.unread[path] = self.unread.get(path, 0) + 1

    def _create(self, statement: Statement, table: str, path: str, shift: int) -> None:
        if table in self.tables or not statement.columns:
            return
        name = statement.table
        self.tables[table] = Entity(name, name, Place(path, statement.line + shift), source="sql migrations")
        self.tables[table].columns = list(statement.columns)
        self.keys[table] = []
        self._add(table, statement, path, shift)

    def _add(self, table: str, statement: Statement, path: str, shift: int) -> None:
        for key in statement.keys:
            known = self.keys.setdefault(table, [])
            if key.name and any(other.name.lower() == key.name.lower() for other in known):
                continue
            known.append(key)
            key.later = statement.kind == "add_key"
            if key.kind == "foreign":
                block = statement.block + shift if statement.block else 0
                self.foreign.append((key, Place(path, (key.line or statement.line) + shift), block))

    def _drop(self, table: str) -> None:
        self.tables.pop(table, None)
        self.keys.pop(table, None)
        self.secured.pop(table, None)
        self.policies = {key: place for key, place in self.policies.items() if key[0] != table}
        self.gone.add(table)

    def _rename(self, table: str, to: str) -> None:
        if table not in self.tables:
            return
        schema = table.rpartition(".")[0]
        new = f"{schema}.{to}" if schema and "." not in to else to
        if new.lower() in self.tables:
            return
        entity = self.tables.pop(table)
        entity.name = entity.table = new
        self.tables[new.lower()] = entity
        self.keys[new.lower()] = self.keys.pop(table, [])
        for keys in self.keys.values():
            for key in keys:
                if key.table.lower() == table:
                    key.table = new
        if table in self.secured:
            self.secured[new.lower()] = self.secured.pop(table)

    def _change(self, statement: Statement, table: str, path: str, shift: int) -> None:
        entity = self.tables.get(table)
        if entity is None:
            return
        name = (statement.name or (statement.columns[0].name if statement.columns else "")).lower()
        at = next((number for number, column in enumerate(entity.columns) if column.name.lower() == name), -1)
        match statement.kind:
            case "add_column":
                if at < 0:
                    entity.columns += statement.columns
                    self.added[table, name] = Place(path, statement.line + shift)
                    self._add(table, statement, path, shift)
            case "change_column" if at >= 0:
                entity.columns[at] = statement.columns[0]
                if statement.to:
                    self._rename_column(table, name, statement.to)
                self._add(table, statement, path, shift)
            case "rename_column" if at >= 0:
                self.added[table, statement.to.lower()] = Place(path, statement.line + shift)
                entity.columns[at].name = statement.to
                self._rename_column(table, name, statement.to)
            case "drop_column" if at >= 0:
                del entity.columns[at]
                kept = [
                    key for key in self.keys.get(table, []) if name not in [column.lower() for column in key.columns]
                ]
                self.keys[table] = kept
            case "alter_column" if at >= 0:
                column = entity.columns[at]
                if "type" in statement.changes:
                    column.type = str(statement.changes["type"])
                    size = re.match(r"n?(?:var)?char\w*\((\d+)\)", column.type)
                    column.length = int(size[1]) if size else None
                if "nullable" in statement.changes:
                    column.nullable = bool(statement.changes["nullable"])
                if "default" in statement.changes:
                    default = statement.changes["default"]
                    column.default = None if default is None else str(default)

    def _rename_column(self, table: str, name: str, to: str) -> None:
        for other, keys in self.keys.items():
            for key in keys:
                if other == table:
                    key.columns = [to if column.lower() == name else column for column in key.columns]
                if key.table.lower() == table:
                    key.targets = [to if column.lower() == name else column for column in key.targets]

    def _named(self, table: str, name: str) -> list[Key]:
        """Give the keys of that name, be it written or the one that a database gives."""
        wanted = name.rpartition(".")[2].lower()
        found = []
        for other, keys in self.keys.items():
            if table and other != table:
                continue
            bare = other.rpartition(".")[2]
            for number, key in enumerate([key for key in keys if key.kind == "foreign"], 1):
                if not key.name and wanted == f"{bare}_ibfk_{number}":
                    found.append(key)
            for key in keys:
                columns = "_".join(key.columns).lower()
                ending = {"foreign": "fkey", "unique": "key", "check": "check", "index": "idx"}.get(key.kind, "pkey")
                usual = f"{bare}_pkey" if key.kind == "primary" else f"{bare}_{columns}_{ending}"
                if (key.name.lower() or usual) == wanted or (
                    not key.name and key.kind == "unique" and columns == wanted
                ):
                    found.append(key)
        return found

    def _drop_key(self, table: str, statement: Statement, place: Place, migration: str) -> None:
        keys = self._named(table, statement.name)
        if not statement.name:
            keys = [key for key in self.keys.get(table, []) if key.kind == "primary"]
        for other, known in self.keys.items():
            for key in known:
                if key.kind == "foreign" and any(key is gone for gone in keys):
                    self.dropped.append(Dropped(other, key, place, migration))
            self.keys[other] = [key for key in known if not any(key is gone for gone in keys)]

    def _rename_type(self, name: str, to: str) -> None:
        known = self.enums.pop(name.lower(), None)
        if known is not None:
            self.enums[to.lower()] = known
            self._spelling[to.lower()] = to
        for entity in self.tables.values():
            for column in entity.columns:
                if column.type.lower().removesuffix("[]") == name.lower():
                    column.type = to + ("[]" if column.type.endswith("[]") else "")

    # -- the result -------------------------------------------------------------------------------------------------

    def spelt(self, name: str) -> str:
        """Give a type's or trigger's name as it was written."""
        return self._spelling.get(name, name)

    def lost(self) -> list[Dropped]:
        """Give the foreign keys that were dropped and have no successor, of tables and columns that are still there."""

        def replaced(gone: Dropped) -> bool:
            return any(
                key.kind == "foreign"
                and (key.columns == gone.key.columns or key.table.lower() == gone.key.table.lower())
                and set(key.columns) & set(gone.key.columns)
                for key in self.keys.get(gone.table, [])
            )

        def there(gone: Dropped) -> bool:
            if gone.table not in self.tables or gone.key.table.lower() not in self.tables:
                return False
            names = {column.name.lower() for column in self.tables[gone.table].columns}
            return names.issuperset(column.lower() for column in gone.key.columns)

        return [gone for gone in self.dropped if there(gone) and not replaced(gone)]

    def finish(self) -> dict[str, Entity]:
        """Write keys into the columns, and give every table by its name in lower case."""
        primary = {table: key.columns for table, keys in self.keys.items() for key in keys if key.kind == "primary"}
        for table, entity in self.tables.items():
            columns = {column.name.lower(): column for column in entity.columns}
            entity.indexes.clear()
            self.keys[table] = [
                key
                for key in self.keys.get(table, [])
                if key.kind != "foreign" or key.table.lower() not in self.gone - self.tables.keys()
            ]
            for column in entity.columns:
                bare = column.type.removesuffix("[]").lower()
                if bare in self.enums:
                    column.enum = list(self.enums[bare][0])
            for key in self.keys.get(table, []):
                own = [columns[name.lower()] for name in key.columns if name.lower() in columns]
                self._write(key, own, entity, primary)
            entity.kind = "join" if joins(entity) else "table"
        return self.tables

    @staticmethod
    def _write(key: Key, own: list[Column], entity: Entity, primary: dict[str, list[str]]) -> None:
        alone = len(key.columns) == 1
        if key.kind == "primary":
            for column in own:
                column.primary_key, column.nullable = True, False
        elif key.kind == "foreign":
            targets = key.targets or primary.get(key.table.lower(), [])
            for number, column in enumerate(own):
                target = targets[number] if number < len(targets) else ""
                column.references = f"{key.table}.{target}" if target else key.table
                column.on_delete = key.on_delete if key.on_delete != "no action" else ""
        elif key.kind == "check":
            for column in own if alone and key.values else []:
                column.enum = list(key.values)
        elif key.kind == "unique" and alone:
            for column in own:
                column.unique = True
        elif key.columns:
            unique = "unique " if key.kind == "unique" else ""
            entity.indexes.append(f"{unique}{f'{key.name} ' if key.name else ''}({', '.join(key.columns)})")
            for column in own if alone else []:
                column.index = True


def joins(entity: Entity) -> bool:
    """Tell whether a table does nothing but join two others."""
    bare = [
        column
        for column in entity.columns
        if not (column.primary_key and not column.references)
        and not re.fullmatch(r"(created|updated|inserted|assigned)_?(at|on)?", column.name, re.I)
    ]
    return len(bare) == 2 and all(column.references for column in bare)


# -- where migrations are ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Read:
    """Everything that one unit's SQL says."""

    sets: list[Migrations]
    catalogue: Catalogue
    tables: dict[str, Entity]
    copies: list[str]
    """Schema files beside migrations, that create tables which migrations create, too."""
    dump: str = ""
    """The schema file that was used because there are no migrations."""


_READ: WeakKeyDictionary[Project, dict[str, _Read]] = WeakKeyDictionary()


def catalogue(project: Project, unit: Unit) -> dict[str, Entity]:
    """Give the tables that the unit's SQL migrations lead to, by their names in lower case."""
    return _read(project, unit).tables


def _read(project: Project, unit: Unit) -> _Read:
    kept = _READ.setdefault(project, {})
    if unit.folder not in kept:
        kept[unit.folder] = _read_once(project, unit)
    return kept[unit.folder]


def _read_once(project: Project, unit: Unit) -> _Read:
    files = _sql_files(project, unit)
    sets, rest = _sets(project, unit, files)
    sets += _in_code(project, unit)
    result = Catalogue()
    for migrations in sets:
        if migrations.tool == "typeorm" and result.tables:
            continue
        _run(project, migrations.scripts, migrations.dialect, result)
    read = _Read(sets, result, {}, [])
    dumps = [path for path in rest if not _ASIDE.search(path)][:20]
    if any(migrations.scripts for migrations in sets):
        for path in dumps:
            beside = Catalogue()
            _run(project, [Script(path, project.text(path))], "", beside, quiet=True)
            if beside.tables.keys() & result.tables.keys():
                read.copies.append(path)
    elif dumps:
        order = sorted(
            dumps,
            key=lambda path: (
                not re.search(r"schema|structure|init|create|ddl|tables", path, re.I),
                path.count("/"),
                path,
            ),
        )
        for path in order:
            _run(project, [Script(path, project.text(path))], "", result)
            if result.tables and not read.dump:
                read.dump = path
    if not result.tables and not _models(project, unit):
        _run(project, list(_embedded(project, unit)), "", result, quiet=True)
        read.dump = min((entity.place.path for entity in result.tables.values()), default="")
    read.tables = result.finish()
    return read


_UNKNOWN = "unknown_expression"
_UNKNOWN_TABLE = re.compile(rf"\bcreate\s+table\s+(if\s+not\s+exists\s+)?\S*{_UNKNOWN}", re.IGNORECASE)
_TABLE_IN_CODE = re.compile(r"\bcreate\s+table\b[^(]*\(", re.IGNORECASE)


def _embedded(project: Project, unit: Unit) -> Iterator[Script]:
    """Find `CREATE TABLE` in the code's strings, where neither migrations nor a schema file say what the tables are."""
    for module in project.mentioning(unit, "CREATE TABLE", "create table"):
        pending = [node for call in module.calls for node in call.node.arguments]
        pending += [
            *module.bindings.values(),
            *(item for scope in module.functions for item in scope.bindings.values()),
        ]
        pending += [member.value for kind in module.classes for member in kind.members if member.value is not None]
        seen: set[int] = set()
        while pending:
            node = pending.pop(0)
            if id(node) in seen:
                continue
            seen.add(id(node))
            if node.kind in ("string", "template"):
                parts = node.items if node.kind == "template" else [node]
                written = "".join(str(part.value) if part.kind == "string" else _UNKNOWN for part in parts)
                if _TABLE_IN_CODE.search(written) and not _UNKNOWN_TABLE.search(written):
                    yield Script(
                        module.path, written if written.rstrip().endswith(";") else f"{written};", "", node.line
                    )
            elif node.kind in ("array", "object", "binary", "conditional"):
                pending += [*node.items, *(value for _, value in node.pairs)]


def _run(project: Project, scripts: list[Script], dialect: str, result: Catalogue, *, quiet: bool = False) -> None:
    """Read scripts in the workers and apply them in their order."""
    if not scripts:
        return
    from discover.sql import guess

    dialect = dialect or guess("\n".join(script.text[:20_000] for script in scripts[:50]))
    answers = dict(
        project.workers.each(("discover.sql:read", (script.text, dialect)) for script in scripts[:MAX_SCRIPTS])
    )
    for number, script in enumerate(scripts[:MAX_SCRIPTS]):
        answer = answers[number]
        if isinstance(answer, TaskError):
            project.tree.skipped.setdefault(script.path, str(answer))
            result.unread[script.path] = 1
            continue
        for statement in unpack(answer):
            result.apply(statement, script.path, script.name or script.path, script.line - 1)
        if script.path in result.unread and not quiet and dialect != "clickhouse":
            count = result.unread[script.path]
            project.tree.skipped.setdefault(
                script.path, f"{count} statement{'s' * (count > 1)} of it could not be read"
            )


def _sql_files(project: Project, unit: Unit) -> list[str]:
    own = [path for part in (unit, *unit.libraries) for path in project.files(part, "*.sql")]
    if not own and project.units and unit is not project.units[0]:
        own = project.files(project.units[0], "*.sql")
    return sorted(path for path in own if not _ASIDE.search(path.rpartition("/")[2]))


def _order(path: str) -> tuple[bool, list[int], str]:
    """Sort by the number that a name begins with, Flyway's repeatable ones last."""
    name = path.rpartition("/")[2]
    number = re.match(r"[VBUvbu]?(\d+(?:[._]\d+)*)", name)
    return number is None, [int(part) for part in re.split(r"[._]", number[1])] if number else [], name.lower()


def _sets(project: Project, unit: Unit, files: list[str]) -> tuple[list[Migrations], list[str]]:
    """Group SQL files to sets of migrations; give those that belong to none, too."""
    groups: dict[tuple[str, str], list[str]] = {}
    for path in files:
        folder, _, name = path.rpartition("/")
        above, _, last = folder.rpartition("/")
        if name in ("migration.sql", "up.sql", "down.sql") and folder:
            groups.setdefault((above, "folders"), []).append(path)
        elif project.tree.exists(f"{folder}/meta/_journal.json" if folder else "meta/_journal.json"):
            groups.setdefault((folder, "journal"), []).append(path)
        elif last.lower() in _UP_FOLDERS | _DOWN_FOLDERS:
            groups.setdefault((above, "directions"), []).append(path)
        else:
            groups.setdefault((folder, "files"), []).append(path)
    found: list[Migrations] = []
    rest: list[str] = []
    for (folder, form), paths in sorted(groups.items()):
        if form == "journal":
            found.append(_journal(project, folder, paths))
        elif form == "folders":
            found.append(_by_folder(project, unit, folder, paths))
        elif form == "directions" or _are_migrations(folder, paths):
            found.append(_by_name(project, unit, folder, paths))
        else:
            rest += paths
    return [migrations for migrations in found if migrations.names], rest


def _are_migrations(folder: str, paths: list[str]) -> bool:
    numbered = [path for path in paths if _NUMBERED.match(path.rpartition("/")[2])]
    named = any(_MIGRATION_FOLDER.search(part) for part in folder.split("/")[-2:])
    if named and re.search(r"(^|/)sqls?$", folder, re.I) and "migrations" not in folder.lower():
        named = False
    return bool(paths) and (named or (len(numbered) > 1 and len(numbered) * 2 > len(paths)))


def _journal(project: Project, folder: str, paths: list[str]) -> Migrations:
    """Drizzle: what its journal lists, in that order."""
    path = f"{folder}/meta/_journal.json" if folder else "meta/_journal.json"
    data = project.data(path)
    entries = data.get("entries") if isinstance(data, dict) else None
    tags = [str(entry["tag"]) for entry in entries or [] if isinstance(entry, dict) and "tag" in entry]
    dialect = str(data.get("dialect", "")) if isinstance(data, dict) else ""
    prefix = f"{folder}/" if folder else ""
    listed = [f"{prefix}{tag}.sql" for tag in tags]
    found = Migrations(
        "drizzle-kit", f"drizzle-kit, {len(tags)}", Place(path, project.tree.line(path, '"tag"')), names=tags
    )
    found.dialect = {"postgresql": "postgres", "pg": "postgres", "turso": "sqlite", "singlestore": "mysql"}.get(
        dialect, dialect
    )
    found.dialect = found.dialect if found.dialect in ("postgres", "mysql", "sqlite") else ""
    found.scripts = [Script(file, project.text(file)) for file in listed if file in paths]
    return found


def _by_folder(project: Project, unit: Unit, folder: str, paths: list[str]) -> Migrations:
    """One folder a migration: Prisma, Drizzle's newer form, Diesel."""
    ups = sorted((path for path in paths if not path.endswith("/down.sql")), key=lambda path: path.split("/"))
    downs = [path for path in paths if path.endswith("/down.sql")]
    lock = f"{folder}/migration_lock.toml"
    snapshot = any(project.tree.exists(f"{path.rpartition('/')[0]}/snapshot.json") for path in ups)
    prisma = (
        project.tree.exists(lock) or any("prisma" in part for part in folder.split("/")) or unit.dependency("prisma")
    )
    found = Migrations("sql", f"SQL folders, {len(ups)}", Place(ups[0] if ups else paths[0], 1))
    if snapshot:
        found.tool, found.value = "drizzle-kit", f"drizzle-kit, {len(ups)}"
    elif prisma and not downs:
        found.tool, found.value = "prisma migrate", f"prisma migrate, {len(ups)}"
        if project.tree.exists(lock):
            found.place = Place(lock, project.tree.line(lock, r"^provider"))
            provider = re.search(r'^provider\s*=\s*"(\w+)"', project.text(lock), re.MULTILINE)
            found.dialect = {"postgresql": "postgres", "cockroachdb": "postgres", "sqlserver": "tsql"}.get(
                provider[1] if provider else "", provider[1] if provider else ""
            )
    found.names = [path.split("/")[-2] for path in ups]
    found.scripts = [Script(path, project.text(path), name) for path, name in zip(ups, found.names, strict=True)]
    if downs:
        found.down, found.down_place = "down.sql", Place(downs[0])
    return found


def _by_name(project: Project, unit: Unit, folder: str, paths: list[str]) -> Migrations:
    """Files in one folder, or in one for each direction."""
    downs: list[str] = []
    ups: list[str] = []
    for path in paths:
        name, last = path.rpartition("/")[2], path.split("/")[-2].lower() if "/" in path else ""
        stem = name.removesuffix(".sql")
        down = last in _DOWN_FOLDERS or (_DOWN_NAME.search(stem) and not _UP_NAME.search(stem))
        (downs if down else ups).append(path)
    plan = f"{folder}/sqitch.plan" if folder else "sqitch.plan"
    order = _sqitch_order(project.text(plan)) if project.tree.exists(plan) else None
    ups.sort(
        key=_order if order is None else lambda path: order.get(path.rpartition("/")[2].removesuffix(".sql"), 1 << 30)
    )
    supabase = bool(re.search(r"(^|/)supabase/migrations$", folder))
    found = Migrations("sql", "", Place(ups[0] if ups else paths[0], 1), supabase=supabase)
    found.dialect = "postgres" if supabase else ""
    found.names = [path.rpartition("/")[2] for path in ups]
    first = ""
    for path in ups:
        text = project.text(path)
        first = first or text
        kept, line = _up_part(text)
        found.scripts.append(Script(path, kept, path.rpartition("/")[2]))
        if line and found.down_place is None:
            found.down, found.down_place = "down sections in the files", Place(path, line)
    if downs:
        found.down, found.down_place = _pattern(downs[0]), Place(min(downs, key=_order))
    found.tool, found.value, place = _named(project, unit, found, ups, first, order is not None)
    found.place = place or found.place
    return found


def _sqitch_order(plan: str) -> dict[str, int]:
    names = [line.split()[0] for line in plan.splitlines() if line.strip() and line[0] not in "%#@"]
    return {name: number for number, name in enumerate(names)}


def _up_part(text: str) -> tuple[str, int]:
    """Empty the lines of down sections; give the first one's line, too."""
    lines, down, first = [], False, 0
    for number, line in enumerate(text.splitlines(), 1):
        if (mark := _SECTION.match(line)) is not None:
            down = mark[1].lower() in ("down", "undo", "rollback")
            first = first or (number if down else 0)
        lines.append("" if down else line)
    return ("\n".join(lines), first) if first else (text, 0)


def _pattern(path: str) -> str:
    """Write how files like this one are named: `NNN.undo.*.sql`."""
    *above, name = path.split("/")
    stem = name.removesuffix(".sql")
    if (found := re.match(r"^(\d+)([._-])(do|undo|up|down)\b", stem, re.I)) is not None:
        return (
            f"NNN{found[2]}{found[3].lower()}.*.sql"
            if len(stem) > found.end()
            else f"NNN{found[2]}{found[3].lower()}.sql"
        )
    if (found := re.search(r"([._-](?:up|down|do|undo|rollback|revert))$", stem, re.I)) is not None:
        return f"*{found[1].lower()}.sql"
    if (found := re.match(r"^([VUBR])\d[\d._]*__", stem)) is not None:
        return f"{found[1]}N__*.sql"
    if above and above[-1].lower() in _DOWN_FOLDERS | _UP_FOLDERS:
        return f"{above[-1]}/*.sql"
    return "NNN_*.sql" if re.match(r"^\d+", stem) else "*.sql"


def _named(
    project: Project, unit: Unit, found: Migrations, ups: list[str], first: str, sqitch: bool
) -> tuple[str, str, Place | None]:
    """Say which tool the files are for, how they are named, and how many there are."""
    count = len(ups)
    if found.supabase:
        return "supabase", f"supabase, {count}", None
    if sqitch:
        return "sqitch", f"sqitch, {count}", None
    pattern = _pattern(ups[0]) if ups else "*.sql"
    for runner in RUNNERS:
        for module in project.importing(unit, runner, runner.replace("-", "_")):
            used = next(
                (
                    one
                    for one in module.imports
                    if one.module.split(".")[0].replace("_", "-") in (runner, runner.replace("_", "-"))
                ),
                None,
            )
            if used is not None:
                return runner, f"{runner}, SQL files {pattern}, {count}", Place(module.path, used.line)
    for name, command in unit.scripts.items():
        runner = next((one for one in RUNNERS if re.search(rf"(^|[\s/]){re.escape(one)}(\s|$)", command)), "")
        if runner and unit.manifests:
            manifest = next((path for path in unit.manifests if path.endswith("package.json")), unit.manifests[0])
            line = project.tree.line(manifest, rf'"{re.escape(name)}"\s*:')
            return runner, f"{runner}, SQL files {pattern}, {count}", Place(manifest, line)
    if re.match(r"[VBR]\d[\d._]*__|R__", ups[0].rpartition("/")[2] if ups else ""):
        return "flyway", f"flyway, {count}", None
    for mark, tool in _SECTION_TOOLS:
        if (said := re.search(rf"^\s*{mark}", first, re.IGNORECASE | re.MULTILINE)) is not None:
            return tool, f"{tool}, {count}", Place(ups[0], first.count("\n", 0, said.start()) + 1)
    return "sql", f"SQL files {pattern}, {count}", None


def _in_code(project: Project, unit: Unit) -> Iterator[Migrations]:
    """TypeORM's and MikroORM's migrations: raw SQL in the `up` method of a class."""
    for tool, packages, method in (
        ("typeorm", ("typeorm",), "query"),
        ("mikro-orm", ("@mikro-orm/migrations", "@mikro-orm/migrations-mongodb"), "addSql"),
    ):
        every: list[tuple[str, Module, Class]] = []
        for module in project.importing(unit, *packages):
            for kind in module.classes:
                names = {member.name for member in kind.members}
                if "up" in names and (tool == "mikro-orm" or "down" in names):
                    every.append((module.path.rpartition("/")[2], module, kind))
        every.sort(key=lambda one: one[0])
        found = Migrations(tool, "", Place(""))
        for name, module, kind in every:
            found.names.append(name)
            up = next(member for member in kind.members if member.name == "up")
            function = module.function(up.value) if up.value is not None else None
            if not found.place.path:
                found.place = Place(module.path, up.line)
            for call in module.calls_in(function.number) if function is not None else []:
                if call.node.items[0].value == method and call.node.arguments:
                    argument = call.node.arguments[0]
                    value = project.fold(module, argument, call.function)
                    if value.known and isinstance(value.value, str):
                        found.scripts.append(Script(module.path, value.value, name, argument.line))
            down = next((member for member in kind.members if member.name == "down"), None)
            if down is not None and found.down_place is None:
                found.down, found.down_place = "down() methods", Place(module.path, down.line)
        if every:
            raw = f", raw SQL in {'queryRunner.query' if method == 'query' else 'addSql'}" if found.scripts else ""
            found.value = f"{tool}, {len(every)}{raw}"
            if found.scripts:
                found.place = Place(found.scripts[0].path, found.scripts[0].line)
            yield found


# -- what is yielded ---------------------------------------------------------------------------------------------------


def _models(project: Project, unit: Unit) -> bool:
    """Tell whether an ORM's models say what the tables are."""
    parts = (unit, *unit.libraries)
    if any(part.dependency(name) for part in parts for name in ("@prisma/client", "prisma")):
        schemas = [path for part in parts for path in project.files(part, "*.prisma")]
        if any(re.search(r"^\s*model\s+\w+\s*\{", project.text(path), re.MULTILINE) for path in schemas):
            return True
    return any(True for _ in project.importing(unit, *ORMS))


def entities(project: Project, unit: Unit) -> Iterator[Entity]:
    """Give the tables that migrations lead to, where no ORM's models say the same."""
    read = _read(project, unit)
    if read.tables and not _models(project, unit):
        proof = Proof.USED if not read.dump or _is_mentioned(project, unit, read.dump) else Proof.NAMED
        for entity in read.tables.values():
            entity.proof = proof
            yield entity


def _is_mentioned(project: Project, unit: Unit, path: str) -> bool:
    """Tell whether anything of the codebase names a schema file, or a database's image reads it."""
    name = path.rpartition("/")[2]
    if not path.endswith(".sql") or "initdb" in path or any(True for _ in project.mentioning(unit, name)):
        return True
    others = project.files(
        unit, "package.json", "Makefile", "Dockerfile*", "*compose*.y*ml", "*.sh", "justfile", "Taskfile*", root=True
    )
    folder = path.rpartition("/")[0]
    return any(name in text or (folder and f"./{folder}:" in text) for text in map(project.text, others))


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Give what the migrations are, and what the database enforces by itself."""
    read = _read(project, unit)
    result = read.catalogue
    for migrations in read.sets:
        if migrations.tool not in _ELSEWHERE:
            yield Finding(Row.DATA, "migrations", migrations.value, Proof.USED, [migrations.place])
        if migrations.down and migrations.down_place is not None:
            yield Finding(Row.DATA, "migrations_down", migrations.down, Proof.USED, [migrations.down_place])
        if migrations.supabase:
            yield _supabase(project, migrations, read)
    if not result.tables or (read.dump and _models(project, unit)):
        return
    proof = Proof.USED if not read.dump or _is_mentioned(project, unit, read.dump) else Proof.NAMED
    yield from _source(project, unit, read, proof)
    yield from _foreign_keys(result, proof)
    if result.secured:
        yield _row_level_security(result, proof)
    if result.enums:
        places = sorted(place for _, place in result.enums.values())
        yield Finding(Row.DATA, "enums", ", ".join(map(result.spelt, result.enums)), proof, places)
    if result.triggers:
        yield Finding(
            Row.DATA, "trigger", ", ".join(map(result.spelt, result.triggers)), proof, list(result.triggers.values())
        )
    yield from _dropped(read)


def _supabase(project: Project, migrations: Migrations, read: _Read) -> Finding:
    config = f"{migrations.place.path.rpartition('/')[0].rpartition('/')[0]}/config.toml"
    places = [Place(config)] if project.tree.exists(config) else []
    places += [entity.place for entity in list(read.tables.values())[:1]] or [migrations.place]
    return Finding(Row.DATA, "database", "postgresql (supabase)", Proof.USED, places)


def _source(project: Project, unit: Unit, read: _Read, proof: Proof) -> Iterator[Finding]:
    sets = [migrations for migrations in read.sets if migrations.scripts]
    first = min((entity.place for entity in read.tables.values()), default=Place(""))
    note = f"{', '.join(read.copies)}: a copy, not counted again" if read.copies else ""
    if read.dump:
        yield Finding(Row.DATA, "schema_source", read.dump, proof, [first])
    elif sets and not _models(project, unit):
        path = sets[0].scripts[0].path
        alone = len({script.path for one in sets for script in one.scripts}) == 1
        value = path if alone else f"{path.rpartition('/')[0]}, {len(sets[0].names)} migrations"
        yield Finding(Row.DATA, "schema_source", value, proof, [first], note=note)


_HOW = ("column REFERENCES clauses", "table-level FOREIGN KEY clauses", "ALTER TABLE statements")


def _foreign_keys(result: Catalogue, proof: Proof) -> Iterator[Finding]:
    alive = {id(key) for keys in result.keys.values() for key in keys}
    there = [one for one in result.foreign if id(one[0]) in alive]
    if there:
        how = [_HOW[number] for number in sorted({0 if key.inline else 2 if key.later else 1 for key, _, _ in there})]
        value = f"{len(there)}: {' and '.join(how)}"
        yield Finding(Row.DATA, "foreign_keys", value, proof, [place for _, place, _ in there][:5])
    blocks = [Place(place.path, block) for _, place, block in there if block]
    if blocks:
        value = "foreign keys stand inside DO $$ ... $$ blocks"
        yield Finding(Row.DATA, "fk_in_do_block", value, proof, blocks[:5], note=f"{len(blocks)} of {len(there)}")
    elsewhere: dict[str, list[Place]] = {}
    for key, place, _ in there:
        schema = key.table.rpartition(".")[0].lower()
        if schema and schema not in result.schemas and key.table.lower() not in result.tables:
            elsewhere.setdefault(key.table, []).append(place)
    for table, places in elsewhere.items():
        yield Finding(
            Row.DATA, "foreign_schema", f"references {table}", proof, places[:5], note="a table that no file creates"
        )


def _row_level_security(result: Catalogue, proof: Proof) -> Finding:
    policies = [table for table, _ in result.policies if table in result.secured]
    others = sorted({table for table, _ in result.policies if table not in result.secured})
    bare = [table for table in result.secured if table not in policies]
    tables, count = len(result.secured), len(policies)
    value = f"{tables} table{'s' * (tables != 1)}, {count} polic{'y' if count == 1 else 'ies'}"
    notes = [", ".join(list(result.secured)[:12])]
    if bare:
        notes.append(f"no policy: {', '.join(bare[:12])}")
    if others:
        notes.append(f"policies on {', '.join(others[:12])}, too")
    return Finding(
        Row.DATA, "row_level_security", value, proof, list(result.secured.values())[:5], note="; ".join(notes)
    )


def _dropped(read: _Read) -> Iterator[Finding]:
    by_migration: dict[str, list[Dropped]] = {}
    for gone in read.catalogue.lost():
        by_migration.setdefault(gone.migration, []).append(gone)
    left = any(key.kind == "foreign" for keys in read.catalogue.keys.values() for key in keys)
    names = [name for migrations in read.sets for name in migrations.names]
    if len(by_migration) > 3:
        lost = [gone for some in by_migration.values() for gone in some]
        touched = sorted({read.tables[gone.table].table for gone in lost})
        value = f"{len(by_migration)} migrations drop foreign keys of {', '.join(touched[:12])}"
        places = sorted({gone.place for gone in lost})
        yield Finding(Row.DATA, "foreign_keys_dropped", value, Proof.USED, places[-5:])
        return
    for migration, every in by_migration.items():
        number = names.index(migration) if migration in names else -1
        which = f"the {_ORDINALS[number]} migration" if 0 <= number < len(_ORDINALS) else f"migration {migration}"
        tables = ", ".join(sorted({read.tables[gone.table].table for gone in every}))
        value = f"{which} drops {'foreign keys of ' + tables if left or len(by_migration) > 1 else 'the foreign keys'}"
        places = sorted({gone.place for gone in every})
        yield Finding(Row.DATA, "foreign_keys_dropped", value, Proof.USED, places, note=f"{migration}: {tables}")


def drift(project: Project, unit: Unit, models: Iterable[Entity]) -> Iterator[Finding]:
    """Compare the migrations' tables with those of models; nothing is said where a migration could not be read."""
    read = _read(project, unit)
    if read.tables and not read.catalogue.unread and not read.dump:
        others = [entity for entity in models if entity.source not in ("sql migrations", "alembic", "knex")]
        yield from compare(read.catalogue, others, "migrations")


def compare(migrated_to: Catalogue, models: Iterable[Entity], name: str) -> Iterator[Finding]:
    """Say which tables and columns only the models have, and which only the migrations."""
    tables = migrated_to.tables
    theirs = {entity.table.lower(): entity for entity in models if entity.kind in ("table", "join")}
    if not theirs.keys() & tables.keys():
        return
    for table, entity in theirs.items():
        migrated = tables.get(table)
        if migrated is None:
            yield _differs(f"table {entity.table} is in the models and not in the {name}", [entity.place])
            continue
        ours = {column.name.lower() for column in migrated.columns}
        modelled = {(column.column or column.name).lower() for column in entity.columns}
        sides = (
            (modelled - ours, f"models and not in the {name}", entity.place),
            (ours - modelled, f"{name} and not in the models", migrated.place),
        )
        for missing, where, place in sides:
            if missing:
                first = migrated_to.added.get((table, min(missing)), place) if place == migrated.place else place
                shown = ", ".join(f"{entity.table}.{column}" for column in sorted(missing)[:6])
                yield _differs(f"{shown} {'is' if len(missing) == 1 else 'are'} in the {where}", [first])
    for table, migrated in tables.items():
        if table not in theirs and migrated.kind != "join" and not table.startswith("_"):
            yield _differs(f"table {migrated.table} is in the {name} and not in the models", [migrated.place])


def _differs(value: str, places: list[Place]) -> Finding:
    return Finding(Row.DATA, "schema_drift", value, Proof.USED, places)
