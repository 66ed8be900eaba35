"""Mongoose: schemas and models, with decorators of Nest and Typegoose too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from discover import databases, rules
from discover.code import Class, Module, Node
from discover.extract import typeorm
from discover.findings import Column, Entity, Finding, Place, Proof, Relation, Row
from discover.project import Project, Unit
from discover.wiring import Spot, settled

_PACKAGES = ("mongoose", "@nestjs/mongoose", "@typegoose/typegoose")
_DECORATED = ("@nestjs/mongoose", "@typegoose/typegoose")
_OPENS = re.compile(
    r"^(mongoose(\.default)?\.(connect|createConnection)|@nestjs/mongoose\.MongooseModule\.forRoot(Async)?)$"
)
_SCHEMA = re.compile(r"(^|[.?])mongoose(\.default)?\.Schema$")
_TYPES = {
    "string": "string", "number": "number", "date": "datetime", "boolean": "bool", "bool": "bool", "buffer": "buffer",
    "objectid": "objectid", "mixed": "mixed", "decimal128": "decimal", "map": "map", "object": "object",
    "array": "array",
    "bigint": "bigint", "int32": "int", "double": "double", "uuid": "uuid", "any": "mixed", "long": "bigint",
}  # fmt: skip
MAX_NESTED = 2
MAX_COLUMNS = 400
"""A schema may hold itself: what is nested is followed so far and no further."""
_NOUN = re.compile(r"(SchemaClass|Schema|Entity|Model|Document|Class)$")


@dataclass(slots=True)
class _Model:
    """A name and the schema, or the decorated class, that it is made of."""

    name: str
    place: Place
    schema: Spot | None = None
    kind: tuple[Module, Class] | None = None
    collection: str = ""
    users: list[Spot] = field(default_factory=list)


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say what is known of Mongoose in a unit."""
    evidence = rules.evidence(project, unit, rules.rules()["mongoose"])
    if evidence is None:
        return
    made = list(entities(project, unit))
    evidence.places = list(dict.fromkeys([*(entity.place for entity in made), *evidence.places]))[:5]
    yield evidence
    opened = [
        project.place(module, call)
        for module in {
            module.path: module
            for module in [*project.importing(unit, *_PACKAGES), *project.mentioning(unit, "mongoose")]
        }.values()
        for call in module.calls
        if _OPENS.match(project.origin(module, call.node.items[0], call.function))
        or call.node.items[0].dotted.endswith(".mongoose.connect")
    ]
    opened.sort(key=lambda place: -project.proof(place.path))
    yield Finding(Row.DATA, "database", "mongodb", evidence.proof, opened[:3] or evidence.places[:2])
    yield from databases.soft_deletes(project, made)
    yield from _migrations(project, unit)
    for module in project.importing(unit, "mongoose-delete", "mongoose-delete-soft"):
        for call in module.calls:
            if call.node.items[0].dotted.endswith(".plugin") and any(
                project.origin(module, item, call.function).startswith("mongoose-delete")
                for item in call.node.arguments
            ):
                proof = project.proof(module.path)
                yield Finding(Row.DATA, "soft_delete", "mongoose-delete", proof, [project.place(module, call)])


def _migrations(project: Project, unit: Unit) -> Iterator[Finding]:
    """Count the scripts of migrate-mongo."""
    if not databases.has(unit, "migrate-mongo", "ts-migrate-mongoose", "migrate-mongoose"):
        return
    found = [
        Place(module.path, 1)
        for module in project.modules(unit, "migrations/*", "*/migrations/*")
        if "up" in module.exports
    ]
    if found:
        yield Finding(Row.DATA, "migrations", f"migrate-mongo, {len(found)}", Proof.USED, found[:3])


def entities(project: Project, unit: Unit) -> Iterator[Entity]:
    """Give the collections of a unit."""
    models = _models(project, unit)
    collections = {model.name: _collection(project, model) for model in models}
    relational = _relational(project, unit)
    for model in models:
        table = collections[model.name]
        entity = Entity(model.name, table, model.place, "collection", source="mongoose")
        entity.proof = project.proof(model.place.path)
        if model.kind is not None:
            _from_class(project, entity, *model.kind)
        elif model.schema is not None:
            _from_schema(project, entity, model.schema)
        _references(entity, collections)
        if (other := relational.get(_NOUN.sub("", model.name).lower())) is not None:
            entity.internal = f"the documents of what is the table {other} elsewhere"
        yield entity


def _relational(project: Project, unit: Unit) -> dict[str, str]:
    """Give the nouns that TypeORM has tables of, where both are there."""
    if not databases.has(unit, "typeorm"):
        return {}
    return {_NOUN.sub("", entity.name).lower(): entity.table for entity in typeorm.entities(project, unit)}


# -- models -----------------------------------------------------------------------------------------------------------


def _models(project: Project, unit: Unit) -> list[_Model]:
    found: dict[str, _Model] = {}
    bare: list[tuple[Module, Class, Place]] = []
    modules = {module.path: module for module in project.importing(unit, *_PACKAGES)}
    if databases.has(unit, *_PACKAGES):
        modules |= {module.path: module for module in project.mentioning(unit, "mongoose")}
    for module in modules.values():
        for call in module.calls:
            if (model := _model(project, Spot(module, call.node, call.function))) is not None:
                found.setdefault(model.name, model)
        if any(brought.module == "@nestjs/mongoose" for brought in module.imports):
            for spot in databases.objects(module, "name"):
                if (model := _feature(project, spot)) is not None:
                    found.setdefault(model.name, model)
        for kind in module.classes:
            for name, spot in databases.decorations(project, module, kind.decorators, *_DECORATED):
                if name == "Schema":
                    bare.append((module, kind, Place(module.path, spot.node.line)))
    if not any(model.kind is not None for model in found.values()):
        for module, kind, place in bare:
            found.setdefault(kind.name, _Model(kind.name, place, kind=(module, kind)))
    return list(found.values())


def _model(project: Project, spot: Spot) -> _Model | None:
    """Read `mongoose.model("Name", schema)` and Typegoose's `getModelForClass(Name)`."""
    arguments = spot.node.arguments
    callee = spot.node.items[0]
    name = callee.dotted.rpartition(".")[2] or str(callee.value)
    if name == "getModelForClass" and arguments:
        held = databases.class_of(project, Spot(spot.module, arguments[0], spot.function))
        if held is None:
            return None
        return _Model(held[1].name, Place(held[0].path, held[1].line), kind=held)
    if name != "model" or len(arguments) < 2:
        return None
    value = project.fold(spot.module, arguments[0], spot.function)
    schema = _schema(project, Spot(spot.module, arguments[1], spot.function))
    if schema is None or not value.known or not isinstance(value.value, str):
        return None
    collection = project.fold(spot.module, arguments[2], spot.function) if len(arguments) > 2 else None
    model = _Model(value.value, Place(schema.module.path, schema.node.line), schema)
    model.collection = collection.value if collection is not None and isinstance(collection.value, str) else ""
    return _decorated(project, model, schema)


def _schema(project: Project, spot: Spot) -> Spot | None:
    """Follow to the call that makes a schema."""
    where, made, inside = project.follow(spot.module, spot.node, spot.function)
    if made.kind not in ("call", "new"):
        return None
    origin = project.origin(where, made.items[0], inside)
    if _SCHEMA.search(origin) or re.search(r"SchemaFactory\.createForClass$|\.buildSchema$", origin):
        return Spot(where, made, inside)
    return None


def _decorated(project: Project, model: _Model, schema: Spot) -> _Model:
    """Give the class that a schema is made of, where that is so."""
    if not schema.node.items[0].dotted.endswith("Schema") and schema.node.arguments:
        held = databases.class_of(project, Spot(schema.module, schema.node.arguments[0], schema.function))
        if held is not None:
            model.kind = held
            model.place = _class_place(project, *held)
    return model


def _class_place(project: Project, module: Module, kind: Class) -> Place:
    for _, spot in databases.decorations(project, module, kind.decorators, *_DECORATED):
        return Place(module.path, spot.node.line)
    return Place(module.path, kind.line)


def _feature(project: Project, spot: Spot) -> _Model | None:
    """Read `{name: User.name, schema: UserSchema}` of `MongooseModule.forFeature`."""
    name, schema = spot.node.get("name"), spot.node.get("schema")
    if name is None or (schema is None and spot.node.get("useFactory") is None):
        return None
    model: _Model | None = None
    if name.kind == "attribute" and name.value == "name":
        held = databases.class_of(project, Spot(spot.module, name.items[0], spot.function))
        if held is not None:
            marked = any(databases.decorations(project, held[0], held[1].decorators, *_DECORATED))
            model = _Model(held[1].name, _class_place(project, *held), kind=held if marked else None)
    else:
        value = project.fold(spot.module, name, spot.function)
        if value.known and isinstance(value.value, str):
            model = _Model(value.value, Place(spot.module.path, spot.node.line))
    if model is not None and model.kind is None:
        made = _schema(project, Spot(spot.module, schema, spot.function)) if schema is not None else None
        if made is None:
            return None
        model.schema, model.place = made, Place(made.module.path, made.node.line)
        model = _decorated(project, model, made)
    collection = spot.node.get("collection")
    if model is not None and collection is not None and isinstance(collection.value, str):
        model.collection = collection.value
    return model


def _collection(project: Project, model: _Model) -> str:
    if model.collection:
        return model.collection
    for options in _options(project, model):
        if (node := options.node.get("collection")) is not None:
            value = project.fold(options.module, node, options.function)
            if value.known and isinstance(value.value, str):
                return value.value
    return databases.plural(model.name.lower())


def _options(project: Project, model: _Model) -> Iterator[Spot]:
    """Give the objects of options of a model's schema."""
    if model.kind is not None:
        for where, kind in databases.lineage(project, *model.kind):
            for name, spot in databases.decorations(project, where, kind.decorators, *_DECORATED):
                if name in ("Schema", "modelOptions"):
                    for argument in spot.node.arguments[:1]:
                        held = settled(project, Spot(where, argument, kind.function))
                        inner = held.node.get("schemaOptions")
                        yield Spot(held.module, inner, held.function) if inner is not None else held
    elif model.schema is not None and len(model.schema.node.arguments) > 1:
        yield settled(project, Spot(model.schema.module, model.schema.node.arguments[1], model.schema.function))


# -- columns ----------------------------------------------------------------------------------------------------------


def _from_schema(project: Project, entity: Entity, schema: Spot) -> None:
    model = _Model(entity.name, entity.place, schema)
    if schema.node.arguments:
        _definition(project, entity, settled(project, Spot(schema.module, schema.node.arguments[0], schema.function)))
    for call in schema.module.calls:
        callee = call.node.items[0]
        if callee.kind != "attribute" or callee.value not in ("add", "index", "set"):
            continue
        _, made, _ = project.follow(schema.module, callee.items[0], call.function)
        if made is not schema.node or not call.node.arguments:
            continue
        if callee.value == "add":
            _definition(project, entity, settled(project, Spot(schema.module, call.node.arguments[0], call.function)))
        elif callee.value == "index":
            _index(project, entity, Spot(schema.module, call.node, call.function))
        elif call.node.arguments[0].value == "timestamps":
            _timestamps(project, entity, Spot(schema.module, call.node.arguments[-1], call.function))
    _finish(project, entity, model)


def _from_class(project: Project, entity: Entity, module: Module, kind: Class) -> None:
    for where, held in databases.lineage(project, module, kind):
        for member in held.members:
            for name, spot in databases.decorations(project, where, member.decorators, *_DECORATED):
                if name in ("Prop", "prop"):
                    _property(project, entity, member.name, member.type, spot)
    for call in module.calls:
        callee = call.node.items[0]
        if callee.kind == "attribute" and callee.value == "index":
            made = _schema(project, Spot(module, callee.items[0], call.function))
            wanted = made.node.arguments[0].dotted if made is not None and made.node.arguments else ""
            if wanted == kind.name:
                _index(project, entity, Spot(module, call.node, call.function))
    _finish(project, entity, _Model(entity.name, entity.place, kind=(module, kind)))


def _property(project: Project, entity: Entity, name: str, annotation: str, spot: Spot) -> None:
    """Read one decorated property: what the decorator says, else the annotation."""
    held = settled(project, Spot(spot.module, spot.node.arguments[0], spot.function)) if spot.node.arguments else None
    nested: Spot | None = None
    if held is not None and held.node.kind == "call" and held.node.arguments:
        nested = settled(project, Spot(held.module, held.node.arguments[0], held.function))
        held = None
    parts = [part.strip() for part in annotation.split("|") if part.strip() not in ("null", "undefined")]
    bare = re.sub(r"^Array<(.*)>$", r"\1[]", parts[0] if parts else "mixed")
    many = bare.endswith("[]")
    last = re.sub(r"<.*|\[\]$", "", bare.removeprefix("mongoose.").removeprefix("Types.")).rpartition(".")[2].lower()
    fallback = "string" if re.match(r"""["']""", bare) else _TYPES.get(last, "object")
    own = databases.class_of(project, Spot(spot.module, Node("name", spot.node.line, bare.removesuffix("[]"))))
    if own is not None and own[1].kind == "enum":
        fallback = "string"
    if held is not None and (held.node.kind != "object" or "type" in dict(held.node.pairs)):
        column = _column(project, entity, name, held)
    else:
        column = Column(name, f"{fallback}[]" if many else fallback)
        if held is not None:
            _apply(project, column, held)
        entity.columns.append(column)
        if nested is not None:
            _nest(project, entity, column, nested, 0)
    if column is not None and column.type == "unknown":
        column.type = f"{fallback}[]" if many else fallback


def _finish(project: Project, entity: Entity, model: _Model) -> None:
    """Add what a schema has without saying so: its key and its times."""
    own = True
    for options in _options(project, model):
        if (node := options.node.get("timestamps")) is not None:
            _timestamps(project, entity, Spot(options.module, node, options.function))
        if (node := options.node.get("_id")) is not None and node.value is False:
            own = False
    if own and not any(column.name == "_id" for column in entity.columns):
        entity.columns.insert(0, Column("_id", "objectid", nullable=False, primary_key=True))


def _timestamps(project: Project, entity: Entity, spot: Spot) -> None:
    held = settled(project, spot)
    if held.node.kind == "bool" and not held.node.value:
        return
    for name in ("createdAt", "updatedAt"):
        node = held.node.get(name) if held.node.kind == "object" else None
        if node is not None and node.value is False:
            continue
        stored = str(node.value) if node is not None and isinstance(node.value, str) else name
        known = next((column for column in entity.columns if column.name == stored), None)
        if known is None:
            entity.columns.append(Column(stored, "datetime", nullable=False))
        else:
            known.nullable = False


def _index(project: Project, entity: Entity, spot: Spot) -> None:
    arguments = spot.node.arguments
    keys = [key for key, _ in arguments[0].pairs if key] if arguments and arguments[0].kind == "object" else []
    value = project.fold(spot.module, arguments[1], spot.function).value if len(arguments) > 1 else None
    unique = isinstance(value, dict) and value.get("unique") is True
    if not keys:
        return
    known = next((column for column in entity.columns if column.name == keys[0]), None)
    if len(keys) == 1 and known is not None:
        known.unique, known.index = known.unique or unique, True
    else:
        entity.indexes.append(databases.index_text(keys, unique=unique))


def _definition(project: Project, entity: Entity, spot: Spot, prefix: str = "", depth: int = 0) -> None:
    """Read an object whose members are fields."""
    if spot.node.kind != "object" or depth > 5:
        return
    for key, node in spot.node.pairs:
        inner = Spot(spot.module, node.items[0] if node.kind == "spread" else node, spot.function)
        if key == "...":
            _definition(project, entity, settled(project, inner), prefix, depth + 1)
        elif key:
            _column(project, entity, f"{prefix}{key}", inner, depth)


def _column(project: Project, entity: Entity, name: str, spot: Spot, depth: int = 0) -> Column | None:
    """Read one field, and what is nested in it."""
    where, made, inside = project.follow(spot.module, spot.node, spot.function)
    here = Spot(where, made, inside)
    column = Column(name, "unknown")
    entity.columns.append(column)
    if made.kind == "object" and _is_options(made):
        kind = made.get("type")
        if kind is not None:
            column.type, nested = _type(project, Spot(where, kind, inside))
            _apply(project, column, here)
            if nested is not None:
                _nest(project, entity, column, nested, depth)
            if kind.kind == "array" and len(kind.items) == 1 and kind.items[0].kind == "object":
                _apply(project, column, Spot(where, kind.items[0], inside), references=True)
    else:
        column.type, nested = _type(project, here)
        if (
            made.kind == "array"
            and len(made.items) == 1
            and made.items[0].kind == "object"
            and _is_options(made.items[0])
        ):
            _apply(project, column, Spot(where, made.items[0], inside), references=True)
        if nested is not None:
            _nest(project, entity, column, nested, depth)
    return column


def _is_options(node: Node) -> bool:
    """Tell `{type: String}` from an object with a field of the name `type`."""
    kind = node.get("type")
    return kind is not None and not (kind.kind == "object" and kind.get("type") is not None)


def _type(project: Project, spot: Spot) -> tuple[str, Spot | None]:
    """Give a type, and the definition of what is nested in it."""
    node = spot.node
    if node.kind == "array":
        if not node.items:
            return "array", None
        inner = Spot(spot.module, node.items[0], spot.function)
        if inner.node.kind == "object" and _is_options(inner.node):
            kind = inner.node.get("type")
            text, nested = (
                _type(project, Spot(inner.module, kind, inner.function)) if kind is not None else ("mixed", None)
            )
            return f"{text}[]", nested
        text, nested = _type(project, inner)
        return f"{text}[]", nested
    if node.kind == "object":
        return "object", spot
    if node.kind == "string":
        return _TYPES.get(str(node.value).lower(), str(node.value).lower()), None
    if node.kind == "function":
        scope = spot.module.function(node)
        if scope is not None and scope.returns:
            return _type(project, Spot(spot.module, scope.returns[0], scope.number))
    if (schema := _schema(project, spot)) is not None and schema.node.arguments:
        return "object", settled(project, Spot(schema.module, schema.node.arguments[0], schema.function))
    where, made, inside = project.follow(spot.module, spot.node, spot.function)
    if made is not node and made.kind in ("array", "object", "function"):
        return _type(project, Spot(where, made, inside))
    if made.kind == "class":
        return "object", None
    last = project.origin(spot.module, node, spot.function).rpartition(".")[2] or node.dotted.rpartition(".")[2]
    return _TYPES.get(last.lower(), "mixed"), None


def _nest(project: Project, entity: Entity, column: Column, nested: Spot, depth: int) -> None:
    if column.name.count(".") >= MAX_NESTED or len(entity.columns) > MAX_COLUMNS:
        return
    mark = "[]." if column.type.endswith("[]") else "."
    held = settled(project, nested)
    kind = databases.class_of(project, held) if held.node.kind == "class" else None
    for where, declared in databases.lineage(project, *kind) if kind is not None else []:
        for member in declared.members:
            for name, spot in databases.decorations(project, where, member.decorators, *_DECORATED):
                if name in ("Prop", "prop"):
                    _property(project, entity, f"{column.name}{mark}{member.name}", member.type, spot)
    _definition(project, entity, held, f"{column.name}{mark}", depth + 1)


def _apply(project: Project, column: Column, spot: Spot, *, references: bool = False) -> None:
    """Read a field's options."""

    def worth(key: str) -> object:
        node = spot.node.get(key)
        return project.fold(spot.module, node, spot.function).value if node is not None else None

    if (node := spot.node.get("ref")) is not None:
        column.references = f"{_model_name(project, Spot(spot.module, node, spot.function))}._id"
    if (node := spot.node.get("enum")) is not None and not column.enum:
        held = settled(project, Spot(spot.module, node, spot.function))
        values = held.node.get("values")
        given = (
            Spot(held.module, values, held.function) if values is not None else Spot(spot.module, node, spot.function)
        )
        column.enum = databases.enum_values(project, given)
    if references:
        return
    required = worth("required")
    if isinstance(required, list):
        required = required[0] if required else False
    column.unique = bool(worth("unique"))
    column.index = bool(worth("index"))
    size = worth("maxlength") or worth("maxLength")
    column.length = size if isinstance(size, int) and not isinstance(size, bool) else None
    if (node := spot.node.get("default")) is not None and node.dotted != "undefined":
        column.default = databases.default_text(project, spot.module, column.name, node, spot.function)
    has_default = column.default is not None and column.type not in ("array", "object")
    column.nullable = not (required is True or has_default)
    column.primary_key = column.name == "_id"


def _model_name(project: Project, spot: Spot) -> str:
    """Give the name of the model that a reference means: a string, a class or a model."""
    node = spot.node
    if node.kind == "attribute" and node.value == "name":
        node = node.items[0]
    held = databases.class_of(project, Spot(spot.module, node, spot.function))
    if held is not None:
        return held[1].name
    value = project.fold(spot.module, spot.node, spot.function)
    if value.known and isinstance(value.value, str):
        return value.value
    return node.dotted.rpartition(".")[2]


def _references(entity: Entity, collections: dict[str, str]) -> None:
    """Write references by the names of collections."""
    for column in entity.columns:
        if column.references:
            model = column.references.rpartition(".")[0]
            table = collections.get(model) or databases.plural(model.lower())
            column.references = f"{table}._id"
            if column.type.endswith("[]"):
                entity.relations.append(Relation(column.name, "many_to_many", table))
