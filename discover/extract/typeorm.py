"""TypeORM: entities by decorators or as EntitySchema, what opens the database, and migrations in code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from discover import databases, rules
from discover.code import Class, Member, Module, Node
from discover.findings import Column, Entity, Finding, Place, Proof, Relation, Row
from discover.folding import shown
from discover.project import Project, Unit, Value
from discover.wiring import Spot, settled

_OPENS = re.compile(
    r"^(@nestjs/typeorm\.TypeOrmModule\.forRoot(Async)?|typeorm\.(DataSource|createConnections?|Connection))$"
)
_OPTIONS = ("entities", "synchronize", "autoLoadEntities", "migrations", "migrationsRun", "host", "url", "database")
_COLUMNS = frozenset(
    {"Column", "PrimaryColumn", "PrimaryGeneratedColumn", "CreateDateColumn", "UpdateDateColumn", "DeleteDateColumn",
     "VersionColumn", "ObjectIdColumn"}
)  # fmt: skip
_SCALARS = {
    "string": "string",
    "number": "int",
    "boolean": "bool",
    "date": "datetime",
    "buffer": "blob",
    "bigint": "bigint",
}
_SPELT = {
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "time with time zone": "timetz",
    "character varying": "varchar",
    "double precision": "double",
    "integer": "int",
}


@dataclass(slots=True)
class _Declared:
    """A class that is an entity."""

    module: Module
    kind: Class
    entity: Entity
    line: list[tuple[Module, Class]] = field(default_factory=list)
    """It and its bases, the outermost first."""


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say what is known of TypeORM in a unit."""
    evidence = rules.evidence(project, unit, rules.rules()["typeorm"])
    if evidence is None:
        return
    opened = [
        project.place(module, call)
        for module in project.importing(unit, "typeorm", "@nestjs/typeorm")
        for call in module.calls
        if _OPENS.match(project.origin(module, call.node.items[0], call.function))
    ]
    opened.sort(key=lambda place: -project.proof(place.path))
    evidence.places = list(dict.fromkeys([*opened, *evidence.places]))[:5]
    yield evidence
    proof = evidence.proof
    migrations = list(_migrations(project, unit, proof))
    yield from migrations
    found = [*_from_code(project, unit, proof, bool(migrations))]
    others = {item.value for item in found if item.key == "database" and item.value != "mongodb"}
    if databases.has(unit, "mongoose") and others:
        found = [item for item in found if item.value != "mongodb"]
    if not any(item.key == "database" and not item.unknown for item in found):
        found += _from_files(project, unit, proof, bool(migrations))
    if any(item.key == "database" and not item.unknown for item in found):
        found = [item for item in found if item.key != "database" or not item.unknown]
    if not any(item.key == "database" for item in found):
        for name, place in databases.by_driver(unit).items():
            note = "only from the driver in the manifest"
            found.append(Finding(Row.DATA, "database", name, Proof.LISTED, [place], note=note))
    yield from found
    made = list(entities(project, unit))
    yield from databases.soft_deletes(project, made)
    joins = {entity.table: entity.place for entity in made if entity.kind == "join"}
    for entity in made:
        for relation in entity.relations:
            if relation.kind == "many_to_many" and relation.through:
                key = "relation_self_m2m" if relation.target == entity.table else "relation_m2m"
                value = f"{entity.name}.{relation.name} <-> {relation.target} (join table {relation.through})"
                yield Finding(Row.DATA, key, value, entity.proof, [joins.get(relation.through, entity.place)])


# -- the database -----------------------------------------------------------------------------------------------------


def _options(project: Project, unit: Unit) -> Iterator[Spot]:
    """Give the object literals that look like what a DataSource is opened with."""
    seen = set()
    modules = [
        *project.importing(unit, "typeorm", "@nestjs/typeorm"),
        *project.mentioning(unit, "synchronize", "autoLoadEntities"),
        *project.modules(unit, "ormconfig.*"),
    ]
    for module in modules:
        if module.path in seen:
            continue
        seen.add(module.path)
        for spot in databases.objects(module, "type"):
            keys = [key for key in _OPTIONS if spot.node.get(key) is not None]
            if len(keys) > 1 or any(key in ("synchronize", "autoLoadEntities") for key in keys):
                yield spot


def _from_code(project: Project, unit: Unit, proof: Proof, migrated: bool) -> Iterator[Finding]:
    for spot in _options(project, unit):
        kind = spot.node.get("type")
        if kind is None:
            continue
        value = project.fold(spot.module, kind, spot.function)
        if value.known and not databases.kind(value.value):
            continue
        yield from databases.database(project, unit, value, proof)
        if (node := spot.node.get("synchronize")) is not None:
            yield from _sync(project.fold(spot.module, node, spot.function), spot, node, proof, migrated)


def _sync(value: Value, spot: Spot, node: Node, proof: Proof, migrated: bool) -> Iterator[Finding]:
    text = "synchronize: true" if migrated else "synchronize: true, no migrations"
    place = Place(spot.module.path, node.line)
    if value.known and value.value is True:
        yield Finding(Row.DATA, "schema_sync", text, proof, [place])
    elif not value.known and "NODE_ENV" in value.text:
        yield Finding(Row.DATA, "schema_sync", text, proof, [place], condition=f"only if {shown(node)}")


def _from_files(project: Project, unit: Unit, proof: Proof, migrated: bool) -> Iterator[Finding]:
    """Read ormconfig files, and those that are given as an example."""
    for path in databases.files(project, unit, "ormconfig*", "ormconfig.*.example", "ormconfig.example.*"):
        if path.endswith((".ts", ".js")) or project.unit_of(path) not in databases.homes(unit):
            continue
        example = bool(re.search(r"example|sample|dist$|template", path))
        name = path.rpartition("/")[2]
        drivers = databases.by_driver(unit)
        for number, line in enumerate(project.text(path).splitlines(), 1):
            if (found := re.match(r"""\s*["']?type["']?\s*[:=]\s*["']?([\w-]+)""", line)) and databases.kind(found[1]):
                kind = databases.kind(found[1])
                also = " and the driver" if kind in drivers else ""
                note = f"only from {name}{also}" if example else ""
                places = [Place(path, number), *([drivers[kind]] if kind in drivers else [])]
                yield Finding(Row.DATA, "database", kind, proof, places, note=note)
            if re.match(r"""\s*["']?synchronize["']?\s*[:=]\s*true""", line):
                text = "synchronize: true" if migrated else "synchronize: true, no migrations"
                note = f"only from {name}" if example else ""
                yield Finding(Row.DATA, "schema_sync", text, proof, [Place(path, number)], note=note)
    for variable in ("TYPEORM_CONNECTION", "TYPEORM_TYPE"):
        for text, place in databases.examples(project, unit, variable):
            if kind := databases.kind(text):
                note = f"only from {place.path} and TypeORM's own variables"
                yield Finding(Row.DATA, "database", kind, proof, [place], note=note)


def _migrations(project: Project, unit: Unit, proof: Proof) -> Iterator[Finding]:
    """Count the classes that have both an `up` and a `down` for a query runner."""
    found: list[tuple[Place, bool]] = []
    for module in project.mentioning(unit, "MigrationInterface", "queryRunner"):
        for kind in module.classes:
            names = {member.name for member in kind.members}
            if not {"up", "down"} <= names:
                continue
            place, raw = Place(module.path, kind.line), False
            for call in module.calls:
                scope = module.functions[call.function] if call.function >= 0 else None
                name = call.node.items[0].dotted.rpartition(".")[2]
                if (
                    scope is not None
                    and scope.name == "up"
                    and scope.owner == kind.name
                    and name == "query"
                    and not raw
                ):
                    place, raw = project.place(module, call), True
            found.append((place, raw))
    if found:
        value = f"typeorm, {len(found)}" + (", raw SQL in queryRunner.query" if any(raw for _, raw in found) else "")
        yield Finding(Row.DATA, "migrations", value, proof, [place for place, _ in found[:3]])


# -- entities ---------------------------------------------------------------------------------------------------------


def entities(project: Project, unit: Unit) -> Iterator[Entity]:
    """Give the entities of a unit, and the tables between them."""
    snake = any(
        re.search(r"Snake\w*NamingStrategy", call.node.items[0].dotted)
        for module in project.mentioning(unit, "NamingStrategy")
        for call in module.calls
    )
    declared: dict[tuple[str, str], _Declared] = {}
    children: list[_Declared] = []
    for module in project.importing(unit, "typeorm"):
        for kind in module.classes:
            for name, spot in databases.decorations(project, module, kind.decorators, "typeorm"):
                if name in ("Entity", "ChildEntity"):
                    table, schema = _table(project, kind, spot)
                    place = Place(module.path, spot.node.line)
                    entity = Entity(kind.name, f"{schema}.{table}" if schema else table, place, source="typeorm")
                    entity.proof = project.proof(module.path)
                    item = _Declared(module, kind, entity, databases.lineage(project, module, kind))
                    if name == "Entity":
                        declared[module.path, kind.name] = item
                    else:
                        children.append(item)
    for item in declared.values():
        for module, kind in item.line:
            for member in kind.members:
                _column(project, item.entity, module, member, snake)
            _class_keys(project, item.entity, module, kind)
    for child in children:
        parent = next((found for where, base in child.line if (found := declared.get((where.path, base.name)))), None)
        if parent is not None and child.line:
            for member in child.kind.members:
                _column(project, parent.entity, child.module, member, snake)
    joins: list[Entity] = []
    for item in declared.values():
        for module, kind in item.line:
            for member in kind.members:
                _relation(project, item, module, member, declared, joins, snake)
    for item in declared.values():
        if any(column.type == "objectid" for column in item.entity.columns):
            item.entity.kind = "collection"
        elif databases.is_join(item.entity):
            item.entity.kind = "join"
        yield item.entity
    yield from joins
    tables = {item.kind.name: item.entity for item in declared.values()}
    schemas = list(_schemas(project, unit))
    tables |= {entity.name: entity for entity in schemas}
    for entity in schemas:
        for column in entity.columns:
            if column.references.startswith("?"):
                target = tables.get(column.references[1:])
                keys = [key for key in target.columns if key.primary_key] if target is not None else []
                column.references = f"{target.table}.{keys[0].name if keys else 'id'}" if target is not None else ""
                column.type = keys[0].type if keys else column.type
        for relation in entity.relations:
            relation.target = tables[relation.target].table if relation.target in tables else relation.target
        yield entity


def _table(project: Project, kind: Class, spot: Spot) -> tuple[str, str]:
    """Give the table's name and its schema."""
    name, schema = databases.snake(kind.name), ""
    for argument in spot.node.arguments:
        held = settled(project, Spot(spot.module, argument, kind.function))
        if held.node.kind == "object":
            for key in ("name", "schema"):
                if (node := held.node.get(key)) is not None:
                    value = project.fold(held.module, node, held.function)
                    if key == "name":
                        name = str(value)
                    elif value.known and value.value != "public":
                        schema = str(value.value)
        else:
            value = project.fold(spot.module, argument, kind.function)
            if value.known and isinstance(value.value, str) and value.value:
                name = value.value
    return name, schema


def _decorations(project: Project, module: Module, member: Member) -> list[tuple[str, Spot]]:
    return list(databases.decorations(project, module, member.decorators, "typeorm"))


def _settings(project: Project, spot: Spot, depth: int = 0) -> dict[str, tuple[Value, Spot]]:
    """Give what a decorator's object of options says, each folded."""
    found: dict[str, tuple[Value, Spot]] = {}
    for argument in spot.node.arguments:
        held = settled(project, Spot(spot.module, argument, spot.function))
        for key, node in held.node.pairs if held.node.kind == "object" else []:
            inner = Spot(held.module, node, held.function)
            if key == "..." and depth < 4:
                spread = node.items[0] if node.kind == "spread" else node
                wrapped = Node("call", node.line, None, [Node("name", node.line, ""), spread])
                found |= _settings(project, Spot(held.module, wrapped, held.function), depth + 1)
            elif key and key != "...":
                found[key] = (project.fold(inner.module, node, inner.function), inner)
    return found


def _column(project: Project, entity: Entity, module: Module, member: Member, snake: bool, prefix: str = "") -> None:
    marks = _decorations(project, module, member)
    given = [(name, spot) for name, spot in marks if name in _COLUMNS]
    mark = next((pair for pair in given if pair[0] != "Column"), given[0] if given else None)
    if mark is None:
        return
    name, spot = mark
    settings = _settings(project, spot)
    arguments = spot.node.arguments
    if name == "Column" and arguments and arguments[0].kind == "function" and prefix.count(" ") < 3:
        held = databases.class_of(project, Spot(module, arguments[0]))
        if held is not None and _embeds(project, *held):
            own = settings.get("prefix")
            part = member.name if own is None or own[0].value is True else str(own[0].value or "")
            for where, kind in databases.lineage(project, *held):
                for item in kind.members:
                    _column(project, entity, where, item, snake, f"{prefix} {part}".strip())
            return
    column = Column(databases.camel(f"{prefix} {member.name}") if prefix else member.name, "", nullable=False)
    _type(project, column, name, spot, settings, member)
    _flags(project, column, name, settings)
    if "name" in settings and settings["name"][0].known:
        column.column = str(settings["name"][0].value)
    elif snake:
        column.column = databases.snake(column.name)
    column.column = "" if column.column == column.name else column.column
    for other, call in marks:
        inner = _settings(project, call)
        if other == "Index":
            column.index = True
            column.unique = column.unique or ("unique" in inner and inner["unique"][0].value is True)
        elif other == "Unique":
            column.unique = True
        elif other == "Generated":
            column.default = (
                "uuid" if call.node.arguments and call.node.arguments[0].value == "uuid" else "auto increment"
            )
    entity.columns = [known for known in entity.columns if known.name != column.name]
    entity.columns.append(column)


def _embeds(project: Project, module: Module, kind: Class) -> bool:
    return any(
        name in _COLUMNS
        for where, held in databases.lineage(project, module, kind)
        for member in held.members
        for name, _ in _decorations(project, where, member)
    )


def _type(
    project: Project, column: Column, name: str, spot: Spot, settings: dict[str, tuple[Value, Spot]], member: Member
) -> None:
    """Find a column's type: what the decorator says, else the property's annotation."""
    arguments = spot.node.arguments
    first = arguments[0] if arguments else None
    text = ""
    if first is not None and first.kind != "object":
        value = project.fold(spot.module, first, spot.function)
        text = str(value.value) if value.known and isinstance(value.value, str) else first.dotted
        if first.kind == "function":
            text = _returned(spot.module, first)
    if "type" in settings:
        value, inner = settings["type"]
        text = str(value.value) if value.known else inner.node.dotted or _returned(inner.module, inner.node)
    if name == "PrimaryGeneratedColumn":
        strategy = text if text in ("uuid", "increment", "rowid", "identity") else ""
        if "type" in settings and text not in ("uuid", "increment", "rowid", "identity"):
            column.type = _SPELT.get(text.lower(), text.lower())
        else:
            column.type = "uuid" if strategy == "uuid" else "int"
        column.primary_key = True
        column.default = "uuid" if column.type == "uuid" else "auto increment"
        return
    if name == "ObjectIdColumn":
        column.type, column.primary_key = "objectid", True
        return
    if name in ("CreateDateColumn", "UpdateDateColumn", "DeleteDateColumn"):
        column.type = _SPELT.get(text.lower(), text.lower()) or "timestamp"
        column.nullable = name == "DeleteDateColumn"
        column.default = None if name == "DeleteDateColumn" else "now"
        return
    column.primary_key = name == "PrimaryColumn"
    column.type = _kind(project, spot.module, text or member.type)
    if name == "VersionColumn":
        column.type = "int"
    if column.type in ("enum", "simple-enum", "set") or "enum" in settings:
        if "enum" in settings:
            column.enum = databases.enum_values(project, settings["enum"][1])
        column.type = "set" if column.type == "set" else "enum"
    for key in ("length", "precision"):
        if key in settings and settings[key][0].known:
            size = str(settings[key][0].value)
            scale = settings.get("scale")
            tail = f",{scale[0].value}" if key == "precision" and scale is not None and scale[0].known else ""
            if key == "length" and size.isdigit():
                column.length = int(size)
            if "(" not in column.type and (key == "length" or column.type in ("decimal", "numeric")):
                column.type += f"({size}{tail})"
    if settings.get("array", (Value(False), spot))[0].value is True and not column.type.endswith("[]"):
        column.type += "[]"


def _returned(module: Module, node: Node) -> str:
    scope = module.function(node)
    return scope.returns[0].dotted if scope is not None and scope.returns else ""


def _kind(project: Project, module: Module, text: str) -> str:
    """Write a type as the source says it; an annotation's `| null` is left out."""
    parts = [part.strip() for part in text.split("|") if part.strip() not in ("null", "undefined")]
    bare = parts[0] if parts else "string"
    if all(re.match(r"""^["'`]""", part) for part in parts):
        return "string"
    lower = bare.lower()
    if lower in _SCALARS:
        return _SCALARS[lower]
    if re.match(r"^[A-Za-z_$][\w$]*$", bare) and bare[0].isupper():
        held = databases.class_of(project, Spot(module, Node("name", 0, bare)))
        if held is not None and held[1].kind == "enum":
            numeric = any(item.value is None or item.value.kind == "number" for item in held[1].members)
            return "int" if numeric else "string"
        return "string"
    return _SPELT.get(lower, lower)


def _flags(project: Project, column: Column, name: str, settings: dict[str, tuple[Value, Spot]]) -> None:
    def on(key: str) -> bool:
        return key in settings and settings[key][0].value is True

    if "nullable" in settings and name != "PrimaryColumn":
        column.nullable = on("nullable")
    column.unique = column.unique or on("unique")
    column.primary_key = column.primary_key or on("primary")
    if "default" in settings:
        _, inner = settings["default"]
        column.default = databases.default_text(project, inner.module, column.name, inner.node, inner.function)


def _class_keys(project: Project, entity: Entity, module: Module, kind: Class) -> None:
    """Read `@Index([...])` and `@Unique([...])` of a class."""
    by_name = {column.name: column for column in entity.columns}
    for name, spot in databases.decorations(project, module, kind.decorators, "typeorm"):
        if name == "TableInheritance":
            value = next((project.fold(module, item, kind.function).value for item in spot.node.arguments), None)
            given = value.get("column") if isinstance(value, dict) else None
            given = given if isinstance(given, dict) else {"name": given or "type"}
            entity.columns.append(Column(str(given.get("name") or "type"), str(given.get("type") or "varchar"), False))
        if name not in ("Index", "Unique"):
            continue
        values = [project.fold(module, argument, kind.function) for argument in spot.node.arguments]
        members = next((databases.texts(value) for value in values if databases.texts(value)), [])
        label = next((str(value.value) for value in values if isinstance(value.value, str)), "")
        unique = name == "Unique" or any(
            isinstance(value.value, dict) and value.value.get("unique") for value in values
        )
        if not members and name == "Unique":
            members = [str(value.value) for value in values if isinstance(value.value, str)]
            label = ""
        shown_names = [by_name[item].column or item if item in by_name else item for item in members]
        if unique and len(members) == 1 and members[0] in by_name:
            by_name[members[0]].unique = True
        elif len(members) == 1 and members[0] in by_name:
            by_name[members[0]].index = True
        elif members:
            entity.indexes.append(databases.index_text(shown_names, label, unique=unique))


# -- relations --------------------------------------------------------------------------------------------------------


def _relation(
    project: Project,
    item: _Declared,
    module: Module,
    member: Member,
    declared: dict[tuple[str, str], _Declared],
    joins: list[Entity],
    snake: bool,
) -> None:
    marks = dict(_decorations(project, module, member))
    name = next((key for key in ("ManyToOne", "OneToOne", "OneToMany", "ManyToMany", "TreeParent") if key in marks), "")
    if not name:
        return
    spot = marks[name]
    target = item if name == "TreeParent" else _target(project, spot, declared)
    if name in ("ManyToOne", "TreeParent") or (name == "OneToOne" and "JoinColumn" in marks):
        _foreign_key(project, item.entity, member, target, marks, name, snake)
    elif target is None:
        return
    elif name == "ManyToMany":
        through = ""
        if "JoinTable" in marks:
            join = _join(project, item, member, target, marks["JoinTable"], snake)
            through = join.table
            joins.append(join)
        item.entity.relations.append(Relation(member.name, "many_to_many", target.entity.table, through))
    else:
        shape = "one_to_many" if name == "OneToMany" else "one_to_one"
        item.entity.relations.append(Relation(member.name, shape, target.entity.table))


def _target(project: Project, spot: Spot, declared: dict[tuple[str, str], _Declared]) -> _Declared | None:
    for argument in spot.node.arguments[:1]:
        if argument.kind == "string":
            named = str(argument.value)
            return next((held for held in declared.values() if named in (held.kind.name, held.entity.table)), None)
        if (held := databases.class_of(project, Spot(spot.module, argument, spot.function))) is not None:
            return declared.get((held[0].path, held[1].name))
    return None


def _key_of(target: _Declared | None) -> Column:
    keys = [column for column in target.entity.columns if column.primary_key] if target is not None else []
    return keys[0] if keys else Column("id", "int")


def _foreign_key(
    project: Project,
    entity: Entity,
    member: Member,
    target: _Declared | None,
    marks: dict[str, Spot],
    name: str,
    snake: bool,
) -> None:
    """Give the column that a relation's owning side has, or complete the one that is declared beside it."""
    settings = _settings(project, marks[name])
    columns: list[Any] = []
    if "JoinColumn" in marks:
        for argument in marks["JoinColumn"].node.arguments:
            value = project.fold(marks["JoinColumn"].module, argument)
            columns += [part for part in (value.value if isinstance(value.value, list) else [value.value]) if part]
    for option in columns or [{}]:
        option = option if isinstance(option, dict) else {}
        key = _key_of(target)
        wanted = option.get("referencedColumnName")
        if wanted and target is not None:
            key = next((column for column in target.entity.columns if wanted in (column.name, column.column)), key)
        code = databases.camel(f"{member.name} {key.name}")
        stored = str(option.get("name") or (databases.snake(code) if snake else code))
        known = next(
            (column for column in entity.columns if stored in (column.name, column.column) or column.name == code), None
        )
        if known is None:
            known = Column(code, key.type, column=stored if stored != code else "")
            known.nullable = "nullable" not in settings or settings["nullable"][0].value is not False
            known.primary_key = "primary" in settings and settings["primary"][0].value is True
            known.index = "Index" in marks
            entity.columns.append(known)
        if "PrimaryColumn" in marks or known.primary_key:
            known.primary_key, known.nullable = True, False
        known.unique = known.unique or name == "OneToOne"
        if target is not None:
            known.references = f"{target.entity.table}.{key.column or key.name}"
        if "onDelete" in settings and settings["onDelete"][0].known:
            known.on_delete = str(settings["onDelete"][0].value).lower().replace(" ", "-")


def _join(project: Project, item: _Declared, member: Member, target: _Declared, spot: Spot, snake: bool) -> Entity:
    """Give the table that `@JoinTable` makes."""
    settings = _settings(project, spot)
    here, there = item.entity.table.rpartition(".")[2], target.entity.table.rpartition(".")[2]
    table = databases.snake(f"{here}_{member.name.replace('.', '_')}_{there}")
    if "name" in settings and settings["name"][0].known:
        table = str(settings["name"][0].value)
    place = Place(spot.module.path, spot.node.line)
    entity = Entity(table, table, place, "join", source="typeorm", proof=item.entity.proof)
    for number, (side, own, option) in enumerate(
        ((item, here, "joinColumn"), (target, there, "inverseJoinColumn")), start=1
    ):
        key = _key_of(side)
        name = databases.camel(f"{own}_{key.name}") + (f"_{number}" if here == there else "")
        name = databases.snake(name) if snake else name
        given = settings[option][0].value if option in settings else None
        if isinstance(given, dict) and given.get("name"):
            name = str(given["name"])
        column = Column(name, key.type, nullable=False, primary_key=True, on_delete="cascade")
        column.references = f"{side.entity.table}.{key.column or key.name}"
        entity.columns.append(column)
    return entity


# -- entities without classes -----------------------------------------------------------------------------------------


def _schemas(project: Project, unit: Unit) -> Iterator[Entity]:
    """Read `new EntitySchema({...})`."""
    for module in project.importing(unit, "typeorm"):
        for call in module.calls:
            if project.origin(module, call.node.items[0], call.function) != "typeorm.EntitySchema":
                continue
            if not call.node.arguments:
                continue
            held = settled(project, Spot(module, call.node.arguments[0], call.function))
            settings = _settings(project, Spot(module, call.node, call.function))
            name = str(settings["name"][0]) if "name" in settings else ""
            table = str(settings["tableName"][0]) if "tableName" in settings else databases.snake(name)
            if not table:
                continue
            entity = Entity(
                name, table, project.place(module, call), source="typeorm", proof=project.proof(module.path)
            )
            columns = held.node.get("columns")
            for key, node in columns.pairs if columns is not None else []:
                wrapped = Node("call", node.line, None, [Node("name", node.line, ""), node])
                spot = Spot(held.module, wrapped, held.function)
                inner = _settings(project, spot)
                column = Column(key, "", nullable=False)
                _type(project, column, "Column", spot, inner, Member(key, node.line))
                _flags(project, column, "Column", inner)
                if "generated" in inner and inner["generated"][0].value:
                    column.default = "uuid" if inner["generated"][0].value == "uuid" else "auto increment"
                    column.type = "uuid" if column.default == "uuid" else column.type
                if "name" in inner and inner["name"][0].value != key:
                    column.column = str(inner["name"][0])
                entity.columns.append(column)
            _schema_relations(project, entity, held)
            yield entity


def _schema_relations(project: Project, entity: Entity, held: Spot) -> None:
    relations = held.node.get("relations")
    for key, node in relations.pairs if relations is not None else []:
        value = project.fold(held.module, node, held.function)
        option = value.value if isinstance(value.value, dict) else {}
        target = str(option.get("target", ""))
        join = option.get("joinColumn")
        if option.get("type") == "many-to-one" or (option.get("type") == "one-to-one" and join):
            stored = str(join["name"]) if isinstance(join, dict) and join.get("name") else f"{key}Id"
            column = Column(f"{key}Id", "int", column=stored if stored != f"{key}Id" else "", references=f"?{target}")
            column.nullable = option.get("nullable") is not False
            column.on_delete = str(option.get("onDelete") or "").lower().replace(" ", "-")
            if not any(stored in (known.name, known.column) for known in entity.columns):
                entity.columns.append(column)
        elif target:
            shape = {"many-to-many": "many_to_many", "one-to-many": "one_to_many"}.get(
                str(option.get("type")), "one_to_one"
            )
            entity.relations.append(Relation(key, shape, target))
