"""What extractors of Python's models share: classes with their parents, annotations, and the names of databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from discover.code import Class, Member, Module, Node
from discover.findings import Entity, Finding, Place, Proof, Row
from discover.folding import fold
from discover.project import Project, Unit
from discover.sql import safe_default

MAX_PARENTS = 40

DIALECTS = {
    "postgresql": "postgresql", "postgres": "postgresql", "psycopg": "postgresql", "postgis": "postgresql",
    "mysql": "mysql", "mariadb": "mariadb", "sqlite": "sqlite", "sqlite3": "sqlite", "spatialite": "sqlite",
    "oracle": "oracle", "mssql": "sql server", "mssqlms": "sql server", "cockroachdb": "cockroachdb",
    "mongodb": "mongodb", "mongodb+srv": "mongodb", "redshift": "redshift", "snowflake": "snowflake",
    "clickhouse": "clickhouse", "clickhousedb": "clickhouse", "bigquery": "bigquery", "duckdb": "duckdb",
    "timescale": "postgresql", "timescalegis": "postgresql", "asyncpg": "postgresql",
    "cockroach": "cockroachdb", "sqlite+libsql": "sqlite",
}  # fmt: skip
"""The scheme of a URL, or the last part of Django's ENGINE → the database."""

DRIVERS = {
    "asyncpg": "postgresql", "psycopg": "postgresql", "psycopg2": "postgresql", "psycopg2-binary": "postgresql",
    "psycopg-binary": "postgresql", "pg8000": "postgresql", "psycopg2cffi": "postgresql",
    "aiomysql": "mysql", "asyncmy": "mysql", "mysqlclient": "mysql", "pymysql": "mysql",
    "mysql-connector-python": "mysql",
    "aiosqlite": "sqlite", "pyodbc": "sql server", "aioodbc": "sql server", "pymssql": "sql server",
    "cx-oracle": "oracle", "oracledb": "oracle",
}  # fmt: skip
"""Packages that talk to one database."""

_SCHEME = re.compile(r"^([a-z][a-z0-9]*)(?:\+([a-z0-9_]+))?:(?://|$)")


@dataclass(slots=True)
class Model:
    """A class, with those of the codebase that it inherits from and the packages' classes at the end."""

    module: Module
    kind: Class
    line: list[tuple[Module, Class]] = field(default_factory=list)
    """The class itself, then its parents in the order in which Python looks a name up."""
    roots: list[str] = field(default_factory=list)
    """Origins of the parents that are no classes of the codebase."""
    keywords: dict[str, Node] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Give the place of the class statement."""
        return Place(self.module.path, self.kind.line)

    def own(self, name: str) -> Member | None:
        """Give a member of the class itself."""
        return next((member for member in self.kind.members if member.name == name), None)

    def member(self, name: str) -> tuple[Module, Class, Member] | None:
        """Give a member of the class or of the first parent that has it."""
        for module, kind in self.line:
            for member in kind.members:
                if member.name == name:
                    return module, kind, member
        return None

    def inner(self, name: str) -> tuple[Module, Class] | None:
        """Give the inner class of that name (`class Meta`)."""
        for number in self.kind.inner:
            if self.module.classes[number].name == name:
                return self.module, self.module.classes[number]
        return None


def model(project: Project, module: Module, kind: Class) -> Model:
    """Follow a class to its parents."""
    found = Model(module, kind, [(module, kind)], keywords=dict(kind.keywords))
    _climb(project, module, kind, found, {(module.path, kind.number)})
    return found


def _climb(project: Project, module: Module, kind: Class, found: Model, seen: set[tuple[str, int]]) -> None:
    for base in kind.bases:
        node = base.items[0] if base.kind == "index" else base
        if node.kind == "call":
            found.roots.append(project.origin(module, node, kind.function))
            continue
        where, made = project.find(module, node, kind.function)
        if made.kind == "class" and made.value is not None:
            parent = where.classes[int(made.value)]
            if (where.path, parent.number) not in seen and len(found.line) < MAX_PARENTS:
                seen.add((where.path, parent.number))
                found.line.append((where, parent))
                _climb(project, where, parent, found, seen)
        else:
            found.roots.append(project.origin(module, node, kind.function))


def text(project: Project, module: Module, node: Node | None, function: int = -1) -> str:
    """Give the string that an expression is worth; `` for anything else."""
    value = project.fold(module, node, function) if node is not None else None
    return value.value if value is not None and value.known and isinstance(value.value, str) else ""


def flag(project: Project, module: Module, node: Node | None) -> bool | None:
    """Give the truth value of an argument; None where there is none, or it is unknown."""
    value = project.fold(module, node) if node is not None else None
    return bool(value.value) if value is not None and value.known else None


def default(project: Project, module: Module, node: Node | None, name: str = "") -> str | None:
    """Write a column's default: a constant as text, `now` and `uuid4` for functions that everybody knows."""
    return safe_default(name, _default(project, module, node))


def _default(project: Project, module: Module, node: Node | None) -> str | None:
    if node is None or node.kind == "null":
        return None
    value = fold(project, module, node)
    if value.known and not isinstance(value.value, dict | list):
        if value.value is None:
            return None
        return str(value.value).lower() if isinstance(value.value, bool) else str(value.value)
    target = node
    function = module.function(node)
    if function is not None and len(function.returns) == 1:
        target = function.returns[0]
    if target.kind == "call" and target.items[0].dotted == "str" and target.arguments:
        target = target.arguments[0]
    if target.kind in ("array", "object") and not target.items and not target.pairs:
        return "[]" if target.kind == "array" else "{}"
    name = target.dotted.removesuffix("()").rpartition(".")[2]
    if name in ("now", "utcnow", "utc_now", "today", "current_timestamp", "get_utc_now"):
        return "now"
    if name in ("text",) and target.arguments:
        written = fold(project, module, target.arguments[0])
        return str(written.value) if written.known else None
    if name in ("dict", "list"):
        return "{}" if name == "dict" else "[]"
    return name or None


def values(project: Project, module: Module, node: Node) -> list[str]:
    """Give the values of an enumeration: a class of it (its values), or a list of strings."""
    where, made = project.find(module, node)
    if made.kind == "class" and made.value is not None:
        kind = where.classes[int(made.value)]
        return [str(value) for _, value in members(project, where, kind)]
    folded = project.fold(module, node)
    if folded.known and isinstance(folded.value, list):
        return [str(item[0] if isinstance(item, list) and item else item) for item in folded.value]
    return []


def members(project: Project, module: Module, kind: Class) -> Iterator[tuple[str, object]]:
    """Give the members of an enumeration: (name, value); the name where the value is `auto()` or unknown."""
    for member in kind.members:
        if member.name.startswith("_") or member.value is None or member.value.kind == "function":
            continue
        node = member.value
        if node.kind == "array" and node.items:
            node = node.items[0]
        value = project.fold(module, node)
        yield member.name, value.value if value.known else member.name


def is_enum(project: Project, module: Module, kind: Class) -> bool:
    """Tell whether a class is an enumeration."""
    roots = model(project, module, kind).roots
    return any(re.search(r"(^|\.)(\w*Enum|TextChoices|IntegerChoices|Choices|Flag)$", root) for root in roots)


# -- annotations -------------------------------------------------------------------------------------------------------

_OUTER = re.compile(r"^(?:\w+\.)*(\w+)\[(.*)\]$", re.DOTALL)
MANY = frozenset({"list", "List", "Sequence", "set", "Set", "frozenset", "tuple", "Tuple", "Iterable", "Collection"})
WRAPPERS = frozenset({"Mapped", "WriteOnlyMapped", "DynamicMapped", "Annotated", "Required", "Final", "AppenderQuery"})


@dataclass(slots=True)
class Annotation:
    """What an annotation says."""

    name: str
    """The type, without what is around it: `datetime`, `uuid.UUID`, `User`."""
    optional: bool = False
    many: bool = False
    mapped: bool = False
    arguments: str = ""
    """What stands in the brackets of a type that is no wrapper: `Literal["a"]`, `dict[str, int]`."""


def annotation(written: str) -> Annotation:
    """Read an annotation: `Mapped[Optional[int]]`, `list["Hero"]`, `str | None`."""
    found = Annotation("")
    rest = written.strip()
    for _ in range(8):
        rest = rest.strip().strip("\"'").strip()
        parts = _split(rest, "|")
        if len(parts) > 1:
            kept = [part for part in parts if part.strip("\"' ") != "None"]
            found.optional |= len(kept) < len(parts)
            if not kept:
                break
            rest = kept[0]
            continue
        outer = _OUTER.match(rest)
        if outer is None:
            break
        name, inner = outer[1], outer[2]
        if name == "Optional":
            found.optional, rest = True, inner
        elif name == "Union":
            kept = [part for part in _split(inner, ",") if part.strip() != "None"]
            found.optional |= len(kept) < len(_split(inner, ","))
            rest = kept[0] if kept else ""
        elif name in WRAPPERS:
            found.mapped |= name.endswith("Mapped")
            found.many |= name in ("WriteOnlyMapped", "DynamicMapped", "AppenderQuery")
            rest = _split(inner, ",")[0]
        elif name in MANY:
            found.many, rest = True, _split(inner, ",")[0]
        else:
            found.arguments = inner
            rest = rest[: rest.index("[")]
            break
    found.name = rest.strip("\"' ")
    return found


def _split(written: str, mark: str) -> list[str]:
    parts, depth, last, quote = [], 0, 0, ""
    for at, letter in enumerate(written):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif letter == mark and depth == 0:
            parts.append(written[last:at])
            last = at + 1
    return [*parts, written[last:]]


def named(dotted: str, line: int = 0) -> Node:
    """Make the expression of a dotted name."""
    first, *rest = dotted.split(".")
    node = Node("name", line, first)
    for part in rest:
        node = Node("attribute", line, part, [node])
    return node


def snake(name: str) -> str:
    """Write a class's name as Flask-SQLAlchemy writes its table: `UserProfile` → `user_profile`."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return name.lower()


def resolve_types(entities: list[Entity]) -> None:
    """Give a foreign key without a type the type of the column that it refers to."""
    types = {
        f"{entity.table}.{column.column or column.name}": column for entity in entities for column in entity.columns
    }
    for _ in range(3):
        for entity in entities:
            for column in entity.columns:
                if not column.type and column.references in types:
                    column.type = types[column.references].type


# -- databases ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Database:
    """What a URL or a setting says."""

    name: str
    driver: str
    place: Place
    env: str = ""
    """The environment variable that may say something else."""

    def __str__(self) -> str:
        return f"{self.name} ({self.driver})" if self.driver and self.driver != self.name else self.name


def from_url(url: str, place: Place, env: str = "") -> Database | None:
    """Read the database's name from a URL."""
    found = _SCHEME.match(url.strip())
    if found is None or found[1] not in DIALECTS:
        return None
    return Database(DIALECTS[found[1]], found[2] or "", place, env)


def databases(project: Project, module: Module, node: Node, function: int = -1, depth: int = 0) -> list[Database]:
    """Give the databases that the expression of a URL may name: constants, prefixes, rewritten schemes, defaults."""
    if depth > 8:
        return []
    value = project.fold(module, node, function)
    if value.known and isinstance(value.value, str) and (one := from_url(value.value, value.place, value.env)):
        return [one]

    def inner(item: Node, where: Module = module, scope: int = function) -> list[Database]:
        return databases(project, where, item, scope, depth + 1)

    match node.kind:
        case "string":
            found = from_url(str(node.value), Place(module.path, node.line))
            return [found] if found is not None else []
        case "binary" if node.value in ("or", "||", "??"):
            left, right = inner(node.items[0]), inner(node.items[1])
            env = _env(project, module, node.items[0], function)
            return [Database(one.name, one.driver, one.place, one.env or env) for one in right] or left
        case "template" | "binary":
            return inner(node.items[0]) if node.items else []
        case "conditional":
            return inner(node.items[1]) + inner(node.items[2])
        case "await" | "spread":
            return inner(node.items[0])
        case "call" | "new":
            return _of_call(project, module, node, function, depth)
        case "name" | "attribute" | "index":
            where, made, scope = project.follow(module, node, function)
            if made is node:
                return []
            if (body := where.function(made)) is not None:
                return [one for item in body.returns for one in databases(project, where, item, body.number, depth + 1)]
            return databases(project, where, made, scope, depth + 1)
        case _:
            return []


def _of_call(project: Project, module: Module, node: Node, function: int, depth: int) -> list[Database]:
    callee = node.items[0]
    scheme = node.get("scheme") or node.get("drivername")
    if scheme is None and callee.kind == "attribute" and callee.value == "create" and node.arguments:
        scheme = node.arguments[0]
    if scheme is not None:
        value = project.fold(module, scheme, function)
        found = from_url(f"{value.value}://", value.place, value.env) if value.known else None
        return [found] if found is not None else []
    if callee.kind == "attribute" and callee.value == "replace" and len(node.arguments) == 2:
        before = databases(project, module, callee.items[0], function, depth + 1)
        return databases(project, module, node.arguments[1], function, depth + 1) or before
    for item in [*(value for key, value in node.pairs if key in ("default", "url", "value")), *node.arguments]:
        if found_any := databases(project, module, item, function, depth + 1):
            env = _env(project, module, node, function)
            return [Database(one.name, one.driver, one.place, one.env or env) for one in found_any]
    where, made, _ = project.follow(module, callee, function)
    body = where.function(made)
    if body is not None:
        return [one for item in body.returns for one in databases(project, where, item, body.number, depth + 1)]
    if callee.kind == "attribute":
        return databases(project, module, callee.items[0], function, depth + 1)
    return []


def _env(project: Project, module: Module, node: Node, function: int) -> str:
    """Give the environment variable that an expression reads first."""
    pending = [node]
    while pending:
        item = pending.pop(0)
        if (value := project.fold(module, item, function)).env:
            return value.env
        pending += item.items[:4]
    return ""


def undecided(project: Project, unit: Unit, place: Place, shown: str) -> Finding:
    """Say what a database may be whose URL stands outside the code.

    It is the one that the unit's only driver is for; SQLite needs no driver, so it must be mentioned nowhere.
    """
    found: dict[str, str] = {}
    for name, dependency in unit.pypi.items():
        if name in DRIVERS and dependency.group in ("runtime", "optional"):
            found.setdefault(DRIVERS[name], name)
    if any(module.language == "python" for module in project.mentioning(unit, "sqlite")):
        found.setdefault("sqlite", "sqlite3")
    if len(found) == 1:
        name, package = next(iter(found.items()))
        note = f"by its only driver {package}; the URL is {shown}"
        return Finding(Row.DATA, "database", name, Proof.USED, [place], note=note)
    note = f"may be {', '.join(found)}" if found else ""
    return Finding(Row.DATA, "database", f"unknown ({shown} at {place})", Proof.USED, [place], note=note)
