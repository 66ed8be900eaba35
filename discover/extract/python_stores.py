"""Where else a Python backend keeps data: peewee, Tortoise, MongoDB's mappers, drivers without an ORM."""

from __future__ import annotations

import re
from collections.abc import Iterator

from discover import rules
from discover.code import Module, Node
from discover.extract.models_common import (
    Annotation,
    Model,
    annotation,
    databases,
    default,
    flag,
    from_url,
    model,
    resolve_types,
    text,
)
from discover.findings import Column, Entity, Finding, Place, Proof, Row
from discover.project import Project, Unit

KEYS = ("orm", "query_builder", "database")
_SQL = ("sqlalchemy", "flask_sqlalchemy", "sqlmodel", "django.db", "django.conf")
"""What settles the database by itself: drivers beside it are its own, or a script's."""

_MODELS = (
    ("peewee", re.compile(r"^(peewee|playhouse\.\w+)\.(Model|FlaskDB\(.*\)\.Model)$"), "table"),
    ("tortoise", re.compile(r"^tortoise\.models\.Model$|^tortoise\.Model$"), "table"),
    ("mongoengine", re.compile(r"(^mongoengine(\.\w+)*|MongoEngine\(\))\.(Dynamic)?Document$"), "collection"),
    ("beanie", re.compile(r"^beanie(\.\w+)*\.Document(WithSoftDelete)?$"), "collection"),
)  # fmt: skip
_PACKAGES = ("peewee", "playhouse", "tortoise", "mongoengine", "flask_mongoengine", "beanie")
_TYPES = {
    "char": "varchar", "fixedchar": "char", "string": "string", "text": "text", "int": "int", "integer": "int",
    "bigint": "bigint", "biginteger": "bigint", "smallint": "smallint", "smallinteger": "smallint", "auto": "int",
    "bigauto": "bigint", "boolean": "bool", "bool": "bool", "float": "float", "double": "float", "decimal": "numeric",
    "datetime": "datetime", "timestamp": "timestamp", "date": "date", "time": "time", "uuid": "uuid", "json": "json",
    "binaryjson": "jsonb", "dict": "object", "map": "object", "list": "array", "sortedlist": "array", "blob": "binary",
    "binary": "binary", "email": "email", "url": "url", "objectid": "objectid", "embeddeddocument": "object",
    "embeddeddocumentlist": "array", "charenum": "enum", "intenum": "enum", "enum": "enum", "str": "string",
    "emailstr": "string", "pydanticobjectid": "objectid", "link": "objectid", "indexed": "string",
}  # fmt: skip
_REFERENCES = ("ForeignKeyField", "OneToOneField", "ReferenceField", "LazyReferenceField", "DeferredForeignKey")
_NAMES = re.compile(r"(Database|init|register_tortoise|RegisterTortoise|connect)$")
_OPENS = re.compile(
    r"^tortoise\.(Tortoise\.init|contrib\.\w+\.(register_tortoise|RegisterTortoise))$|^playhouse\.db_url\.connect$"
)


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Name the mappers and drivers that a unit uses, and the databases behind them."""
    settled = any(True for _ in project.importing(unit, *_SQL))
    for key in KEYS:
        for rule in rules.of(Row.DATA, key):
            if rule.npm or not (rule.pypi or rule.modules) or rule.name == "python-search":
                continue
            found = rules.evidence(project, unit, rule)
            if found is None or (not rule.pypi and found.proof < Proof.USED):
                continue
            if key == "database" and settled:
                if rule.value in ("postgresql", "mysql", "sqlite", "oracle"):
                    continue
                found.key = "second_store"
            if rule.name == "python-sqlite" and found.proof < Proof.USED:
                continue
            yield found
            if rule.name in ("beanie", "mongoengine", "odmantic") and found.proof >= Proof.USED:
                yield Finding(Row.DATA, "database", "mongodb", found.proof, found.places)
    yield from _opened(project, unit)


def _opened(project: Project, unit: Unit) -> Iterator[Finding]:
    """Read the database from `SqliteDatabase(…)` of peewee, and from the URLs of Tortoise and `databases`."""
    names = {"Sqlite": "sqlite", "Postgresql": "postgresql", "MySQL": "mysql", "Cockroach": "cockroachdb"}
    for module in project.importing(unit, "peewee", "playhouse", "tortoise", "databases"):
        for call in module.calls:
            if not _NAMES.search(call.node.items[0].dotted):
                continue
            origin = project.origin(module, call.node.items[0], call.function)
            place = project.place(module, call)
            made = re.match(
                r"^(?:peewee|playhouse\.\w+)\.(?:Pooled|Async)?(Sqlite|Postgresql|MySQL|Cockroach)\w*Database$", origin
            )
            if made is not None:
                yield Finding(Row.DATA, "database", names[made[1]], project.proof(module.path), [place])
            elif _OPENS.match(origin) or origin == "databases.Database":
                node = call.node.get("db_url") or call.node.get("url") or next(iter(call.node.arguments), None)
                for one in databases(project, module, node, call.function)[:1] if node is not None else []:
                    yield Finding(Row.DATA, "database", str(one), project.proof(module.path), [one.place])
                if (config := call.node.get("config")) is not None:
                    yield from _tortoise(project, module, config)
    if any(True for _ in project.importing(unit, "tortoise")):
        for module in project.mentioning(unit, "TORTOISE_ORM"):
            held = [member.value for kind in module.classes for member in kind.members if member.name == "TORTOISE_ORM"]
            for node in (module.bindings.get("TORTOISE_ORM"), *held):
                if node is not None and node.kind == "object":
                    yield from _tortoise(project, module, node)


def _tortoise(project: Project, module: Module, node: Node) -> Iterator[Finding]:
    where, made = project.find(module, node)
    connections = made.get("connections")
    value = connections.get("default") if connections is not None else None
    if value is None and connections is not None and len(connections.pairs) == 1:
        value = connections.pairs[0][1]
    if value is None:
        return
    engine = value.get("engine")
    if engine is not None:
        name = text(project, where, engine).rpartition(".")[2]
        found = from_url(f"{name}://", Place(where.path, engine.line))
        every = [found] if found is not None else []
    else:
        every = databases(project, where, value)
    for one in every[:1]:
        yield Finding(Row.DATA, "database", one.name, project.proof(where.path), [one.place])


# -- entities ----------------------------------------------------------------------------------------------------------


def entities(project: Project, unit: Unit) -> Iterator[Entity]:
    """Give the tables and collections of peewee, Tortoise, MongoEngine and Beanie."""
    if not any(True for _ in project.importing(unit, *_PACKAGES)):
        return
    found: list[tuple[Model, str, Entity]] = []
    for module in project.mentioning(unit, "Model", "Document"):
        for kind in module.classes if module.language == "python" else []:
            one = model(project, module, kind)
            source = next(
                ((name, form) for name, pattern, form in _MODELS for root in one.roots if pattern.match(root)), None
            )
            if source is not None and (table := _table(project, one, *source)):
                entity = Entity(
                    kind.name, table, one.place, source[1], source=source[0], proof=project.proof(module.path)
                )
                found.append((one, source[0], entity))
    tables = {(one.module.path, one.kind.name): entity for one, _, entity in found}
    by_name = {entity.name: entity for entity in tables.values()}
    for one, mapper, entity in found:
        for module, kind in reversed(one.line):
            for member in kind.members:
                column = _column(project, module, member.name, member.value, member.type, mapper, by_name)
                if column is not None:
                    entity.columns = [*(other for other in entity.columns if other.name != column.name), column]
        if entity.columns and not any(column.primary_key for column in entity.columns):
            key = Column("id", "int", False, primary_key=True, default="auto increment")
            if entity.kind == "collection":
                key = Column("_id", "objectid", False, primary_key=True)
            entity.columns.insert(0, key)
    every = [entity for _, _, entity in found if len(entity.columns) > 1]
    resolve_types(every)
    for entity in every:
        for column in entity.columns:
            column.type = column.type or ("objectid" if entity.kind == "collection" else "int")
    yield from every


def _option(project: Project, one: Model, holder: str, name: str) -> str:
    inner = one.inner(holder)
    member = next((item for item in inner[1].members if item.name == name), None) if inner is not None else None
    return text(project, inner[0], member.value) if inner is not None and member is not None else ""


def _table(project: Project, one: Model, source: str, _: str) -> str:
    """Give the name of a class's table or collection; `` for one that makes none."""
    inner = one.inner("Meta")
    abstract = next((item for item in inner[1].members if item.name == "abstract"), None) if inner is not None else None
    if inner is not None and abstract is not None and flag(project, inner[0], abstract.value) is True:
        return ""
    name = one.kind.name
    if source == "peewee":
        has_fields = any(member.value is not None and member.value.kind == "call" for member in one.kind.members)
        given = _option(project, one, "Meta", "table_name") or _option(project, one, "Meta", "db_table")
        return given or (name.lower() if has_fields else "")
    if source == "tortoise":
        return _option(project, one, "Meta", "table") or name.lower()
    if source == "beanie":
        return _option(project, one, "Settings", "name") or name
    meta = one.own("meta")
    if meta is not None and meta.value is not None and meta.value.kind == "object":
        if flag(project, one.module, meta.value.get("abstract")) is True:
            return ""
        if given := text(project, one.module, meta.value.get("collection")):
            return given
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _column(
    project: Project,
    module: Module,
    name: str,
    value: Node | None,
    written: str,
    source: str,
    models: dict[str, Entity],
) -> Column | None:
    if source == "beanie":
        return _annotated(project, module, name, value, written, models)
    if value is None or value.kind != "call":
        return None
    field = project.origin(module, value.items[0]).rpartition(".")[2]
    if not field.endswith(("Field", "ForeignKey")) or field in ("ManyToManyField", "BackrefAccessor"):
        return None
    bare = field.removesuffix("Field").lower()
    column = Column(name, _TYPES.get(bare, bare), nullable=source == "mongoengine")
    size = project.fold(module, value.get("max_length") or Node("null", 0)).value
    if isinstance(size, int) and column.type in ("varchar", "char", "string"):
        column.type, column.length = f"{column.type}({size})", size
    for keyword, item in value.pairs:
        holds = flag(project, module, item) is True
        if keyword in ("pk", "primary_key"):
            column.primary_key = holds
        elif keyword == "unique":
            column.unique = holds
        elif keyword in ("index", "db_index"):
            column.index = holds
        elif keyword == "null":
            column.nullable = holds
        elif keyword == "required":
            column.nullable = not holds
        elif keyword == "default":
            column.default = default(project, module, item, name)
        elif keyword in ("column_name", "db_column", "source_field", "db_field"):
            column.column = text(project, module, item)
        elif keyword in ("auto_now", "auto_now_add") and holds:
            column.default = "now"
        elif keyword == "on_delete":
            column.on_delete = (text(project, module, item) or item.dotted.rpartition(".")[2]).lower().replace("_", " ")
    if field in ("AutoField", "BigAutoField", "PrimaryKeyField", "IdentityField"):
        column.primary_key, column.default = True, "auto increment"
    if field in _REFERENCES:
        first = value.arguments[0] if value.arguments else value.get("model")
        target = text(project, module, first) or (first.dotted if first is not None else "")
        other = models.get(target.rpartition(".")[2])
        if source in ("peewee", "tortoise"):
            column.name = f"{name}_id"
            column.unique = column.unique or field == "OneToOneField"
        column.type = ""
        column.references = (
            f"{other.table}.{'_id' if other.kind == 'collection' else 'id'}" if other is not None else ""
        )
    if column.primary_key:
        column.nullable = False
    return column


def _annotated(
    project: Project, module: Module, name: str, value: Node | None, written: str, models: dict[str, Entity]
) -> Column | None:
    """Read a field of a Beanie document."""
    if not written or "ClassVar" in written or name.startswith("_") or name == "id":
        return None
    said: Annotation = annotation(written)
    link = re.match(r"(?:\w+\.)*(?:Link|BackLink)$", said.name)
    if link is not None and said.name.endswith("BackLink"):
        return None
    target = annotation(said.arguments).name if link is not None or said.name.endswith("Indexed") else said.name
    bare = target.rpartition(".")[2].lower()
    column = Column(name, "array" if said.many else _TYPES.get(bare, bare), nullable=said.optional)
    column.unique = bool(re.search(r"Indexed\([^)]*unique\s*=\s*True", written))
    column.index = "Indexed" in written
    if "Indexed(" in written and (inner := re.search(r"Indexed\(\s*(\w+)\s*[,)]", written)) is not None:
        column.type = _TYPES.get(inner[1].lower(), inner[1].lower())
    if link is not None:
        column.type = "objectid"
        column.references = f"{models[target].table}._id" if target in models else ""
    if value is not None and value.kind != "call":
        column.default = default(project, module, value, name)
    return column
