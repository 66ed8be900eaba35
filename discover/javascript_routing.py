"""The routes of Express, Koa, Fastify, Hono and their kin: routers, what is mounted on them, and what they answer."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from discover.code import Call, Function, Module, Node
from discover.findings import Place, Proof, Route, Row
from discover.project import SCRIPTS, Project, Unit
from discover.rules import Rule, of
from discover.wiring import Spot, condition, walk

VERBS = {
    "get": "GET", "post": "POST", "put": "PUT", "patch": "PATCH", "delete": "DELETE", "del": "DELETE", "head": "HEAD",
    "options": "OPTIONS", "all": "ANY", "any": "ANY", "query": "QUERY",
}  # fmt: skip
EVENTS = frozenset(
    {*VERBS, "use", "route", "register", "mount", "on", "openapi", "addHook", "prefix", "group", "guard"}
)
CHAINED = frozenset(
    {*EVENTS, "basePath", "param", "set", "decorate", "after", "ready", "withTypeProvider", "routes", "middleware",
     "setValidatorCompiler", "setSerializerCompiler", "enable", "disable", "setErrorHandler", "onError", "notFound"}
)  # fmt: skip
MAX_DEPTH = 14
MAX_ROUTES = 4_000
MAX_VISITS = 5_000
"""How often routers are gone through: ten that mount each other would be so millions of times."""
MAX_ELEMENTS = 200

Key = tuple[str, int, str]
"""The router made at a path and line; a parameter that a router is passed to has its function's number in its name."""
Env = dict[tuple[str, int, str], Spot]
"""What parameters and the variables of loops stand for: (path, function, name)."""

_WRAPPERS = re.compile(r"^(express-ws|@awaitjs/express|asyncify-express|express-async-await|@small-tech/express)\b")
_CALLS = re.compile(
    rb"\.(?:get|post|put|patch|delete|all|use|route|register|openapi|on)\s*\(|[rR]oute|[cC]reate|[mM]ake|[bB]uild"
)
_HANDS_ON = re.compile(rb"export\s*(?:\*|\{[^}]*\})\s*from|module\.exports|exports\.\w+\s*=\s*require")
_ROUTERS = re.compile(r"^(koa-[\w-]*router[\w-]*|koa-swagger-decorator\.SwaggerRouter|[\w@/-]*-router\.Router)$")
_GUARD = re.compile(
    r"auth|guard|jwt|passport|\bprotect|permi(t|ssion)|\broles?\b|(has|check|require|allow|verify)_?(any_?)?roles?\b|is_?admin"
    r"|is_?moderator|admin_?only|(require|ensure|with|current)_?(user|login|admin|scope)s?\b|logged_?in|bearer|api_?key|\bacl\b"
    r"|(check|verify|valid|validate|require|ensure|parse|with)_?\w*(token|session)|rbac|ensure_?login|is_?owner|firewall",
    re.IGNORECASE,
)
_NO_GUARD = re.compile(
    r"optional|lusca|xss|NextAuth|betterAuth|limit|csrf|logger|rate|upload|passport\.(initialize|session)|author(s|id|Id)?\b|\bcors|helmet|sanit|authorRouter|authRoute",
    re.IGNORECASE,
)
_VALIDATOR = re.compile(r"valid(at|)|celebrate|check_?schema|\bschema|joi|zod|yup|\bdto\b", re.IGNORECASE)
_VALIDATING = frozenset(
    {"parse", "safeParse", "parseAsync", "safeParseAsync", "validate", "validateAsync", "validateSync",
     "validationResult", "assert", "checkBody", "matchedData", "validateBody", "validateRequest"}
)  # fmt: skip
_INPUT = frozenset({"body", "query", "params", "files", "file"})
_TRIVIAL = re.compile(
    r"require\.main|module\.parent|isMaster|isPrimary|isMainThread|import\.meta|typeof |\bfile(n|N)?(ame)?\b|endsWith\("
)
_VERSION = re.compile(r"v\d+(?:\.\d+)*", re.IGNORECASE)
UNKNOWN = "{unknown}"
EVERY_FILE = "*"
_LISTINGS = frozenset({"readdirSync", "readdir", "globSync", "sync", "glob"})


@dataclass(frozen=True, slots=True)
class Ref:
    """A way to a router."""

    key: Key
    prefix: tuple[Spot, ...] = ()
    """What `basePath` or `route("/x")` put before its paths."""
    route: bool = False
    """`router.route("/x")`: its verbs take no path."""
    env: Env = field(default_factory=dict, compare=False)


@dataclass(slots=True)
class Event:
    """A call on a router, or one that passes a router on."""

    module: Module
    call: Call
    ref: Ref
    verb: str
    """`` for a call that passes the router on, or whose method is computed."""
    passed: int = -1
    """The number of the argument that is the router, if it is passed on."""
    member: str = ""
    """The member of that argument, if it is an object."""


@dataclass(slots=True)
class State:
    """What holds where a router is mounted."""

    pieces: tuple[tuple[str, Place], ...] = ()
    guards: list[str] = field(default_factory=list)
    scoped: list[tuple[str, str]] = field(default_factory=list)
    """(path, guard) of guards that are mounted on a path."""
    conditions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    env: Env = field(default_factory=dict)
    validated: bool | None = None


@dataclass(slots=True)
class Answer:
    """A route with what the report needs besides."""

    route: Route
    conditional: bool = False
    catch_all: bool = False
    version: str = ""
    """The path up to its version: `/api/v1`."""
    version_place: Place | None = None
    framework: str = ""
    generated: str = ""
    header: str = ""
    """The version that the header `Accept-Version` must have."""


def braces(path: str) -> str:
    """Write a path with its parameters as `{name}`."""
    path = re.sub(r"\{(/?:\w+[^{}]*)\}", r"\1", path)
    path = re.sub(r"\{\*(\w+)\}|\*(\w+)", lambda found: f"{{{found[1] or found[2]}}}", path)
    path = re.sub(r":(\w+)\{[^{}]*\}", r":\1", path)
    path = re.sub(r":(\w+)(\((?:[^()]|\([^()]*\))*\))?[?*+]?", r"{\1}", path)
    return re.sub(r"(?<=/)\(?\.?\*\)?$|^\*$", "{*}", path)


def join(*pieces: str) -> str:
    """Join parts of a path."""
    joined = re.sub(r"/{2,}", "/", "/".join(piece for piece in pieces if piece))
    joined = joined if joined.startswith("/") else f"/{joined}"
    return joined.rstrip("/") or "/"


def version_prefix(path: str) -> str:
    """Give a path up to its version: `/api/v1` of `/api/v1/users`; `` if it has none."""
    parts = path.split("/")
    for number, part in enumerate(parts):
        if _VERSION.fullmatch(part):
            return "/".join(parts[: number + 1])
    return ""


def described(project: Project, spot: Spot) -> str:
    """Write a middleware for a reader: `auth(manageUsers)`, `passport.authenticate(jwt)`."""
    node = spot.node
    if node.kind in ("call", "new"):
        name = node.items[0].dotted.replace("()", "")
        words: list[str] = []
        for argument in node.arguments[:3]:
            value = project.fold(spot.module, argument, spot.function)
            if value.known and isinstance(value.value, str) and len(value.value) < 40:
                words.append(str(value.value))
            elif argument.kind in ("name", "attribute") and argument.dotted:
                words.append(argument.dotted)
        return f"{name}({', '.join(words)})" if words else name
    return node.dotted.replace("()", "")


class Graph:
    """Every router of a unit."""

    def __init__(self, project: Project, unit: Unit) -> None:
        self.project = project
        self.unit = unit
        self.rules = [rule for rule in of(Row.API, "javascript_framework") if rule.extra.get("constructors")]
        self.constructors: dict[str, Rule] = {
            origin: rule for rule in self.rules for origin in rule.extra["constructors"]
        }
        self.made: dict[Key, tuple[Rule, Spot, bool]] = {}
        self.typed: dict[Key, str] = {}
        self.events: dict[Key, list[Event]] = {}
        self.scanned: set[str] = set()
        self.mounted: set[Key] = set()
        self.barrels: set[str] = set()
        """Modules that hand on what others export."""
        self.bases: dict[Key, Ref] = {}
        """What a router is made of that a function of the codebase returns."""
        self.loops: dict[str, dict[int, tuple[Node, int, str]]] = {}
        self.unread: list[tuple[Key, State]] = []
        self.discoveries: list[tuple[str, Place]] = []
        self.answers: list[Answer] = []
        self.exempt: dict[str, list[str]] = {}
        """Paths that a guard lets through, by its name."""
        self.framework = ""
        self.visits = 0
        self._read()

    # -- gathering ----------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        packages = [name for rule in self.rules for name in rule.npm]
        for module in list(self.project.importing(self.unit, *packages)) if packages else []:
            self.scan(module)
        self._spread()
        apps = [key for key in (*self.made, *self.bases) if self._is_app(key) and key not in self._inner()]
        results: dict[Key, list[Answer]] = {}
        for key in apps:
            results[key] = self.answered(key, State())
        # An application may come in as a parameter from what could not be followed.
        for key in list(self.typed):
            if key in self.mounted or key in results or not self.events.get(key):
                continue
            if not any(results.values()) or (
                "Router" not in self.typed[key] and self.project.proof(key[0]) is Proof.RUNS
            ):
                results[key] = self.answered(key, State())
        if not any(results.values()):
            self.answers += self._started()
            if self.answers:
                return
        if not any(results.values()) or self.unread:
            where = self.unread[0][1] if self.unread else State()
            for key in [*self.made, *self.bases]:
                if key not in self.mounted and key not in results:
                    notes = (*where.notes, "mounted by what could not be read") if self.unread else ()
                    results[key] = self.answered(key, replace(where, notes=notes))
        for key, answers in results.items():
            if key not in self.mounted:
                self.answers += answers

    def _spread(self) -> None:
        """Scan the modules that import a router, or a function that makes one, from a module of the codebase."""
        home: set[str] = set()
        rest = [path for path in self.project.sources(self.unit) if path.endswith(SCRIPTS)]
        for _ in range(4):
            new = ({key[0] for key in (*self.made, *self.bases)} | self.barrels) - home
            if not new:
                return
            home |= new
            for path in rest:
                if path in self.scanned and path in home:
                    continue
                specifiers = self.project.scans[path].specifiers
                if not any(self.project.resolve(path, specifier) in new for specifier in specifiers):
                    continue
                content = self.project.tree.bytes(path) or b""
                if _HANDS_ON.search(content):
                    self.barrels.add(path)
                if path not in self.scanned and _CALLS.search(content):
                    module = self.project.module(path)
                    if module is not None:
                        self.scan(module)

    def _inner(self) -> set[Key]:
        return {base.key for base in self.bases.values()}

    def _started(self) -> list[Answer]:
        """Read the plugins that Fastify's command line starts: functions that the main files export."""
        found: list[Answer] = []
        rule = next((rule for rule in self.rules if rule.value == "fastify"), None)
        if rule is None or "fastify" not in self.unit.npm:
            return found
        self.framework = rule.value
        modules = list(self.project.importing(self.unit, "@fastify/autoload", "fastify", "fastify-plugin"))
        if modules:
            self.project.proof(modules[0].path)  # which finds the unit's entries
        entries = [self.project.module(path) for path in self.unit.entries]
        for module in [*(module for module in entries if module is not None), *modules]:
            if found and module.path not in self.unit.entries:
                break
            exported = self.project.exported(module.path, "default")
            plugin = self._plugin(Spot(*exported), {})[0] if exported is not None else None
            mounted = plugin is not None and any(
                key[:2] == (plugin.module.path, plugin.node.line) for key in self.mounted
            )
            if plugin is not None and plugin.module is module and not mounted:
                found += self._function(plugin, State(), (), [])
        return found

    def scan(self, module: Module) -> None:
        """Gather the calls of a module by the router that they are made on."""
        if module.path in self.scanned:
            return
        self.scanned.add(module.path)
        loops = self.loops.setdefault(module.path, {})
        for call in module.calls:
            callee, arguments = call.node.items[0], call.node.arguments
            if callee.kind == "attribute" and callee.value in ("forEach", "map", "each", "flatMap"):
                for position, argument in enumerate(arguments[:2]):
                    if argument.kind == "function" and isinstance(argument.value, int):
                        loops[argument.value] = (
                            arguments[0] if position else callee.items[0],
                            call.function,
                            str(callee.value),
                        )
        for call in module.calls:
            if not call.decorator:
                self._gather(module, call)

    def _gather(self, module: Module, call: Call) -> None:
        callee = call.node.items[0]
        if callee.kind == "index" or (callee.kind == "attribute" and callee.value in EVENTS):
            refs = self.routers(Spot(module, callee.items[0], call.function))
            for ref in refs:
                verb = str(callee.value) if callee.kind == "attribute" else ""
                self.events.setdefault(ref.key, []).append(Event(module, call, ref, verb))
            if refs:
                return
        if not call.node.arguments:
            return
        if not any(argument.kind in ("name", "attribute", "object", "call") for argument in call.node.arguments):
            return
        made = self._callee(module, call)
        if made is None:
            if _dynamic(callee) is not None and _lists_folder(module):
                for number, argument in enumerate(call.node.arguments):
                    for ref in self.routers(Spot(module, argument, call.function)):
                        self.events.setdefault(ref.key, []).append(Event(module, call, ref, "", number, EVERY_FILE))
            return
        for number, argument in enumerate(call.node.arguments):
            if argument.kind in ("name", "attribute", "call"):
                for ref in self.routers(Spot(module, argument, call.function)):
                    self.events.setdefault(ref.key, []).append(Event(module, call, ref, "", number))
            elif argument.kind == "object":
                for name, value in argument.pairs:
                    if value.kind in ("name", "attribute") and name:
                        for ref in self.routers(Spot(module, value, call.function)):
                            self.events.setdefault(ref.key, []).append(Event(module, call, ref, "", number, name))

    def _callee(self, module: Module, call: Call) -> tuple[Module, Function] | None:
        """Give the function of the codebase that a call runs; the constructor of a class."""
        callee = call.node.items[0]
        if callee.kind == "name" and callee.value == "super":
            function = call.function
            while function != -1 and not module.functions[function].owner:
                function = module.functions[function].parent
            owner = module.functions[function].owner if function != -1 else ""
            bases = next((kind.bases for kind in module.classes if kind.name == owner), [])
            if not bases:
                return None
            where, node = self.project.find(module, bases[0], -1)
        else:
            where, node = self.project.find(module, callee, call.function)
        if node.kind == "class" and isinstance(node.value, int):
            kind = where.classes[node.value]
            node = next(
                (member.value for member in kind.members if member.name == "constructor" and member.value is not None),
                node,
            )
        function_ = where.function(node)
        return None if function_ is None else (where, function_)

    # -- values -------------------------------------------------------------------------------------------------------

    def at(self, spot: Spot, env: Env, depth: int = 0) -> Spot:
        """Follow an expression, with what parameters and loops stand for."""
        if depth > MAX_DEPTH:
            return spot
        module, node, function = spot.module, spot.node, spot.function
        if node.kind in ("await", "spread"):
            return self.at(Spot(module, node.items[0], function), env, depth + 1)
        if env and node.kind == "name":
            scope = function
            while True:
                if (found := env.get((module.path, scope, str(node.value)))) is not None:
                    return self.at(found, env, depth + 1) if found.node is not node else found
                bindings = module.functions[scope].bindings if scope != -1 else module.bindings
                if (bound := bindings.get(str(node.value))) is not None:
                    if any(item.kind == "other" and item.value == "of" for item in walk(bound)) or bound.kind in (
                        "attribute",
                        "index",
                    ):
                        return self.at(Spot(module, bound, scope), env, depth + 1)
                    break
                if scope == -1:
                    break
                scope = module.functions[scope].parent
        elif env and node.kind in ("attribute", "index"):
            key: str | None = str(node.value) if node.kind == "attribute" else None
            if node.kind == "index":
                inner = node.items[1]
                if inner.kind == "other":
                    found = env.get((module.path, inner.line, "of"))
                    return self.at(found, env, depth + 1) if found is not None else spot
                value = self.text(Spot(module, inner, function), env, depth + 1)
                key = value if value is not None else str(int(inner.value)) if inner.kind == "number" else None  # type: ignore[arg-type]
            holder = Spot(module, node.items[0], function)
            base = self.at(holder, env, depth + 1)
            if key is not None and base.node is not holder.node:
                if base.node.kind == "object" and (member := base.node.get(key)) is not None:
                    return self.at(Spot(base.module, member, base.function), env, depth + 1)
                if base.node.kind == "array" and key.isdigit() and int(key) < len(base.node.items):
                    return self.at(Spot(base.module, base.node.items[int(key)], base.function), env, depth + 1)
                made = Node("attribute", node.line, key, [base.node])
                return Spot(*self.project.follow(base.module, made, base.function))
        return Spot(*self.project.follow(module, node, function))

    def text(self, spot: Spot, env: Env, depth: int = 0) -> str | None:
        """Give the text that an expression is worth, if it is one."""
        node = spot.node
        if env and depth < MAX_DEPTH:
            parts = node.items if node.kind == "template" or (node.kind == "binary" and node.value == "+") else []
            if parts:
                texts = [self.text(Spot(spot.module, part, spot.function), env, depth + 1) for part in parts]
                return None if None in texts else "".join(text or "" for text in texts)
            if node.kind in ("name", "attribute", "index"):
                found = self.at(spot, env, depth + 1)
                if found.node is not node:
                    return self.text(found, env, depth + 1)
            if node.kind == "call" and node.items[0].kind == "attribute" and not node.arguments:
                inner = self.text(Spot(spot.module, node.items[0].items[0], spot.function), env, depth + 1)
                if inner is not None and node.items[0].value in ("toLowerCase", "toLocaleLowerCase"):
                    return inner.lower()
                if inner is not None and node.items[0].value in ("trim", "toString"):
                    return inner.strip()
        value = self.project.fold(spot.module, node, spot.function)
        return str(value.value) if value.known and isinstance(value.value, str | int) else None

    def texts(self, spot: Spot, env: Env, depth: int = 0) -> list[str] | None:
        """Give the paths that an expression is worth: one, or those of a list; None if it is none."""
        if spot.node.kind == "regex":
            return [str(spot.node.value)]
        if spot.node.kind in ("function", "object", "class"):
            return None
        if (text := self.text(spot, env)) is not None:
            return [text]
        found = self.at(spot, env)
        if found.node.kind == "regex":
            return [str(found.node.value)]
        # Express takes lists in lists; one that refers to itself doubles with each level.
        if found.node.kind != "array" or not found.node.items or depth > 2:
            return None
        every: list[str] = []
        for item in found.node.items[:MAX_ELEMENTS]:
            texts = self.texts(Spot(found.module, item, found.function), env, depth + 1)
            if texts is None:
                return None
            every += texts
        return every

    def elements(self, spot: Spot, env: Env, depth: int = 0) -> list[Spot] | None:
        """Give the elements of a list that stands in the code."""
        found = self.at(spot, env)
        module, node, function = found.module, found.node, found.function
        if depth > 6:
            return None
        if node.kind in ("name", "attribute"):
            lists = [self.elements(given, {}, depth + 1) for given in self.given(found)]
            return [item for each in lists for item in each or []] or None
        if node.kind == "array":
            every: list[Spot] = []
            for item in node.items:
                if item.kind == "spread":
                    every += self.elements(Spot(module, item.items[0], function), env, depth + 1) or []
                else:
                    every.append(Spot(module, item, function))
            return every[:MAX_ELEMENTS]
        if node.kind == "new" and node.items[0].dotted in ("Map", "Set") and node.arguments:
            return self.elements(Spot(module, node.arguments[0], function), env, depth + 1)
        if node.kind == "call" and node.items[0].kind == "attribute":
            callee, arguments = node.items[0], node.arguments
            if callee.items[0].dotted == "Object" and arguments and callee.value in ("entries", "values", "keys"):
                held = self.at(Spot(module, arguments[0], function), env)
                if held.node.kind != "object":
                    return None
                made = []
                for key, value in held.node.pairs:
                    name = Node("string", value.line, key)
                    pair = Node("array", value.line, None, [name, value])
                    made.append(
                        Spot(
                            held.module, {"entries": pair, "values": value}.get(str(callee.value), name), held.function
                        )
                    )
                return made[:MAX_ELEMENTS]
            if callee.value in ("filter", "sort", "reverse", "slice"):
                return self.elements(Spot(module, callee.items[0], function), env, depth + 1)
            if callee.value == "concat":
                parts = [callee.items[0], *arguments]
                joined = [self.elements(Spot(module, part, function), env, depth + 1) for part in parts]
                return None if None in joined else [item for each in joined for item in each or []]
        return None

    def given(self, spot: Spot) -> list[Spot]:
        """Give what a parameter is in the calls of its function, as far as the codebase calls it by its name."""
        module, function = spot.module, spot.function
        if spot.node.kind != "name":
            return []
        while function != -1:
            scope = module.functions[function]
            names = [parameter.name for parameter in scope.parameters]
            if spot.node.value in names:
                break
            if spot.node.value in scope.bindings:
                return []
            function = scope.parent
        else:
            return []
        position = names.index(str(spot.node.value))
        called = scope.owner if scope.name == "constructor" else scope.name
        found: list[Spot] = []
        for other in self.project.mentioning(self.unit, f"{called}(") if called else []:
            for call in other.calls:
                callee = call.node.items[0]
                if str(callee.value) != called or len(call.node.arguments) <= position:
                    continue
                made = self._callee(other, call)
                if made is not None and made[0].path == module.path and made[1].number == scope.number:
                    found.append(Spot(other, call.node.arguments[position], call.function))
        return found[:20]

    def expansions(self, module: Module, call: Call, env: Env) -> list[Env]:
        """Give what the variables of the loops around a call stand for, once for each turn."""
        found: list[Env] = [env]
        loops = self.loops.get(module.path, {})
        chain: list[int] = []
        function = call.function
        while function != -1:
            chain.append(function)
            function = module.functions[function].parent
        for function in reversed(chain):
            if function not in loops:
                continue
            listed, scope, _ = loops[function]
            turns: list[Env] = []
            for known in found:
                elements = self.elements(Spot(module, listed, scope), known)
                turns += [
                    known | self.bound(module, module.functions[function], [element]) for element in elements or []
                ]
            found = turns or found
        for held in self._of(module, call):
            turns = []
            for known in found:
                elements = self.elements(Spot(module, held.items[0], call.function), known)
                turns += [known | {(module.path, held.items[1].line, "of"): element} for element in elements or []]
            found = turns or found
        return found[:MAX_ELEMENTS]

    def _of(self, module: Module, call: Call) -> list[Node]:
        """Give the lists of `for (const x of list)` whose variables a call uses."""
        found: dict[int, Node] = {}
        for item in walk(call.node):
            if item.kind != "name":
                continue
            function = call.function
            while True:
                bindings = module.functions[function].bindings if function != -1 else module.bindings
                if (bound := bindings.get(str(item.value))) is not None:
                    for inner in walk(bound):
                        if inner.kind == "index" and inner.items[1].kind == "other" and inner.items[1].value == "of":
                            found[inner.items[1].line] = inner
                    break
                if function == -1:
                    break
                function = module.functions[function].parent
        return list(found.values())

    @staticmethod
    def bound(module: Module, function: Function, arguments: list[Spot]) -> Env:
        """Give what a function's parameters stand for in a call."""
        env: Env = {}
        for parameter, argument in zip(function.parameters, arguments, strict=False):
            if parameter.name:
                env[(module.path, function.number, parameter.name)] = argument
            for position, name in enumerate(parameter.pattern):
                if argument.node.kind == "array":
                    if position < len(argument.node.items):
                        inner = argument.node.items[position]
                        env[(module.path, function.number, name)] = Spot(argument.module, inner, argument.function)
                elif argument.node.kind == "object" and (member := argument.node.get(name)) is not None:
                    env[(module.path, function.number, name)] = Spot(argument.module, member, argument.function)
        return env

    # -- routers ------------------------------------------------------------------------------------------------------

    def routers(self, spot: Spot, env: Env | None = None, depth: int = 0) -> list[Ref]:
        """Give the routers that an expression is."""
        if depth > MAX_DEPTH:
            return []
        env = env or {}
        found = self.at(spot, env)
        module, node, function = found.module, found.node, found.function
        match node.kind:
            case "call" | "new":
                return self._made(found, env, depth)
            case "name":
                return self._parameter(module, str(node.value), function)
            case "attribute":
                return self._attribute(found, env, depth)
            case "binary" | "conditional":
                items = node.items if node.kind == "binary" else node.items[1:]
                return [ref for item in items for ref in self.routers(Spot(module, item, function), env, depth + 1)]
            case _:
                return []

    def _made(self, spot: Spot, env: Env, depth: int) -> list[Ref]:
        module, node, function = spot.module, spot.node, spot.function
        callee, arguments = node.items[0], node.arguments
        source = self.project.origin(module, callee, function)
        rule = self.constructors.get(source)
        if rule is None and node.kind in ("call", "new") and _ROUTERS.match(source):
            rule = next((one for one in self.rules if one.value == "koa"), None)
        if rule is not None:
            key = (module.path, node.line, source)
            self.made.setdefault(key, (rule, spot, source in rule.extra.get("apps", [])))
            self.scan(module)
            prefix = next(
                (
                    (Spot(module, value, function),)
                    for argument in arguments
                    if argument.kind == "object" and (value := argument.get("prefix")) is not None
                ),
                (),
            )
            return [Ref(key, prefix, env=env)]
        if callee.kind == "attribute" and callee.value in CHAINED:
            base = self.routers(Spot(module, callee.items[0], function), env, depth + 1)
            if base and callee.value == "route" and len(arguments) == 1 and arguments[0].kind != "object":
                added = Spot(module, arguments[0], function)
                return [replace(ref, prefix=(*ref.prefix, added), route=True) for ref in base]
            if base and callee.value == "basePath" and arguments:
                return [replace(ref, prefix=(*ref.prefix, Spot(module, arguments[0], function))) for ref in base]
            if base:
                return base
        if _WRAPPERS.match(source) and arguments:
            return self.routers(Spot(module, arguments[0], function), env, depth + 1)
        where, made = self.project.find(module, callee, function)
        scope = where.function(made)
        if scope is None or (where.path == module.path and scope.number == function):
            return []
        inner = env | self.bound(where, scope, [Spot(module, argument, function) for argument in arguments])
        every: list[Ref] = []
        for returned in scope.returns:
            if returned.kind not in ("function", "object", "string"):
                every += self.routers(Spot(where, returned, scope.number), inner, depth + 1)
        return [self._derived(spot, replace(ref, env=inner | ref.env)) for ref in _distinct(every)]

    def _derived(self, spot: Spot, base: Ref) -> Ref:
        """Give the router that one call of a function of the codebase makes: each call makes its own."""
        key = (spot.module.path, spot.node.line, f"made by {base.key[0]}:{base.key[1]} {base.key[2]}")
        if key not in self.bases and key != base.key:
            self.bases[key] = base
            self.mounted.add(base.key)
            self.scan(spot.module)
        return Ref(key, base.prefix, base.route)

    def _is_app(self, key: Key) -> bool:
        for _ in range(MAX_DEPTH):
            if key not in self.bases:
                break
            key = self.bases[key].key
        return key in self.made and self.made[key][2]

    def _parameter(self, module: Module, name: str, function: int) -> list[Ref]:
        while function != -1:
            scope = module.functions[function]
            for parameter in scope.parameters:
                if parameter.name == name or name in parameter.pattern:
                    key = (module.path, scope.line, f"{function}:{name}")
                    if parameter.type and key not in self.typed:
                        self._type(module, key, parameter.type)
                    return [Ref(key)]
            if name in scope.bindings:
                return []
            function = scope.parent
        return []

    def _type(self, module: Module, key: Key, annotation: str) -> None:
        found = re.match(r"[\w.]+", annotation)
        if found is None:
            return
        first, *rest = found[0].split(".")
        node = Node("name", 0, first)
        for part in rest:
            node = Node("attribute", 0, part, [node])
        source = self.project.origin(module, node, -1)
        if any(source in rule.extra.get("types", []) for rule in self.rules):
            self.typed[key] = source

    def _attribute(self, spot: Spot, env: Env, depth: int) -> list[Ref]:
        module, node, function = spot.module, spot.node, spot.function
        holder = node.items[0]
        if holder.kind == "name" and holder.value == "this":
            # `constructor(private readonly app: Express)`
            scope = function
            while scope != -1 and not module.functions[scope].owner:
                scope = module.functions[scope].parent
            owner = module.functions[scope].owner if scope != -1 else ""
            for other in module.functions:
                if owner and (other.owner, other.name) == (owner, "constructor"):
                    found = self._parameter(module, str(node.value), other.number)
                    if found and any(parameter.name == node.value for parameter in other.parameters):
                        return found
            return []
        if node.value == "app":
            base = self.at(Spot(module, holder, function), env)
            if base.node.kind == "call" and _WRAPPERS.match(
                self.project.origin(base.module, base.node.items[0], base.function)
            ):
                return self.routers(base, env, depth + 1)
        return []

    # -- answers ------------------------------------------------------------------------------------------------------

    def answered(self, key: Key, state: State) -> list[Answer]:
        """Give what a router answers when it stands by itself."""
        inner = key
        while inner in self.bases:
            inner = self.bases[inner].key
        if inner in self.made:
            self.framework = self.made[inner][0].value
            return list(self.visit(Ref(key), state, ()))
        self.framework = next(
            (rule.value for rule in self.rules if self.typed.get(key, "") in rule.extra.get("types", [])), ""
        )
        return list(self.visit(Ref(key), state, ()))

    def visit(self, ref: Ref, state: State, stack: tuple[Key, ...], share: State | None = None) -> Iterator[Answer]:
        """Give what a router answers where it is mounted; `share` takes the guards that it adds."""
        self.visits += 1
        if ref.key in stack or len(stack) > MAX_DEPTH or self.visits > MAX_VISITS:
            return
        stack = (*stack, ref.key)
        env = state.env | ref.env
        state = replace(state, env=env, scoped=list(state.scoped))
        events = self.events.setdefault(ref.key, [])
        for event in list(events):
            if event.verb == "addHook" and not event.ref.route:
                self._hook(event, state)
            if event.verb == "prefix" and (text := self._argument(event, 0, env)) is not None:
                state.pieces = (*state.pieces, (text, self._place(event)))
        if (base := self.bases.get(ref.key)) is not None:
            yield from self.visit(Ref(base.key, (), env=base.env), state, stack, share=state)
        number = 0
        count = 0
        while number < len(events):
            event = events[number]
            number += 1
            for turn in self.expansions(event.module, event.call, env):
                for answer in self._event(event, replace(state, env=turn), state, stack):
                    count += 1
                    if count > MAX_ROUTES:
                        return
                    yield answer
        if share is not None:
            share.guards, share.scoped = state.guards, state.scoped

    def _place(self, event: Event) -> Place:
        return Place(event.module.path, event.call.node.line)

    def _argument(self, event: Event, number: int, env: Env) -> str | None:
        arguments = event.call.node.arguments
        if number >= len(arguments):
            return None
        return self.text(Spot(event.module, arguments[number], event.call.function), env)

    def _hook(self, event: Event, state: State) -> None:
        arguments = event.call.node.arguments
        if len(arguments) > 1 and arguments[0].value in ("onRequest", "preHandler", "preValidation", "preParsing"):
            spot = Spot(event.module, arguments[1], event.call.function)
            if name := self.guard(spot, state.env):
                state.guards = [*state.guards, name]

    def _event(self, event: Event, state: State, own: State, stack: tuple[Key, ...]) -> Iterator[Answer]:
        module, call = event.module, event.call
        conditions = tuple(text for text in call.conditions if not _TRIVIAL.search(text))
        state = replace(state, conditions=(*state.conditions, *conditions))
        for spot in event.ref.prefix:
            prefix = self.text(spot, state.env)
            state.pieces = (*state.pieces, (UNKNOWN if prefix is None else prefix, spot.place))
        arguments = [Spot(module, argument, call.function) for argument in call.node.arguments]
        if event.passed >= 0:
            yield from self._passed(event, arguments, state, stack)
            return
        verb = event.verb
        if not verb:
            callee = call.node.items[0]
            text = self.text(Spot(module, callee.items[1], call.function), state.env)
            verb = (text or "").lower()
            if text is None and arguments and self.texts(arguments[0], state.env):
                verb = "all"
        if verb in VERBS and verb != "query":
            yield from self._verb(event, VERBS[verb], arguments, state)
        elif verb in ("use", "mount"):
            yield from self._use(event, arguments, state, own, stack)
        elif verb == "route":
            yield from self._route(event, arguments, state, stack)
        elif verb == "register":
            yield from self._register(event, arguments, state, own, stack)
        elif verb == "on" and len(arguments) > 2:
            methods = self.texts(arguments[0], state.env) or []
            for method in methods:
                yield from self._verb(event, method.upper(), arguments[1:], state)
        elif verb == "openapi" and arguments:
            yield from self._openapi(event, arguments, state)
        elif verb == "group" and len(arguments) > 1:
            path = self.text(arguments[0], state.env)
            if (made := self.at(arguments[-1], state.env)).node.kind == "function" and path is not None:
                inner = replace(state, pieces=(*state.pieces, (path, self._place(event))))
                yield from self._function(made, inner, stack, [])

    def answer(
        self,
        place: Place,
        method: str,
        path: str,
        state: State,
        guards: Iterable[str] = (),
        validated: bool | None = None,
        note: str = "",
    ) -> Answer:
        """Make an answer at the end of the present prefix."""
        pieces = [*state.pieces, (path, place)]
        whole = join(*(braces(text) for text, _ in pieces))
        version = version_prefix(whole)
        at = None
        for text, where in pieces:
            if at is None and version and version_prefix(join(text)):
                at = where
        every = [*state.guards, *guards]
        every += [name for prefix, name in state.scoped if _below(whole, prefix)]
        every = [name for name in every if not any(_below(whole, free) for free in self.exempt.get(name, []))]
        notes = [*state.notes, *([note] if note else [])]
        if said := condition(state.conditions):
            notes.append(said)
        if UNKNOWN in whole:
            notes.append("part of the path is unknown")
        route = Route(
            method,
            whole,
            place,
            list(dict.fromkeys(every)),
            state.validated if validated is None else validated,
            version.rpartition("/")[2],
            "; ".join(dict.fromkeys(notes)),
        )
        return Answer(
            route,
            bool(state.conditions),
            bool(re.search(r"^/(\{\*\}|\{\w+\}\*)$|^/\{(any|all|splat|path)\}$", whole)) or whole in ("/.*", "/{0}"),
            version,
            at,
            self.framework,
        )

    def _verb(self, event: Event, method: str, arguments: list[Spot], state: State) -> Iterator[Answer]:
        place = self._place(event)
        if event.ref.route:
            paths: list[str] | None = [""]
            rest = arguments
            if not arguments:
                return
        else:
            if not arguments:
                return
            paths, rest = self.texts(arguments[0], state.env), arguments[1:]
            if paths is not None and len(rest) > 1 and not paths[0].startswith(("/", "*", ":")):
                # koa-router: router.get("name", "/path", handler)
                second = self.texts(rest[0], state.env)
                if second and second[0].startswith("/"):
                    paths, rest = second, rest[1:]
            if paths is None and len(arguments) == 1 and self.framework in ("hono", "elysia", "koa"):
                paths, rest = [""], arguments
            elif not rest:
                return  # app.get("setting")
        note = ""
        if paths is None:
            paths = [UNKNOWN]
            note = f"path unknown ({self.project.fold(event.module, arguments[0].node, event.call.function).text})"
        guards, validated = self.handlers(rest, state.env)
        for path in paths:
            yield self._constrained(self.answer(place, method, path, state, guards, validated, note), rest, state.env)

    def _constrained(self, answer: Answer, given: list[Spot], env: Env) -> Answer:
        """Take the version that Fastify matches with the header `Accept-Version`."""
        for spot in given:
            options = self.at(spot, env)
            constraints = options.node.get("constraints")
            held = constraints.get("version") if constraints is not None else None
            held = held or (options.node.get("version") if options.node.get("url") is not None else None)
            if held is not None and (text := self.text(Spot(options.module, held, options.function), env)):
                answer.header = text
                answer.route.version = text
                answer.route.note = "; ".join(filter(None, [answer.route.note, f"header Accept-Version: {text}"]))
        return answer

    def handlers(self, given: list[Spot], env: Env) -> tuple[list[str], bool | None]:
        """Read the middleware and the handler of a route: (guards, whether its input is checked)."""
        flat = self._flat(given, env)
        guards: list[str] = []
        validated: bool | None = None
        for number, spot in enumerate(flat):
            last = number == len(flat) - 1
            if spot.node.kind == "object":
                more, checked = self._options(spot, env)
                guards += more
                validated = validated or checked
                continue
            if not last and (name := self.guard(spot, env)):
                guards.append(name)
            if self._validates(spot, last, env):
                validated = True
        if validated is None and flat:
            handler = self.at(flat[-1], env)
            validated = self.checks_input(handler)
        return guards, validated

    def _flat(self, given: list[Spot], env: Env, depth: int = 0) -> list[Spot]:
        flat: list[Spot] = []
        for spot in given:
            found = spot
            if spot.node.kind in ("array", "spread", "name", "attribute"):
                followed = self.at(spot, env)
                found = followed if followed.node.kind == "array" else spot
            if found.node.kind == "array" and depth < 4:
                flat += self._flat(
                    [Spot(found.module, item, found.function) for item in found.node.items], env, depth + 1
                )
            else:
                flat.append(spot)
        return flat

    def _options(self, spot: Spot, env: Env) -> tuple[list[str], bool | None]:
        """Read the options of a route of Fastify, hapi or Elysia."""
        guards: list[str] = []
        node = spot.node
        for name in ("onRequest", "preHandler", "preValidation", "beforeHandle"):
            if (value := node.get(name)) is not None:
                for one in self._flat([Spot(spot.module, value, spot.function)], env):
                    if (
                        one.node.kind == "call"
                        and one.node.items[0].kind == "attribute"
                        and one.node.items[0].value == "auth"
                    ):
                        inner = self._flat(
                            [Spot(one.module, item, one.function) for item in one.node.arguments[:1]], env
                        )
                        guards += [described(self.project, each) for each in inner]
                    elif found := self.guard(one, env):
                        guards.append(found)
        options = node.get("options") or node.get("config") or node
        auth = options.get("auth") or node.get("auth")
        if auth is not None and auth.kind in ("string", "object"):
            guards.append(f"auth({auth.value})" if auth.kind == "string" else "auth")
        schema = node.get("schema")
        validate = options.get("validate")
        checked = None
        if schema is not None:
            held = self.at(Spot(spot.module, schema, spot.function), env).node
            if held.kind == "object":
                keys = {name for name, _ in held.pairs}
                checked = bool(keys & {"body", "querystring", "query", "params", "headers", "..."}) or None
            else:
                checked = True
        elif validate is not None or any(node.get(name) is not None for name in ("body", "query", "params")):
            checked = True
        return guards, checked

    def guard(self, spot: Spot, env: Env, depth: int = 0) -> str:
        """Give the name of what decides who may call, if a middleware does; `` if it does not."""
        name = described(self.project, spot)
        bare = name.partition("(")[0]
        if bare and _GUARD.search(bare) and not _NO_GUARD.search(bare):
            return name
        if spot.node.kind == "call" and _VALIDATOR.search(bare):
            return ""
        found = self.at(spot, env)
        if spot.node.kind == "call" and depth < 3:
            for argument in spot.node.arguments:
                if argument.kind in ("name", "attribute", "call") and (
                    inner := self.guard(Spot(spot.module, argument, spot.function), env, depth + 1)
                ):
                    return inner
            made = self.at(Spot(spot.module, spot.node.items[0], spot.function), env)
            if made.node.kind == "function" and self.refuses(made):
                return name
        if found.node.kind == "function" and self.refuses(found):
            own = found.module.functions[int(found.node.value or 0)]
            name = name or own.name or f"a check at {found.place}"
            self.exempt.setdefault(name, []).extend(_exempt(found))
            return name
        return ""

    def _decides(self, spot: Spot, env: Env) -> bool:
        """Tell whether a middleware for everything can turn a request away, as far as it is this codebase's own."""
        found = self.at(spot, env)
        if spot.node.kind == "call":
            found = self.at(Spot(spot.module, spot.node.items[0], spot.function), env)
        if found.node.kind != "function" or not isinstance(found.node.value, int):
            return True
        names = {str(call.node.items[0].value) for call in found.module.calls_in(found.node.value)}
        return self.refuses(found) or bool(names & {"redirect", "authenticate", "reject", "throw"})

    def refuses(self, spot: Spot) -> bool:
        """Tell whether a function answers 401 or 403."""
        if not isinstance(spot.node.value, int):
            return False
        for call in spot.module.calls_in(spot.node.value):
            name = str(call.node.items[0].value)
            if re.search(r"unauthori[sz]ed|forbidden", name, re.IGNORECASE):
                return True
            for argument in call.node.arguments[:2]:
                if argument.kind == "number" and argument.value in (401, 403):
                    return True
                if argument.kind == "attribute" and str(argument.value).upper() in ("UNAUTHORIZED", "FORBIDDEN"):
                    return True
        return any(
            assignment.target.dotted.endswith(".status")
            and assignment.value.kind == "number"
            and assignment.value.value in (401, 403)
            for assignment in spot.module.assignments
            if spot.module.within(assignment.function, spot.node.value)
        )

    def _validates(self, spot: Spot, last: bool, env: Env) -> bool:
        node = spot.node
        name = described(self.project, spot).partition("(")[0]
        if node.kind == "call":
            source = self.project.origin(spot.module, node.items[0], spot.function)
            if re.match(
                r"celebrate|express-validator|express-validation|zod-express|@hono/\w+-validator|hono/validator", source
            ):
                return True
            if any(
                self._validates(Spot(spot.module, argument, spot.function), last, env)
                for argument in node.arguments
                if argument.kind == "call"
            ):
                return True
        return bool(
            not last and name and _VALIDATOR.search(name) and not re.search(r"token|user$|session", name, re.IGNORECASE)
        )

    def checks_input(self, handler: Spot, depth: int = 0) -> bool | None:
        """Tell whether a handler checks the input that it takes; None if it takes none."""
        node, module = handler.node, handler.module
        if node.kind == "call" and node.arguments and depth < 3:
            return self.checks_input(self.at(Spot(module, node.arguments[-1], handler.function), {}), depth + 1)
        if node.kind != "function" or not isinstance(node.value, int):
            return None
        calls = module.calls_in(node.value)
        names = {str(call.node.items[0].value) for call in calls if call.node.items[0].kind in ("attribute", "name")}
        if names & _VALIDATING - ({"parse"} if not any(_schema(call) for call in calls) else set()):
            return True
        if any(
            call.node.items[0].dotted.startswith("validator.is")
            or any(re.search(r"schema$", argument.dotted, re.IGNORECASE) for argument in call.node.arguments)
            for call in calls
        ):
            return True
        inner = [function for function in module.functions if module.within(function.number, node.value)]
        expressions = [value for function in inner for value in (*function.bindings.values(), *function.returns)]
        expressions += [call.node for call in calls]
        takes = any(
            item.kind == "attribute"
            and item.value in ("body", "query", "files")
            and item.items[0].dotted.split(".")[-1] in ("req", "request", "ctx", "c", "context", "_req")
            for expression in expressions
            for item in walk(expression)
        )
        return False if takes else None

    # -- mounts -------------------------------------------------------------------------------------------------------

    def _use(
        self, event: Event, arguments: list[Spot], state: State, own: State, stack: tuple[Key, ...]
    ) -> Iterator[Answer]:
        place = self._place(event)
        if not arguments:
            return
        paths = self.texts(arguments[0], state.env)
        rest = arguments[1:] if paths is not None else arguments
        if paths is None and len(arguments) > 1 and arguments[0].node.kind in ("template", "binary"):
            paths, rest = [UNKNOWN], arguments[1:]
        flat = self._flat(rest, state.env)
        passed: list[str] = []
        checked: bool | None = None
        for spot in flat:
            source = (
                self.project.origin(spot.module, spot.node.items[0], spot.function) if spot.node.kind == "call" else ""
            )
            if source.startswith("koa-mount") and spot.node.arguments:
                inner = [Spot(spot.module, item, spot.function) for item in spot.node.arguments]
                yield from self._use(event, inner, state, own, stack)
                continue
            refs = self.routers(spot, state.env)
            for ref in refs:
                self.mounted.add(ref.key)
                if ref.key in self.made and self.made[ref.key][1].module.path not in self.scanned:
                    self.scan(self.made[ref.key][1].module)
                for path in paths or [""]:
                    inner_state = replace(
                        state,
                        pieces=(*state.pieces, (path, place)),
                        guards=[*state.guards, *passed],
                        validated=checked or state.validated,
                    )
                    yield from self.visit(ref, inner_state, stack)
            if refs:
                continue
            yield from self._ready(source, paths or [""], place, state, passed)
            if self._unread(spot, state.env):
                pieces = tuple((path, place) for path in (paths or [])[:1])
                self.unread.append((event.ref.key, replace(state, pieces=(*state.pieces, *pieces))))
                yield from self._folder(event, spot, paths or [""], state, stack)
            elif name := self.guard(spot, state.env):
                if (paths or len(flat) > 1) or self._decides(spot, state.env):
                    passed.append(name)
            elif self._validates(spot, False, state.env):
                checked = True
        if passed and not any(self.routers(spot, state.env) for spot in flat) and not state.conditions:
            if paths is None or paths == ["/"] or paths == ["*"]:
                own.guards = [*own.guards, *passed]
            else:
                for path in paths:
                    base = join(*(braces(text) for text, _ in state.pieces), braces(path.rstrip("*")))
                    own.scoped += [(base, name) for name in passed]

    def _ready(self, source: str, paths: list[str], place: Place, state: State, guards: list[str]) -> Iterator[Answer]:
        """Answers of packages that are mounted: documentation, GraphQL, tRPC."""
        found = next(
            (
                (method, note)
                for pattern, method, note in (
                    (
                        r"^swagger-ui-express\.setup|^redoc-express|^@scalar/express-api-reference|^koa2?-swagger-ui",
                        "GET",
                        "API documentation",
                    ),
                    (
                        r"^(express-graphql|graphql-http|graphql-yoga|@apollo/server|apollo-server-express|@as-integrations)\b",
                        "POST",
                        "GraphQL",
                    ),
                    (r"^@trpc/server/adapters|^@hono/trpc-server", "ANY", "tRPC"),
                    (r"^better-auth/node|^@auth/express", "ANY", "sign-in"),
                )
                if re.search(pattern, source)
            ),
            None,
        )
        if found is not None:
            for path in paths:
                yield self.answer(place, found[0], path, state, guards, None, found[1])

    def _unread(self, spot: Spot, env: Env) -> bool:
        """Tell whether what is mounted could be a router that the code names only at run time."""
        found = self.at(spot, env)
        node = found.node
        if node.kind == "attribute" and node.value in ("default", "router", "routes", "route"):
            node = node.items[0]
            if node.kind == "name":
                return bool(self._parameter(found.module, str(node.value), found.function))
        if node.kind == "await":
            node = node.items[0]
        return (
            node.kind == "call"
            and node.items[0].dotted in ("require", "import")
            and (not node.arguments or node.arguments[0].kind != "string")
        )

    def _folder(
        self, event: Event, spot: Spot, paths: list[str], state: State, stack: tuple[Key, ...]
    ) -> Iterator[Answer]:
        """Follow `readdirSync(__dirname).forEach(file => router.use(require(file)))`."""
        module = event.module
        if not _lists_folder(module):
            return
        named = paths == [UNKNOWN] or self._names_file(event)
        for path in self._files(module, self.at(spot, state.env).node):
            found = self.project.exported(path, "default") or self.project.exported(path, "router")
            if found is None:
                continue
            stem = re.sub(r"[._-]?(routes?|router|controller)?\.\w+$", "", path.rpartition("/")[2])
            for ref in self.routers(Spot(*found), {}):
                self.mounted.add(ref.key)
                piece = f"/{stem}" if named else paths[0]
                notes = (*state.notes, *(("the path is the file's name",) if named else ()))
                pieces = (*state.pieces, (piece, self._place(event)))
                yield from self.visit(ref, replace(state, pieces=pieces, notes=notes), stack)
        self.discoveries.append(("every file of the folder is mounted", self._place(event)))
        if self.unread:
            self.unread.pop()

    def _files(self, module: Module, node: Node) -> list[str]:
        """Give the files that `require(join(__dirname, file))` and the like load, one after the other."""
        inner = _dynamic(node)
        here = module.path.rpartition("/")[0]
        text = ""
        if inner is not None and inner.arguments:
            first = inner.arguments[0]
            texts = [str(item.value) for item in _ordered(first) if item.kind == "string"]
            text = next((part for part in texts if part.startswith(".")), "")
            if not text and first.kind == "call" and texts:
                text = f"./{texts[0]}/"
        if not text:
            # The list of the folder says where: glob.sync("./routes/*.js"), readdirSync(join(__dirname, "routes")).
            listing = next((call.node for call in module.calls if str(call.node.items[0].value) in _LISTINGS), None)
            texts = [str(item.value) for item in _ordered(listing) if item.kind == "string"] if listing else []
            text = next((part for part in texts if "/" in part or part.isidentifier()), "")
            text = f"./{text.split('*')[0].removeprefix('./')}{'' if '*' in text else '/'}" if text else "./"
        for base in (here, self.unit.folder):
            folder = posixpath.normpath(posixpath.join(base, text.rpartition("/")[0])).removeprefix("./")
            folder = "" if folder == "." else folder
            found = [
                path
                for path in self.project.sources(self.unit)
                if path.rpartition("/")[0] == folder and path != module.path and path.endswith(SCRIPTS)
            ]
            if found:
                return found
        return []

    def _every_file(self, event: Event, state: State, stack: tuple[Key, ...]) -> Iterator[Answer]:
        """Follow `readdirSync("routes").forEach(file => require(file)(app))`."""
        found = False
        for path in self._files(event.module, event.call.node.items[0]):
            exported = self.project.exported(path, "default")
            plugin = self._plugin(Spot(*exported), {})[0] if exported is not None else None
            if plugin is not None:
                for answer in self._function(plugin, state, stack, []):
                    found = True
                    yield answer
        if found:
            self.discoveries.append(("every file of the folder is mounted", self._place(event)))

    @staticmethod
    def _names_file(event: Event) -> bool:
        first = event.call.node.arguments[0]
        return first.kind in ("template", "binary") and len(event.call.node.arguments) > 1

    def _passed(self, event: Event, arguments: list[Spot], state: State, stack: tuple[Key, ...]) -> Iterator[Answer]:
        if event.member == EVERY_FILE:
            yield from self._every_file(event, state, stack)
            return
        made = self._callee(event.module, event.call)
        if made is None:
            return
        where, function = made
        self.scan(where)
        if event.passed >= len(function.parameters):
            return
        parameter = function.parameters[event.passed]
        name = event.member if event.member and event.member in parameter.pattern else parameter.name
        if not name:
            return
        key = (where.path, function.line, f"{function.number}:{name}")
        self.mounted.add(key)
        env = state.env | self.bound(where, function, arguments)
        # The router itself must stay the parameter that its events are gathered under.
        env.pop((where.path, function.number, name), None)
        yield from self.visit(Ref(key), replace(state, env=env), stack)

    def _function(self, spot: Spot, state: State, stack: tuple[Key, ...], arguments: list[Spot]) -> Iterator[Answer]:
        """Run a plugin: a function that is given the router."""
        function = spot.module.function(spot.node)
        if function is None or not function.parameters:
            return
        self.scan(spot.module)
        parameter = function.parameters[0]
        env = state.env | self.bound(spot.module, function, [spot, *arguments])
        for name in [parameter.name] if parameter.name else parameter.pattern:
            env.pop((spot.module.path, function.number, name), None)
            key = (spot.module.path, function.line, f"{function.number}:{name}")
            self.mounted.add(key)
            yield from self.visit(Ref(key), replace(state, env=env), stack)

    # -- Fastify, hapi, Hono ------------------------------------------------------------------------------------------

    def _route(self, event: Event, arguments: list[Spot], state: State, stack: tuple[Key, ...]) -> Iterator[Answer]:
        if not arguments:
            return
        first = self.at(arguments[0], state.env)
        if first.node.kind == "array":
            for item in first.node.items:
                yield from self._route(event, [Spot(first.module, item, first.function)], state, stack)
            return
        if first.node.kind == "object":
            path = first.node.get("url") or first.node.get("path")
            method = first.node.get("method")
            if path is None or method is None:
                return
            methods = self.texts(Spot(first.module, method, first.function), state.env) or ["ANY"]
            paths = self.texts(Spot(first.module, path, first.function), state.env) or [UNKNOWN]
            guards, checked = self._options(first, state.env)
            handler = first.node.get("handler")
            if checked is None and handler is not None:
                checked = self.checks_input(self.at(Spot(first.module, handler, first.function), state.env))
            for name in methods:
                for text in paths:
                    method_name = "ANY" if name == "*" else name.upper()
                    place = Place(first.module.path, first.node.line) if first.node is not arguments[0].node else None
                    made = self.answer(place or self._place(event), method_name, text, state, guards, checked)
                    yield self._constrained(made, [first], state.env)
            return
        if len(arguments) > 1:
            path_text = self.text(arguments[0], state.env)
            for ref in self.routers(arguments[1], state.env):
                self.mounted.add(ref.key)
                pieces = (*state.pieces, (UNKNOWN if path_text is None else path_text, self._place(event)))
                yield from self.visit(ref, replace(state, pieces=pieces), stack)

    def _openapi(self, event: Event, arguments: list[Spot], state: State) -> Iterator[Answer]:
        """`app.openapi(createRoute({method, path, request}), handler)` of Hono."""
        made = self.at(arguments[0], state.env)
        if made.node.kind != "call" or not made.node.arguments:
            return
        options = self.at(Spot(made.module, made.node.arguments[0], made.function), state.env)
        method, path = options.node.get("method"), options.node.get("path")
        if method is None or path is None:
            return
        method_text = self.text(Spot(options.module, method, options.function), state.env) or "any"
        path_text = self.text(Spot(options.module, path, options.function), state.env) or UNKNOWN
        guards: list[str] = []
        if (middleware := options.node.get("middleware")) is not None:
            for one in self._flat([Spot(options.module, middleware, options.function)], state.env):
                guards += [name for name in [self.guard(one, state.env)] if name]
        checked = True if options.node.get("request") is not None else None
        yield self.answer(self._place(event), method_text.upper(), path_text, state, guards, checked)

    def _register(
        self, event: Event, arguments: list[Spot], state: State, own: State, stack: tuple[Key, ...]
    ) -> Iterator[Answer]:
        if not arguments:
            return
        place = self._place(event)
        source = self.project.origin(arguments[0].module, arguments[0].node, arguments[0].function)
        options = self.at(arguments[1], state.env) if len(arguments) > 1 else None
        prefix = ""
        if options is not None and options.node.kind == "object" and (value := options.node.get("prefix")) is not None:
            prefix = self.text(Spot(options.module, value, options.function), state.env) or UNKNOWN
        if source.startswith(("@fastify/autoload", "fastify-autoload")):
            if options is not None:
                yield from self._autoload(event, options, state, own, stack)
            return
        found, shared = self._plugin(arguments[0], state.env)
        refs = self.routers(arguments[0], state.env) if found is None else []
        for ref in refs:
            self.mounted.add(ref.key)
            yield from self.visit(ref, replace(state, pieces=(*state.pieces, (prefix, place))), stack)
        if found is None:
            return
        rest = arguments[1:2]
        if shared:
            before = list(state.guards)
            inner = replace(state, guards=before)
            yield from self._function(found, inner, stack, rest)
            own.guards = [*own.guards, *self._hooks(found, state.env)]
        else:
            yield from self._function(found, replace(state, pieces=(*state.pieces, (prefix, place))), stack, rest)

    def _plugin(self, spot: Spot, env: Env, depth: int = 0) -> tuple[Spot | None, bool]:
        """Give the function of a plugin, and whether `fastify-plugin` shares its hooks with the one around it."""
        found = self.at(spot, env)
        if depth > 4:
            return None, False
        if found.node.kind == "function":
            return found, False
        if found.node.kind == "call" and found.node.arguments:
            source = self.project.origin(found.module, found.node.items[0], found.function)
            if source.startswith("fastify-plugin"):
                inner, _ = self._plugin(Spot(found.module, found.node.arguments[0], found.function), env, depth + 1)
                return inner, True
            if found.node.items[0].dotted in ("import", "require") and found.node.arguments[0].kind == "string":
                path = self.project.target(found.module, str(found.node.arguments[0].value))
                exported = self.project.exported(path, "default") if path else None
                if exported is not None:
                    return self._plugin(Spot(*exported), env, depth + 1)
        return None, False

    def _hooks(self, spot: Spot, env: Env) -> list[str]:
        """Give the guards that a plugin adds as hooks."""
        function = spot.module.function(spot.node)
        if function is None or not function.parameters:
            return []
        self.scan(spot.module)
        key = (spot.module.path, function.line, f"{function.number}:{function.parameters[0].name}")
        state = State(env=env)
        for event in self.events.get(key, []):
            if event.verb == "addHook":
                self._hook(event, state)
        return state.guards

    def _autoload(
        self, event: Event, options: Spot, state: State, own: State, stack: tuple[Key, ...]
    ) -> Iterator[Answer]:
        node = options.node
        folder = self.folder(options, node.get("dir"), state.env)
        if folder is None:
            return
        prefix = ""
        inner = node.get("options")
        held = self.at(Spot(options.module, inner, options.function), state.env) if inner is not None else None
        for holder in (held.node if held is not None else None, node):
            if holder is not None and (value := holder.get("prefix")) is not None:
                prefix = self.text(Spot(options.module, value, options.function), state.env) or UNKNOWN

        def flag(name: str, default: bool) -> bool:
            given = node.get(name)
            value = self.project.fold(options.module, given, options.function) if given is not None else None
            return bool(value.value) if value is not None and value.known else default

        named, hooks, cascade = flag("dirNameRoutePrefix", True), flag("autoHooks", False), flag("cascadeHooks", False)
        ignored = node.get("ignorePattern")
        pattern = _pattern(str(ignored.value)) if ignored is not None and ignored.kind == "regex" else None
        parameters = flag("routeParams", False)
        files = [path for path in self.project.sources(self.unit) if path.startswith(f"{folder}/")]
        found = 0
        state = replace(state, pieces=(*state.pieces, (prefix, self._place(event))))
        for path in files:
            below = path[len(folder) + 1 :]
            where, _, name = below.rpartition("/")
            if re.fullmatch(r"[_.]?auto_?hooks\.\w+", name, re.IGNORECASE) and hooks:
                continue
            if pattern is not None and any(pattern.search(part) for part in below.split("/")):
                continue
            index = any(re.fullmatch(r"index\.\w+", other[len(folder) + 1 :].rpartition("/")[2]) for other in files
                        if other.rpartition("/")[0] == path.rpartition("/")[0])  # fmt: skip
            if index and not re.fullmatch(r"index\.\w+", name):
                continue
            module = self.project.module(path)
            exported = self.project.exported(path, "default") if module is not None else None
            if module is None or exported is None:
                continue
            plugin, shared = self._plugin(Spot(*exported), {})
            if plugin is None:
                continue
            guards = list(state.guards)
            if hooks:
                guards += self._autohooks(folder, where, cascade)
            parts = where.split("/") if where and named else []
            if parameters:
                parts = [re.sub(r"^_(\w+)$", r":\1", part) for part in parts]
            text = "/" + "/".join(parts) if parts else ""
            auto = self._constant(module, "autoPrefix")
            over = self._constant(module, "prefixOverride")
            pieces = (*state.pieces, (auto if auto is not None else text, Place(path)))
            if over is not None:
                pieces = ((over, Place(path)),)
            for answer in self._function(plugin, replace(state, pieces=pieces, guards=guards), stack, []):
                found += 1
                yield answer
            if shared:
                own.guards = [*own.guards, *self._hooks(plugin, state.env)]
        if found:
            said = (
                "@fastify/autoload: the folder is the prefix" if named else "@fastify/autoload: each file is a plugin"
            )
            self.discoveries.append((said, self._place(event)))

    def _constant(self, module: Module, name: str) -> str | None:
        node = module.exports.get(name)
        if node is None:
            default = module.exports.get("default")
            for assignment in module.assignments:
                if assignment.target.kind == "attribute" and assignment.target.value == name and default is not None:
                    node = assignment.value
        if node is None:
            return None
        value = self.project.fold(module, node, -1)
        return str(value.value) if value.known else None

    def _autohooks(self, folder: str, where: str, cascade: bool) -> list[str]:
        guards: list[str] = []
        folders = [folder]
        for part in where.split("/") if where else []:
            folders.append(f"{folders[-1]}/{part}")
        for one in folders if cascade else folders[-1:]:
            for path in self.project.sources(self.unit):
                if path.rpartition("/")[0] == one and re.search(r"/[_.]?auto_?hooks\.\w+$", path, re.IGNORECASE):
                    exported = self.project.exported(path, "default")
                    plugin = self._plugin(Spot(*exported), {})[0] if exported is not None else None
                    if plugin is not None:
                        guards += self._hooks(plugin, {})
        return guards

    def folder(self, spot: Spot, node: Node | None, env: Env) -> str | None:
        """Give the folder that `path.join(__dirname, "routes")` and the like mean."""
        if node is None:
            return None
        held = self.at(Spot(spot.module, node, spot.function), env)
        texts = [str(item.value) for item in walk(held.node) if item.kind == "string"]
        if held.node.kind in ("call", "new"):
            texts.reverse()
            texts = [str(item.value) for item in _ordered(held.node) if item.kind == "string"]
        here = any(
            (item.kind == "name" and item.value in ("__dirname", "import.meta", "__filename", "_dirname", "dirname"))
            or (item.kind == "attribute" and item.value in ("dirname", "url", "filename"))
            for item in walk(held.node)
        )
        base = held.module.path.rpartition("/")[0] if here else self.unit.folder
        parts = [part for part in base.split("/") if part]
        for text in texts:
            for part in text.split("/"):
                if part == "..":
                    parts = parts[:-1]
                elif part not in ("", "."):
                    parts.append(part)
        folder = "/".join(parts)
        return folder if any(path.startswith(f"{folder}/") for path in self.project.sources(self.unit)) else None


def _dynamic(node: Node) -> Node | None:
    """Give the call of `require` or `import` in `(await import(x)).default` whose module only runs can tell."""
    while node.kind in ("attribute", "await") and node.value in (None, "default", "router", "routes", "route"):
        node = node.items[0]
    if node.kind == "call" and node.items[0].dotted in ("require", "import"):
        return node if not node.arguments or node.arguments[0].kind != "string" else None
    return None


def _lists_folder(module: Module) -> bool:
    return any(str(call.node.items[0].value) in _LISTINGS for call in module.calls)


def _ordered(node: Node) -> Iterator[Node]:
    yield node
    for item in node.items:
        yield from _ordered(item)


def _pattern(text: str) -> re.Pattern[str] | None:
    body, _, flags = text.strip("/").rpartition("/") if text.count("/") > 1 else (text.strip("/"), "", "")
    if len(body) > 60 or re.search(r"[+*)]\s*[+*{]", body):
        return None
    try:
        return re.compile(body, re.IGNORECASE if "i" in flags else 0)
    except re.error:
        return None


def _below(path: str, prefix: str) -> bool:
    """Tell whether a path is at or below a prefix that may have parameters."""
    if prefix in ("/", ""):
        return True
    ours, theirs = path.lower().split("/"), prefix.lower().rstrip("/").split("/")
    if len(theirs) > len(ours):
        return False
    return all(a == b or b.startswith("{") for a, b in zip(ours, theirs, strict=False))


def _schema(call: Call) -> bool:
    """Tell `schema.parse(body)` from `JSON.parse(text)`."""
    callee = call.node.items[0]
    if callee.kind != "attribute" or callee.value != "parse":
        return False
    holder = callee.items[0].dotted
    return holder not in ("JSON", "Date", "path", "url", "qs", "querystring", "dotenv", "csv", "cookie")


def _exempt(spot: Spot) -> list[str]:
    """Give the paths that a check lets through: `if (request.url.startsWith("/login")) return`."""
    found = []
    for call in spot.module.calls_in(int(spot.node.value or 0)):
        callee = call.node.items[0]
        if callee.kind != "attribute" or callee.value not in ("startsWith", "includes"):
            continue
        holder, arguments = callee.items[0], call.node.arguments
        if str(holder.value) in ("url", "path", "originalUrl", "routerPath", "pathname") and arguments:
            found += [str(item.value) for item in arguments[:1] if item.kind == "string"]
    return [path for path in found if path.startswith("/") and len(path) > 1]


def _distinct(refs: list[Ref]) -> list[Ref]:
    return list({(ref.key, tuple(spot.key for spot in ref.prefix)): ref for ref in refs}.values())
