"""Sequelize: models in all three spellings, their associations wherever they stand, and what opens the database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from discover import databases, rules
from discover.code import Class, Member, Module, Node
from discover.findings import Column, Entity, Finding, Place, Proof, Relation, Row
from discover.project import Project, Unit, Value
from discover.wiring import Spot, settled

_PACKAGES = ("sequelize", "sequelize-typescript", "@sequelize/core", "@nestjs/sequelize")
_DECORATED = ("sequelize-typescript", "@sequelize/core/decorators-legacy", "@sequelize/core/decorators.legacy")
_ASSOCIATIONS = ("belongsTo", "hasMany", "hasOne", "belongsToMany")
_TYPES = {
    "integer": "int", "string": "string", "text": "text", "boolean": "bool", "date": "datetime", "dateonly": "date",
    "now": "datetime", "uuidv4": "uuid", "number": "double", "real": "real", "bigint": "bigint",
}  # fmt: skip
_ANNOTATIONS = {"string": "string", "number": "int", "boolean": "bool", "Date": "datetime", "bigint": "bigint"}
_SCHEME = re.compile(r"^(\w+?)(\+\w+)?:")


@dataclass(slots=True)
class _Model:
    """A model before its columns are complete."""

    name: str
    entity: Entity
    options: dict[str, Any]
    style: str
    """`Model.init`, `define` or `sequelize-typescript`."""
    anchor: tuple[str, int]
    """Path and line of the class or call that names resolve to."""
    kind: Class | None = None
    in_function: bool = False
    declared: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Association:
    """`source.belongsTo(target, options)`."""

    kind: str
    source: _Model
    target: _Model
    options: dict[str, Any]
    place: Place
    through: _Model | None = None


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say what is known of Sequelize in a unit."""
    evidence = rules.evidence(project, unit, rules.rules()["sequelize"])
    if evidence is None:
        return
    models, associations = _read(project, unit)
    styles: dict[str, bool] = {}
    for model in models:
        styles[model.style] = styles.get(model.style, False) or model.in_function
    if styles:
        shown = [
            f"{style} in functions" if inside and style == "Model.init" else style for style, inside in styles.items()
        ]
        evidence.value = f"sequelize ({', '.join(shown)})"
    evidence.places = list(dict.fromkeys([*(model.entity.place for model in models[:3]), *evidence.places]))[:5]
    yield evidence
    proof = evidence.proof
    migrations = list(_migrations(project, unit, proof))
    yield from migrations
    opened = list(_database(project, unit, proof))
    if not opened:
        for name, place in databases.by_driver(unit).items():
            note = "only from the driver in the manifest"
            opened.append(Finding(Row.DATA, "database", name, Proof.LISTED, [place], note=note))
    yield from opened
    yield from _sync(project, unit, bool(migrations))
    yield from _about(associations, proof)
    yield from databases.soft_deletes(project, entities(project, unit))


def _about(associations: list[_Association], proof: Proof) -> Iterator[Finding]:
    """Say where relations stand."""
    if not associations:
        return
    kinds = [kind for kind in _ASSOCIATIONS if any(item.kind == kind for item in associations)]
    paths = list(dict.fromkeys(item.place.path for item in associations))
    where = "one file" if len(paths) == 1 else f"{len(paths)} files"
    places = [next(item.place for item in associations if item.place.path == path) for path in paths]
    yield Finding(Row.DATA, "relations", f"{'/'.join(kinds)} in {where}", proof, places[:5])
    seen = set()
    for item in associations:
        pair = frozenset((item.source.entity.table, item.target.entity.table, _through(item)))
        if item.kind == "belongsToMany" and pair not in seen:
            seen.add(pair)
            key = "relation_self_m2m" if item.source is item.target else "relation_m2m"
            value = f"{item.source.name} <-> {item.target.name} (through {_through(item) or 'unknown'})"
            yield Finding(Row.DATA, key, value, proof, [item.place])


# -- the database -----------------------------------------------------------------------------------------------------


def _database(project: Project, unit: Unit, proof: Proof) -> Iterator[Finding]:
    seen = False
    for module in project.mentioning(unit, "equelize", "dialect"):
        if "drizzle" in module.path:
            continue
        for spot in databases.objects(module, "dialect"):
            node = spot.node.get("dialect")
            if node is None:
                continue
            value = project.fold(spot.module, node, spot.function)
            if not value.known and node.kind == "name":
                value = Value(
                    True, databases.kind(node.dotted.removesuffix("Dialect").lower()), Place(module.path, node.line)
                )
            if value.known and not databases.kind(value.value):
                continue
            seen = True
            yield from databases.database(project, unit, value, proof)
    if seen:
        return
    for path in databases.files(project, unit, "config/config.json", "*/config/config.json"):
        yield from _config(project, path, proof)
        seen = seen or bool(_kinds(project.data(path)))
    for module in project.importing(unit, *_PACKAGES) if not seen else []:
        for call in module.calls:
            origin = project.origin(module, call.node.items[0], call.function)
            if call.node.kind == "new" and (origin.endswith(".Sequelize") or origin == "sequelize"):
                yield from _by_address(project, unit, Spot(module, call.node, call.function), proof)


def _by_address(project: Project, unit: Unit, spot: Spot, proof: Proof) -> Iterator[Finding]:
    """Read the kind of database from the address that Sequelize is opened with."""
    for argument in spot.node.arguments[:1]:
        value = project.fold(spot.module, argument, spot.function)
        scheme = _SCHEME.match(str(value.value)) if value.known else None
        if scheme is not None and databases.kind(scheme[1]):
            yield from databases.database(project, unit, Value(True, scheme[1], value.place, value.env), proof)
        elif value.env:
            yield from databases.database(project, unit, value, proof)


def _kinds(data: Any) -> dict[str, str]:
    if not isinstance(data, dict):
        return {}
    return {
        str(name): databases.kind(part.get("dialect"))
        for name, part in data.items()
        if isinstance(part, dict) and databases.kind(part.get("dialect")) and name != "test"
    }


def _config(project: Project, path: str, proof: Proof) -> Iterator[Finding]:
    """Read the configuration of sequelize-cli."""
    kinds = _kinds(project.data(path))
    same = len(set(kinds.values())) == 1
    for name, kind in list(kinds.items())[: 1 if same else None]:
        line = project.tree.line(path, rf'"{name}"\s*:')
        condition = "" if same else f"only in {name}"
        yield Finding(Row.DATA, "database", kind, proof, [Place(path, line)], condition=condition)


def _sync(project: Project, unit: Unit, migrated: bool) -> Iterator[Finding]:
    for module in project.mentioning(unit, ".sync("):
        for call in module.calls:
            callee = call.node.items[0]
            if callee.kind != "attribute" or callee.value != "sync":
                continue
            origin = project.origin(module, callee.items[0], call.function)
            if not (re.search(r"equelize", origin) or callee.dotted.endswith("equelize.sync")):
                continue
            options = project.fold(module, call.node.arguments[0], call.function).value if call.node.arguments else None
            flags = [key for key in ("force", "alter") if isinstance(options, dict) and options.get(key) is True]
            inner = f"{{{', '.join(f'{key}: true' for key in flags)}}}" if flags else ""
            text = f"sequelize.sync({inner})" + ("" if migrated else ", no migrations")
            condition = f"only if {call.conditions[-1]}" if call.conditions else ""
            place = project.place(module, call)
            yield Finding(Row.DATA, "schema_sync", text, project.proof(module.path), [place], condition=condition)
            return


def _migrations(project: Project, unit: Unit, proof: Proof) -> Iterator[Finding]:
    found = [
        Place(module.path, next((function.line for function in module.functions if function.name == "up"), 1))
        for module in project.mentioning(unit, "queryInterface", "QueryInterface")
        if re.search(r"(^|/)migrations?/", module.path) and any(function.name == "up" for function in module.functions)
    ]
    if found:
        yield Finding(Row.DATA, "migrations", f"sequelize-cli, {len(found)}", proof, found[:3])


# -- models -----------------------------------------------------------------------------------------------------------


def entities(project: Project, unit: Unit) -> Iterator[Entity]:
    """Give the tables of a unit's models, and those that associations add."""
    models, associations = _read(project, unit)
    joins = [join for item in associations if (join := _associate(item)) is not None]
    for model in models:
        if databases.is_join(model.entity):
            model.entity.kind = "join"
        yield model.entity
    yield from {join.table: join for join in joins}.values()


def _read(project: Project, unit: Unit) -> tuple[list[_Model], list[_Association]]:
    if not databases.has(unit, *_PACKAGES):
        return [], []
    modules = list(project.mentioning(unit, "equelize"))
    defaults: dict[str, Any] = {}
    for module in modules:
        for spot in databases.objects(module, "define"):
            node = spot.node.get("define")
            value = project.fold(module, node, spot.function) if node is not None else None
            if value is not None and isinstance(value.value, dict):
                defaults |= value.value
    listed = next(
        (home.npm[name] for home in databases.homes(unit) for name in _DECORATED[:1] if name in home.npm), None
    )
    old = listed is not None and bool(re.match(r"[~^]?0\.", listed.version))
    first: dict[str, Any] = {"timestamps": False, "freezeTableName": True} if old else {}
    models: list[_Model] = []
    for module in modules:
        spots = (Spot(module, call.node, call.function) for call in module.calls)
        models += [made for spot in spots if (made := _declared(project, spot, defaults)) is not None]
        kinds = (_decorated(project, module, kind, first | defaults) for kind in module.classes)
        models += [made for made in kinds if made is not None]
    associations: list[_Association] = []
    for module in {module.path: module for module in [*modules, *project.mentioning(unit, *_ASSOCIATIONS)]}.values():
        associations += _associations(project, module, models)
    for model in models:
        for column in model.entity.columns:
            if column.references.startswith("?"):
                _settle(column, models)
    return models, associations


def _settle(column: Column, models: list[_Model]) -> None:
    """Write a reference to a model by its table."""
    name, _, key = column.references.removeprefix("?").rpartition(".")
    target = next((model for model in models if name in (model.entity.name, model.name, f"{model.name}Model")), None)
    column.references = "" if target is None else f"{target.entity.table}.{key}"
    if target is not None and column.type == "unknown":
        column.type = _key(target).type


def _declared(project: Project, spot: Spot, defaults: dict[str, Any]) -> _Model | None:
    """Read `User.init({...}, {...})` and `sequelize.define("user", {...}, {...})`."""
    callee, arguments = spot.node.items[0], spot.node.arguments
    if callee.kind != "attribute" or callee.value not in ("init", "define") or len(arguments) < 2:
        return None
    held: tuple[Module, Class] | None = None
    style = "define"
    if callee.value == "init":
        style = "Model.init"
        base = callee.items[0]
        if base.kind == "name" and base.value in ("super", "this"):
            owner = _owner(spot.module, spot.function)
            held = (spot.module, owner) if owner is not None else None
        else:
            held = databases.class_of(project, Spot(spot.module, base, spot.function))
        if held is None:
            return None
        attributes, options = arguments[0], arguments[1]
        name = held[1].name
        anchor = (held[0].path, held[1].line)
    else:
        value = project.fold(spot.module, arguments[0], spot.function)
        if not value.known or not isinstance(value.value, str):
            return None
        attributes, options = arguments[1], arguments[2] if len(arguments) > 2 else Node("object", spot.node.line)
        name, anchor = value.value, (spot.module.path, spot.node.line)
    fields = settled(project, Spot(spot.module, attributes, spot.function))
    if fields.node.kind != "object":
        return None
    given = settled(project, Spot(spot.module, options, spot.function))
    folded = project.fold(given.module, given.node, given.function).value
    settings = defaults | (folded if isinstance(folded, dict) else {})
    name = str(settings.get("modelName") or name)
    entity = Entity(name, _table(name, settings), project.place(spot.module, spot.node), source="sequelize")
    entity.proof = project.proof(spot.module.path)
    model = _Model(name, entity, settings, style, anchor, held[1] if held is not None else None, spot.function >= 0)
    _attributes(project, model, fields)
    _implicit(model)
    _indexes(model)
    return model


def _owner(module: Module, function: int) -> Class | None:
    while function != -1:
        scope = module.functions[function]
        if scope.owner:
            return next((kind for kind in module.classes if kind.name == scope.owner), None)
        function = scope.parent
    return None


def _table(name: str, settings: dict[str, Any]) -> str:
    if isinstance(settings.get("tableName"), str):
        schema = settings.get("schema")
        return f"{schema}.{settings['tableName']}" if isinstance(schema, str) else str(settings["tableName"])
    if settings.get("freezeTableName") is True:
        return name
    table = databases.plural(name)
    return databases.snake(table) if settings.get("underscored") is True else table


def _attributes(project: Project, model: _Model, fields: Spot, depth: int = 0) -> None:
    for key, node in fields.node.pairs:
        spot = Spot(fields.module, node.items[0] if node.kind == "spread" else node, fields.function)
        if key == "...":
            inner = settled(project, spot)
            if depth < 4:
                _attributes(project, model, inner, depth + 1)
        elif key:
            where, made, inside = project.follow(spot.module, spot.node, spot.function)
            held = Spot(where, made, inside)
            column = Column(key, "")
            if made.kind == "object":
                kind = made.get("type")
                column.type = _type(project, column, Spot(where, kind, inside)) if kind is not None else "unknown"
                _options(project, column, held)
            else:
                column.type = _type(project, column, spot)
            if column.type == "virtual":
                continue
            if not column.column and model.options.get("underscored") is True and databases.snake(key) != key:
                column.column = databases.snake(key)
            model.entity.columns.append(column)


def _type(project: Project, column: Column, spot: Spot) -> str:
    """Write a type of Sequelize."""
    node = spot.node
    if node.kind == "string":
        return str(node.value).lower()
    dotted = node.dotted.replace("()", "")
    if not dotted:
        return "unknown"
    parts = [part for part in dotted.split(".") if part not in ("UNSIGNED", "ZEROFILL", "BINARY")]
    name = parts[-1].lower()
    if name == parts[-1] and node.kind == "name":
        where, made, inside = project.follow(spot.module, node, spot.function)
        if made is not node:
            return _type(project, column, Spot(where, made, inside))
    arguments = node.arguments
    values = [project.fold(spot.module, argument, spot.function) for argument in arguments]
    if name == "enum":
        given = arguments[0].get("values") if arguments and arguments[0].kind == "object" else None
        if given is not None:
            column.enum = databases.enum_values(project, Spot(spot.module, given, spot.function))
        elif len(arguments) == 1 and arguments[0].kind not in ("string", "spread"):
            column.enum = databases.enum_values(project, Spot(spot.module, arguments[0], spot.function))
        else:
            for argument, value in zip(arguments, values, strict=True):
                inner = argument.items[0] if argument.kind == "spread" else argument
                if argument.kind == "spread":
                    column.enum += databases.enum_values(project, Spot(spot.module, inner, spot.function))
                elif value.known:
                    column.enum.append(str(value.value))
        return "enum"
    if name == "array" and arguments:
        return f"{_type(project, column, Spot(spot.module, arguments[0], spot.function))}[]"
    kind = _TYPES.get(name, name)
    sizes = [str(value.value) for value in values if value.known and isinstance(value.value, int)]
    if sizes and name in ("string", "char", "decimal", "bigint", "integer", "float", "double"):
        if name in ("string", "char"):
            column.length = int(sizes[0])
        return f"{kind}({','.join(sizes)})"
    return kind


def _options(project: Project, column: Column, spot: Spot) -> None:
    """Read what an attribute says beside its type."""

    def worth(key: str) -> Any:
        node = spot.node.get(key)
        return project.fold(spot.module, node, spot.function).value if node is not None else None

    column.primary_key = worth("primaryKey") is True
    column.nullable = not (worth("allowNull") is False or column.primary_key)
    column.unique = bool(worth("unique"))
    if isinstance(name := worth("field"), str) and name != column.name:
        column.column = name
    if worth("autoIncrement") is True:
        column.default = "auto increment"
    if (node := spot.node.get("defaultValue")) is not None:
        column.default = databases.default_text(project, spot.module, column.name, node, spot.function)
    checks = worth("validate")
    if isinstance(checks, dict) and isinstance(checks.get("isIn"), list) and not column.enum:
        listed = checks["isIn"][0] if checks["isIn"] and isinstance(checks["isIn"][0], list) else checks["isIn"]
        column.enum = [str(item) for item in listed]
    reference = spot.node.get("references")
    if reference is not None:
        column.references = _reference(project, Spot(spot.module, reference, spot.function))
    if isinstance(action := worth("onDelete"), str):
        column.on_delete = action.lower().replace(" ", "-")


def _reference(project: Project, spot: Spot) -> str:
    """Read `references: {model: "users", key: "id"}`."""
    model = spot.node.get("model") or spot.node.get("table")
    if model is None:
        return ""
    key = spot.node.get("key")
    value = project.fold(spot.module, model, spot.function)
    if isinstance(value.value, dict):
        table = str(value.value.get("tableName", ""))
    elif value.known and isinstance(value.value, str):
        table = value.value
    else:
        table = f"?{model.dotted.rpartition('.')[2]}"
    folded = project.fold(spot.module, key, spot.function).value if key is not None else "id"
    return f"{table}.{folded or 'id'}" if table else ""


def _implicit(model: _Model) -> None:
    """Add what Sequelize adds: a key, and times."""
    columns, options = model.entity.columns, model.options
    snake = options.get("underscored") is True
    if not any(column.primary_key for column in columns) and not any(column.name == "id" for column in columns):
        columns.insert(0, Column("id", "int", nullable=False, primary_key=True, default="auto increment"))
    if options.get("timestamps") is False:
        return
    for name in ("createdAt", "updatedAt", *(("deletedAt",) if options.get("paranoid") is True else ())):
        given = options.get(name)
        if given is False:
            continue
        own = given if isinstance(given, str) else name
        known = next((column for column in columns if column.name == own), None)
        if known is None:
            stored = databases.snake(own) if snake and databases.snake(own) != own else ""
            columns.append(Column(own, "datetime", nullable=name == "deletedAt", column=stored))


def _indexes(model: _Model) -> None:
    listed = model.options.get("indexes")
    by_name = {column.column or column.name: column for column in model.entity.columns}
    by_name |= {column.name: column for column in model.entity.columns}
    for index in listed if isinstance(listed, list) else []:
        fields = index.get("fields") if isinstance(index, dict) else None
        names = [
            str(item.get("name") or item.get("attribute") if isinstance(item, dict) else item) for item in fields or []
        ]
        if len(names) == 1 and names[0] in by_name:
            by_name[names[0]].unique = by_name[names[0]].unique or index.get("unique") is True
            by_name[names[0]].index = True
        elif names:
            text = databases.index_text(names, str(index.get("name") or ""), unique=index.get("unique") is True)
            model.entity.indexes.append(text)


# -- decorators -------------------------------------------------------------------------------------------------------


def _decorated(project: Project, module: Module, kind: Class, defaults: dict[str, Any]) -> _Model | None:
    """Read a class of sequelize-typescript."""
    table = next(
        (
            spot
            for name, spot in databases.decorations(project, module, kind.decorators, *_DECORATED)
            if name == "Table"
        ),
        None,
    )
    if table is None:
        return None
    settings = dict(defaults)
    for argument in table.node.arguments[:1]:
        value = project.fold(module, argument, kind.function).value
        settings |= value if isinstance(value, dict) else {}
    name = str(settings.get("modelName") or kind.name)
    entity = Entity(kind.name, _table(name, settings), Place(module.path, table.node.line), source="sequelize")
    entity.proof = project.proof(module.path)
    model = _Model(name, entity, settings, "sequelize-typescript", (module.path, kind.line), kind)
    for where, held in databases.lineage(project, module, kind):
        for member in held.members:
            _member(project, model, where, member)
    _implicit(model)
    _indexes(model)
    return model


def _member(project: Project, model: _Model, module: Module, member: Member) -> None:
    marks = dict(databases.decorations(project, module, member.decorators, *_DECORATED))
    if not marks.keys() & {"Column", "Attribute", "PrimaryKey", "ForeignKey", "CreatedAt", "UpdatedAt", "DeletedAt"}:
        return
    column = Column(member.name, _annotation(member.type))
    spot = marks.get("Column") or marks.get("Attribute")
    for argument in spot.node.arguments[:1] if spot is not None else []:
        held = settled(project, Spot(module, argument))
        if held.node.kind == "object":
            kind = held.node.get("type")
            column.type = (
                _type(project, column, Spot(held.module, kind, held.function)) if kind is not None else column.type
            )
            _options(project, column, held)
        else:
            column.type = _type(project, column, Spot(module, argument))
    if column.type == "virtual":
        return
    column.primary_key = column.primary_key or "PrimaryKey" in marks
    column.unique = column.unique or "Unique" in marks
    column.index = "Index" in marks
    if "AutoIncrement" in marks:
        column.default = "auto increment"
    allowed = marks.get("AllowNull")
    denied = allowed is not None and bool(allowed.node.arguments) and allowed.node.arguments[0].value is False
    if denied or column.primary_key or "NotNull" in marks:
        column.nullable = False
    if "Default" in marks and marks["Default"].node.arguments:
        column.default = databases.default_text(project, module, column.name, marks["Default"].node.arguments[0])
    for name, option in (("CreatedAt", "createdAt"), ("UpdatedAt", "updatedAt"), ("DeletedAt", "deletedAt")):
        if name in marks:
            column.type, column.nullable = "datetime", name == "DeletedAt"
            model.options[option] = member.name
            if name == "DeletedAt":
                model.options["paranoid"] = True
    if "ForeignKey" in marks and marks["ForeignKey"].node.arguments:
        held_class = databases.class_of(project, Spot(module, marks["ForeignKey"].node.arguments[0]))
        if held_class is not None:
            column.references = f"?{held_class[1].name}.id"
    if not column.column and model.options.get("underscored") is True and databases.snake(member.name) != member.name:
        column.column = databases.snake(member.name)
    model.entity.columns.append(column)


def _annotation(text: str) -> str:
    parts = [part.strip() for part in text.split("|") if part.strip() not in ("null", "undefined")]
    inner = re.sub(r"^CreationOptional<(.*)>$", r"\1", parts[0]) if parts else ""
    return _ANNOTATIONS.get(inner, "string" if inner.startswith(('"', "'")) else inner.lower() or "unknown")


# -- associations -----------------------------------------------------------------------------------------------------


def _associations(project: Project, module: Module, models: list[_Model]) -> Iterator[_Association]:
    for call in module.calls:
        callee = call.node.items[0]
        if callee.kind == "attribute" and callee.value in _ASSOCIATIONS and call.node.arguments:
            source = _resolve(project, Spot(module, callee.items[0], call.function), models)
            target = _resolve(project, Spot(module, call.node.arguments[0], call.function), models)
            if source is None or target is None:
                continue
            options: dict[str, Any] = {}
            through = None
            for argument in call.node.arguments[1:2]:
                held = settled(project, Spot(module, argument, call.function))
                value = project.fold(held.module, held.node, held.function).value
                options = value if isinstance(value, dict) else {}
                node = held.node.get("through")
                if node is not None and node.kind == "object":
                    node = node.get("model")
                if node is not None:
                    through = _resolve(project, Spot(held.module, node, held.function), models)
            yield _Association(str(callee.value), source, target, options, project.place(module, call), through)
    for model in models:
        if model.style == "sequelize-typescript" and model.anchor[0] == module.path and model.kind is not None:
            yield from _decorated_associations(project, module, model, models)


def _decorated_associations(
    project: Project, module: Module, model: _Model, models: list[_Model]
) -> Iterator[_Association]:
    names = {"BelongsTo": "belongsTo", "HasMany": "hasMany", "HasOne": "hasOne", "BelongsToMany": "belongsToMany"}
    for member in model.kind.members if model.kind is not None else []:
        for name, spot in databases.decorations(project, module, member.decorators, *_DECORATED):
            arguments = spot.node.arguments
            if name not in names or not arguments:
                continue
            target = _resolve(project, Spot(module, arguments[0]), models)
            if target is None:
                continue
            options: dict[str, Any] = {}
            through = None
            rest = arguments[1:]
            if name == "BelongsToMany" and rest:
                through = _resolve(project, Spot(module, rest[0]), models)
                if through is None and rest[0].kind == "string":
                    options["through"] = rest[0].value
                rest = rest[1:]
            for argument in rest[:1]:
                value = project.fold(module, argument).value
                options |= value if isinstance(value, dict) else {"foreignKey": value} if isinstance(value, str) else {}
            options.setdefault("as", member.name)
            options["decorated"] = True
            yield _Association(names[name], model, target, options, Place(module.path, spot.node.line), through)


def _resolve(project: Project, spot: Spot, models: list[_Model]) -> _Model | None:
    """Give the model that an expression means: a class, a call of `define`, or a member of an object of models."""
    node = spot.node
    if node.kind == "name" and node.value == "this":
        owner = _owner(spot.module, spot.function)
        if owner is None:
            return None
        return next((model for model in models if model.anchor == (spot.module.path, owner.line)), None)
    if node.kind == "string":
        return next((model for model in models if node.value == model.name), None)
    held = databases.class_of(project, spot)
    if held is not None:
        anchor = (held[0].path, held[1].line)
    else:
        where, made, _ = project.follow(spot.module, node, spot.function)
        anchor = (where.path, made.line) if made.kind == "call" else ("", 0)
    found = next((model for model in models if model.anchor == anchor), None) or _assigned(project, spot, models)
    if found is not None:
        return found
    name = (node.dotted.rpartition(".")[2] or str(node.value or "")).lower()
    if node.kind == "index" and node.items[1].kind == "string":
        name = str(node.items[1].value).lower()
    names = (name, name.removesuffix("model"))
    return next(
        (model for model in models if model.name.lower() in names or model.entity.table.lower() == name), None
    ) or next((model for model in models if _singular(model.name.lower()) in map(_singular, names)), None)


def _assigned(project: Project, spot: Spot, models: list[_Model]) -> _Model | None:
    """Follow `db.user = require("./user")(sequelize, DataTypes)` to the model that the function returns."""
    dotted = spot.node.dotted
    for assignment in spot.module.assignments if "." in dotted else []:
        if assignment.target.dotted != dotted or assignment.value.kind != "call":
            continue
        where, made, _ = project.follow(spot.module, assignment.value.items[0], assignment.function)
        scope = where.function(made)
        for returned in scope.returns if scope is not None else []:
            inner = project.follow(where, returned, scope.number if scope is not None else -1)
            held = (inner[0].path, inner[1].line)
            if inner[1].kind == "class" and inner[1].value is not None:
                held = (inner[0].path, inner[0].classes[int(inner[1].value)].line)
            if (found := next((model for model in models if model.anchor == held), None)) is not None:
                return found
    return None


def _singular(name: str) -> str:
    """Give a model's name as Sequelize puts it into keys."""
    for end, to in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("statuses", "status")):
        if name.lower().endswith(end):
            return name[: -len(end)] + to
    plain = name.lower().endswith("s") and not name.lower().endswith(("ss", "us", "is"))
    return name[:-1] if plain else name


def _key(model: _Model) -> Column:
    keys = [column for column in model.entity.columns if column.primary_key]
    return keys[0] if keys else Column("id", "int")


def _through(item: _Association) -> str:
    if item.through is not None:
        return item.through.entity.table
    given = item.options.get("through")
    return str(given.get("model", "")) if isinstance(given, dict) else str(given or "")


def _named(options: dict[str, Any], option: str, default: str) -> tuple[str, dict[str, Any]]:
    """Read `foreignKey`, a name or an object with one."""
    given = options.get(option)
    if isinstance(given, dict):
        return str(given.get("name") or given.get("fieldName") or default), given
    return (given if isinstance(given, str) else default), {}


def _associate(item: _Association) -> Entity | None:
    """Put the column of an association in; give the table that a many-to-many relation adds."""
    source, target = item.source, item.target
    alias = item.options.get("as")
    if item.kind == "belongsTo":
        base = str(alias) if isinstance(alias, str) else _singular(target.name)
        name, given = _named(item.options, "foreignKey", f"{base}{_capital(_key(target).name)}")
        if not (item.options.get("decorated") and "foreignKey" not in item.options and _referring(source, target)):
            _add_key(source, name, target, item.options, given)
    elif item.kind in ("hasMany", "hasOne"):
        name, given = _named(item.options, "foreignKey", f"{_singular(source.name)}{_capital(_key(source).name)}")
        if not (item.options.get("decorated") and _referring(target, source)):
            _add_key(target, name, source, item.options, given)
        shape = "one_to_many" if item.kind == "hasMany" else "one_to_one"
        plain = databases.plural(target.name) if item.kind == "hasMany" else target.name
        source.entity.relations.append(Relation(str(alias or plain), shape, target.entity.table))
    else:
        return _many(item, str(alias or databases.plural(target.name)))
    return None


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _referring(model: _Model, target: _Model) -> bool:
    return any(column.references.rpartition(".")[0] == target.entity.table for column in model.entity.columns)


def _add_key(
    model: _Model, name: str, target: _Model, options: dict[str, Any], given: dict[str, Any], *, primary: bool = False
) -> None:
    key = _key(target)
    columns = model.entity.columns
    known = next((column for column in columns if name in (column.name, column.column)), None)
    if known is None:
        known = Column(name, key.type)
        known.nullable = given.get("allowNull") is not False and not primary
        known.primary_key = primary
        snake = databases.snake(name)
        known.column = str(given.get("field") or (snake if model.options.get("underscored") is True else ""))
        known.column = "" if known.column == name else known.column
        times = next(
            (at for at, column in enumerate(columns) if column.name in ("createdAt", "updatedAt")), len(columns)
        )
        columns.insert(times, known)
    elif given.get("allowNull") is False:
        known.nullable = False
    if options.get("constraints") is not False:
        known.references = f"{target.entity.table}.{key.column or key.name}"
    if isinstance(action := options.get("onDelete"), str):
        known.on_delete = action.lower().replace(" ", "-")


def _many(item: _Association, name: str) -> Entity | None:
    source, target = item.source, item.target
    here, given = _named(item.options, "foreignKey", f"{_singular(source.name)}{_capital(_key(source).name)}")
    there, other = _named(item.options, "otherKey", f"{_singular(target.name)}{_capital(_key(target).name)}")
    table = _through(item)
    source.entity.relations.append(Relation(name, "many_to_many", target.entity.table, table))
    if item.through is not None:
        decorated = item.options.get("decorated")
        if not (decorated and _referring(item.through, source)):
            _add_key(item.through, here, source, item.options, given)
        if "otherKey" in item.options and not (decorated and _referring(item.through, target)):
            _add_key(item.through, there, target, item.options, other)
        return None
    if not table:
        return None
    entity = Entity(table, table, item.place, "join", source="sequelize", proof=source.entity.proof)
    join = _Model(table, entity, source.options, source.style, (item.place.path, item.place.line))
    _add_key(join, here, source, item.options, given, primary=True)
    if there != here:
        _add_key(join, there, target, item.options, other, primary=True)
    return entity
