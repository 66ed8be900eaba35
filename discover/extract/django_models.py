"""Django's models: the tables of the installed apps, what they inherit, the database and the migrations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from discover.code import Member, Module, Node
from discover.extract.models_common import (
    DIALECTS,
    Database,
    Model,
    databases,
    default,
    flag,
    model,
    text,
    undecided,
    values,
)
from discover.findings import Column, Entity, Finding, Place, Proof, Relation, Row
from discover.project import Project, Unit

FIELDS = {
    "AutoField": "int", "BigAutoField": "bigint", "SmallAutoField": "smallint", "CharField": "varchar",
    "TextField": "text", "EmailField": "email", "SlugField": "slug", "AutoSlugField": "slug", "URLField": "url",
    "UUIDField": "uuid", "IntegerField": "int", "BigIntegerField": "bigint", "SmallIntegerField": "smallint",
    "PositiveIntegerField": "int", "PositiveSmallIntegerField": "smallint", "PositiveBigIntegerField": "bigint",
    "BooleanField": "bool", "NullBooleanField": "bool", "DateTimeField": "datetime", "DateField": "date",
    "TimeField": "time", "DurationField": "interval", "DecimalField": "numeric", "FloatField": "float",
    "JSONField": "json", "BinaryField": "binary", "FileField": "file", "ImageField": "file", "FilePathField": "varchar",
    "GenericIPAddressField": "inet", "IPAddressField": "inet", "HStoreField": "hstore", "CITextField": "citext",
    "CICharField": "citext", "CIEmailField": "citext", "PointField": "geometry", "PolygonField": "geometry",
    "MultiPolygonField": "geometry", "GeometryField": "geometry", "PhoneNumberField": "varchar(128)",
    "CountryField": "varchar(2)", "MoneyField": "numeric", "ShortUUIDField": "varchar(22)",
    "CommaSeparatedIntegerField": "varchar",
    "AutoCreatedField": "datetime", "AutoLastModifiedField": "datetime", "CreationDateTimeField": "datetime",
    "ModificationDateTimeField": "datetime", "StatusField": "varchar(100)", "MonitorField": "datetime",
    "RichTextField": "text", "RichTextUploadingField": "text", "CKEditor5Field": "text", "MarkdownField": "text",
}  # fmt: skip
_FOREIGN = ("ForeignKey", "OneToOneField", "TreeForeignKey", "ParentalKey", "AutoOneToOneField")
_MANY = ("ManyToManyField", "SortedManyToManyField", "ParentalManyToManyField", "TreeManyToManyField")
_NO_COLUMN = ("GenericForeignKey", "GenericRelation", "GeneratedField", "SearchVectorField")

PARENTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "AbstractBaseUser": (("password", "varchar(128)", ""), ("last_login", "datetime", "null")),
    "PermissionsMixin": (("is_superuser", "bool", "false"),),
    "AbstractUser": (
        ("password", "varchar(128)", ""), ("last_login", "datetime", "null"), ("is_superuser", "bool", "false"),
        ("username", "varchar(150)", "unique"), ("first_name", "varchar(150)", ""), ("last_name", "varchar(150)", ""),
        ("email", "email", ""), ("is_staff", "bool", "false"), ("is_active", "bool", "true"),
        ("date_joined", "datetime", ""),
    ),
    "TimeStampedModel": (("created", "datetime", ""), ("modified", "datetime", "")),
    "UUIDModel": (("id", "uuid", "primary"),),
    "SoftDeletableModel": (("is_removed", "bool", "false"),),
    "TitleDescriptionModel": (("title", "varchar(255)", ""), ("description", "text", "null")),
    "TitleSlugDescriptionModel": (("title", "varchar(255)", ""), ("description", "text", "null"), ("slug", "slug", "")),
    "MPTTModel": (("lft", "int", ""), ("rght", "int", ""), ("tree_id", "int", ""), ("level", "int", "")),
    "SafeDeleteModel": (("deleted", "datetime", "null"), ("deleted_by_cascade", "bool", "false")),
    "AbstractBaseSession": (
        ("session_key", "varchar(40)", "primary"), ("session_data", "text", ""), ("expire_date", "datetime", ""),
    ),
}  # fmt: skip
"""Parents of installed packages → the columns that they add: (name, type, `null`, `unique`, `primary` or a default)."""

_MODEL = re.compile(
    r"(?!.*(Manager|QuerySet|Backend|Form|Admin|Serializer|Field|Config|Choices|View|Set)(\.\w+)?(\(\))?$)"
    r"(^django\.(contrib\.gis\.)?db\.models(\.base)?\.Model$|^django\.contrib\.\w+\.(models|base_user|base_session)\.\w+$"
    r"|^(model_utils|django_extensions|mptt|polymorphic|safedelete|parler|guardian|simple_history|treebeard|modelcluster"
    r"|wagtail|taggit|psqlextra|django_cte|solo|ordered_model|django_lifecycle|organizations)\b.*(\.models?(\.\w+)*\.\w+|\.\w*Model(Mixin|Base)?)$)"
)
_CONCRETE = re.compile(r"^(?:wagtail(?:\.core)?|django\.contrib\.auth)\.models\.(Page|User|Group)$")
"""Parents of packages that make tables of their own: a class that inherits from one points to it."""
_EXAMPLE = re.compile(r"example|sample|demo|tutorial|playground|sandbox", re.IGNORECASE)


@dataclass(slots=True)
class App:
    """An installed app."""

    label: str
    folder: str
    place: Place
    auto: str = ""
    """Its `default_auto_field`."""


@dataclass(slots=True)
class _Read:
    settings: list[Module] = field(default_factory=list)
    """The modules that have settings, the one that is used first."""
    apps: list[App] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    """Table → label of its app."""
    abstract: dict[tuple[str, str], tuple[Place, str, list[str]]] = field(default_factory=dict)
    lazy: list[tuple[str, Place]] = field(default_factory=list)
    user: tuple[str, Place] | None = None


_READ: WeakKeyDictionary[Project, dict[str, _Read]] = WeakKeyDictionary()


def _read(project: Project, unit: Unit) -> _Read:
    kept = _READ.setdefault(project, {})
    if unit.folder not in kept:
        kept[unit.folder] = _Reader(project, unit).read()
    return kept[unit.folder]


class _Reader:
    """Reads the settings and every model of a unit."""

    def __init__(self, project: Project, unit: Unit) -> None:
        self.project = project
        self.unit = unit
        self.found = _Read()
        self.models: dict[tuple[str, int], Model] = {}
        self.tables: dict[tuple[str, int], Entity] = {}
        self.by_name: dict[str, list[Entity]] = {}

    def read(self) -> _Read:
        if not any(True for _ in self.project.importing(self.unit, "django")):
            return self.found
        self.settings()
        self.installed()
        user = self.setting("AUTH_USER_MODEL")
        if user is not None and (name := text(self.project, *user)):
            self.found.user = (name, Place(user[0].path, user[1].line))
        for module in self.project.mentioning(self.unit, "models.", "Model)", "Model,"):
            if module.language != "python" or "/migrations/" in module.path:
                continue
            for kind in module.classes:
                if kind.parent >= 0:
                    continue
                found = model(self.project, module, kind)
                if any(_MODEL.match(root) for root in found.roots) and self.app_of(module.path) is not None:
                    self.models[module.path, kind.number] = found
        for key, found in self.models.items():
            if not self.is_abstract(found) and not self.meta_flag(found, "proxy"):
                self.declare(found, key)
        for key, entity in list(self.tables.items()):
            self.fill(self.models[key], entity)
        self.types()
        return self.found

    # -- settings ---------------------------------------------------------------------------------------------------

    def settings(self) -> None:
        """Find the modules of settings: the one that manage.py, wsgi.py or asgi.py names comes first."""
        named: list[str] = []
        for module in self.project.mentioning(self.unit, "DJANGO_SETTINGS_MODULE"):
            for call in module.calls:
                arguments = call.node.arguments
                if len(arguments) > 1 and arguments[0].value == "DJANGO_SETTINGS_MODULE":
                    path = self.project.resolve(module.path, text(self.project, module, arguments[1]))
                    if path:
                        named.insert(0, path) if "wsgi" in module.path or "asgi" in module.path else named.append(path)
        others = [
            module.path
            for module in self.project.mentioning(self.unit, "INSTALLED_APPS", "DATABASES")
            if {"INSTALLED_APPS", "DATABASES"} & module.bindings.keys()
        ]
        others.sort(key=lambda path: (not re.search(r"base|common|defaults|settings\.py|__init__", path), path))
        for path in dict.fromkeys([*named, *others]):
            module_or_none = self.project.module(path)
            if module_or_none is not None:
                self.found.settings.append(module_or_none)

    def setting(self, name: str) -> tuple[Module, Node] | None:
        """Give a setting's value, from the module that is used or from those that it imports."""
        for module in self.found.settings:
            where, node = self.project.find(module, Node("name", 0, name))
            if node.kind != "name" or node.value != name:
                return where, node
        return None

    def strings(self, module: Module, node: Node, depth: int = 0) -> Iterator[tuple[str, Place]]:
        """Give the strings of a list, lists that are added to it and spread into it included."""
        if depth > 12:
            return
        match node.kind:
            case "string":
                yield str(node.value), Place(module.path, node.line)
            case "array" | "spread" | "binary" | "conditional":
                for item in node.items:
                    yield from self.strings(module, item, depth + 1)
            case "call":
                for item in node.arguments:
                    yield from self.strings(module, item, depth + 1)
            case "name" | "attribute":
                where, made = self.project.find(module, node)
                if made is not node:
                    yield from self.strings(where, made, depth + 1)

    def installed(self) -> None:
        value = self.setting("INSTALLED_APPS")
        folders = {path.rpartition("/")[0] for path in self.project.tree.files if path.endswith(".py")}
        names = list(self.strings(*value)) if value is not None else []
        for module in self.found.settings:
            if "INSTALLED_APPS" in module.bindings:
                names += self.strings(module, module.bindings["INSTALLED_APPS"])
        for name, place in dict.fromkeys(names):
            app = self.app(name, place, folders)
            if app is not None and all(app.folder != other.folder for other in self.found.apps):
                self.found.apps.append(app)
        if not names:
            for path in self.project.files(self.unit, "models.py", "*/models/__init__.py"):
                folder = path.rpartition("/")[0].removesuffix("/models")
                self.found.apps.append(App(folder.rpartition("/")[2], folder, Place(path, 1)))
        self.found.apps.sort(key=lambda app: -len(app.folder))

    def app(self, name: str, place: Place, folders: set[str]) -> App | None:
        """Find an installed app's folder, and its label."""
        parts = name.split(".")
        config = parts.pop() if re.search(r"Config$", parts[-1]) else ""
        if config and parts[-1] == "apps":
            parts.pop()
        inner = "/".join(parts)
        prefix = f"{self.unit.folder}/" if self.unit.folder else ""
        fitting = [folder for folder in folders if folder == inner or folder.endswith(f"/{inner}")]
        fitting = [folder for folder in fitting if folder.startswith(prefix)]
        if not fitting:
            return None
        folder = min(fitting, key=len)
        app = App(parts[-1], folder, place)
        module = self.project.module(f"{folder}/apps.py") or self.project.module(f"{folder}/__init__.py")
        kinds = (
            [kind for kind in module.classes if kind.name == config or (not config and kind.bases)] if module else []
        )
        for kind in kinds[:1]:
            for member in kind.members:
                if module is not None and member.name == "label":
                    app.label = text(self.project, module, member.value) or app.label
                elif module is not None and member.name == "default_auto_field":
                    app.auto = text(self.project, module, member.value)
        return app

    def app_of(self, path: str) -> App | None:
        """Give the installed app that a module belongs to: the closest one around it."""
        return next((app for app in self.found.apps if path.startswith(f"{app.folder}/") or not app.folder), None)

    # -- models -----------------------------------------------------------------------------------------------------

    def meta(self, found: Model, name: str) -> tuple[Module, Node] | None:
        """Give an option of `class Meta`, those of parents included where Django hands them down."""
        for module, kind in found.line:
            for number in kind.inner:
                if module.classes[number].name == "Meta":
                    for member in module.classes[number].members:
                        if member.name == name and member.value is not None:
                            return module, member.value
            if name in ("abstract", "proxy", "db_table", "managed"):
                return None
        return None

    def meta_flag(self, found: Model, name: str) -> bool:
        option = self.meta(found, name)
        return option is not None and flag(self.project, *option) is True

    def is_abstract(self, found: Model) -> bool:
        return self.meta_flag(found, "abstract")

    def declare(self, found: Model, key: tuple[str, int]) -> None:
        app = self.app_of(found.module.path)
        assert app is not None
        label = app.label
        if (given := self.meta(found, "app_label")) is not None:
            label = text(self.project, *given) or label
        table = f"{label}_{found.kind.name.lower()}"
        if (given := self.meta(found, "db_table")) is not None:
            table = text(self.project, *given) or table
        entity = Entity(
            found.kind.name, table, found.place, source="django", proof=self.project.proof(found.module.path)
        )
        if (given := self.meta(found, "managed")) is not None and flag(self.project, *given) is False:
            entity.note = "not managed by Django"
        self.tables[key] = entity
        self.by_name.setdefault(found.kind.name.lower(), []).append(entity)
        self.by_name.setdefault(f"{label}.{found.kind.name}".lower(), []).append(entity)
        self.found.labels[table] = label
        self.found.entities.append(entity)

    def heritage(self, found: Model) -> list[Model]:
        """Give the class and its parents that are no tables, the farthest first."""
        own = [found]
        for module, kind in found.line[1:]:
            if (module.path, kind.number) not in self.tables:
                own.append(Model(module, kind, [(module, kind)]))
        return own[::-1]

    def fill(self, found: Model, entity: Entity) -> None:
        columns: dict[str, Column] = {}
        for root in found.roots:
            for name, type_, more in PARENTS.get(root.rpartition(".")[2], ()):
                columns[name] = _given(name, type_, more)
        for parent in self.heritage(found):
            added = []
            for member in parent.kind.members:
                if member.value is not None and member.value.kind == "null":
                    columns.pop(member.name, None)
                column = self.field(parent.module, member, entity, found)
                if column is not None:
                    columns[member.name] = column
                    added.append(column.name)
            if parent is not found and parent.kind is not found.kind and added:
                app = self.app_of(parent.module.path)
                name = f"{app.label}.{parent.kind.name}" if app is not None else parent.kind.name
                self.found.abstract.setdefault((parent.module.path, parent.kind.name), (parent.place, name, added))
        for module, kind in found.line[1:]:
            above = self.tables.get((module.path, kind.number))
            if above is not None and not any(column.primary_key for column in columns.values()):
                name = f"{kind.name.lower()}_ptr_id"
                link = Column(name, "", False, primary_key=True, references=f"{above.table}.id", on_delete="cascade")
                columns = {name: link} | columns
        if not any(column.primary_key for column in columns.values()):
            columns = {
                "id": Column("id", self.auto(found), False, primary_key=True, default="auto increment")
            } | columns
        entity.columns = list(columns.values())
        self.indexes(found, entity)

    def auto(self, found: Model) -> str:
        """Say of which type an implicit key is."""
        app = self.app_of(found.module.path)
        chosen = app.auto if app is not None else ""
        if not chosen and (given := self.setting("DEFAULT_AUTO_FIELD")) is not None:
            chosen = text(self.project, *given)
        if not chosen:
            listed = self.unit.dependency("django")
            version = re.search(r"\d+", listed.version) if listed is not None else None
            chosen = "BigAutoField" if version is not None and int(version[0]) >= 6 else "AutoField"
        return FIELDS.get(chosen.rpartition(".")[2], "int")

    def field_name(self, module: Module, value: Node) -> str:
        """Give the name of the field's class; a class of the codebase counts as what it is made of."""
        where, made = self.project.find(module, value.items[0])
        if made.kind == "class" and made.value is not None:
            for root in model(self.project, where, where.classes[int(made.value)]).roots:
                if re.search(r"(Field|ForeignKey|Key)$", root):
                    return root.rpartition(".")[2]
            return ""
        return self.project.origin(module, value.items[0]).rpartition(".")[2]

    def field(self, module: Module, member: Member, entity: Entity, found: Model) -> Column | None:
        value = member.value
        if value is None or value.kind != "call":
            return None
        name = self.field_name(module, value)
        if name in _MANY or name == "TaggableManager":
            self.many(module, member.name, value, entity, found)
            return None
        if name in _NO_COLUMN or not (name in _FOREIGN or name.endswith("Field")):
            return None
        column = Column(member.name, FIELDS.get(name, name.removesuffix("Field").lower()), nullable=False)
        self.options(module, column, value)
        if name in _FOREIGN:
            self.foreign(module, column, value, found, one=name in ("OneToOneField", "AutoOneToOneField"))
        elif name == "ArrayField":
            inner = value.arguments[0] if value.arguments else value.get("base_field")
            kind = self.field_name(module, inner) if inner is not None and inner.kind == "call" else ""
            column.type = f"{FIELDS.get(kind, 'text')}[]"
        elif name == "NullBooleanField":
            column.nullable = True
        elif name in ("AutoField", "BigAutoField", "SmallAutoField"):
            column.default = "auto increment"
        elif name == "SlugField":
            column.index = flag(self.project, module, value.get("db_index")) is not False
        if column.primary_key:
            column.nullable = False
        return column

    def options(self, module: Module, column: Column, call: Node) -> None:
        size = call.get("max_length")
        length = self.project.fold(module, size) if size is not None else None
        if length is not None and length.known and isinstance(length.value, int):
            column.length = length.value
            if column.type in ("varchar", "file"):
                column.type = f"varchar({length.value})" if column.type == "varchar" else column.type
        digits = [call.get("max_digits"), call.get("decimal_places")]
        if column.type == "numeric" and all(item is not None for item in digits):
            numbers = [self.project.fold(module, item).value for item in digits if item is not None]
            column.type = f"numeric({numbers[0]},{numbers[1]})"
        column.nullable = flag(self.project, module, call.get("null")) is True
        column.unique = flag(self.project, module, call.get("unique")) is True
        column.index = flag(self.project, module, call.get("db_index")) is True
        column.primary_key = flag(self.project, module, call.get("primary_key")) is True
        column.column = text(self.project, module, call.get("db_column"))
        given = call.get("default") or call.get("db_default")
        column.default = default(self.project, module, given, column.name)
        if any(flag(self.project, module, call.get(name)) is True for name in ("auto_now", "auto_now_add")):
            column.default = "now"
        if (choices := call.get("choices")) is not None:
            column.enum = self.choices(module, choices)

    def choices(self, module: Module, node: Node) -> list[str]:
        """Read `Status.choices`, `Status`, a list of pairs, a name of one, and `[(x.value, …) for x in Status]`."""
        if node.kind == "attribute" and node.value == "choices":
            return values(self.project, module, node.items[0])
        if node.kind == "call" and node.items[0].kind == "attribute" and node.items[0].value == "choices":
            return values(self.project, module, node.items[0].items[0])
        where, made = self.project.find(module, node)
        if made.kind == "class":
            return values(self.project, module, node)
        if made.kind == "array":
            firsts = [item.items[0] for item in made.items if item.kind == "array" and item.items]
            folded = [self.project.fold(where, item) for item in firsts]
            return [str(value.value) for value in folded if value.known]
        return values(self.project, module, node)

    def target(self, module: Module, call: Node, found: Model) -> tuple[Entity | None, str]:
        """Give the model that a relation points to, and how it is written."""
        node = call.arguments[0] if call.arguments else call.get("to")
        if node is None:
            return None, ""
        written = ""
        if node.kind == "string":
            written = str(node.value)
            if written != "self" and "." in written:
                self.found.lazy.append((written, Place(module.path, node.line)))
        elif node.dotted.endswith("AUTH_USER_MODEL") or node.dotted.endswith("get_user_model()"):
            written = self.found.user[0] if self.found.user is not None else "auth.User"
        else:
            where, made = self.project.find(module, node)
            if made.kind == "class" and made.value is not None:
                entity = self.tables.get((where.path, int(made.value)))
                return entity, node.dotted
            if made.kind == "call" and made.dotted.endswith("get_user_model()"):
                written = self.found.user[0] if self.found.user is not None else "auth.User"
            elif made.kind == "string":
                written = str(made.value)
            else:
                origin = self.project.origin(module, node)
                contrib = re.match(r"django\.contrib\.(\w+)\.models\.(\w+)$", origin)
                return None, f"{contrib[1]}.{contrib[2]}" if contrib else node.dotted
        if written == "self":
            return self.tables.get((found.module.path, found.kind.number)), "self"
        app = self.app_of(module.path)
        for key in ([] if "." in written else [f"{app.label}.{written}".lower()] if app else []) + [written.lower()]:
            if key in self.by_name:
                return self.by_name[key][0], written
        return None, written

    @staticmethod
    def table_name(entity: Entity | None, written: str) -> str:
        """Give the table that a model makes, be it one of an installed package."""
        if entity is not None:
            return entity.table
        label, _, name = written.rpartition(".")
        return f"{label}_{name}".lower() if label else ""

    def foreign(self, module: Module, column: Column, call: Node, found: Model, *, one: bool) -> None:
        entity, written = self.target(module, call, found)
        column.name = f"{column.name}_id"
        column.type = ""
        column.unique = column.unique or one
        column.index = True
        table = self.table_name(entity, written)
        to_field = text(self.project, module, call.get("to_field"))
        column.references = f"{table}.{to_field or 'id'}" if table else ""
        action = call.get("on_delete") or (call.arguments[1] if len(call.arguments) > 1 else None)
        name = (
            action.items[0].dotted if action is not None and action.kind == "call" else action.dotted if action else ""
        )
        column.on_delete = name.rpartition(".")[2].lower().replace("_", " ")

    def many(self, module: Module, name: str, call: Node, entity: Entity, found: Model) -> None:
        if not call.arguments and call.get("to") is None:
            entity.relations.append(Relation(name, "many_to_many", "taggit.Tag"))
            return
        other, written = self.target(module, call, found)
        target = other.name if other is not None else written
        through = call.get("through")
        if through is not None:
            middle, shown = self.target(module, Node("call", call.line, items=[call.items[0], through]), found)
            entity.relations.append(Relation(name, "many_to_many", target, self.table_name(middle, shown)))
            return
        table = text(self.project, module, call.get("db_table")) or f"{entity.table}_{name}"
        entity.relations.append(Relation(name, "many_to_many", target, table))
        mine, theirs = found.kind.name.lower(), target.rpartition(".")[2].lower()
        own = ("from_" + mine, "to_" + mine) if other is entity else (mine, theirs)
        tables = (entity.table, self.table_name(other, written))
        join = Entity(table, table, Place(module.path, call.line), kind="join", source="django", proof=entity.proof)
        join.columns = [Column("id", self.auto(found), False, primary_key=True, default="auto increment")]
        for side, to in zip(own, tables, strict=True):
            column = Column(f"{side}_id", "", False, index=True, on_delete="cascade")
            column.references = f"{to}.id" if to else ""
            join.columns.append(column)
        join.indexes = [f"unique ({own[0]}_id, {own[1]}_id)"]
        self.found.entities.append(join)

    def indexes(self, found: Model, entity: Entity) -> None:
        def shown(names: list[str]) -> str:
            fields = {
                column.name.removesuffix("_id") if column.references else column.name: column.name
                for column in entity.columns
            }
            return ", ".join(fields.get(name.lstrip("-"), name.lstrip("-")) for name in names)

        for option, unique in (("unique_together", True), ("index_together", False)):
            if (given := self.meta(found, option)) is None:
                continue
            value = self.project.fold(*given)
            groups = value.value if value.known and isinstance(value.value, list) else []
            if groups and all(isinstance(item, str) for item in groups):
                groups = [groups]
            for group in groups:
                entity.indexes.append(f"{'unique ' if unique else ''}({shown([str(name) for name in group])})")
        for option in ("constraints", "indexes"):
            given = self.meta(found, option)
            for item in given[1].items if given is not None and given[1].kind == "array" else []:
                if given is None or item.kind != "call":
                    continue
                kind = item.items[0].dotted.rpartition(".")[2]
                fields = item.get("fields")
                names = self.project.fold(given[0], fields).value if fields is not None else None
                if not isinstance(names, list) or not names or kind not in ("UniqueConstraint", "Index"):
                    continue
                label = text(self.project, given[0], item.get("name")).replace("%(app_label)s_", "")
                label = label.replace("%(class)s", found.kind.name.lower())
                whole = kind == "UniqueConstraint" and item.get("condition") is None
                column = next((one for one in entity.columns if shown([str(names[0])]) == one.name), None)
                if len(names) == 1 and column is not None:
                    column.unique, column.index = column.unique or whole, True
                written = f"({shown([str(name) for name in names])})"
                entity.indexes.append(f"{'unique ' if whole else ''}{f'{label} ' if label else ''}{written}")

    def types(self) -> None:
        """Give foreign keys the type of the key that they refer to, and that key's real name."""
        primary = {
            entity.table: column for entity in self.found.entities for column in entity.columns if column.primary_key
        }
        for _ in range(4):
            for entity in self.found.entities:
                for column in entity.columns:
                    table, _, target = column.references.rpartition(".")
                    if not table or column.type:
                        continue
                    key = primary.get(table)
                    if key is not None and key.type:
                        column.type = key.type
                        column.references = f"{table}.{key.name}" if target == "id" else column.references
        for entity in self.found.entities:
            for column in entity.columns:
                if column.references and not column.type:
                    column.type = "int"


def _given(name: str, type_: str, more: str) -> Column:
    column = Column(name, type_, nullable=more == "null")
    length = re.search(r"\((\d+)\)", type_)
    column.length = int(length[1]) if length else None
    column.unique, column.primary_key = more == "unique", more == "primary"
    column.default = more if more in ("true", "false") else None
    return column


# -- what is yielded ---------------------------------------------------------------------------------------------------


def entities(project: Project, unit: Unit) -> Iterator[Entity]:
    """Give the tables of the installed apps."""
    yield from _read(project, unit).entities


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Give the ORM, its base classes, the user model, the database and the migrations."""
    if not any(True for _ in project.importing(unit, "django")):
        return
    read = _read(project, unit)
    tables = [entity for entity in read.entities if entity.kind == "table"]
    if tables:
        proof = max(entity.proof for entity in tables)
        yield Finding(Row.DATA, "orm", "django orm", proof, [tables[0].place])
    if read.user is not None:
        yield Finding(Row.DATA, "user_model", read.user[0], Proof.USED, [read.user[1]])
    for place, name, columns in read.abstract.values():
        yield Finding(Row.DATA, "abstract_base", f"{name} adds {', '.join(columns)}", Proof.USED, [place])
    if read.lazy:
        names = ", ".join(sorted({name for name, _ in read.lazy})[:8])
        places = [place for _, place in read.lazy][:5]
        yield Finding(Row.DATA, "lazy_references", "models named as strings", Proof.USED, places, note=names)
    yield from _examples(read, tables)
    yield from _databases(project, unit, read)
    yield from _migrations(project, unit)


def _examples(read: _Read, tables: list[Entity]) -> Iterator[Finding]:
    """Installed apps that by their name are examples, and make tables all the same."""
    labels = {read.labels.get(entity.table) for entity in tables}
    found = sorted(
        (app for app in read.apps if _EXAMPLE.search(app.label) and app.label in labels), key=lambda app: app.place
    )
    if found:
        names = " and ".join(app.label for app in found)
        verb = "is an installed app" if len(found) == 1 else "are installed apps"
        yield Finding(
            Row.DATA, "example_models", f"{names} {verb} with tables", Proof.USED, [app.place for app in found]
        )


def _migrations(project: Project, unit: Unit) -> Iterator[Finding]:
    paths = []
    for path in project.files(unit, "*.py"):
        folder, _, name = path.rpartition("/")
        inside = f"/{folder}".endswith("/migrations") and name != "__init__.py"
        if inside and re.search(r"class\s+Migration\s*\(", project.text(path)):
            paths.append(path)
    if not paths:
        return
    place = Place(paths[0], project.tree.line(paths[0], r"class\s+Migration\s*\("))
    apps = {path.rpartition("/")[0] for path in paths}
    note = f"in {len(apps)} app{'s' * (len(apps) != 1)}"
    last = sorted(paths)[-1]
    yield Finding(
        Row.DATA, "migrations", f"django migrations, {len(paths)}", Proof.USED, [place, Place(last, 1)], note=note
    )


def _engine(project: Project, module: Module, node: Node) -> list[Database]:
    """Read one entry of DATABASES: an object with ENGINE, or a function that reads a URL."""
    if node.kind == "conditional":
        return _engine(project, module, node.items[1]) + _engine(project, module, node.items[2])
    if node.kind in ("name", "attribute"):
        where, made = project.find(module, node)
        return _engine(project, where, made) if made is not node else []
    if node.kind != "object":
        return databases(project, module, node)
    engine = node.get("ENGINE")
    if engine is None:
        spread = next((item for key, item in node.pairs if key == "..."), None)
        return _engine(project, module, spread) if spread is not None else []
    value = project.fold(module, engine)
    if not value.known:
        return databases(project, module, engine)
    name = str(value.value).rpartition(".")[2].lower()
    known = next((DIALECTS[key] for key in (name, name.split("_")[0]) if key in DIALECTS), "")
    if not known and (
        named := re.search(r"postg|mysql|sqlite|oracle|mssql|cockroach|snowflake|mongo", str(value.value))
    ):
        known = next((DIALECTS[key] for key in DIALECTS if key.startswith(named[0])), "")
    return [Database(known, "", value.place, value.env)] if known else []


def _default_entries(node: Node) -> list[Node]:
    """Give what `DATABASES` may have under `default`."""
    if node.kind == "conditional":
        return _default_entries(node.items[1]) + _default_entries(node.items[2])
    entry = node.get("default") if node.kind == "object" else None
    return [entry] if entry is not None else []


_ENGINE = re.compile(r"""["']ENGINE["']\s*:\s*["']([\w.]+)["']""")


def _conditional(project: Project, module: Module, known: list[str]) -> Iterator[tuple[Database, str]]:
    """Find engines that a setting has only under a condition: `if os.getenv("DB") == "postgres":`."""
    if re.search(r"test|^ci$", module.path.rpartition("/")[2]):
        return
    lines = project.text(module.path).splitlines()
    for number, line in enumerate(lines, 1):
        found = _ENGINE.search(line)
        last = found[1].rpartition(".")[2].lower() if found is not None else ""
        name = next((DIALECTS[key] for key in (last, last.split("_")[0]) if key in DIALECTS), "")
        if not name or name in known:
            continue
        depth = len(line) - len(line.lstrip())
        for above in reversed(lines[: number - 1]):
            indent = len(above) - len(above.lstrip())
            if not above.strip() or indent >= depth:
                continue
            depth = indent
            if (test := re.match(r"\s*(?:el)?if\s+(.+?)\s*:\s*(#.*)?$", above)) is not None:
                if not re.search(r"\btest|\bCI\b|GITHUB|argv", test[1], re.IGNORECASE):
                    known.append(name)
                    yield Database(name, "", Place(module.path, number)), test[1][:120]
                break
            if not indent:
                break


def _databases(project: Project, unit: Unit, read: _Read) -> Iterator[Finding]:
    found: list[tuple[str, Database]] = []
    unknown: list[tuple[Place, str]] = []
    for module in read.settings:
        stem = module.path.rpartition("/")[2].removesuffix(".py")
        if re.search(r"test|^ci$", stem):
            continue
        entries = _default_entries(module.bindings["DATABASES"]) if "DATABASES" in module.bindings else []
        for assignment in module.assignments:
            target = assignment.target
            if target.kind == "index" and target.items[0].dotted == "DATABASES" and target.items[1].value == "default":
                entries.append(assignment.value)
        for entry in entries:
            every = _engine(project, module, entry)
            found += [(stem, one) for one in every]
            if not every:
                value = project.fold(module, entry)
                unknown.append((Place(module.path, entry.line), value.env or value.text))
    names = list(dict.fromkeys(one.name for _, one in found))
    if len(names) > 1:
        by_module = {(stem, one.name) for stem, one in found}
        if len({stem for stem, _ in by_module}) > 1:
            said = ", ".join(dict.fromkeys(f"{one.name} in {stem}" for stem, one in found))
        else:
            first = found[0][1]
            said = f"{names[0]} by default, {first.env} otherwise" if first.env else " or ".join(names)
        yield Finding(Row.DATA, "database", said, Proof.USED, [one.place for _, one in found])
    elif names:
        env = next((one.env for _, one in found if one.env), "")
        note = f"default of {env}" if env else ""
        others = [one for module in read.settings for one in _conditional(project, module, names)]
        note = note or ("by default" if others else "")
        yield Finding(Row.DATA, "database", names[0], Proof.USED, [one.place for _, one in found][:4], note=note)
        for one, condition in others:
            yield Finding(Row.DATA, "database", one.name, Proof.USED, [one.place], condition=f"only if {condition}")
    elif unknown:
        place, shown = unknown[0]
        yield undecided(project, unit, place, shown)
