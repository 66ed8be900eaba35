"""Knex: the tables that its migrations make in code, in their order, and what the queries run against."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from discover import databases, rules
from discover.code import Call, Module, Node
from discover.findings import Column, Entity, Finding, Place, Proof, Row
from discover.project import Project, Unit
from discover.wiring import Spot, settled

_TYPES = {
    "dateTime": "datetime", "datetime": "datetime", "enu": "enum", "enum": "enum", "bigInteger": "bigint",
    "bigint": "bigint", "tinyint": "tinyint", "smallint": "smallint", "mediumint": "mediumint", "double": "double",
    "increments": "increments", "bigIncrements": "bigincrements", "integer": "integer", "string": "string",
    "text": "text", "boolean": "boolean", "date": "date", "time": "time", "timestamp": "timestamp", "binary": "binary",
    "json": "json", "jsonb": "jsonb", "uuid": "uuid", "float": "float", "decimal": "decimal", "geometry": "geometry",
    "geography": "geography", "point": "point", "specificType": "",
}  # fmt: skip
_OPERATIONS = frozenset(
    {"createTable", "createTableIfNotExists", "alterTable", "table", "dropTable", "dropTableIfExists", "renameTable"}
)
_INDEX = re.compile(
    r"create\s+(unique\s+)?(?:fulltext\s+)?index\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?([\w.\"`]+)?\s*on\s+"
    r"(?:only\s+)?([\w.\"`]+)\s*(?:using\s+\w+\s*)?\(([^()]*)\)",
    re.IGNORECASE,
)
_DOWN = re.compile(r"^(down|rollback|revert|undo)$", re.IGNORECASE)


@dataclass(slots=True)
class _Schema:
    """The tables as the migrations leave them."""

    tables: dict[str, Entity] = field(default_factory=dict)
    migrations: list[Place] = field(default_factory=list)
    elsewhere: list[Place] = field(default_factory=list)
    """createTable calls in functions outside of migrations that a migration calls."""
    raw_indexes: list[Place] = field(default_factory=list)
    seen: set[tuple[str, int]] = field(default_factory=set)


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say what is known of Knex in a unit."""
    evidence = rules.evidence(project, unit, rules.rules()["knex"])
    if evidence is None:
        return
    opened = [
        project.place(module, call)
        for module in project.importing(unit, "knex")
        for call in module.calls
        if project.origin(module, call.node.items[0], call.function) in ("knex", "knex.knex", "knex.default")
    ]
    opened.sort(key=lambda place: -project.proof(place.path))
    evidence.places = list(dict.fromkeys([*opened, *evidence.places]))[:5]
    yield evidence
    proof = evidence.proof
    found = list(_database(project, unit, proof))
    if not found:
        for name, place in databases.by_driver(unit).items():
            note = "only from the driver in the manifest"
            found.append(Finding(Row.DATA, "database", name, Proof.LISTED, [place], note=note))
    yield from found
    schema = _read(project, unit)
    if schema.migrations:
        yield Finding(Row.DATA, "migrations", f"knex, {len(schema.migrations)}", proof, schema.migrations[:3])
    if schema.elsewhere:
        folders = list(dict.fromkeys(posixpath.dirname(place.path) for place in schema.elsewhere))
        value = f"createTable calls in {', '.join(folders)}, called by a migration"
        yield Finding(Row.DATA, "tables_in_functions", value, proof, schema.elsewhere[:5])
    if schema.raw_indexes:
        value = f"knex.raw CREATE INDEX in a template literal, {len(schema.raw_indexes)}"
        yield Finding(Row.DATA, "indexes_raw", value, proof, schema.raw_indexes[:5])
    yield from databases.soft_deletes(project, schema.tables.values())


def _database(project: Project, unit: Unit, proof: Proof) -> Iterator[Finding]:
    """Read `client` of what Knex is opened with, and of knexfiles, which may have one a deployment."""
    found: list[tuple[str, Finding]] = []
    modules = {module.path: module for module in project.importing(unit, "knex")}
    modules |= {module.path: module for module in project.modules(unit, "knexfile.*", "knex.config.*")}
    for module in modules.values():
        named = _deployments(project, module)
        for spot in databases.objects(module, "client"):
            node = spot.node.get("client")
            if node is None or not ("connection" in dict(spot.node.pairs) or len(spot.node.pairs) < 3 or named):
                continue
            value = project.fold(spot.module, node, spot.function)
            if value.known and not databases.kind(value.value):
                continue
            name = named.get(id(spot.node), "")
            found += [(name, finding) for finding in databases.database(project, unit, value, proof)]
    same = len({finding.value for _, finding in found}) == 1
    for name, finding in found:
        if name in ("test", "testing") and not same:
            continue
        if name and not same:
            finding.condition = f"only in {name}"
        yield finding


def _deployments(project: Project, module: Module) -> dict[int, str]:
    """Give the names of the members of what a knexfile exports."""
    if not posixpath.basename(module.path).startswith("knex"):
        return {}
    node = module.exports.get("default")
    found: dict[int, str] = {}
    if node is not None:
        held = settled(project, Spot(module, node))
        for key, value in held.node.pairs:
            found[id(project.find(held.module, value, held.function)[1])] = key
    return found


def entities(project: Project, unit: Unit) -> Iterator[Entity]:
    """Give the tables that the migrations leave."""
    if databases.has(unit, "knex"):
        for entity in _read(project, unit).tables.values():
            entity.kind = "join" if databases.is_join(entity) else "table"
            yield entity


# -- migrations -------------------------------------------------------------------------------------------------------


def _read(project: Project, unit: Unit) -> _Schema:
    schema = _Schema()
    modules = list(project.mentioning(unit, "createTable", "alterTable", "knex", "dropTable", ".raw("))
    for module in sorted(modules, key=lambda module: posixpath.basename(module.path)):
        up = _up(project, module)
        if up is not None and _migrates(module, up):
            schema.migrations.append(Place(module.path, module.functions[up].line))
            _run(project, schema, module, up, module.path)
    for module in modules:
        for call in module.calls:
            if _operation(call.node) in ("createTable", "createTableIfNotExists") and not _in_down(
                module, call.function
            ):
                outer = call.function
                while outer != -1 and module.functions[outer].parent != -1:
                    outer = module.functions[outer].parent
                if (module.path, outer) not in schema.seen:
                    schema.seen.add((module.path, outer))
                    _run_calls(project, schema, module, outer, "", 0)
    return schema


def _migrates(module: Module, up: int) -> bool:
    """Tell a migration of Knex from those of other tools, which have functions of the same names."""
    first = module.functions[up].parameters[0] if module.functions[up].parameters else None
    if first is None or "Kysely" in first.type or first.name == "queryInterface":
        return False
    return first.name == "knex" or "Knex" in first.type or any(_operation(call.node) for call in module.calls_in(up))


def _up(project: Project, module: Module) -> int | None:
    node = module.exports.get("up")
    if node is not None:
        where, made, _ = project.follow(module, node)
        if where is module and made.kind == "function" and made.value is not None:
            return int(made.value)
    return next((scope.number for scope in module.functions if scope.name == "up"), None)


def _in_down(module: Module, function: int) -> bool:
    while function != -1:
        if _DOWN.match(module.functions[function].name):
            return True
        function = module.functions[function].parent
    return False


def _run(project: Project, schema: _Schema, module: Module, function: int, start: str, depth: int = 0) -> None:
    """Apply what a function does, and what the functions that it calls do."""
    if (module.path, function) in schema.seen or depth > 5:
        return
    schema.seen.add((module.path, function))
    _run_calls(project, schema, module, function, start, depth)


def _run_calls(project: Project, schema: _Schema, module: Module, function: int, start: str, depth: int) -> None:
    calls = module.calls_in(function) if function != -1 else [call for call in module.calls if call.function == -1]
    for call in calls:
        if _in_down(module, call.function):
            continue
        operation = _operation(call.node)
        if operation:
            _apply(project, schema, Spot(module, call.node, call.function), operation)
            created = operation.startswith("createTable")
            if created and start and module.path != start:
                schema.elsewhere.append(project.place(module, call))
        elif call.node.items[0].kind == "attribute" and call.node.items[0].value == "raw":
            _raw(schema, module, call)
        elif call.node.arguments:
            where, made, _ = project.follow(module, call.node.items[0], call.function)
            if made.kind == "function" and made.value is not None and not _in_down(where, int(made.value)):
                _run(project, schema, where, int(made.value), start, depth + 1)


def _operation(node: Node) -> str:
    """Give the operation on a schema that a call is; `` for any other call."""
    callee = node.items[0] if node.items else None
    if node.kind != "call" or callee is None or callee.kind != "attribute" or callee.value not in _OPERATIONS:
        return ""
    inner = callee.items[0]
    while inner.kind in ("call", "attribute", "await") and inner.items:
        if inner.kind == "attribute" and inner.value == "schema":
            return str(callee.value)
        inner = inner.items[0]
    return str(callee.value) if inner.kind == "name" and inner.value == "schema" else ""


def _name(project: Project, spot: Spot, node: Node) -> str:
    value = project.fold(spot.module, node, spot.function)
    return str(value.value) if value.known and isinstance(value.value, str) else ""


def _apply(project: Project, schema: _Schema, spot: Spot, operation: str) -> None:
    arguments = spot.node.arguments
    name = _name(project, spot, arguments[0]) if arguments else ""
    if not name:
        return
    if operation in ("dropTable", "dropTableIfExists"):
        schema.tables.pop(name, None)
    elif operation == "renameTable":
        entity = schema.tables.pop(name, None)
        other = _name(project, spot, arguments[1]) if len(arguments) > 1 else ""
        if entity is not None and other:
            entity.table = entity.name = other
            schema.tables[other] = entity
    else:
        fresh = operation.startswith("createTable")
        entity = schema.tables.get(name)
        if entity is None:
            entity = Entity(name, name, Place(spot.module.path, spot.node.line), source="knex")
            entity.proof = project.proof(spot.module.path)
            if not fresh:
                entity.note = "changed by a migration that makes no such table"
            schema.tables[name] = entity
        for argument in arguments[1:2]:
            where, made, _ = project.follow(spot.module, argument, spot.function)
            scope = where.function(made)
            if scope is not None:
                builder = scope.parameters[0].name if scope.parameters else "this"
                _build(project, entity, where, scope.number, builder)


def _build(project: Project, entity: Entity, module: Module, function: int, builder: str, depth: int = 0) -> None:
    """Apply the statements of a function on a table, and those of helpers that it hands the table to."""
    for call in databases.outermost(module.calls_in(function)):
        _statement(project, entity, Spot(module, call.node, call.function), builder)
        for at, argument in enumerate(call.node.arguments):
            if argument.kind != "name" or argument.value != builder or depth > 3:
                continue
            where, made, _ = project.follow(module, call.node.items[0], call.function)
            scope = where.function(made)
            if scope is not None and at < len(scope.parameters):
                _build(project, entity, where, scope.number, scope.parameters[at].name, depth + 1)


def _statement(project: Project, entity: Entity, spot: Spot, builder: str) -> None:
    """Apply one statement on a table: a column, a key, an index, or what takes one away."""
    calls = databases.chain(spot.node)
    if not calls:
        return
    base = calls[0][1].items[0]
    if base.kind != "attribute" or base.items[0].kind != "name" or base.items[0].value not in (builder, "this"):
        return
    method, first = calls[0]
    values = [project.fold(spot.module, argument, spot.function) for argument in first.arguments]
    names = [str(item) for value in values[:1] for item in (databases.texts(value) or [value.value]) if value.known]
    columns = {column.name: column for column in entity.columns}
    if method in _TYPES:
        _column(project, entity, spot, calls)
    elif method == "timestamps":
        _timestamps(entity, first, [value.value for value in values])
    elif method in ("dropColumn", "dropColumns"):
        gone = {str(item) for value in values for item in (databases.texts(value) or [value.value])}
        entity.columns = [column for column in entity.columns if column.name not in gone]
    elif method == "dropTimestamps":
        entity.columns = [column for column in entity.columns if column.name not in ("created_at", "updated_at")]
    elif method == "renameColumn" and len(values) > 1 and names and names[0] in columns:
        columns[names[0]].name = str(values[1].value)
    elif method in ("setNullable", "dropNullable") and names and names[0] in columns:
        columns[names[0]].nullable = method == "setNullable"
    elif method == "dropUnique" and len(names) == 1 and names[0] in columns:
        columns[names[0]].unique = False
    elif method == "dropForeign" and names and names[0] in columns:
        columns[names[0]].references = columns[names[0]].on_delete = ""
    elif method == "primary":
        for name in names:
            if name in columns:
                columns[name].primary_key, columns[name].nullable = True, False
    elif method in ("unique", "index"):
        label = str(values[1].value) if len(values) > 1 and isinstance(values[1].value, str) else ""
        _index(entity, names, label, unique=method == "unique")
    elif method == "foreign" and names and names[0] in columns:
        _modify(project, columns[names[0]], spot, calls[1:])


def _index(entity: Entity, names: list[str], label: str, *, unique: bool) -> None:
    columns = {column.name: column for column in entity.columns}
    if len(names) == 1 and names[0] in columns:
        columns[names[0]].unique = columns[names[0]].unique or unique
        columns[names[0]].index = columns[names[0]].index or not unique
    elif names:
        entity.indexes.append(databases.index_text(names, label, unique=unique))


def _timestamps(entity: Entity, node: Node, values: list[object]) -> None:
    """Add what `table.timestamps(useTimestamps, defaultToNow, useCamelCase)` adds."""
    options = node.arguments[0] if node.arguments and node.arguments[0].kind == "object" else None
    if options is not None:
        by_name = {key: value.value for key, value in options.pairs}
        values = [by_name.get(key) for key in ("useTimestamps", "defaultToNow", "useCamelCase")]
    now = len(values) > 1 and values[1] is True
    camel = len(values) > 2 and values[2] is True
    for name in ("createdAt", "updatedAt") if camel else ("created_at", "updated_at"):
        if not any(column.name == name for column in entity.columns):
            entity.columns.append(Column(name, "timestamp", nullable=not now, default="now" if now else None))


def _column(project: Project, entity: Entity, spot: Spot, calls: list[tuple[str, Node]]) -> None:
    method, first = calls[0]
    arguments = first.arguments
    folded = [project.fold(spot.module, argument, spot.function) for argument in arguments]
    name = str(folded[0].value) if folded and folded[0].known and isinstance(folded[0].value, str) else ""
    if not name and method in ("increments", "bigIncrements"):
        name = "id"
    if not name:
        return
    known = next((column for column in entity.columns if column.name == name), None)
    altered = any(call == "alter" for call, _ in calls[1:])
    if known is not None and not altered:
        return
    column = known or Column(name, "")
    column.type = _TYPES[method]
    if method == "specificType" and len(folded) > 1:
        column.type = str(folded[1].value).lower()
    elif column.type == "enum":
        column.enum = (
            databases.enum_values(project, Spot(spot.module, arguments[1], spot.function)) if arguments[1:] else []
        )
    elif column.type in ("string", "decimal", "float") and len(folded) > 1:
        sizes = [str(value.value) for value in folded[1:3] if value.known and isinstance(value.value, int)]
        column.type += f"({','.join(sizes)})" if sizes else ""
        column.length = int(sizes[0]) if sizes and method == "string" else None
    elif column.type == "timestamp" and len(folded) > 1:
        options = folded[1].value
        zone = isinstance(options, dict) and options.get("useTz") is True
        column.type = "timestamptz" if zone else "timestamp"
    if method in ("increments", "bigIncrements"):
        column.nullable, column.default = False, "auto increment"
        column.primary_key = not (arguments[1:] and arguments[1].get("primaryKey") is not None)
    if known is None:
        entity.columns.append(column)
    elif altered and not any(call == "notNullable" for call, _ in calls[1:]):
        column.nullable = True
    _modify(project, column, spot, calls[1:])


def _modify(project: Project, column: Column, spot: Spot, calls: list[tuple[str, Node]]) -> None:
    """Apply the modifiers of a column, or of a foreign key."""
    key, table = "", ""
    for method, call in calls:
        arguments = call.arguments
        value = project.fold(spot.module, arguments[0], spot.function) if arguments else None
        text = str(value.value) if value is not None and value.known else ""
        match method:
            case "notNullable" | "notNull":
                column.nullable = False
            case "nullable":
                column.nullable = value is None or value.value is not False
            case "primary":
                column.primary_key, column.nullable = True, False
            case "unique":
                column.unique = True
            case "index":
                column.index = True
            case "references":
                key = text or (databases.texts(value)[0] if value is not None and databases.texts(value) else "")
            case "inTable" | "on":
                table = text
            case "onDelete" | "deferrable" if method == "onDelete":
                column.on_delete = text.lower().replace(" ", "-")
            case "defaultTo" if arguments:
                column.default = databases.default_text(project, spot.module, column.name, arguments[0], spot.function)
    if key and "." in key and not table:
        table, _, key = key.rpartition(".")
    if key and table:
        column.references = f"{table}.{key}"


def _raw(schema: _Schema, module: Module, call: Call) -> None:
    """Read an index that is made by SQL in a string; what is put into a template is left out."""
    for argument in call.node.arguments[:1]:
        if argument.kind == "string":
            text = str(argument.value)
        elif argument.kind == "template":
            text = " ".join(str(item.value) if item.kind == "string" else "" for item in argument.items)
        else:
            continue
        for found in _INDEX.finditer(text):
            schema.raw_indexes.append(Place(module.path, call.node.line))
            table, label = re.sub(r'["`]', "", found[3]), re.sub(r'["`]', "", found[2] or "")
            entity = schema.tables.get(table) or schema.tables.get(table.rpartition(".")[2])
            names = [
                re.sub(r'["`]|\s+(asc|desc).*$', "", part.strip(), flags=re.IGNORECASE) for part in found[4].split(",")
            ]
            if entity is not None:
                _index(entity, [name for name in names if name], label, unique=bool(found[1]))
