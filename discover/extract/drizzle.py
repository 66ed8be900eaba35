"""Drizzle: tables that are declared in code, its configuration, and the journal of its migrations."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from discover import databases, rules
from discover.code import Module, Node
from discover.findings import Column, Entity, Finding, Place, Proof, Relation, Row
from discover.project import Project, Unit, Value
from discover.wiring import Spot, member, settled

_CORE = re.compile(r"^drizzle-orm/(pg|mysql|sqlite|singlestore|gel|mssql|cockroach)-core\.")
_TABLE = re.compile(r"-core\.(\w+Table|\w+TableCreator\(\)|\w+Schema\(\)\.table)$")
_DIALECT = {"pg": "postgresql", "mysql": "mysql", "sqlite": "sqlite", "singlestore": "mysql", "gel": "postgresql",
            "mssql": "mssql", "cockroach": "cockroachdb"}  # fmt: skip
_CONFIG = "drizzle.config.*"


@dataclass(slots=True)
class _Table:
    """The call that declares a table."""

    module: Module
    node: Node
    function: int
    dialect: str
    name: str
    local: str = ""
    """The variable that holds it."""


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say what is known of Drizzle in a unit."""
    evidence = rules.evidence(project, unit, rules.rules()["drizzle"])
    configs = list(_configs(project, unit))
    if evidence is None:
        return
    tables = _tables(project, unit)
    drivers, places = _connections(project, unit)
    if drivers:
        evidence.value = f"drizzle ({', '.join(drivers)})"
    evidence.places = [*places, *evidence.places][:5]
    yield evidence
    proof = evidence.proof
    dialects = [(spot, found) for spot in configs if (found := member(project, spot, "dialect", "driver")) is not None]
    for _, found in dialects:
        value = project.fold(found.module, found.node, found.function)
        yield from databases.database(project, unit, value, proof)
    if not dialects:
        seen: dict[str, Place] = {}
        for table in tables:
            seen.setdefault(_DIALECT.get(table.dialect, table.dialect), project.place(table.module, table.node))
        for name, place in seen.items():
            yield Finding(Row.DATA, "database", name, proof, [place])
    yield from _migrations(project, unit, proof)
    yield from databases.soft_deletes(project, entities(project, unit))


def _configs(project: Project, unit: Unit) -> Iterator[Spot]:
    """Give the objects that drizzle.config files export."""
    for module in project.modules(unit, _CONFIG):
        node = module.exports.get("default")
        if node is None:
            continue
        spot = settled(project, Spot(module, node))
        if spot.node.kind == "call" and spot.node.arguments:
            spot = settled(project, Spot(spot.module, spot.node.arguments[0], spot.function))
        yield spot


def _connections(project: Project, unit: Unit) -> tuple[list[str], list[Place]]:
    """Give the drivers that databases are opened with, and where."""
    drivers: dict[str, None] = {}
    places = []
    for module in project.importing(unit, "drizzle-orm"):
        for call in module.calls:
            found = re.match(
                r"^drizzle-orm/([\w-]+)\.drizzle$", project.origin(module, call.node.items[0], call.function)
            )
            if found is not None:
                drivers[found[1]] = None
                places.append(project.place(module, call))
    return list(drivers), places


def _migrations(project: Project, unit: Unit, proof: Proof) -> Iterator[Finding]:
    journals = databases.files(project, unit, "*/_journal.json", root=True)
    for path in journals:
        data = project.data(path)
        entries = data.get("entries") if isinstance(data, dict) else None
        if not isinstance(entries, list) or "dialect" not in data:
            continue
        tags = {str(entry.get("tag")) for entry in entries if isinstance(entry, dict)}
        place = Place(path, project.tree.line(path, '"tag"'))
        yield Finding(Row.DATA, "migrations", f"drizzle-kit, {len(tags)}", proof, [place])
        folder = posixpath.dirname(posixpath.dirname(path))
        for other in project.tree.files:
            stem = posixpath.basename(other).removesuffix(".sql")
            if posixpath.dirname(other) == folder and other.endswith(".sql") and stem not in tags:
                text = f"{posixpath.basename(other)} is not in Drizzle's journal: it is never applied"
                yield Finding(Row.DATA, "contradiction", text, proof, [Place(other, 1), place])
    if journals:
        return
    for home in databases.homes(unit):
        for name, command in home.scripts.items():
            if re.search(r"drizzle-kit push", command):
                path = posixpath.join(home.folder, "package.json")
                line = project.tree.line(path, rf'"{re.escape(name)}"\s*:')
                yield Finding(Row.DATA, "schema_sync", "drizzle-kit push, no migrations", proof, [Place(path, line)])
                return


# -- tables -----------------------------------------------------------------------------------------------------------


def entities(project: Project, unit: Unit) -> Iterator[Entity]:
    """Give the tables of a unit."""
    tables = _tables(project, unit)
    names = {(table.module.path, table.node.line): table.name for table in tables}
    snake = _snake_case(project, unit)
    found = [_entity(project, table, snake) for table in tables]
    by_table = {entity.table: entity for entity in found}
    _relations(project, unit, by_table, names)
    for entity in found:
        entity.kind = "join" if databases.is_join(entity) else "table"
    yield from found


def _snake_case(project: Project, unit: Unit) -> bool:
    """Tell whether columns without a name get one in snake case."""
    return any(
        (value := spot.node.get("casing")) is not None and value.value == "snake_case"
        for module in project.importing(unit, "drizzle-orm", "drizzle-kit")
        for spot in databases.objects(module, "casing")
    )


def _tables(project: Project, unit: Unit) -> list[_Table]:
    found = []
    for module in _modules(project, unit):
        local = {id(node): name for name, node in module.bindings.items()}
        for call in module.calls:
            node = call.node
            if len(node.arguments) < 2:
                continue
            origin = project.origin(module, node.items[0], call.function)
            core = _CORE.match(origin)
            if core is None or not _TABLE.search(origin):
                continue
            name = _name(project, module, node, call.function)
            if name:
                found.append(_Table(module, node, call.function, core[1], name, local.get(id(node), "")))
    return found


def _modules(project: Project, unit: Unit) -> Iterator[Module]:
    """Give the modules that may declare tables, also with a creator that another module made."""
    if databases.has(unit, "drizzle-orm"):
        yield from project.mentioning(unit, "drizzle-orm", "able(", "able<")


def _name(project: Project, module: Module, node: Node, function: int) -> str:
    """Give the table's name in the database, with its schema and what a creator puts before it."""
    value = project.fold(module, node.arguments[0], function)
    if not value.known:
        return str(value)
    name = str(value.value)
    where, made, inside = project.follow(module, node.items[0], function)
    if made.kind == "call" and made.arguments and (scope := where.function(made.arguments[0])) is not None:
        parameter = scope.parameters[0].name if scope.parameters else ""
        for returned in scope.returns[:1]:
            parts = returned.items if returned.kind == "template" else [returned]
            texts = []
            for part in parts:
                if part.kind == "name" and part.value == parameter:
                    texts.append(name)
                else:
                    folded = project.fold(where, part, scope.number)
                    texts.append(str(folded.value) if folded.known else "")
            name = "".join(texts) or name
    if node.items[0].kind == "attribute" and node.items[0].value == "table":
        _, schema, _ = project.follow(module, node.items[0].items[0], function)
        if schema.kind == "call" and schema.arguments:
            prefix = project.fold(module, schema.arguments[0], inside)
            if prefix.known and prefix.value != "public":
                name = f"{prefix.value}.{name}"
    return name


def _columns_of(project: Project, table: _Table) -> Spot:
    """Give the object of columns, which a function may return."""
    return settled(project, Spot(table.module, table.node.arguments[1], table.function))


def _members(project: Project, spot: Spot, depth: int = 0) -> Iterator[tuple[str, Spot]]:
    """Give an object's members, spreads opened."""
    if spot.node.kind != "object" or depth > 4:
        return
    for key, value in spot.node.pairs:
        inner = Spot(spot.module, value.items[0] if value.kind == "spread" else value, spot.function)
        if key == "...":
            yield from _members(project, settled(project, inner), depth + 1)
        elif key:
            yield key, inner


def _entity(project: Project, table: _Table, snake: bool) -> Entity:
    entity = Entity(table.local or table.name, table.name, project.place(table.module, table.node), source="drizzle")
    entity.proof = project.proof(table.module.path)
    for key, spot in _members(project, _columns_of(project, table)):
        entity.columns.append(_column(project, key, spot, snake))
    for argument in table.node.arguments[2:3]:
        extra = settled(project, Spot(table.module, argument, table.function))
        for node in extra.node.items if extra.node.kind == "array" else [value for _, value in extra.node.pairs]:
            _extra(project, entity, Spot(extra.module, node, extra.function))
    return entity


def _column(project: Project, key: str, spot: Spot, snake: bool, depth: int = 0) -> Column:
    calls = databases.chain(spot.node)
    if not calls:
        where = project.follow(spot.module, spot.node, spot.function)
        if where[1] is not spot.node and depth < 4:
            return _column(project, key, Spot(*where), snake, depth + 1)
        return Column(key, "unknown")
    first = calls[0][1]
    origin = project.origin(spot.module, first.items[0], spot.function)
    column = _builtin(project, key, spot, first, origin)
    if column is None:
        column = _helper(project, key, spot, first, snake, depth) or Column(key, calls[0][0] or "unknown")
    if not column.column and snake and databases.snake(key) != key:
        column.column = databases.snake(key)
    for name, call in calls[1:]:
        _modify(project, column, name, Spot(spot.module, call, spot.function))
    return column


def _helper(project: Project, key: str, spot: Spot, first: Node, snake: bool, depth: int) -> Column | None:
    """A function of the codebase that makes a column: read what it returns."""
    where, made, _ = project.follow(spot.module, first.items[0], spot.function)
    scope = where.function(made)
    if scope is None or not scope.returns or depth > 3:
        return None
    return _column(project, key, Spot(where, scope.returns[0], scope.number), snake, depth + 1)


def _builtin(project: Project, key: str, spot: Spot, first: Node, origin: str) -> Column | None:
    """Read the call that a column starts with, if it is Drizzle's own."""
    column = Column(key, "")
    arguments = first.arguments
    if arguments and arguments[0].kind in ("string", "template", "name"):
        value = project.fold(spot.module, arguments[0], spot.function)
        if value.known and isinstance(value.value, str) and value.value != key:
            column.column = value.value
    options = next((item for item in arguments if item.kind == "object"), None)
    if re.search(r"-core\.(\w+Enum|\w+Schema\(\)\.enum)\(\)$", origin):
        where, made, inside = project.follow(spot.module, first.items[0], spot.function)
        column.type, column.enum = "enum", _values(project, Spot(where, made, inside))
        return column
    if origin.endswith("-core.customType()"):
        where, made, inside = project.follow(spot.module, first.items[0], spot.function)
        column.type = "custom"
        for argument in made.arguments[:1]:
            kind = argument.get("dataType")
            scope = where.function(kind) if kind is not None else None
            for returned in scope.returns[:1] if scope is not None else []:
                folded = project.fold(where, returned, scope.number if scope is not None else inside)
                column.type = str(folded.value).lower() if folded.known else "custom"
        return column
    if not (_CORE.match(origin) or re.match(r"^[?<]", origin)):
        return None
    column.type = re.sub(r"^.*\.", "", origin).lower()
    if column.type.endswith("enum"):
        for argument in arguments[-1:]:
            value = project.fold(spot.module, argument, spot.function)
            column.type, column.enum = "enum", databases.texts(value)
        return column
    _options(project, column, Spot(spot.module, options, spot.function) if options is not None else None)
    if column.type in ("serial", "bigserial", "smallserial"):
        column.nullable = False
    return column


def _options(project: Project, column: Column, spot: Spot | None) -> None:
    """Read a column's options: its length, precision, mode, time zone and values."""
    if spot is None:
        return

    def worth(name: str) -> Value | None:
        node = spot.node.get(name)
        return project.fold(spot.module, node, spot.function) if node is not None else None

    length, precision, scale = worth("length"), worth("precision"), worth("scale")
    mode, zone, values = worth("mode"), worth("withTimezone"), worth("enum")
    if length is not None and isinstance(length.value, int):
        column.length = length.value
        column.type = f"{column.type}({length.value})"
    elif precision is not None and precision.known and column.type in ("numeric", "decimal"):
        column.type += f"({precision.value},{scale.value if scale is not None and scale.known else 0})"
    if zone is not None and zone.value is True:
        column.type = {"timestamp": "timestamptz", "time": "timetz"}.get(column.type, column.type)
    if (
        mode is not None
        and column.type in ("integer", "int")
        and mode.value in ("boolean", "timestamp", "timestamp_ms")
    ):
        column.type = str(mode.value).removesuffix("_ms")
    elif mode is not None and column.type in ("text", "blob") and mode.value == "json":
        column.type = "json"
    if values is not None:
        column.enum = databases.texts(values)


def _values(project: Project, spot: Spot) -> list[str]:
    """Give the values of an enum that `pgEnum` made."""
    for argument in spot.node.arguments[1:2]:
        value = project.fold(spot.module, argument, spot.function)
        if value.known and isinstance(value.value, dict):
            return [str(item) for item in value.value.values()]
        if databases.texts(value):
            return databases.texts(value)
        where, made, _ = project.follow(spot.module, argument, spot.function)
        if made.kind == "class" and made.value is not None:
            members = where.classes[int(made.value)].members
            return [str(item.value.value) if item.value is not None else item.name for item in members]
    return []


def _modify(project: Project, column: Column, name: str, spot: Spot) -> None:
    """Apply one call of a column's chain."""
    arguments = spot.node.arguments
    match name:
        case "notNull":
            column.nullable = False
        case "primaryKey":
            column.primary_key, column.nullable = True, False
        case "unique":
            column.unique = True
        case "defaultNow":
            column.default = "now"
        case "defaultRandom":
            column.default = "uuid"
        case "generatedAlwaysAsIdentity" | "generatedByDefaultAsIdentity" | "autoincrement":
            column.default = "auto increment"
        case "array":
            column.type += "[]"
        case "default" | "$default" | "$defaultFn" if arguments:
            column.default = databases.default_text(project, spot.module, column.name, arguments[0], spot.function)
        case "references" if arguments:
            column.references = _target(project, spot.module, arguments[0])
            if len(arguments) > 1 and (action := arguments[1].get("onDelete")) is not None:
                column.on_delete = str(action.value).replace(" ", "-")


def _target(project: Project, module: Module, node: Node) -> str:
    """Give `table.column` of what `() => users.id` returns."""
    scope = module.function(node)
    return _reference(project, module, scope.returns[0], scope.number) if scope is not None and scope.returns else ""


def _reference(project: Project, module: Module, node: Node, function: int) -> str:
    if node.kind != "attribute":
        return ""
    where, made, inside = project.follow(module, node.items[0], function)
    if made.kind != "call" or len(made.arguments) < 2:
        return ""
    origin = project.origin(where, made.items[0], inside)
    if not _TABLE.search(origin):
        return ""
    key = str(node.value)
    columns = settled(project, Spot(where, made.arguments[1], inside))
    for name, spot in _members(project, columns):
        if name == key:
            inner = databases.chain(spot.node)
            named = inner[0][1].arguments[:1] if inner else []
            key = str(named[0].value) if named and named[0].kind == "string" else key
    return f"{_name(project, where, made, inside)}.{key}"


def _extra(project: Project, entity: Entity, spot: Spot) -> None:
    """Read a key, an index or a foreign key that is declared beside the columns."""
    calls = databases.chain(spot.node)
    if not calls:
        return
    kind, first = calls[0]
    kind = kind.rpartition(".")[2]
    by_name = {column.name: column for column in entity.columns}
    options = first.arguments[0] if first.arguments and first.arguments[0].kind == "object" else None
    members = _keys(options.get("columns") if options is not None else None) or _keys_of(first.arguments)
    label = str(first.arguments[0].value) if first.arguments and first.arguments[0].kind == "string" else ""
    for name, call in calls[1:]:
        if name in ("on", "onOnly", "using"):
            members = members or _keys_of(call.arguments)
    columns = [by_name[name] for name in members if name in by_name]
    shown = [by_name[name].column or name if name in by_name else name for name in members]
    if kind == "primaryKey":
        for column in columns:
            column.primary_key, column.nullable = True, False
    elif kind in ("unique", "uniqueIndex") and len(members) == 1 and columns:
        columns[0].unique = True
    elif kind in ("unique", "uniqueIndex") and members:
        entity.indexes.append(databases.index_text(shown, label, unique=True))
    elif kind == "index" and len(members) == 1 and columns:
        columns[0].index = True
    elif kind == "index" and members:
        entity.indexes.append(databases.index_text(shown, label))
    elif kind == "foreignKey" and options is not None:
        foreign = options.get("foreignColumns")
        for column, node in zip(columns, foreign.items if foreign is not None else [], strict=False):
            column.references = _reference(project, spot.module, node, spot.function)
            for name, call in calls[1:]:
                if name == "onDelete" and call.arguments:
                    column.on_delete = str(call.arguments[0].value).replace(" ", "-")


def _keys(node: Node | None) -> list[str]:
    return _keys_of(node.items) if node is not None and node.kind == "array" else []


def _keys_of(nodes: list[Node]) -> list[str]:
    """Give the columns that `table.a, table.b.desc()` name."""
    found = []
    for node in nodes:
        inner = node
        while inner.kind == "call" and inner.items[0].kind == "attribute":
            inner = inner.items[0].items[0]
        if inner.kind == "attribute":
            found.append(str(inner.value))
    return found


def _relations(project: Project, unit: Unit, by_table: dict[str, Entity], names: dict[tuple[str, int], str]) -> None:
    """Put the other sides of foreign keys in, which `relations()` names; it makes no tables."""
    for module in project.importing(unit, "drizzle-orm"):
        for call in module.calls:
            if project.origin(module, call.node.items[0], call.function) != "drizzle-orm.relations":
                continue
            for source in call.node.arguments[:1]:
                entity = by_table.get(_table_of(project, Spot(module, source, call.function), names))
                scope = module.function(call.node.arguments[1]) if len(call.node.arguments) > 1 else None
                for returned in scope.returns[:1] if scope is not None and entity is not None else []:
                    for key, node in returned.pairs:
                        if node.kind != "call" or not node.arguments or len(node.arguments) > 2:
                            continue
                        kind = node.items[0].dotted.rpartition(".")[2]
                        fields = len(node.arguments) > 1 and node.arguments[1].get("fields") is not None
                        target = _table_of(project, Spot(module, node.arguments[0], call.function), names)
                        if target and entity is not None and kind in ("many", "one") and not fields:
                            shape = "one_to_many" if kind == "many" else "one_to_one"
                            entity.relations.append(Relation(key, shape, target))


def _table_of(project: Project, spot: Spot, names: dict[tuple[str, int], str]) -> str:
    where, made, _ = project.follow(spot.module, spot.node, spot.function)
    return names.get((where.path, made.line), "")
