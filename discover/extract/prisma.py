"""Prisma: what a schema declares, and whether anything uses the client that is generated from it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from discover import databases
from discover.findings import Column, Entity, Finding, Place, Proof, Relation, Row
from discover.prisma import Block, Field, names, unquoted
from discover.project import Project, Unit, Value
from discover.workers import TaskError

_TYPES = {"boolean": "bool"}
_MADE = {"cuid": "cuid", "uuid": "uuid", "ulid": "ulid", "nanoid": "nanoid"}
_ON_DELETE = {
    "Cascade": "cascade",
    "SetNull": "set-null",
    "Restrict": "restrict",
    "NoAction": "no-action",
    "SetDefault": "set-default",
}


@dataclass(slots=True)
class _Schema:
    """One schema: a file, or the files of a folder."""

    path: str
    """The file with the datasource."""
    blocks: list[tuple[str, Block]] = field(default_factory=list)
    """(path, block)"""

    def of(self, *kinds: str) -> list[tuple[str, Block]]:
        return [(path, block) for path, block in self.blocks if block.kind in kinds]


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say what the schemas of a unit and their migrations tell."""
    schemas = _schemas(project, unit)
    proof, places = _usage(project, unit)
    if not schemas:
        listed = next(
            (home.npm["@prisma/client"] for home in databases.homes(unit) if "@prisma/client" in home.npm), None
        )
        if listed is not None:
            yield Finding(Row.DATA, "orm", "prisma", max(proof, Proof.LISTED), [*places[:3], listed.place])
        elif left := [path for path in project.files(unit, "prisma/*") if _beside(project, unit, path)]:
            yield Finding(Row.DATA, "prisma", f"absent (leftover {left[0]}, no schema)", Proof.USED, [Place(left[0])])
        return
    for schema in schemas:
        yield from _about(project, unit, schema, proof, places)


def _beside(project: Project, unit: Unit, path: str) -> bool:
    """Tell whether a file lies in a folder `prisma` that has no schema and no code."""
    folder = posixpath.join(unit.folder, "prisma") + "/"
    return path.startswith(folder) and not any(
        other.startswith(folder) and other.endswith((".prisma", ".ts", ".js", ".sql")) for other in project.tree.files
    )


def _about(project: Project, unit: Unit, schema: _Schema, proof: Proof, used: list[Place]) -> Iterator[Finding]:
    generators = schema.of("generator")
    first = Place(schema.path, 1)
    at = Place(generators[0][0], generators[0][1].line) if generators else first
    note = "" if proof >= Proof.USED else "a schema that no code uses"
    yield Finding(Row.DATA, "orm", "prisma", proof, [at, *used[:3]], note=note)
    for path, block in schema.of("datasource")[:1]:
        text, line = block.values.get("provider", ("", block.line))
        place = Place(path, line)
        if text.startswith('"'):
            value = Value(True, unquoted(text), place)
        else:
            variable = re.search(r'env\("(\w+)"\)', text)
            value = Value(False, place=place, env=variable[1] if variable else "", text=text)
        for found in databases.database(project, unit, value, proof):
            found.note = found.note or note
            yield found
    yield from _migrations(project, unit, schema, proof)
    yield from _relations(schema, proof)
    yield from _table_names(schema, proof)
    yield from databases.soft_deletes(project, _entities(schema, proof))


def _migrations(project: Project, unit: Unit, schema: _Schema, proof: Proof) -> Iterator[Finding]:
    folder = posixpath.dirname(schema.path)
    candidates = [folder, posixpath.dirname(folder)] if posixpath.basename(folder) == "schema" else [folder]
    for base in candidates:
        prefix = f"{base}/migrations/" if base else "migrations/"
        steps = [path for path in project.tree.files if path.startswith(prefix) and path.endswith("/migration.sql")]
        if steps:
            lock = f"{prefix}migration_lock.toml"
            line = project.tree.line(lock, r"^\s*provider") if project.tree.exists(lock) else 0
            places = [Place(lock, line)] if line else [Place(steps[0], 1)]
            yield Finding(Row.DATA, "migrations", f"prisma migrate, {len(steps)}", proof, places)
            return
    for home in databases.homes(unit):
        for name, command in home.scripts.items():
            if "prisma db push" in command:
                manifest = next((path for path in home.manifests if path.endswith("package.json")), "")
                line = project.tree.line(manifest, rf'"{re.escape(name)}"\s*:') if manifest else 0
                value = "prisma db push, no migrations"
                yield Finding(Row.DATA, "schema_sync", value, proof, [Place(manifest, line)])
                return


def _relations(schema: _Schema, proof: Proof) -> Iterator[Finding]:
    models = {block.name: block for _, block in schema.of("model")}
    for path, block, item, other in _many_to_many(schema):
        label = _relation_name(item)
        name = f' "{label}"' if label else ""
        value = f"{block.name}.{item.name} <-> {item.type}.{other.name}{name} (implicit)"
        key = "relation_self_m2m" if item.type == block.name else "relation_m2m"
        if item.type in models:
            yield Finding(Row.DATA, key, value, proof, [Place(path, item.line)])


def _table_names(schema: _Schema, proof: Proof) -> Iterator[Finding]:
    mapped = [(path, block, _mapped(block)) for path, block in schema.of("model") if _mapped(block)]
    if not mapped:
        return
    style = []
    if all(name == name.lower() for _, _, name in mapped):
        style.append("snake case")
    if all(name.endswith("s") for _, _, name in mapped):
        style.append("plural")
    value = f"@@map to {' '.join(style)}" if style else "@@map to names of their own"
    path, block, _ = mapped[0]
    place = Place(path, _line_of_map(block))
    some = len(mapped) < len(schema.of("model"))
    yield Finding(Row.DATA, "table_names", value, proof, [place], scope=f"{len(mapped)} of the models" if some else "")


def _line_of_map(block: Block) -> int:
    """Give about the line of `@@map`: models end with it."""
    return (block.fields[-1].line if block.fields else block.line) + 1 + len(block.attributes)


def entities(project: Project, unit: Unit) -> Iterator[Entity]:
    """Give the models of a unit's schemas."""
    proof, _ = _usage(project, unit)
    for schema in _schemas(project, unit):
        yield from _entities(schema, proof)


# -- which schema, and who uses it ------------------------------------------------------------------------------------


def _usage(project: Project, unit: Unit) -> tuple[Proof, list[Place]]:
    """Say how far the use of a generated client goes."""
    proof, places = Proof.NAMED, []
    if databases.has(unit, "@prisma/client"):
        proof = Proof.LISTED
    for module in project.mentioning(unit, "PrismaClient", "prisma-client", "from prisma import"):
        for call in module.calls:
            name = call.node.items[0].dotted
            if (call.node.kind == "new" and name.rpartition(".")[2] == "PrismaClient") or (
                module.language == "python"
                and project.origin(module, call.node.items[0], call.function) == "prisma.Prisma"
            ):
                proof = max(proof, project.proof(module.path))
                places.append(project.place(module, call))
        for declared in module.classes:
            if any(base.dotted.rpartition(".")[2] == "PrismaClient" for base in declared.bases):
                proof = max(proof, project.proof(module.path))
                places.append(Place(module.path, declared.line))
        if proof < Proof.IMPORTED and any(
            brought.module.startswith("@prisma/client") and not brought.type_only for brought in module.imports
        ):
            proof = Proof.IMPORTED
    return proof, places


def _schemas(project: Project, unit: Unit) -> list[_Schema]:
    """Find the schemas of a unit: the one that is configured, or the usual place, or all."""
    paths = databases.files(project, unit, "*.prisma", root=databases.has(unit, "@prisma/client", "prisma"))
    read: dict[str, list[Block]] = {}
    for path in paths:
        try:
            read[path] = project.workers.run("discover.prisma:read", project.text(path))
        except TaskError as error:
            project.tree.skipped.setdefault(path, str(error))
    heads = [path for path, blocks in read.items() if any(block.kind == "datasource" for block in blocks)]
    schemas = {path: _Schema(path, [(path, block) for block in read[path]]) for path in heads}
    for path, blocks in read.items():
        if path in schemas or not heads:
            continue
        nearest = max(heads, key=partial(_near, path))
        schemas[nearest].blocks += [(path, block) for block in blocks]
    if not heads:
        models = [(path, block) for path, blocks in read.items() for block in blocks]
        return [_Schema(models[0][0], models)] if any(block.kind == "model" for _, block in models) else []
    if len(heads) > 1:
        return [schemas[path] for path in _chosen(project, unit, heads)]
    return list(schemas.values())


def _near(path: str, head: str) -> int:
    """Count the folders that two paths have in common."""
    count = 0
    for one, two in zip(head.split("/")[:-1], path.split("/")[:-1], strict=False):
        if one != two:
            break
        count += 1
    return count


def _chosen(project: Project, unit: Unit, heads: list[str]) -> list[str]:
    """Say which of several schemas are in use: those that are configured or named by a script, else the usual place."""
    named: list[str] = []
    for home in databases.homes(unit):
        manifest = posixpath.join(home.folder, "package.json")
        data = project.data(manifest) if project.tree.exists(manifest) else None
        config = data.get("prisma") if isinstance(data, dict) else None
        if isinstance(config, dict) and isinstance(config.get("schema"), str):
            named.append(posixpath.normpath(posixpath.join(home.folder, config["schema"])))
        for command in home.scripts.values():
            named += [
                posixpath.normpath(posixpath.join(home.folder, found[1]))
                for found in re.finditer(r"--schema[= ]\s*[\"']?([\w./-]+)", command)
            ]
    for module in project.modules(unit, "prisma.config.*"):
        for spot in databases.objects(module, "schema"):
            value = project.fold(module, spot.node.get("schema") or spot.node, spot.function)
            if value.known:
                named.append(posixpath.normpath(posixpath.join(posixpath.dirname(module.path), str(value.value))))
    used = [head for head in heads if any(head == name or head.startswith(f"{name}/") for name in named)]
    usual = [
        posixpath.normpath(posixpath.join(home.folder, name))
        for home in databases.homes(unit)
        for name in ("prisma/schema.prisma", "schema.prisma")
    ]
    return used or [head for head in heads if head in usual] or heads


# -- models -----------------------------------------------------------------------------------------------------------


def _mapped(block: Block) -> str:
    found = block.attribute("map")
    return unquoted(found.get("name", 0)) if found is not None else ""


def _table(block: Block) -> str:
    return _mapped(block) or block.name


def _column_name(item: Field) -> str:
    found = item.attribute("map")
    return unquoted(found.get("name", 0)) if found is not None else item.name


def _relation_name(item: Field) -> str:
    found = item.attribute("relation")
    return unquoted(found.get("name", 0)) if found is not None else ""


def _entities(schema: _Schema, proof: Proof) -> Iterator[Entity]:
    models = {block.name: block for _, block in schema.of("model", "view")}
    enums = {block.name: [value.name for value in block.fields] for _, block in schema.of("enum")}
    composite = {block.name for _, block in schema.of("type")}
    provider = next((unquoted(block.values.get("provider", ("", 0))[0]) for _, block in schema.of("datasource")), "")
    for path, block in schema.of("model"):
        entity = Entity(block.name, _table(block), Place(path, block.line), source="prisma", proof=proof)
        entity.kind = "collection" if provider == "mongodb" else "table"
        for item in block.fields:
            if item.type in models:
                relation = _other_side(block, item, models)
                if relation is not None:
                    entity.relations.append(relation)
            else:
                entity.columns.append(_column(item, enums, composite))
        _keys(block, entity, models)
        yield entity
    for path, block, item, _ in _many_to_many(schema):
        if provider != "mongodb" and item.type in models:
            yield _join(path, block, item, models, proof)


def _column(item: Field, enums: dict[str, list[str]], composite: set[str]) -> Column:
    kind = _TYPES.get(item.type.lower(), item.type.lower())
    column = Column(item.name, kind, nullable=item.optional or item.many)
    if item.type in enums:
        column.type, column.enum = "enum", list(enums[item.type])
    elif item.type in composite:
        column.type = "object"
    native = next((attribute for attribute in item.attributes if attribute.name.startswith("db.")), None)
    if native is not None and item.type not in enums:
        size = ",".join(text for _, text in native.arguments)
        column.type = native.name.removeprefix("db.").lower() + (f"({size})" if size else "")
        column.type = _TYPES.get(column.type, column.type)
        if size.isdigit() and "char" in column.type:
            column.length = int(size)
    if (name := _column_name(item)) != item.name:
        column.column = name
    column.primary_key = item.attribute("id") is not None
    column.unique = item.attribute("unique") is not None
    default = item.attribute("default")
    if default is not None:
        _default(column, default.get("value", 0))
    if item.many:
        column.type += "[]"
    return column


def _default(column: Column, text: str) -> None:
    called = re.match(r"(\w+)\(", text)
    if called is None:
        column.default = databases.literal(column.name, unquoted(text))
    elif called[1] in _MADE and column.type == "string":
        column.type = _MADE[called[1]]
    elif called[1] == "dbgenerated":
        inner = unquoted(text.removeprefix("dbgenerated(").removesuffix(")"))
        column.default = "now" if re.match(r"now\(|current_timestamp", inner, re.IGNORECASE) else inner
    elif called[1] not in _MADE and called[1] != "auto":
        column.default = "auto increment" if called[1] == "autoincrement" else called[1]


def _keys(block: Block, entity: Entity, models: dict[str, Block]) -> None:
    """Put in what stands outside of the columns' own lines: keys, indexes, references."""
    by_name = {column.name: column for column in entity.columns}
    spelt = {column.name: column.column or column.name for column in entity.columns}
    for attribute in block.attributes:
        members = names(attribute.get("fields", 0))
        columns = [by_name[name] for name in members if name in by_name]
        shown = [spelt.get(name, name) for name in members]
        label = unquoted(attribute.get("map") or attribute.get("name"))
        if attribute.name == "id":
            for column in columns:
                column.primary_key = True
        elif attribute.name == "unique" and len(members) == 1 and columns:
            columns[0].unique = True
        elif attribute.name == "unique" and members:
            entity.indexes.append(databases.index_text(shown, label, unique=True))
        elif attribute.name in ("index", "fulltext") and len(members) == 1 and columns:
            columns[0].index = True
        elif attribute.name in ("index", "fulltext") and members:
            entity.indexes.append(databases.index_text(shown, label))
    for item in block.fields:
        relation = item.attribute("relation")
        target = models.get(item.type)
        if relation is None or target is None:
            continue
        to = {other.name: _column_name(other) for other in target.fields}
        here, there = names(relation.get("fields")), names(relation.get("references"))
        for name, other in zip(here, there, strict=False):
            if name in by_name:
                by_name[name].references = f"{_table(target)}.{to.get(other, other)}"
                by_name[name].on_delete = _ON_DELETE.get(relation.get("onDelete"), "")


def _opposite(block: Block, item: Field, target: Block) -> Field | None:
    """Give the other side of a relation."""
    label = _relation_name(item)
    for other in target.fields:
        if other.type == block.name and other is not item and _relation_name(other) == label:
            return other
    return None


def _is_key(item: Field) -> bool:
    relation = item.attribute("relation")
    return relation is not None and bool(relation.get("fields"))


def _other_side(block: Block, item: Field, models: dict[str, Block]) -> Relation | None:
    target = models[item.type]
    other = _opposite(block, item, target)
    if _is_key(item):
        return None
    if item.many and other is not None and other.many:
        return Relation(item.name, "many_to_many", _table(target), _join_table(block, item))
    return Relation(item.name, "one_to_many" if item.many else "one_to_one", _table(target))


def _join_table(block: Block, item: Field) -> str:
    label = _relation_name(item)
    return f"_{label}" if label else f"_{'To'.join(sorted([block.name, item.type]))}"


def _many_to_many(schema: _Schema) -> Iterator[tuple[str, Block, Field, Field]]:
    """Give each implicit many-to-many relation once, from the side that comes first."""
    models = {block.name: block for _, block in schema.of("model")}
    seen: set[int] = set()
    for path, block in schema.of("model"):
        for item in block.fields:
            target = models.get(item.type)
            if target is None or not item.many or id(item) in seen or _is_key(item):
                continue
            other = _opposite(block, item, target)
            if other is not None and other.many and not _is_key(other):
                seen |= {id(item), id(other)}
                yield path, block, item, other


def _join(path: str, block: Block, item: Field, models: dict[str, Block], proof: Proof) -> Entity:
    """Give the table that a schema never names."""
    table = _join_table(block, item)
    entity = Entity(table, table, Place(path, item.line), "join", source="prisma", proof=proof, note="implicit")
    for name, side in zip("AB", sorted([block.name, item.type]), strict=True):
        key = next((found for found in models[side].fields if found.attribute("id") is not None), None)
        kind = _column(key, {}, set()).type if key is not None else "int"
        reference = f"{_table(models[side])}.{_column_name(key) if key is not None else 'id'}"
        native = key is not None and any(mark.name.startswith("db.") for mark in key.attributes)
        if kind in _MADE and not native:
            kind = "string"
        column = Column(name, kind, nullable=False, primary_key=True, references=reference, on_delete="cascade")
        entity.columns.append(column)
    return entity
