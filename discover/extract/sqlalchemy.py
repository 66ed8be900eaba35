"""SQLAlchemy, Flask-SQLAlchemy and SQLModel: mapped classes, association tables, what is inherited, and Alembic."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from discover.code import Call, Class, Module, Node
from discover.extract.models_common import (
    Annotation,
    Database,
    Model,
    annotation,
    databases,
    default,
    flag,
    is_enum,
    model,
    named,
    resolve_types,
    snake,
    text,
    undecided,
    values,
)
from discover.extract.sql_migrations import joins
from discover.findings import Column, Entity, Finding, Place, Proof, Relation, Row
from discover.folding import fold
from discover.project import Project, Unit, Value

PACKAGES = ("sqlalchemy", "flask_sqlalchemy", "sqlmodel", "flask_sqlalchemy_lite", "advanced_alchemy")
_ROOT = re.compile(
    r"(^|\.|#\w*)(DeclarativeBase(NoMeta)?|declarative_base\(\)|automap_base\(\)|generate_base\(\)|SQLAlchemy\(\)\.Model"
    r"|flask_sqlalchemy\.(model\.)?Model|(UUID|BigInt|CommonTable|DefaultBase)\w*Base)$"
)
_PLAIN = re.compile(
    r"^(object|abc\.ABC|ABC|(typing|typing_extensions)\.\w+|sqlmodel\.\w+|flask_login\.\w+|enum\.\w+|builtins\.\w+|Generic"
    r"|sqlalchemy\.(orm|ext\.asyncio)\.(MappedAsDataclass|AsyncAttrs|DeclarativeBase)|sqlalchemy_utils\.\w+)(\[.*\])?$"
)
_COLUMN = re.compile(r"(^|\.)(Column|mapped_column)$")
_WRAPPING = re.compile(r"(^|\.)(deferred|column_property|mapped_column)$")
_RELATION = re.compile(r"(^|\.)(relationship|Relationship|dynamic_loader|relation)$")
_OWN_FLASK = re.compile(r"#\w+\(\)\.Model$")
"""`db.Model` where `db` is made by a class of the codebase that extends Flask-SQLAlchemy's."""
_NO_COLUMN = re.compile(
    r"(^|\.)(association_proxy|synonym|composite|column_property|query_expression|column_keyed_dict)$"
)
_FOREIGN = re.compile(r"(^|\.)ForeignKey$")
_TABLE = re.compile(r"(^|\.)(sqlalchemy|sqlmodel|SQLAlchemy\(\)|schema)\.Table$|^sqlalchemy\.schema\.Table$")
_ENGINE = re.compile(r"(^|\.)(create_engine|create_async_engine|async_engine_from_config|engine_from_config)$")
_WORDS = (
    "__tablename__",
    "mapped_column",
    "Column(",
    "Mapped[",
    "Model)",
    "Model,",
    "table=True",
    "Table(",
    "DeclarativeBase",
    "declarative_base",
)

TYPES = {
    "integer": "int", "int": "int", "smallinteger": "smallint", "biginteger": "bigint", "string": "string",
    "str": "string", "autostring": "string", "unicode": "string", "unicodetext": "text", "text": "text",
    "datetime": "datetime", "boolean": "bool", "bool": "bool", "float": "float", "double": "float",
    "numeric": "numeric", "decimal": "numeric", "largebinary": "binary", "binary": "binary", "bytes": "binary",
    "pickletype": "binary", "uuid": "uuid", "uuid4": "uuid", "guid": "uuid", "json": "json", "jsonb": "jsonb",
    "dict": "json", "date": "date", "time": "time", "interval": "interval", "timedelta": "interval",
    "scalarlisttype": "text", "passwordtype": "binary", "choicetype": "string", "emailtype": "string",
    "phonenumbertype": "string", "urltype": "string", "uuidtype": "uuid", "arrowtype": "datetime", "jsontype": "json",
    "ipaddresstype": "string", "encryptedtype": "string", "stringencryptedtype": "string", "localetype": "string",
    "emailstr": "string", "anyurl": "string", "httpurl": "string", "utcdatetime": "timestamptz",
    "datetimeutc": "timestamptz",
}  # fmt: skip


@dataclass(slots=True)
class _Read:
    entities: list[Entity] = field(default_factory=list)
    models: dict[tuple[str, int], Entity] = field(default_factory=dict)
    bases: list[Place] = field(default_factory=list)
    first: Place | None = None
    """Of the first model."""
    styles: set[str] = field(default_factory=set)
    mixins: dict[tuple[str, str], tuple[Place, list[str]]] = field(default_factory=dict)
    """(path, name) of a class that is no table → its place, the primary keys that it adds to tables."""
    helpers: dict[str, tuple[Place, str]] = field(default_factory=dict)
    """Functions that build foreign keys → where, and how one is called."""
    associations: list[tuple[str, str, Place]] = field(default_factory=list)
    """(table, callee, place) of tables that are no classes."""
    partial: set[str] = field(default_factory=set)
    """Tables that inherit from classes of packages, whose columns are unknown."""


_READ: WeakKeyDictionary[Project, dict[str, _Read]] = WeakKeyDictionary()


def models(project: Project, unit: Unit) -> list[Entity]:
    """Give the unit's tables of mapped classes."""
    return _read(project, unit).entities


def partial(project: Project, unit: Unit) -> set[str]:
    """Give the tables that inherit columns from classes of installed packages: not all of them are known."""
    return _read(project, unit).partial


def _read(project: Project, unit: Unit) -> _Read:
    kept = _READ.setdefault(project, {})
    if unit.folder not in kept:
        kept[unit.folder] = Reader(project, unit).read()
    return kept[unit.folder]


class Reader:
    """Reads every model of a unit."""

    def __init__(self, project: Project, unit: Unit) -> None:
        self.project = project
        self.unit = unit
        self.found = _Read()
        self.flask = any(True for _ in project.importing(unit, "flask_sqlalchemy"))
        self.tables: dict[tuple[str, int], str] = {}
        self.models: dict[tuple[str, int], Model] = {}

    def read(self) -> _Read:
        """Read every model and every table."""
        if not any(True for _ in self.project.importing(self.unit, *PACKAGES)):
            return self.found
        modules = [
            module
            for module in self.project.mentioning(self.unit, *_WORDS)
            if module.language == "python" and "down_revision" not in module.bindings
        ]
        for module in modules:
            for kind in module.classes:
                found = model(self.project, module, kind)
                if self.is_mapped(found):
                    self.models[module.path, kind.number] = found
        for key, found in self.models.items():
            if table := self.table_of(found):
                self.tables[key] = table
        for module in modules:
            self.core_tables(module)
        mapped = set(self.tables.values())
        self.found.entities = [entity for entity in self.found.entities if entity.table not in mapped]
        for key, table in self.tables.items():
            self.entity(self.models[key], table, key)
        self.subclasses()
        resolve_types(self.found.entities)
        self.relations()
        for entity in self.found.entities:
            if joins(entity):
                entity.kind = "join"
        return self.found

    # -- which classes ----------------------------------------------------------------------------------------------

    def is_mapped(self, found: Model) -> bool:
        """Tell whether a class has a declarative base among its parents."""
        for root in found.roots:
            if _ROOT.search(root) or (self.flask and _OWN_FLASK.search(root)):
                if any(mark in root for mark in ("DeclarativeBase", "_base()")) and len(found.line) == 1:
                    self.found.bases.append(found.place)
                return True
            if root in ("sqlmodel.SQLModel", "sqlmodel.main.SQLModel") and self.is_sqlmodel_table(found):
                return True
        if any("as_declarative" in item.dotted for _, kind in found.line for item in kind.decorators):
            return True
        name = found.own("__tablename__")
        return name is not None and any(self.column_call(found.module, member.value) for member in found.kind.members)

    def is_sqlmodel_table(self, found: Model) -> bool:
        """Tell whether a SQLModel class says `table=True`."""
        return flag(self.project, found.module, found.keywords.get("table")) is True

    def table_of(self, found: Model) -> str:
        """Give the table's name; `` for a class that makes none."""
        abstract = found.own("__abstract__")
        if abstract is not None and flag(self.project, found.module, abstract.value) is not False:
            return ""
        if any(root.startswith("sqlmodel.") for root in found.roots) and not self.is_sqlmodel_table(found):
            return ""
        name = ""
        if (given := found.member("__tablename__")) is not None:
            module, _, member = given
            if member.value is not None and member.value.kind == "function":
                name = self.derived(module, member.value, found.kind.name)
            else:
                name = text(self.project, module, member.value)
            inherited = given[1] is not found.kind and any(
                (m.path, k.number) in self.models for m, k in found.line[1:] if k is given[1]
            )
            if inherited and member.value is not None and member.value.kind != "function" and name:
                return ""  # single-table inheritance: the parent's table
        elif any(root.startswith("sqlmodel.") for root in found.roots):
            name = found.kind.name.lower()
        elif any(
            re.search(r"SQLAlchemy\(\)\.Model|flask_sqlalchemy", root) or _OWN_FLASK.search(root)
            for root in found.roots
        ):
            name = snake(found.kind.name) if self.has_primary_key(found) else ""
        elif any("advanced_alchemy" in root for root in found.roots):
            name = snake(found.kind.name)
        schema = self.schema_of(found)
        return f"{schema}.{name}" if schema and name else name

    def derived(self, module: Module, node: Node, name: str) -> str:
        """Compute a table's name from the class's name, as a base's `__tablename__` does."""
        function = module.function(node)
        for item in function.returns if function is not None else []:
            if (value := self.evaluate(module, item, name)) is not None:
                return value
        return snake(name)

    def evaluate(self, module: Module, node: Node, name: str) -> str | None:
        """Compute an expression of `cls.__name__`; None if it can't be."""
        match node.kind:
            case "attribute" if node.value == "__name__":
                return name
            case "string":
                return str(node.value)
            case "template":
                parts = [self.evaluate(module, item, name) for item in node.items]
                return None if None in parts else "".join(part or "" for part in parts)
            case "binary" if node.value == "+":
                left, right = (self.evaluate(module, item, name) for item in node.items)
                return None if left is None or right is None else left + right
            case "call":
                callee = node.items[0]
                if callee.kind == "attribute" and callee.value in ("lower", "upper"):
                    inner = self.evaluate(module, callee.items[0], name)
                    return None if inner is None else inner.lower() if callee.value == "lower" else inner.upper()
                if callee.kind == "attribute" and callee.value == "sub" and node.arguments:
                    return snake(name)
                if re.search(r"snake|underscore|tablename|table_name|decamel", callee.dotted, re.IGNORECASE):
                    return snake(name)
        return None

    def schema_of(self, found: Model) -> str:
        """Give the schema that `__table_args__` names."""
        given = found.member("__table_args__")
        node = given[2].value if given is not None else None
        options = node.items[-1] if node is not None and node.kind == "array" and node.items else node
        if given is None or options is None or options.kind != "object":
            return ""
        return text(self.project, given[0], options.get("schema"))

    def has_primary_key(self, found: Model) -> bool:
        """Tell whether a class or what it inherits has a primary key: then Flask-SQLAlchemy makes a table."""
        return any(
            flag(self.project, module, call.get("primary_key")) is True
            for module, kind in self.heritage(found)
            for member in kind.members
            if (call := self.column_call(module, member.value)) is not None
        )

    def heritage(self, found: Model) -> list[tuple[Module, Class]]:
        """Give the classes whose columns a table has: itself, and parents that are no tables."""
        line = [
            (module, kind)
            for number, (module, kind) in enumerate(found.line)
            if not number or (module.path, kind.number) not in self.tables
        ]
        return line + self.model_classes(found)

    def model_classes(self, found: Model) -> list[tuple[Module, Class]]:
        """`SQLAlchemy(model_class=Base)`: the class that `db.Model` is made of."""
        for module, kind in found.line:
            for base in kind.bases:
                where, node = self.project.find(module, base)
                if node.kind != "attribute" or node.value != "Model":
                    continue
                owner, call = self.project.find(where, node.items[0])
                given = call.get("model_class") if call.kind == "call" else None
                if given is None:
                    continue
                holder, made = self.project.find(owner, given)
                if made.kind == "class" and made.value is not None:
                    return model(self.project, holder, holder.classes[int(made.value)]).line
        return []

    # -- columns ----------------------------------------------------------------------------------------------------

    def entity(self, found: Model, table: str, key: tuple[str, int]) -> None:
        """Read one mapped class."""
        kind = found.kind
        entity = Entity(kind.name, table, found.place, source="sqlalchemy", proof=self.project.proof(found.module.path))
        if any(root.startswith("sqlmodel.") for root in found.roots):
            self.found.styles.add("sqlmodel")
        seen: set[str] = set()
        for module, parent in reversed(self.heritage(found)):
            own = self.columns(module, parent, found)
            for column in own:
                entity.columns = [other for other in entity.columns if other.name != column.name]
                entity.columns.append(column)
            primary = [column.name for column in own if column.primary_key]
            if parent is not kind and primary:
                place = Place(module.path, parent.line)
                self.found.mixins.setdefault((module.path, parent.name), (place, primary))
            seen.update(column.name for column in own)
        if not entity.columns:
            return
        if any(not _ROOT.search(root) and not _PLAIN.search(root) for root in found.roots):
            self.found.partial.add(table)
        self.constraints(found, entity)
        if self.found.first is None or entity.place < self.found.first:
            self.found.first = entity.place
        if any("MappedAsDataclass" in root for root in found.roots):
            self.found.styles.add("MappedAsDataclass")
        self.found.entities.append(entity)
        self.found.models[key] = entity

    def columns(self, module: Module, kind: Class, found: Model) -> list[Column]:
        """Read the columns that stand in one class."""
        columns: list[Column] = []
        sqlmodel = any(root.startswith("sqlmodel.") for root in found.roots)
        for member in kind.members:
            value = member.value
            if member.name.startswith("__"):
                continue
            written = annotation(member.type) if member.type else None
            scope = -1
            if value is not None and value.kind == "function":
                body = module.function(value)
                if body is None or not any("declared_attr" in item.dotted for item in member.decorators):
                    continue
                value, scope = (body.returns[0], body.number) if body.returns else (None, -1)
            call = self.column_call(module, value, scope)
            if value is not None and value.kind == "call" and value.items[0].dotted.rpartition(".")[2] == "composite":
                columns += self.composite(module, value, written, scope)
            elif call is not None:
                columns.append(self.column(module, member.name, call, written, scope))
            elif value is not None and self.helper(module, value) is not None:
                columns.append(self.from_helper(module, member.name, value, written))
            elif written is not None and written.mapped and not self.is_relation(module, value, written):
                columns.append(self.from_annotation(module, member.name, written))
            elif (
                written is not None
                and sqlmodel
                and not self.is_relation(module, value, written)
                and "ClassVar" not in member.type
            ):
                columns.append(self.sqlmodel_column(module, member.name, value, written))
        return columns

    def composite(self, module: Module, value: Node, written: Annotation | None, scope: int) -> Iterator[Column]:
        """Read the columns that one value is made of, as far as they have names."""
        where, made = self.project.find(module, named(written.name)) if written is not None else (module, value)
        fields = []
        if made.kind == "class" and made.value is not None:
            fields = [member for member in where.classes[int(made.value)].members if member.type]
        calls = [call for item in value.arguments if (call := self.column_call(module, item, scope)) is not None]
        for number, call in enumerate(calls):
            first = call.arguments[0] if call.arguments else None
            name = text(self.project, module, first, scope) or text(self.project, module, call.get("name"), scope)
            if name:
                column = self.column(module, name, call, None, scope)
                if not column.type and len(fields) == len(calls):
                    self.apply_annotation(where, column, annotation(fields[number].type))
                yield column

    def is_relation(self, module: Module, value: Node | None, written: Annotation | None) -> bool:
        """Tell whether a member is a relation and no column."""
        if value is not None and value.kind == "call":
            origin = self.project.origin(module, value.items[0])
            if _RELATION.search(origin) or _NO_COLUMN.search(origin):
                return True
        return written is not None and written.many and not written.name.islower()

    def column_call(self, module: Module, value: Node | None, scope: int = -1) -> Node | None:
        """Give the call of `Column` or `mapped_column` that a member is, through wrappers."""
        if value is None or value.kind != "call":
            return None
        origin = self.project.origin(module, value.items[0], scope)
        if origin == "functools.partial()":
            where, made = self.project.find(module, value.items[0], scope)
            if made.kind == "call" and made.arguments and _COLUMN.search(self.project.origin(where, made.arguments[0])):
                given = {keyword for keyword, _ in value.pairs}
                pairs = value.pairs + [pair for pair in made.pairs if pair[0] not in given]
                return Node("call", value.line, items=[made.arguments[0], *value.arguments], pairs=pairs)
            return None
        if _WRAPPING.search(origin) and value.arguments:
            inner = self.column_call(module, value.arguments[0], scope)
            if inner is not None:
                return inner
        return value if _COLUMN.search(origin) else None

    def helper(self, module: Module, value: Node) -> tuple[Module, Node, int] | None:
        """Give the column that a function of the codebase returns."""
        if value.kind != "call":
            return None
        where, made = self.project.find(module, value.items[0])
        body = where.function(made)
        for returned in body.returns if body is not None else []:
            if self.column_call(where, returned, body.number if body else -1) is not None:
                return where, returned, body.number if body else -1
        return None

    def from_helper(self, module: Module, name: str, value: Node, written: Annotation | None) -> Column:
        """Read a column that a function of the codebase makes, its arguments put in."""
        held = self.helper(module, value)
        assert held is not None
        where, returned, number = held
        body = where.functions[number]
        given: dict[str, Value] = {}
        for parameter, item in zip(body.parameters, value.arguments, strict=False):
            given[parameter.name] = self.project.fold(module, item)
        for parameter in body.parameters:
            item_or_default = value.get(parameter.name)
            if item_or_default is not None:
                given[parameter.name] = self.project.fold(module, item_or_default)
            elif parameter.name not in given and parameter.default is not None:
                given[parameter.name] = self.project.fold(where, parameter.default)
        column = self.column(where, name, returned, written, number, given)
        for keyword, item in value.pairs:
            if keyword not in {parameter.name for parameter in body.parameters}:
                self.option(module, column, keyword, item)
        if column.references:
            first = value.arguments[0] if value.arguments else None
            shown = (
                f'{value.items[0].dotted}("{first.value}")'
                if first is not None and first.kind == "string"
                else f"{value.items[0].dotted}()"
            )
            self.found.helpers.setdefault(body.name, (Place(where.path, returned.line), shown))
        return column

    def column(
        self,
        module: Module,
        name: str,
        call: Node,
        written: Annotation | None,
        scope: int = -1,
        given: dict[str, Value] | None = None,
    ) -> Column:
        """Read a call of `Column` or `mapped_column`."""
        mapped = self.project.origin(module, call.items[0], scope).endswith("mapped_column")
        self.found.styles.add("mapped_column" if mapped else "Column")
        column = Column(name, "")
        if written is not None and written.mapped:
            self.apply_annotation(module, column, written)
        nullable: bool | None = None
        for item in call.arguments:
            if item.kind == "string":
                column.column = str(item.value) if item.value != name else ""
            elif (
                item.kind == "name"
                and given
                and str(item.value) in given
                and isinstance(given[str(item.value)].value, str)
            ):
                column.column = str(given[str(item.value)].value)
            elif item.kind == "call" and _FOREIGN.search(self.project.origin(module, item.items[0], scope)):
                self.reference(module, column, item, scope, given)
            elif item.kind == "call" and re.search(
                r"(^|\.)(Identity|Sequence|Computed|CheckConstraint|FetchedValue)$",
                self.project.origin(module, item.items[0], scope),
            ):
                continue
            elif item.kind != "spread":
                self.type(module, column, item, scope)
        for keyword, item in call.pairs:
            if keyword == "nullable":
                value = fold(self.project, module, item, scope, 0, given)
                nullable = bool(value.value) if value.known else None
            else:
                self.option(module, column, keyword, item)
        if nullable is not None:
            column.nullable = nullable
        if column.primary_key:
            column.nullable = False
        return column

    def option(self, module: Module, column: Column, keyword: str, item: Node) -> None:
        """Take one keyword argument of a column in."""
        match keyword:
            case "primary_key":
                column.primary_key = flag(self.project, module, item) is True
            case "unique":
                column.unique = flag(self.project, module, item) is True
            case "index":
                column.index = flag(self.project, module, item) is True
            case "nullable":
                value = flag(self.project, module, item)
                column.nullable = column.nullable if value is None else value
            case "type_":
                self.type(module, column, item, -1)
            case "name" if item.kind == "string":
                column.column = str(item.value) if item.value != column.name else ""
            case "default" | "server_default" | "default_factory" | "insert_default":
                if column.default is None:
                    column.default = default(self.project, module, item, column.name)

    def type(self, module: Module, column: Column, node: Node, scope: int) -> None:
        """Read a type: `String(64)`, `sa.DateTime(timezone=True)`, `Enum(Status)`, `ARRAY(Integer)`."""
        callee = node.items[0] if node.kind == "call" else node
        origin = self.project.origin(module, callee, scope)
        name = origin.rpartition("#")[2].rpartition(".")[2].removesuffix("()")
        arguments = node.arguments if node.kind == "call" else []
        if "#" in origin:
            where, made = self.project.find(module, callee, scope)
            if made.kind == "class" and made.value is not None:
                kind = where.classes[int(made.value)]
                impl = next((member for member in kind.members if member.name == "impl"), None)
                if impl is not None and impl.value is not None and TYPES.get(name.lower()) is None:
                    self.type(where, column, impl.value, -1)
                    return
            elif made.kind == "call" and made is not node:
                self.type(where, column, made, -1)
                return
        lower = name.lower()
        base = TYPES.get(lower, lower)
        if lower == "enum":
            column.type = "enum"
            column.enum = self.enum_values(module, node)
            return
        if lower == "array" and arguments:
            self.type(module, column, arguments[0], scope)
            column.type = f"{column.type}[]"
            return
        if name in ("MutableDict", "MutableList", "as_mutable") and arguments:
            self.type(module, column, arguments[-1], scope)
            return
        if lower in ("datetime", "timestamp"):
            zone = node.get("timezone") if node.kind == "call" else None
            base = "timestamptz" if flag(self.project, module, zone) is True else "datetime"
        length = node.get("length") if node.kind == "call" else None
        sizes = [self.project.fold(module, item, scope) for item in ([length] if length is not None else arguments[:2])]
        numbers = [str(value.value) for value in sizes if value.known and type(value.value) is int]
        column.type = base
        if base in ("string", "binary", "varchar", "char", "nvarchar", "vector") and numbers:
            column.type = f"{base}({numbers[0]})"
            column.length = int(numbers[0])
        elif base == "numeric" and numbers:
            column.type = f"numeric({','.join(numbers)})"

    def enum_values(self, module: Module, node: Node) -> list[str]:
        """Give the values of `Enum(…)`: names of the members, unless values are asked for."""
        strings = [str(item.value) for item in node.arguments if item.kind == "string"]
        if strings or not node.arguments:
            return strings
        first = node.arguments[0]
        if first.kind == "spread":
            first = first.items[0]
        where, made = self.project.find(module, first)
        if made.kind == "class" and made.value is not None and node.get("values_callable") is None:
            kind = where.classes[int(made.value)]
            return [
                member.name
                for member in kind.members
                if not member.name.startswith("_") and (member.value is None or member.value.kind != "function")
            ]
        return values(self.project, module, first)

    def reference(
        self, module: Module, column: Column, call: Node, scope: int = -1, given: dict[str, Value] | None = None
    ) -> None:
        """Read `ForeignKey("users.id")`, also `ForeignKey(User.id)` and `ForeignKey(users.c.id)`."""
        if not call.arguments:
            return
        target = call.arguments[0]
        value = fold(self.project, module, target, scope, 0, given)
        if value.known and isinstance(value.value, str) and "." in value.value:
            column.references = value.value
        elif target.kind == "attribute":
            holder = target.items[0]
            if holder.kind == "attribute" and holder.value in ("c", "columns"):
                _, made = self.project.find(module, holder.items[0], scope)
                table = made.arguments[0] if made.kind == "call" and made.arguments else None
                column.references = f"{table.value}.{target.value}" if table is not None else ""
            else:
                where, made = self.project.find(module, holder, scope)
                key = (where.path, int(made.value)) if made.kind == "class" and made.value is not None else ("", -1)
                name = self.tables.get(key)
                column.references = f"{name}.{target.value}" if name else ""
        column.on_delete = text(self.project, module, call.get("ondelete")).lower()

    def from_annotation(self, module: Module, name: str, written: Annotation) -> Column:
        """Read a column that is an annotation alone."""
        self.found.styles.add("mapped_column")
        column = Column(name, "")
        self.apply_annotation(module, column, written)
        if column.primary_key:
            column.nullable = False
        return column

    def apply_annotation(self, module: Module, column: Column, written: Annotation) -> None:
        """Take the type from `Mapped[int | None]`, also by a name for `Annotated[int, mapped_column(…)]`."""
        column.nullable = written.optional
        if written.name in ("Literal", "typing.Literal"):
            column.type, column.enum = "enum", re.findall(r"[\"']([^\"']+)[\"']", written.arguments)
            return
        if not written.name:
            return
        node = named(written.name)
        where, made = self.project.find(module, node)
        if made.kind == "index" and made.items[0].dotted.rpartition(".")[2] == "Annotated":
            parts = made.items[1].items if made.items[1].kind == "array" else []
            if parts and parts[0].dotted:
                self.apply_annotation(where, column, Annotation(parts[0].dotted, written.optional))
            for part in parts[1:]:
                if (call := self.column_call(where, part)) is not None:
                    inner = self.column(where, column.name, call, None)
                    for slot in (
                        "type",
                        "primary_key",
                        "unique",
                        "index",
                        "default",
                        "references",
                        "on_delete",
                        "length",
                    ):
                        if getattr(inner, slot):
                            setattr(column, slot, getattr(inner, slot))
                    if any(keyword == "nullable" for keyword, _ in call.pairs) or inner.primary_key:
                        column.nullable = inner.nullable
            return
        if made.kind == "class" and made.value is not None:
            kind = where.classes[int(made.value)]
            if is_enum(self.project, where, kind):
                column.type, column.enum = "enum", values(self.project, module, node)
                return
        origin = self.project.origin(module, node)
        base = origin.rpartition("#")[2].rpartition(".")[2].lower()
        column.type = TYPES.get(base, base)
        if written.many:
            column.type += "[]"

    def sqlmodel_column(self, module: Module, name: str, value: Node | None, written: Annotation) -> Column:
        """Read a field of a SQLModel class."""
        column = Column(name, "")
        self.apply_annotation(module, column, written)
        if value is None:
            return column
        if value.kind != "call":
            column.default = default(self.project, module, value, name)
            return column
        inner = value.get("sa_column")
        if inner is not None and (call := self.column_call(module, inner)) is not None:
            return self.column(module, name, call, None)
        if (kind := value.get("sa_type")) is not None:
            self.type(module, column, kind, -1)
        if value.arguments and value.arguments[0].kind not in ("other",):
            column.default = default(self.project, module, value.arguments[0], name)
        for keyword, item in value.pairs:
            self.option(module, column, keyword, item)
            if keyword == "foreign_key":
                column.references = text(self.project, module, item)
            elif keyword == "max_length":
                size = self.project.fold(module, item)
                if size.known and isinstance(size.value, int) and column.type == "string":
                    column.type, column.length = f"string({size.value})", size.value
            elif keyword == "ondelete":
                column.on_delete = text(self.project, module, item).lower()
            elif keyword == "sa_column_kwargs" and item.kind == "object":
                for option, given in item.pairs:
                    self.option(module, column, option, given)
        if column.primary_key:
            column.nullable = False
        return column

    # -- constraints, tables, relations -----------------------------------------------------------------------------

    def constraints(self, found: Model, entity: Entity) -> None:
        """Read `__table_args__`."""
        given = found.member("__table_args__")
        if given is None or given[2].value is None:
            return
        node = given[2].value
        if node.kind == "function":
            body = given[0].function(node)
            node = body.returns[0] if body is not None and body.returns else node
        for item in node.items if node.kind == "array" else []:
            if item.kind == "call":
                self.constraint(given[0], item, entity)

    def constraint(self, module: Module, call: Node, entity: Entity) -> None:
        """Take one constraint or index in."""
        name = self.project.origin(module, call.items[0]).rpartition(".")[2]
        strings = [text(self.project, module, item) or item.dotted.rpartition(".")[2] for item in call.arguments]
        by_name = {column.column or column.name: column for column in entity.columns}
        label = text(self.project, module, call.get("name"))
        match name:
            case "UniqueConstraint":
                if len(strings) == 1 and strings[0] in by_name:
                    by_name[strings[0]].unique = True
                else:
                    entity.indexes.append(f"unique {f'{label} ' if label else ''}({', '.join(strings)})")
            case "Index" if len(strings) > 1:
                unique = flag(self.project, module, call.get("unique")) is True
                if len(strings) == 2 and strings[1] in by_name and unique and call.get("postgresql_where") is None:
                    by_name[strings[1]].unique = True
                elif len(strings) == 2 and strings[1] in by_name:
                    by_name[strings[1]].index = True
                entity.indexes.append(f"{'unique ' if unique else ''}{strings[0]} ({', '.join(strings[1:])})")
            case "PrimaryKeyConstraint":
                for column in [by_name[one] for one in strings if one in by_name]:
                    column.primary_key, column.nullable = True, False
            case "ForeignKeyConstraint" if len(call.arguments) > 1:
                own, targets = (self.project.fold(module, item).value for item in call.arguments[:2])
                for one, target in zip(own or [], targets or [], strict=False):
                    if one in by_name:
                        by_name[one].references = str(target)
                        by_name[one].on_delete = text(self.project, module, call.get("ondelete")).lower()
            case "CheckConstraint" if strings:
                allowed = re.fullmatch(r"\s*\"?(\w+)\"?\s+IN\s*\((.*)\)\s*", strings[0], re.IGNORECASE | re.DOTALL)
                if allowed is not None and allowed[1] in by_name:
                    by_name[allowed[1]].enum = re.findall(r"'([^']*)'", allowed[2])

    def core_tables(self, module: Module) -> None:
        """Read `Table("name", metadata, Column(…), …)`."""
        names = {id(node): name for name, node in module.bindings.items()}
        for kind in module.classes:
            names |= {id(member.value): kind.name for member in kind.members if member.name == "__table__"}
        for call in module.calls:
            node = call.node
            if not node.arguments or node.arguments[0].kind != "string" or node.items[0].value != "Table":
                continue
            if not _TABLE.search(self.project.origin(module, node.items[0], call.function)):
                continue
            if len(node.arguments) > 1 and self.is_aside(module, node.arguments[1], call.function):
                continue
            table = str(node.arguments[0].value)
            schema = text(self.project, module, node.get("schema"))
            name = names.get(id(node), table)
            entity = Entity(
                name, f"{schema}.{table}" if schema else table, Place(module.path, node.line), source="sqlalchemy",
                proof=self.project.proof(module.path),
            )  # fmt: skip
            for item in node.arguments[1:]:
                inner = self.column_call(module, item, call.function)
                if inner is not None:
                    first = inner.arguments[0] if inner.arguments else None
                    label = text(self.project, module, first) or text(self.project, module, inner.get("name"))
                    if label:
                        entity.columns.append(self.column(module, label, inner, None, call.function))
            for item in node.arguments[1:]:
                if item.kind == "call":
                    self.constraint(module, item, entity)
            if entity.columns:
                entity.name = table if joins(entity) else name
                self.found.entities.append(entity)
                place = Place(module.path, node.arguments[0].line)
                self.found.associations.append((table, node.items[0].dotted, place))

    def subclasses(self) -> None:
        """Add the columns of classes without a table of their own to their parent's: single-table inheritance."""
        for key, found in self.models.items():
            if key in self.tables:
                continue
            abstract = found.own("__abstract__")
            parent = next(
                (one for module, kind in found.line[1:] if (one := self.found.models.get((module.path, kind.number)))),
                None,
            )
            if parent is None or abstract is not None:
                continue
            names = {column.name for column in parent.columns}
            for module, kind in found.line:
                if (module.path, kind.number) in self.tables:
                    break
                for column in self.columns(module, kind, found):
                    if column.name not in names:
                        names.add(column.name)
                        column.nullable = True
                        parent.columns.append(column)

    def is_aside(self, module: Module, node: Node, scope: int) -> bool:
        """Tell whether a table is kept in a catalogue of its own, and not in that of the mapped classes."""
        if not self.models:
            return False
        where, made = self.project.find(module, node, scope)
        if made.kind != "call" or not made.dotted.endswith("MetaData()"):
            return False
        for found in self.models.values():
            for base, kind in found.line:
                given = [member.value for member in kind.members if member.name == "metadata"]
                given += [item.get("metadata") for item in kind.bases if item.kind == "call"]
                for item in given:
                    if item is not None and self.project.find(base, item)[1] is made:
                        return False
        made_in = {id(call.node.get("metadata")) for call in where.calls if call.node.get("metadata") is not None}
        return not made_in

    def relations(self) -> None:
        """Read every `relationship()`."""
        by_class = {entity.name: entity for entity in self.found.models.values()}
        for key, entity in self.found.models.items():
            found = self.models[key]
            for module, kind in self.heritage(found):
                for member in kind.members:
                    value = member.value
                    if (
                        value is None
                        or value.kind != "call"
                        or not _RELATION.search(self.project.origin(module, value.items[0]))
                    ):
                        continue
                    self.relation(
                        module, member.name, value, annotation(member.type) if member.type else None, entity, by_class
                    )

    def relation(
        self,
        module: Module,
        name: str,
        call: Node,
        written: Annotation | None,
        entity: Entity,
        by_class: dict[str, Entity],
    ) -> None:
        """Read one `relationship()`."""
        first = call.arguments[0] if call.arguments else call.get("argument")
        target = written.name if written is not None and written.name else ""
        if first is not None:
            target = str(first.value) if first.kind == "string" else first.dotted
        target = target.rpartition(".")[2]
        other = by_class.get(target)
        secondary = call.get("secondary") or call.get("link_model")
        through = ""
        if secondary is not None:
            _, made = self.project.find(module, secondary)
            through = str(secondary.value) if secondary.kind == "string" else secondary.dotted
            if made.kind == "call" and made.arguments and made.arguments[0].kind == "string":
                through = str(made.arguments[0].value)
            for join in self.found.entities:
                if join.table == through:
                    join.kind = "join"
        many = written.many if written is not None and written.name else None
        if many is None:
            uselist = flag(self.project, module, call.get("uselist"))
            points = other is not None and any(
                column.references.startswith(f"{other.table}.") for column in entity.columns
            )
            many = uselist if uselist is not None else not (points and other is not entity)
        if through:
            entity.relations.append(Relation(name, "many_to_many", target, through))
        elif many:
            entity.relations.append(Relation(name, "one_to_many", target))
        elif not any(
            other is not None and column.references.startswith(f"{other.table}.") for column in entity.columns
        ):
            entity.relations.append(Relation(name, "one_to_one", target))


# -- what is yielded ---------------------------------------------------------------------------------------------------


def entities(project: Project, unit: Unit) -> Iterator[Entity]:
    """Give the tables of mapped classes and of `Table()`."""
    yield from _read(project, unit).entities


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Give the ORM, how it is used, its database and its migrations."""
    if any(True for _ in project.importing(unit, *PACKAGES)):
        read = _read(project, unit)
        if read.entities:
            yield _orm(project, unit, read)
        yield from _details(read)
        yield from _create_all(project, unit)
        yield from _databases(project, unit)


def _orm(project: Project, unit: Unit, read: _Read) -> Finding:
    flask = any(True for _ in project.importing(unit, "flask_sqlalchemy"))
    name = "sqlmodel" if "sqlmodel" in read.styles else "flask-sqlalchemy" if flask else "sqlalchemy"
    version = _version(project, unit, name)
    if name == "sqlalchemy" and (not version or read.styles & {"mapped_column", "MappedAsDataclass"}):
        modern = "mapped_column" in read.styles or any(True for _ in project.importing(unit, "sqlalchemy.ext.asyncio"))
        major = "2" if modern else version
    else:
        major = version if name != "sqlmodel" else ""
    is_async = any(True for _ in project.importing(unit, "sqlalchemy.ext.asyncio", "sqlmodel.ext.asyncio"))
    value = " ".join(filter(None, [name, major, "async" if is_async else ""]))
    aliases = _aliases(project, unit)
    styles = []
    if "MappedAsDataclass" in read.styles:
        styles.append("MappedAsDataclass")
    elif "mapped_column" in read.styles and name != "sqlmodel":
        styles.append("mapped_column")
    elif "Column" in read.styles and name == "sqlalchemy":
        value += " with 1.x Column style"
    if aliases is not None:
        value += " with aliases"
    places = [*([aliases] if aliases else []), *read.bases[:2], *([read.first] if read.first else [])]
    proof = max((entity.proof for entity in read.entities), default=Proof.USED)
    return Finding(Row.DATA, "orm", ", ".join([value, *styles]), proof, places)


def _version(project: Project, unit: Unit, name: str) -> str:
    """Give a package's major version: from the manifest, or from where it is pinned."""
    listed = unit.dependency(name)
    found = re.search(r"\d+", listed.version) if listed is not None else None
    for path in [] if found else project.files(unit, "*requirements*.txt", "requirements/*.txt", "requirements/*.in"):
        pinned = re.search(rf"^{name.replace('-', '[-_.]')}\s*[=~>]=\s*(\d+)", project.text(path), re.I | re.M)
        if pinned is not None:
            return pinned[1]
    return found[0] if found else ""


def _aliases(project: Project, unit: Unit) -> Place | None:
    """Find `Column = db.Column`: names of the ORM that a module of the codebase hands on under its own."""
    for module in project.mentioning(unit, "Column ="):
        for name, node in module.bindings.items():
            alias = name in ("Column", "Model", "relationship") and node.kind == "attribute" and node.value == name
            if alias and "SQLAlchemy()" in project.origin(module, node):
                return Place(module.path, node.line)
    return None


def _details(read: _Read) -> Iterator[Finding]:
    joined = [entity for entity in read.entities if entity.kind == "join"]
    for table, callee, place in read.associations if len(joined) < 5 else []:
        if any(entity.table.rpartition(".")[2] == table for entity in joined):
            yield Finding(Row.DATA, "association_table", f"{table} ({callee})", Proof.USED, [place])
    places = [place for table, _, place in read.associations if any(entity.table == table for entity in joined)]
    if len(places) > 1:
        names = ", ".join(entity.table for entity in joined)
        yield Finding(Row.DATA, "association_tables", str(len(places)), Proof.USED, places, note=names)
    for (_, name), (place, columns) in read.mixins.items():
        yield Finding(Row.DATA, "mixin_pk", f"{name} adds {', '.join(columns)}", Proof.USED, [place])
    for place, shown in read.helpers.values():
        yield Finding(Row.DATA, "fk_by_helper", f"foreign keys through {shown}", Proof.USED, [place])


def _create_all(project: Project, unit: Unit) -> Iterator[Finding]:
    for module in project.mentioning(unit, "create_all"):
        for call in module.calls if module.language == "python" else []:
            for node in (call.node.items[0], *call.node.arguments):
                if node.kind == "attribute" and node.value == "create_all" and node.dotted:
                    condition = f"only if {' and '.join(call.conditions)}" if call.conditions else ""
                    place = project.place(module, call)
                    yield Finding(
                        Row.DATA, "create_all", node.dotted, project.proof(module.path), [place], condition=condition
                    )


_TEST_CLASS = re.compile(r"test", re.IGNORECASE)
_URI_NAMES = ("SQLALCHEMY_DATABASE_URI",)
_REWRITTEN = "from the rewritten URL"


def _databases(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say which database an engine or a Flask setting names."""
    found: list[tuple[Database, str, str]] = []
    unknown: list[tuple[Place, str]] = []
    settings = list(_settings(project, unit))
    for holder, module, node, condition in settings:
        every = databases(project, module, node)
        found += [(one, holder, condition) for one in every[:1]]
        if not every:
            value = project.fold(module, node)
            unknown.append((Place(module.path, node.line), value.env or value.text))
    for module, call in _engines(project, unit) if not settings else []:
        given = call.node.arguments[0] if call.node.arguments else call.node.get("url")
        if given is None:
            continue
        every = databases(project, module, given, call.function)
        condition = f"only if {' and '.join(call.conditions)}" if call.conditions else ""
        for one in every[:1]:
            rewritten = _is_rewritten(project, module, given, call.function)
            found.append((one, _REWRITTEN if rewritten else "", condition))
        if not every:
            value = project.fold(module, given, call.function)
            unknown.append((project.place(module, call), value.env or value.text))
    yield from _say(project, unit, found, unknown)


def _is_rewritten(project: Project, module: Module, node: Node, function: int) -> bool:
    """Tell whether a URL's scheme is replaced on its way to the engine."""
    _, made, _ = project.follow(module, node, function)
    while made.kind == "call" and made.items[0].kind == "attribute":
        if made.items[0].value == "replace":
            return True
        made = made.items[0].items[0]
    return False


def _say(
    project: Project, unit: Unit, found: list[tuple[Database, str, str]], unknown: list[tuple[Place, str]]
) -> Iterator[Finding]:
    names = {one.name for one, _, _ in found}
    holders = {holder for _, holder, _ in found if holder and holder != _REWRITTEN}
    if len(names) > 1 and len(holders) > 1:
        value = ", ".join(f"{one} in {holder}" for one, holder, _ in found)
        yield Finding(
            Row.DATA, "database", value, project.proof(found[0][0].place.path), [one.place for one, _, _ in found]
        )
        return
    said: set[str] = set()
    for one, holder, condition in found:
        env = one.env or (unknown[0][1] if unknown and re.fullmatch(r"[A-Z][A-Z0-9_]+", unknown[0][1]) else "")
        others = env and re.search(r"UR[IL]|DATABASE|DSN", env)
        value = f"{one.name} by default, {env} otherwise" if others and one.name == "sqlite" else str(one)
        if value not in said:
            said.add(value)
            note = (
                holder
                if holder == _REWRITTEN
                else f"default of {env}"
                if one.env and others and value == str(one)
                else ""
            )
            yield Finding(
                Row.DATA, "database", value, project.proof(one.place.path), [one.place], condition=condition, note=note
            )
    if not found and unknown:
        place, shown = unknown[0]
        yield undecided(project, unit, place, shown)


def _settings(project: Project, unit: Unit) -> Iterator[tuple[str, Module, Node, str]]:
    """Find Flask's setting: (class that has it, module, value, condition)."""
    for module in project.mentioning(unit, *_URI_NAMES):
        if module.language != "python" or not _uses_flask(project, unit):
            continue
        for kind in module.classes:
            for member in kind.members:
                if member.name not in _URI_NAMES or member.value is None or _TEST_CLASS.search(kind.name):
                    continue
                if member.value.kind not in ("function", "null"):
                    yield kind.name, module, member.value, ""
        for name, node in module.bindings.items():
            if name in _URI_NAMES:
                yield "", module, node, ""
        for assignment in module.assignments:
            target = assignment.target
            if (
                target.kind == "index"
                and target.items[1].value in _URI_NAMES
                and not _TEST_CLASS.search(" ".join(assignment.conditions))
            ):
                condition = f"only if {' and '.join(assignment.conditions)}" if assignment.conditions else ""
                yield "", module, assignment.value, condition
        for call in module.calls:
            for keyword, node in call.node.pairs:
                if keyword in _URI_NAMES:
                    yield "", module, node, ""


def _uses_flask(project: Project, unit: Unit) -> bool:
    return any(True for _ in project.importing(unit, "flask_sqlalchemy", "flask_sqlalchemy_lite", "flask"))


def _engines(project: Project, unit: Unit) -> Iterator[tuple[Module, Call]]:
    """Find where engines are made, migrations' own left for last."""
    every = [
        (module, call)
        for module in project.importing(unit, *PACKAGES)
        for call in module.calls
        if "engine" in call.node.items[0].dotted.lower()
        and _ENGINE.search(project.origin(module, call.node.items[0], call.function))
        and not _TEST_CLASS.search(" ".join(call.conditions))
    ]
    every.sort(key=lambda pair: ("scripts/" in pair[0].path, -project.proof(pair[0].path)))
    outside = [(module, call) for module, call in every if not re.search(r"(^|/)(alembic|migrations)/", module.path)]
    yield from outside or every
