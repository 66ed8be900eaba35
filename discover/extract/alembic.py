"""Alembic's revisions: how many there are, and the tables that they lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from weakref import WeakKeyDictionary

from discover.code import Module, Node
from discover.extract.models_common import flag, text
from discover.extract.sql_migrations import Catalogue, compare
from discover.extract.sqlalchemy import Reader, models, partial
from discover.findings import Column, Entity, Finding, Place, Proof, Row
from discover.project import Project, Unit
from discover.sql import Key, Statement

MAX_DEPTH = 4
_READ: WeakKeyDictionary[Project, dict[str, tuple[Catalogue, bool]]] = WeakKeyDictionary()


def revisions(project: Project, unit: Unit) -> list[Module]:
    """Give the revisions in their order, by the variables `revision` and `down_revision`; docstrings do not count."""
    found: dict[str, Module] = {}
    for path in project.files(unit, "*.py"):
        if re.search(r"(^|/)(versions|migrations)/", path) and "down_revision" in project.text(path):
            module = project.module(path)
            if module is not None and {"down_revision", "revision"} <= module.bindings.keys():
                found[text(project, module, module.bindings["revision"]) or path] = module
    ordered: list[Module] = []
    done: set[str] = set()

    def parents(module: Module) -> list[str]:
        value = project.fold(module, module.bindings["down_revision"]).value
        return [str(item) for item in (value if isinstance(value, list) else [value]) if item]

    pending = sorted(found)
    while pending:
        ready = [name for name in pending if all(up in done or up not in found for up in parents(found[name]))]
        for name in ready or pending:
            ordered.append(found[name])
            done.add(name)
        pending = [name for name in pending if name not in done]
    return ordered


def catalogue(project: Project, unit: Unit) -> tuple[Catalogue, bool]:
    """Give the tables that the revisions lead to, and whether everything in them was understood."""
    kept = _READ.setdefault(project, {})
    if unit.folder not in kept:
        kept[unit.folder] = _Upgrades(project, unit).run()
    return kept[unit.folder]


class _Upgrades:
    """Applies the calls of every `upgrade` function."""

    def __init__(self, project: Project, unit: Unit) -> None:
        self.project = project
        self.reader = Reader(project, unit)
        self.unit = unit
        self.result = Catalogue()
        self.whole = True

    def run(self) -> tuple[Catalogue, bool]:
        for module in revisions(self.project, self.unit):
            upgrade = next((item for item in module.functions if item.name == "upgrade" and item.parent == -1), None)
            if upgrade is not None:
                self.function(module, upgrade.number, 0)
        self.result.finish()
        return self.result, self.whole

    def function(self, module: Module, number: int, depth: int) -> None:
        batch = ""
        for call in [call for call in module.calls if module.within(call.function, number)]:
            node = call.node
            callee = node.items[0]
            name = callee.dotted.rpartition(".")[2]
            local = next((item for item in module.functions if item.name == callee.dotted and item.parent == -1), None)
            if local is not None and depth < MAX_DEPTH:
                self.function(module, local.number, depth + 1)
            elif callee.kind != "attribute":
                continue
            elif name == "batch_alter_table":
                batch = text(self.project, module, node.arguments[0], call.function) if node.arguments else ""
            elif callee.items[0].dotted == "op":
                self.operation(module, name, node, "", call.function, bool(call.conditions))
            elif re.fullmatch(r"batch(_op)?|\w*batch\w*|b|bop", callee.items[0].dotted) and batch:
                self.operation(module, name, node, batch, call.function, bool(call.conditions))

    def operation(self, module: Module, name: str, node: Node, batch: str, scope: int, sometimes: bool) -> None:
        """Apply one operation; inside a batch the table's name is not among its arguments."""
        given = [text(self.project, module, item, scope) for item in node.arguments]
        offset = 0 if batch else 1
        table = self.schema(module, node, batch or (given[0] if given else ""))
        place = Place(module.path, node.line)
        statement = Statement("", node.line, table)
        match name:
            case "create_table":
                statement.kind = "create_table"
                for item in self.spread(module, node.arguments[1:]):
                    self.item(*item, statement, scope)
            case "drop_table":
                statement.kind = "drop_table"
            case "rename_table" if len(given) > 1:
                statement.kind, statement.to = "rename_table", given[1]
            case "add_column" if len(node.arguments) > offset:
                statement.kind = "add_column"
                self.item(module, node.arguments[offset], statement, scope)
            case "drop_column" if len(given) > offset:
                statement.kind, statement.name = "drop_column", given[offset]
            case "alter_column" if len(given) > offset:
                self.alter(module, node, statement, given[offset], scope)
                return
            case "create_foreign_key" | "create_unique_constraint" | "create_index" | "create_primary_key":
                statement.kind = "add_key"
                statement.table = table if batch else self.schema(module, node, given[1] if len(given) > 1 else "")
                key = self.key(module, name, node, offset, given)
                statement.keys = [key] if key is not None else []
            case "drop_constraint" | "drop_index" if given:
                statement.kind, statement.name = "drop_key", given[0]
                other = given[1] if len(given) > 1 else text(self.project, module, node.get("table_name"))
                statement.table = batch or self.schema(module, node, other)
            case "execute":
                argument = node.arguments[0] if node.arguments else None
                written = text(self.project, module, argument, scope) or (
                    text(self.project, module, argument.arguments[0], scope)
                    if argument is not None and argument.arguments
                    else ""
                )
                if not written or re.search(r"\b(create|alter|drop|rename)\s+(table|column)", written, re.IGNORECASE):
                    self.whole = False
                return
            case _:
                return
        if not statement.table or sometimes:
            self.whole = False
        self.result.apply(statement, place.path)

    def schema(self, module: Module, node: Node, table: str) -> str:
        schema = text(self.project, module, node.get("schema"))
        return f"{schema}.{table}" if schema and schema != "public" and table else table

    def spread(self, module: Module, items: list[Node]) -> Iterator[tuple[Module, Node]]:
        """Give the arguments, those of a list or of a function's result that is spread into them included."""
        for item in items:
            if item.kind != "spread":
                yield module, item
                continue
            where, made = self.project.find(module, item.items[0])
            if made.kind == "call":
                where, made = self.project.find(where, made.items[0])
                body = where.function(made)
                made = body.returns[0] if body is not None and body.returns else made
            if made.kind == "array":
                for inner in made.items:
                    yield where, inner
            else:
                self.whole = False

    def item(self, module: Module, node: Node, statement: Statement, scope: int) -> None:
        """Read a column or a constraint of a table."""
        call = self.reader.column_call(module, node, scope)
        if call is None:
            if (key := self.constraint(module, node)) is not None:
                statement.keys.append(key)
            return
        name = text(self.project, module, call.arguments[0], scope) if call.arguments else ""
        if not name:
            self.whole = False
            return
        column = self.reader.column(module, name, call, None, scope)
        if column.primary_key:
            statement.keys.append(Key("primary", [name]))
        if column.unique:
            statement.keys.append(Key("unique", [name]))
        if column.index and not column.unique:
            statement.keys.append(Key("index", [name], f"ix_{statement.table}_{name}"))
        if column.references:
            target, _, other = column.references.rpartition(".")
            statement.keys.append(Key("foreign", [name], "", target, [other], column.on_delete, inline=True))
        kept = Column(
            name, column.type, column.nullable, default=column.default, enum=column.enum, length=column.length
        )
        statement.columns.append(kept)

    def constraint(self, module: Module, node: Node) -> Key | None:
        if node.kind != "call":
            return None
        kind = self.project.origin(module, node.items[0]).rpartition(".")[2]
        name = text(self.project, module, node.get("name"))
        if kind == "ForeignKeyConstraint" and len(node.arguments) > 1:
            own, targets = (self.strings(module, item) for item in node.arguments[:2])
            action = text(self.project, module, node.get("ondelete")).lower()
            tables = [target.rpartition(".")[0] for target in targets]
            others = [target.rpartition(".")[2] for target in targets]
            return Key("foreign", own, name, tables[0] if tables else "", others, action)
        strings = [text(self.project, module, item) for item in node.arguments]
        if kind == "PrimaryKeyConstraint":
            return Key("primary", strings, name)
        return Key("unique", strings, name) if kind == "UniqueConstraint" else None

    def strings(self, module: Module, node: Node) -> list[str]:
        value = self.project.fold(module, node)
        return [str(item) for item in value.value] if value.known and isinstance(value.value, list) else []

    def key(self, module: Module, name: str, node: Node, offset: int, given: list[str]) -> Key | None:
        """Read `create_index("ix", "table", ["a"])` and the like; in a batch without the table."""
        arguments = node.arguments
        at = 1 + offset
        label = given[0] if given else ""
        if arguments and arguments[0].kind == "call" and arguments[0].arguments:
            label = text(self.project, module, arguments[0].arguments[0])
        if name == "create_foreign_key":
            if len(arguments) < at + 3:
                self.whole = False
                return None
            action = text(self.project, module, node.get("ondelete")).lower()
            own, others = self.strings(module, arguments[at + 1]), self.strings(module, arguments[at + 2])
            return Key("foreign", own, label, given[at], others, action)
        columns = self.strings(module, arguments[at]) if len(arguments) > at else []
        if not columns:
            return None
        unique = name == "create_unique_constraint" or flag(self.project, module, node.get("unique")) is True
        kind = "primary" if name == "create_primary_key" else "unique" if unique else "index"
        return Key(kind, columns, label)

    def alter(self, module: Module, node: Node, statement: Statement, column: str, scope: int) -> None:
        statement.kind, statement.name = "alter_column", column
        if (nullable := flag(self.project, module, node.get("nullable"))) is not None:
            statement.changes["nullable"] = nullable
        if (type_ := node.get("type_")) is not None:
            changed = Column(column, "")
            self.reader.type(module, changed, type_, scope)
            statement.changes["type"] = changed.type
        self.result.apply(statement, module.path)
        if new := text(self.project, module, node.get("new_column_name")):
            self.result.apply(Statement("rename_column", node.line, statement.table, column, new), module.path)


# -- what is yielded ---------------------------------------------------------------------------------------------------


def entities(project: Project, unit: Unit) -> Iterator[Entity]:
    """Give the tables that revisions lead to, where no models say the same."""
    if revisions(project, unit) and not models(project, unit):
        for entity in catalogue(project, unit)[0].tables.values():
            entity.source = "alembic"
            yield entity


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Count the revisions, or say that there are none, and where models and revisions disagree."""
    found = revisions(project, unit)
    flask = [
        project.place(module, call)
        for module in project.importing(unit, "flask_migrate")
        for call in module.calls
        if call.node.items[0].value == "Migrate"
        and project.origin(module, call.node.items[0], call.function) == "flask_migrate.Migrate"
    ]
    setup = [Place(path) for path in project.files(unit, "alembic.ini")]
    setup += [Place(path) for path in project.files(unit, "env.py") if "alembic" in project.text(path)]
    name = "flask-migrate (alembic)" if flask else "alembic"
    if found:
        firsts = [module for module in found if module.bindings["down_revision"].kind == "null"]
        places = [Place(module.path, module.bindings["down_revision"].line) for module in firsts[:1]]
        value = f"{name}, {len(found)}"
        yield Finding(Row.DATA, "migrations", value, Proof.USED, [*places, *setup[-1:], *setup[:-1]])
        result, whole = catalogue(project, unit)
        if whole:
            unknown = partial(project, unit)
            for table in unknown:
                result.tables.pop(table.lower(), None)
            yield from compare(result, [one for one in models(project, unit) if one.table not in unknown], "revisions")
    elif flask:
        value = "flask-migrate set up, no revision" if setup else "flask-migrate set up, no migrations folder"
        yield Finding(Row.DATA, "migrations", value, Proof.USED, [*flask[:1], *setup])
    elif setup:
        yield Finding(Row.DATA, "migrations", "alembic set up, no revision", Proof.USED, setup)
