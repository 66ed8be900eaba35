"""What the extractors of data share: kinds of databases, names of tables, expressions, examples of the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from discover.code import Call, Class, Module, Node
from discover.findings import Column, Entity, Finding, Place, Proof, Row
from discover.folding import shown
from discover.project import Project, Unit, Value
from discover.wiring import Spot, spots, walk

KINDS = {
    "postgresql": (
        "postgres", "postgresql", "pg", "pg-native", "postgres-js", "node-postgres", "neon", "neon-http",
        "neon-serverless", "vercel-postgres", "pglite", "aurora-postgres", "aurora-data-api-pg", "pgnative",
        "@neondatabase/serverless",
        "@vercel/postgres", "@electric-sql/pglite", "pg-promise", "slonik", "xata-http", "bun-sql",
    ),
    "mysql": (
        "mysql", "mysql2", "aurora-mysql", "planetscale", "planetscale-serverless", "@planetscale/database",
        "singlestore",
    ),
    "mariadb": ("mariadb",),
    "sqlite": (
        "sqlite", "sqlite3", "better-sqlite3", "libsql", "turso", "d1", "sql.js", "sqljs", "expo-sqlite", "op-sqlite",
        "bun-sqlite", "better-sqlite", "d1-http", "@libsql/client", "durable-sqlite", "expo", "capacitor",
        "cordova", "react-native",
    ),
    "mssql": ("mssql", "sqlserver", "tedious"),
    "oracle": ("oracle", "oracledb"),
    "cockroachdb": ("cockroachdb", "cockroach"),
    "mongodb": ("mongodb", "mongo", "mongoose"),
    "spanner": ("spanner",),
    "sap hana": ("sap", "hana"),
    "db2": ("db2", "ibmi"),
    "snowflake": ("snowflake",),
    "redshift": ("redshift", "pg-redshift"),
}  # fmt: skip
"""The database behind the name of a provider, a dialect or a driver."""
_KIND = {name: kind for kind, names in KINDS.items() for name in names}

DRIVERS = (
    "pg", "postgres", "@neondatabase/serverless", "@vercel/postgres", "@electric-sql/pglite", "mysql", "mysql2",
    "@planetscale/database", "mariadb", "sqlite3", "better-sqlite3", "@libsql/client", "sql.js", "mssql", "tedious",
    "oracledb", "mongodb",
)  # fmt: skip
"""Packages of npm that speak to a database."""

_EXAMPLE = re.compile(r"(^|/)[^/]*\.?env[^/]*$", re.IGNORECASE)
_SECRET = re.compile(r"secret|passw|token|api_?key|private|credential|salt|hash", re.IGNORECASE)
_DELETED = re.compile(r"^_?deleted_?(at|on|date|time)?$|^_?deletion_?date$", re.IGNORECASE)


def kind(name: object) -> str:
    """Give the database that a provider's, dialect's or driver's name means; `` for an unknown one."""
    return _KIND.get(name.strip().lower(), "") if isinstance(name, str) else ""


def homes(unit: Unit) -> list[Unit]:
    """Give a unit and the libraries of the same codebase that it depends on."""
    return [unit, *unit.libraries]


def files(project: Project, unit: Unit, *patterns: str, root: bool = False) -> list[str]:
    """Give the files of a unit and of its libraries that fit a pattern; `root` adds those of the codebase's root."""
    found: dict[str, None] = {}
    for home in homes(unit):
        found |= dict.fromkeys(project.files(home, *patterns, root=root))
    return list(found)


def has(unit: Unit, *names: str) -> bool:
    """Tell whether a unit, or a library of it, lists one of these packages of npm."""
    return any(name in home.npm for home in homes(unit) for name in names)


# -- expressions ------------------------------------------------------------------------------------------------------


def objects(module: Module, *keys: str) -> Iterator[Spot]:
    """Give the object literals that have all of these members, each once."""
    seen: set[int] = set()
    for spot in spots(module):
        for inner in walk(spot.node):
            if id(inner) in seen:
                continue
            seen.add(id(inner))
            if inner.kind == "object" and all(inner.get(key) is not None for key in keys):
                yield Spot(module, inner, spot.function)


def chain(node: Node) -> list[tuple[str, Node]]:
    """Take `a.b("x").c()` apart: its calls from the first to the last, each as (name, call)."""
    found: list[tuple[str, Node]] = []
    while node.kind in ("call", "await", "attribute", "new"):
        if node.kind == "call":
            callee = node.items[0]
            if callee.kind == "attribute":
                found.append((str(callee.value), node))
                node = callee.items[0]
                continue
            found.append((callee.dotted, node))
            break
        if node.kind == "new":
            found.append((node.items[0].dotted, node))
            break
        node = node.items[0]
    found.reverse()
    return found


def outermost(calls: Iterable[Call]) -> Iterator[Call]:
    """Leave out the calls that another one of the same chain is made on."""
    listed = list(calls)
    inner: set[int] = set()
    for call in listed:
        node = call.node.items[0] if call.node.items else None
        while node is not None and node.kind in ("attribute", "call", "await"):
            if node.kind == "call":
                inner.add(id(node))
            node = node.items[0]
    yield from (call for call in listed if id(call.node) not in inner)


def default_text(project: Project, module: Module, column: str, node: Node, function: int = -1) -> str | None:
    """Write a column's default: `now`, a literal, or its expression; a literal beside a secret word is not shown."""
    if node.kind == "null":
        return None
    dotted = node.dotted
    if re.search(r"(^|\.)(now|NOW|Now)(\(\))?$", dotted):
        return "now"
    if node.kind == "call" and re.search(r"(^|\.)(sql|raw|literal|fn)\(\)$", dotted) and node.arguments:
        inner = project.fold(module, node.arguments[0], function)
        return literal(column, inner.value) if inner.known else shown(node)
    if node.kind == "function":
        scope = module.function(node)
        if scope is not None and len(scope.returns) == 1:
            return default_text(project, module, column, scope.returns[0], scope.number)
        return "function"
    if node.kind == "name" and dotted in ("Date",):
        return "now"
    if node.kind == "new" and dotted == "Date()" and not node.arguments:
        return "now"
    if re.search(r"(^|\.)(uuid(v\d)?|randomUUID|UUIDV\d|nanoid|cuid|createId)(\(\))?$", dotted):
        name = dotted.rpartition(".")[2].removesuffix("()").lower()
        return "uuid" if "uuid" in name else name
    value = project.fold(module, node, function)
    if not value.known:
        return shown(node)
    return literal(column, value.value)


def literal(column: str, value: object) -> str | None:
    """Write a constant default of a column."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if re.match(r"\(?(now|current_timestamp|getdate|sysdate|localtimestamp)\b", text, re.IGNORECASE):
        return "now"
    if _SECRET.search(column) and text and not isinstance(value, (int, float)) and len(text) > 3:
        return "(value not shown)"
    return text


def texts(value: Value) -> list[str]:
    """Give the strings of a folded list."""
    return [str(item) for item in value.value] if value.known and isinstance(value.value, (list, tuple)) else []


def enum_values(project: Project, spot: Spot) -> list[str]:
    """Give the values of an enum: a list, an object's values, or a TypeScript enum."""
    where, made, inside = project.follow(spot.module, spot.node, spot.function)
    if made.kind == "class" and made.value is not None:
        members = where.classes[int(made.value)].members
        return [
            str(member.value.value)
            if member.value is not None and member.value.kind in ("string", "number")
            else member.name
            for member in members
        ]
    if made.kind == "call" and made.items[0].dotted in ("Object.values", "Object.keys") and made.arguments:
        held = project.follow(where, made.arguments[0], inside)
        if held[1].kind == "class" and held[1].value is not None:
            names = [member.name for member in held[0].classes[int(held[1].value)].members]
            return names if made.items[0].dotted.endswith("keys") else enum_values(project, Spot(*held))
    value = project.fold(where, made, inside)
    if value.known and isinstance(value.value, dict):
        return [str(item) for item in value.value.values()]
    return texts(value)


# -- classes ----------------------------------------------------------------------------------------------------------


def class_of(project: Project, spot: Spot) -> tuple[Module, Class] | None:
    """Give the class that a name, or what a function like `() => User` returns, stands for."""
    where, made, inside = project.follow(spot.module, spot.node, spot.function)
    if made.kind == "class" and made.value is not None:
        return where, where.classes[int(made.value)]
    scope = where.function(made)
    if scope is not None and scope.returns:
        where, made, inside = project.follow(where, scope.returns[0], scope.number)
        if made.kind == "array" and len(made.items) == 1:
            where, made, inside = project.follow(where, made.items[0], inside)
        if made.kind == "class" and made.value is not None:
            return where, where.classes[int(made.value)]
    return None


def lineage(project: Project, module: Module, kind: Class) -> list[tuple[Module, Class]]:
    """Give a class and those that it extends, the outermost base first."""
    found = [(module, kind)]
    while len(found) < 8:
        where, current = found[0]
        base = next(
            (
                held
                for node in current.bases
                if (held := class_of(project, Spot(where, node, current.function))) is not None
            ),
            None,
        )
        if base is None or any(base[1] is known for _, known in found):
            break
        found.insert(0, base)
    return found


def decorations(project: Project, module: Module, decorators: list[Node], *packages: str) -> Iterator[tuple[str, Spot]]:
    """Give the decorators that come from a package: the name there, and the call (or the bare name)."""
    for node in decorators:
        callee = node.items[0] if node.kind == "call" else node
        origin = project.origin(module, callee)
        for package in packages:
            if origin.startswith(f"{package}."):
                yield origin.removeprefix(f"{package}."), Spot(module, node)


# -- what is found ----------------------------------------------------------------------------------------------------


def is_example(path: str) -> bool:
    """Tell whether a file is an example of an environment."""
    return bool(_EXAMPLE.search(path)) and bool(re.search(r"example|sample|template|dist$", path, re.IGNORECASE))


def examples(project: Project, unit: Unit, name: str) -> list[tuple[str, Place]]:
    """Give what the examples of the environment say for a variable, each with its place."""
    found = []
    for path in project.tree.files:
        if is_example(path) and project.unit_of(path) in (unit, project.units[0], *unit.libraries):
            for number, line in enumerate(project.text(path).splitlines(), 1):
                match = re.match(rf"\s*(?:export\s+)?{re.escape(name)}\s*[=:]\s*[\"']?([\w.+-]+)", line)
                if match is not None:
                    found.append((match[1], Place(path, number)))
    return found


def database(project: Project, unit: Unit, value: Value, proof: Proof, *places: Place) -> list[Finding]:
    """Say which database a provider, dialect or driver means that was folded; the environment's part is said, too."""
    at = [value.place, *places]
    if value.known and not value.env:
        name = kind(value.value)
        return [Finding(Row.DATA, "database", name or str(value.value), proof, at)] if value.value else []
    if value.known:
        name = kind(value.value)
        shown_name = f"{value.value} ({name})" if name and name != value.value else str(value.value)
        text = f"chosen at run time by {value.env}; default {shown_name}"
        return [Finding(Row.DATA, "database", text, proof, at)]
    named = re.search(r"""["'.]([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b""", value.text)
    if variable := value.env or (named[1] if named else ""):
        found = []
        for text, place in examples(project, unit, variable):
            if (name := kind(text)) != "":
                note = f"chosen at run time by {variable}; {text} in {place.path}"
                found.append(Finding(Row.DATA, "database", name, proof, [place, *at], note=note))
        if found:
            return found
    text = re.sub(r"//[^@/\s\"']+@", "//…@", str(value))
    return [Finding(Row.DATA, "database", text, proof, at)]


def by_driver(unit: Unit, candidates: Iterable[str] = DRIVERS) -> dict[str, Place]:
    """Give the kinds of databases whose drivers a unit lists, each with its place in the manifest."""
    found: dict[str, Place] = {}
    for home in homes(unit):
        for name in candidates:
            if (listed := home.npm.get(name)) is not None and listed.group in ("runtime", "optional", "peer"):
                found.setdefault(kind(name.rpartition("/")[2]) or kind(name), listed.place)
    return found


def soft_deletes(project: Project, entities: Iterable[Entity]) -> Iterator[Finding]:
    """Say where rows are marked as deleted."""
    found: list[tuple[str, Entity, Column]] = [
        (f"{entity.table}.{column.name}", entity, column)
        for entity in entities
        for column in entity.columns
        if _DELETED.match(column.name)
        and re.search(r"date|time", column.type)
        and column.nullable
        and not entity.internal
    ]
    if found:
        names = [name for name, _, _ in found]
        more = f" and {len(names) - 6} more" if len(names) > 6 else ""
        places = [column_place(project, entity, column) for _, entity, column in found[:5]]
        proof = max(entity.proof for _, entity, _ in found)
        yield Finding(Row.DATA, "soft_delete", f"{', '.join(names[:6])}{more}", proof, places)


def column_place(project: Project, entity: Entity, column: Column) -> Place:
    """Give the line of a column: the first one after its table's that has its name."""
    spellings = "|".join(map(re.escape, {column.column or column.name, column.name}))
    wanted = re.compile(rf"(?<!\w)(?:{spellings})(?!\w)")
    lines = project.text(entity.place.path).splitlines()
    for number in range(entity.place.line, min(len(lines), entity.place.line + 400)):
        if wanted.search(lines[number]):
            return Place(entity.place.path, number + 1)
    return entity.place


def is_join(entity: Entity) -> bool:
    """Tell whether a table does no more than join two others."""
    keys = [column for column in entity.columns if column.references]
    rest = [column for column in entity.columns if not column.references]
    plain = all(
        re.match(r"^(_?id|created_?at|updated_?at|assigned_?at)$", column.name, re.IGNORECASE) for column in rest
    )
    return len(keys) == 2 and plain


def index_text(columns: Iterable[str], name: str = "", *, unique: bool = False) -> str:
    """Write an index as `unique name (column, column)`."""
    return f"{'unique ' if unique else ''}{name + ' ' if name else ''}({', '.join(columns)})"


# -- names ------------------------------------------------------------------------------------------------------------

_UNCOUNTABLE = frozenset(
    {
        "advice", "energy", "excretion", "digestion", "cooperation", "health", "justice", "labour", "machinery", "news",
        "equipment", "information", "pollution", "sewage", "paper", "money", "species", "series", "rain", "rice",
        "fish", "sheep", "moose", "deer", "expertise", "status", "media",
    }
)  # fmt: skip
_PLURALS = tuple(
    (re.compile(pattern, re.IGNORECASE), to)
    for pattern, to in (
        (r"human$", "humans"),
        (r"(m)an$", r"\1en"),
        (r"(pe)rson$", r"\1ople"),
        (r"(child)$", r"\1ren"),
        (r"^(ox)$", r"\1en"),
        (r"(ax|test)is$", r"\1es"),
        (r"(octop|vir)us$", r"\1i"),
        (r"(alias|status)$", r"\1es"),
        (r"(bu)s$", r"\1ses"),
        (r"(buffal|tomat|potat)o$", r"\1oes"),
        (r"([ti])um$", r"\1a"),
        (r"sis$", "ses"),
        (r"([^f])fe$", r"\1ves"),
        (r"([lr])f$", r"\1ves"),
        (r"([^aeiouy]|qu)y$", r"\1ies"),
        (r"(x|ch|ss|sh)$", r"\1es"),
        (r"(matr|vert|ind)(ix|ex)$", r"\1ices"),
        (r"([ml])ouse$", r"\1ice"),
        (r"(quiz)$", r"\1zes"),
        (r"s$", "s"),
        (r"([^a-z])$", r"\1"),
        (r"$", "s"),
    )
)


def plural(word: str, *, uncountable: bool = True) -> str:
    """Write a word's plural as Mongoose and Sequelize do for names of collections and tables."""
    if not word or (uncountable and word.lower() in _UNCOUNTABLE):
        return word
    for pattern, to in _PLURALS:
        if pattern.search(word):
            return pattern.sub(to, word, count=1)
    return word


def snake(name: str) -> str:
    """Write a name in snake case: `UserEntity` → `user_entity`, `APIKey` → `api_key`."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name))
    return re.sub(r"[\s-]+", "_", spaced).lower()


def camel(name: str) -> str:
    """Write a name in camel case: `user_id` → `userId`."""
    first, *rest = [part for part in re.split(r"[_\s.-]+", name) if part] or [name]
    return (first[:1].lower() + first[1:] if not first.isupper() or rest else first.lower()) + "".join(
        part[:1].upper() + part[1:] for part in rest
    )
