"""How a backend is wired: where middleware is mounted, when it holds, and what of an expression a caller sends."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from discover.code import Call, Module, Node
from discover.findings import Finding, Place, Proof, Route
from discover.project import Project, Unit, Value
from discover.rules import Rule, uses

VERBS = frozenset({"get", "post", "put", "patch", "delete", "del", "all", "head", "options"})
MAX_HOPS = 6
_ROUTING = (
    ".use(",
    "Router",
    "router",
    "express",
    "fastify",
    *(f".{verb}({mark}/" for verb in ("get", "post", "put", "patch", "delete", "all", "route") for mark in "\"'`"),
)
"""Words of the modules that may mount something: `.get(` alone stands in almost every one."""

_REQUEST = re.compile(r"^_?(req|request|ctx|context|c|event|formdata|evt|r)$", re.IGNORECASE)
_REQUEST_TYPE = re.compile(
    r"\b(Request|NextRequest|NextApiRequest|FastifyRequest|Context|FormData|HttpRequest|ExecutionContext"
    r"|ArgumentMetadata|APIGatewayProxyEvent(V2)?)\b"
)
_DECORATED_INPUT = re.compile(r"(^|\.)(Body|Query|Param|Params|Headers)$")


# -- expressions ------------------------------------------------------------------------------------------------------


def walk(node: Node) -> Iterator[Node]:
    """Give an expression and everything in it in order, functions and classes left closed."""
    pending = [node]
    while pending:
        item = pending.pop()
        yield item
        pending += [value for _, value in reversed(item.pairs)]
        pending += reversed(item.items)


@dataclass(frozen=True, slots=True)
class Spot:
    """An expression, with the module and the function that it stands in."""

    module: Module
    node: Node
    function: int = -1

    @property
    def place(self) -> Place:
        """Give its place."""
        return Place(self.module.path, self.node.line)

    @property
    def key(self) -> tuple[str, int, str, str]:
        """Name the expression, so that two ways to it can be compared."""
        return self.module.path, self.node.line, self.node.kind, self.node.dotted or str(self.node.value)


def spots(module: Module) -> Iterator[Spot]:
    """Give every expression that stands on its own in a module, with its function."""
    for node in (*module.bindings.values(), *module.exports.values()):
        yield Spot(module, node)
    for function in module.functions:
        for node in (*function.bindings.values(), *function.returns, *function.decorators):
            yield Spot(module, node, function.number)
    for assignment in module.assignments:
        yield Spot(module, assignment.target, assignment.function)
        yield Spot(module, assignment.value, assignment.function)
    for call in module.calls:
        yield Spot(module, call.node, call.function)
    for kind in module.classes:
        for member in kind.members:
            if member.value is not None:
                yield Spot(module, member.value, kind.function)


def follow(project: Project, spot: Spot) -> Spot:
    """Follow a name to the expression that it stands for."""
    return Spot(*project.follow(spot.module, spot.node, spot.function))


def settled(project: Project, spot: Spot) -> Spot:
    """Follow to an object of options: through names, one function's return, `Object.assign` and `as const`."""
    for _ in range(MAX_HOPS):
        found = follow(project, spot)
        function = found.module.function(found.node)
        if function is not None and function.returns:
            spot = Spot(found.module, function.returns[-1], function.number)
            continue
        if found.node.kind == "call":
            made = follow(project, Spot(found.module, found.node.items[0], found.function))
            function = made.module.function(made.node)
            if function is not None and function.returns:
                spot = Spot(made.module, function.returns[-1], function.number)
                continue
        return found
    return spot


def member(project: Project, spot: Spot | None, *keys: str, depth: int = 0) -> Spot | None:
    """Give the first of these members that an object of options has, spreads followed."""
    if spot is None or depth > MAX_HOPS:
        return None
    held = settled(project, spot)
    for key in keys:
        if (value := held.node.get(key)) is not None:
            return Spot(held.module, value, held.function)
    if held.node.kind == "object":
        for name, value in held.node.pairs:
            inner = Spot(held.module, value, held.function)
            if name == "..." and (found := member(project, inner, *keys, depth=depth + 1)):
                return found
    return None


def fold(project: Project, spot: Spot | None) -> Value | None:
    """Compute the constant that an expression is worth; None for none."""
    return None if spot is None else project.fold(spot.module, spot.node, spot.function)


def origin(project: Project, spot: Spot) -> str:
    """Say where an expression comes from."""
    return project.origin(spot.module, spot.node, spot.function)


def argument(call: Spot, number: int) -> Spot | None:
    """Give a positional argument of a call."""
    arguments = call.node.arguments
    return Spot(call.module, arguments[number], call.function) if number < len(arguments) else None


def keyword(call: Spot, *names: str) -> Spot | None:
    """Give the first of these keyword arguments that a call has."""
    for name in names:
        if (value := call.node.get(name)) is not None:
            return Spot(call.module, value, call.function)
    return None


# -- uses of a technology ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Use:
    """A call of a technology."""

    spot: Spot
    origin: str
    call: Call

    @property
    def conditions(self) -> tuple[str, ...]:
        """Give the conditions around it."""
        return self.call.conditions


def packages(rule: Rule) -> tuple[str, ...]:
    """Give the names that a rule's technology is imported by."""
    return (*rule.npm, *(rule.modules or tuple(name.replace("-", "_") for name in rule.pypi)))


def calls(project: Project, unit: Unit, rule: Rule) -> Iterator[Use]:
    """Give the calls that are a use of a rule's technology.

    A rule's `mentions` are words of modules that use it without importing it: an object made elsewhere.
    """
    wanted = packages(rule)
    modules = {module.path: module for module in project.importing(unit, *wanted)} if wanted else {}
    if modules and (words := rule.extra.get("mentions")):
        modules |= {module.path: module for module in project.mentioning(unit, *words)}
    for module in modules.values():
        for call in module.calls:
            source = project.origin(module, call.node.items[0], call.function)
            if uses(rule, wanted, source):
                yield Use(Spot(module, call.node, call.function), source, call)


def handed(project: Project, unit: Unit, rule: Rule) -> list[Place]:
    """Give the places where what a technology brings is handed on, uncalled: `add_middleware(It)`, `register(it)`."""
    wanted = packages(rule)
    found: list[Place] = []
    for module in project.importing(unit, *wanted) if wanted else []:
        for call in module.calls:
            for given in (*call.node.arguments, *(value for _, value in call.node.pairs)):
                if given.kind not in ("name", "attribute"):
                    continue
                source = project.origin(module, given, call.function)
                if any(source == name or source.startswith((f"{name}.", f"{name}/")) for name in wanted):
                    found.append(Place(module.path, call.node.line))
        for function in module.functions:
            found += [
                Place(module.path, mark.line)
                for mark in function.decorators
                if mark.kind != "call" and uses(rule, wanted, project.origin(module, mark, function.parent))
            ]
    return list(dict.fromkeys(found))


def effects(project: Project, unit: Unit, *names: str) -> list[Place]:
    """Give the imports that work by being there: `import "newrelic"`."""
    return [
        Place(module.path, brought.line)
        for module in project.importing(unit, *names)
        for brought in module.imports
        if not brought.type_only
        and any(brought.module == name or brought.module.startswith(f"{name}/") for name in names)
    ]


def commands(project: Project, unit: Unit, command: str) -> list[Place]:
    """Give the places where a process is started through a command."""
    found = []
    for path in project.files(
        unit, "Dockerfile*", "*.Dockerfile", "Procfile", "*.sh", "docker-compose*.y*ml", "compose*.y*ml", root=True
    ):
        for number, line in enumerate(project.text(path).splitlines(), 1):
            if command in line and not line.lstrip().startswith("#"):
                found.append(Place(path, number))
    manifest = f"{unit.folder}/package.json" if unit.folder else "package.json"
    if any(command in script for script in unit.scripts.values()):
        found.append(Place(manifest, project.tree.line(manifest, re.escape(command))))
    return found


def best(project: Project, places: Iterable[Place]) -> tuple[Proof, list[Place]]:
    """Give the highest proof of some places, and the places with that proof first."""
    every = list(dict.fromkeys(places))
    proofs = {place: project.proof(place.path) for place in every}
    every.sort(key=lambda place: -proofs[place])
    return (proofs[every[0]] if every else Proof.IMPORTED), every[:5]


# -- mounts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mount:
    """A place where something is put into the way of requests: `app.use("/x", it)`, `router.post("/y", it, h)`."""

    module: Module
    call: Call
    verb: str
    path: str
    through: Node | None = None
    """The call of a function of the codebase that made the middleware, if one did."""

    @property
    def place(self) -> Place:
        """Give its place."""
        return Place(self.module.path, self.call.node.line)


class Mounts:
    """Every mount of a unit's JavaScript, by what is mounted."""

    def __init__(self, project: Project, unit: Unit) -> None:
        self.project = project
        self.unit = unit
        self._by_key: dict[tuple[str, int, str, str], list[Mount]] | None = None
        self._by_function: dict[tuple[str, int], list[Mount]] = {}
        self._routes: dict[Place, Route] | None = None
        self.every: list[Mount] = []

    def of(self, spot: Spot) -> list[Mount]:
        """Give the mounts of what an expression makes, also through a function of the codebase around it."""
        self._read()
        assert self._by_key is not None
        found = list(self._by_key.get(spot.key, []))
        function = spot.function
        while function != -1:
            found += self._by_function.get((spot.module.path, function), [])
            function = spot.module.functions[function].parent
        return found

    def mounted(self) -> list[Mount]:
        """Give every mount."""
        self._read()
        return self.every

    def of_function(self, path: str, number: int) -> list[Mount]:
        """Give the mounts of a function of the codebase, and of what it makes."""
        self._read()
        return self._by_function.get((path, number), [])

    def named(self, pattern: re.Pattern[str]) -> Iterator[tuple[Mount, Spot]]:
        """Give the functions of the codebase that are mounted and have such a name, with their first mount."""
        self._read()
        for (path, number), found in self._by_function.items():
            module = self.project.module(path)
            if module is not None and pattern.search(self._name(module, number)):
                yield found[0], Spot(module, Node("function", module.functions[number].line, number))

    @staticmethod
    def _name(module: Module, number: int) -> str:
        function = module.functions[number]
        if function.name:
            return function.name
        held = (*module.bindings.items(), *module.exports.items())
        return next((name for name, node in held if node.kind == "function" and node.value == number), "")

    def _read(self) -> None:
        if self._by_key is not None:
            return
        self._by_key = {}
        for module in self.project.mentioning(self.unit, *_ROUTING):
            if module.language == "python":
                continue
            for call in module.calls:
                callee = call.node.items[0]
                if callee.kind == "attribute" and callee.value in (*VERBS, "use") and call.node.arguments:
                    self._mount(module, call, str(callee.value))

    def _mount(self, module: Module, call: Call, verb: str) -> None:
        first = call.node.arguments[0]
        path, rest = "", call.node.arguments
        if first.kind in ("string", "template", "array", "name", "attribute"):
            value = self.project.fold(module, first, call.function)
            if value.known and isinstance(value.value, str):
                path, rest = value.value, rest[1:]
            elif (
                value.known
                and isinstance(value.value, list)
                and value.value
                and all(isinstance(item, str) for item in value.value)
            ):
                path, rest = ", ".join(value.value), rest[1:]
        if verb != "use":
            path = path or _chained(call.node)
            if not path.startswith(("/", "*", "(")):
                return
        self.every.append(Mount(module, call, verb, path))
        for item in rest:
            self._item(Mount(module, call, verb, path), Spot(module, item, call.function))

    def _item(self, mount: Mount, spot: Spot, depth: int = 0) -> None:
        assert self._by_key is not None
        found = follow(self.project, spot)
        if found.node.kind == "array":
            for item in found.node.items if depth < MAX_HOPS else ():
                self._item(mount, Spot(found.module, item, found.function), depth + 1)
            return
        self._by_key.setdefault(found.key, []).append(mount)
        if found.node.kind == "function" and found.node.value is not None:
            self._by_function.setdefault((found.module.path, int(found.node.value)), []).append(mount)
        if found.node.kind == "call" and depth < 3:
            made = follow(self.project, Spot(found.module, found.node.items[0], found.function))
            if made.node.kind == "function" and made.node.value is not None:
                through = Mount(mount.module, mount.call, mount.verb, mount.path, found.node)
                self._by_function.setdefault((made.module.path, int(made.node.value)), []).append(through)
            for inner in found.node.arguments:
                if inner.kind in ("name", "attribute", "call"):
                    self._item(mount, Spot(found.module, inner, found.function), depth + 1)

    def path(self, mount: Mount) -> str:
        """Give a mount's path with the prefixes of its router, as far as they can be told."""
        route = self.routes.get(mount.place)
        if route is not None:
            return route.path
        return self._prefix(mount, 0) + ("" if mount.path == "/" else mount.path) or mount.path

    def _prefix(self, mount: Mount, depth: int) -> str:
        callee = mount.call.node.items[0]
        if depth > MAX_HOPS or not callee.items:
            return ""
        router = follow(self.project, Spot(mount.module, callee.items[0], mount.call.function))
        for above in self.of(router) if router.node.kind in ("call", "new") else []:
            if above.verb == "use" and above.call is not mount.call:
                return self._prefix(above, depth + 1) + ("" if above.path == "/" else above.path)
        return ""

    @property
    def routes(self) -> dict[Place, Route]:
        """Give the unit's routes by their place, of every extractor that knows routes."""
        if self._routes is None:
            self._routes = {}
            for route in routes(self.project, self.unit):
                self._routes.setdefault(route.place, route)
        return self._routes


def _chained(node: Node) -> str:
    """Give the path of `router.route("/x").get(…)`."""
    inner = node.items[0]
    while inner.kind in ("attribute", "call"):
        if inner.kind == "call" and inner.items[0].kind == "attribute" and inner.items[0].value == "route":
            return next((str(item.value) for item in inner.arguments[:1] if item.kind == "string"), "")
        inner = inner.items[0]
    return ""


def routes(project: Project, unit: Unit) -> Iterator[Route]:
    """Give the routes that every extractor of routes finds in a unit. One that fails is counted elsewhere."""
    package = importlib.import_module("discover.extract")
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        with contextlib.suppress(Exception):
            extractor = importlib.import_module(f"discover.extract.{info.name}")
            if hasattr(extractor, "routes"):
                yield from extractor.routes(project, unit)


_MOUNTS: WeakKeyDictionary[Project, dict[str, Mounts]] = WeakKeyDictionary()


def mounts_of(project: Project, unit: Unit) -> Mounts:
    """Give the mounts of a unit, read once for all extractors."""
    known = _MOUNTS.setdefault(project, {})
    if unit.folder not in known:
        known[unit.folder] = Mounts(project, unit)
    return known[unit.folder]


# -- words ------------------------------------------------------------------------------------------------------------


_SECRET = re.compile(r"secret|passw|token|api_?key|private|credential|salt", re.IGNORECASE)


def concealed(text: str) -> str:
    """Leave the literals out of a source text that has a secret word."""
    return re.sub(r"([\"'`]).*?(\1|$)", '"…"', text) if _SECRET.search(text) else text


def condition(conditions: Iterable[str]) -> str:
    """Write conditions for a reader: `only in production (config.env === 'production')`."""
    said = []
    for text in dict.fromkeys(" ".join(item.split()) for item in conditions):
        text = concealed(text)
        short = text if len(text) <= 80 else f"{text[:79]}…"
        bare = re.fullmatch(r"\(?([\w.?]+)\)?", text)
        if re.search(r"={2,3}\s*[\"'](prod|production)[\"']|[\"'](prod|production)[\"']\s*={2,3}", text) or (
            bare and re.search(r"is_?prod(uction)?$", text, re.IGNORECASE)
        ):
            said.append(f"only in production ({short})")
        elif re.search(r"!={1,2}\s*[\"']test(ing)?[\"']", text):
            said.append(f"not in tests ({short})")
        elif re.search(r"!={1,2}\s*[\"'](prod|production)[\"']", text):
            said.append(f"not in production ({short})")
        elif bare:
            said.append(f"only with {re.sub(r'^(process[.]env|env|config|settings)[.]', '', bare[1])}")
        else:
            said.append(f"only if {short}")
    return ", ".join(said)


def span(milliseconds: float) -> str:
    """Write a length of time: `15 min`, `1 h`."""
    for unit, size in (("day", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if milliseconds >= size and milliseconds % size == 0:
            count = int(milliseconds // size)
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
    return f"{milliseconds:g} ms"


def rate(number: str, window: str) -> str:
    """Write a rate: `20 per 15 min`, `5/h`."""
    return f"{number}/{window[2:]}" if window.startswith("1 ") else f"{number} per {window}"


_SPAN = re.compile(
    r"([\d.]+)?\s*(milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)\b", re.IGNORECASE
)
_SIZES = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


_PLAIN = re.compile(r"\b((?:settings|config|conf|env|cfg|configuration|options)(?:\(\))?(?:\.\w+)+)", re.IGNORECASE)


def setting(text: str) -> str:
    """Give the setting that an unknown expression speaks of: `settings.CORS_ORIGINS`."""
    found = _PLAIN.search(text)
    return found[1] if found else ""


def milliseconds(text: str) -> float | None:
    """Read a length of time: `15m`, `1 minute`, `10 s`."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        return None
    unit = found[2].lower()
    return float(found[1] or 1) * (1 if unit.startswith(("ms", "milli")) else _SIZES[unit[0]])


def size(value: object) -> str:
    """Write a number of bytes: `10 MB`; what is text already stays."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        for unit, power in (("GB", 30), ("MB", 20), ("KB", 10)):
            if value >= 1 << power and value % (1 << power) == 0:
                return f"{int(value) >> power} {unit}"
        for unit, ten in (("GB", 9), ("MB", 6), ("kB", 3)):
            if value >= 10**ten and value % 10**ten == 0:
                return f"{int(value / 10**ten)} {unit}"
        return f"{value:g} bytes" if value < 1e6 else f"{value / 1e6:.1f} MB"
    found = re.fullmatch(r"([\d.]+)\s*([kmg])i?b?", str(value).strip(), re.IGNORECASE)
    return f"{found[1]} {found[2].upper()}B" if found else str(value)


# -- what a caller sends ----------------------------------------------------------------------------------------------


def from_request(module: Module, node: Node, function: int, depth: int = 0) -> bool:
    """Tell whether an expression holds something that the caller of an operation sends."""
    for item in walk(node):
        if item.kind != "name":
            continue
        name = str(item.value)
        scope = function
        while scope != -1:
            kind = module.functions[scope]
            for parameter in kind.parameters:
                if parameter.name == name or name in parameter.pattern:
                    if _REQUEST.match(name) or _REQUEST_TYPE.search(parameter.type):
                        return True
                    if any(_DECORATED_INPUT.search(mark.dotted.removesuffix("()")) for mark in parameter.decorators):
                        return True
                    if name in parameter.pattern and name in (
                        "body",
                        "query",
                        "params",
                        "formData",
                        "request",
                        "req",
                        "json",
                    ):
                        return True
                    break
            if name in kind.bindings:
                if depth < 4 and from_request(module, kind.bindings[name], scope, depth + 1):
                    return True
                break
            scope = kind.parent
        else:
            if module.language == "python" and name == "request":
                return True
    return False


@dataclass(slots=True)
class Said:
    """Values of one key that belong together, gathered before they are said."""

    value: str
    places: list[Place] = field(default_factory=list)
    scope: str = ""
    condition: str = ""
    note: str = ""

    def finding(self, project: Project, rule: Rule) -> Finding:
        """Make a finding of it."""
        proof, places = best(project, self.places)
        return Finding(rule.row, rule.key, self.value, proof, places, self.scope, self.condition, self.note)
