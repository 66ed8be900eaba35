"""What the parts of the row `who` share: ways to sign in, lengths of time, uses of a technology."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from discover import wiring
from discover.code import Call, Module, Node
from discover.findings import Finding, Place, Proof, Row
from discover.project import Project, Unit
from discover.rules import Rule, of, uses
from discover.wiring import Spot

MAX_HOPS = 12

PURPOSES = {
    "password reset mails": re.compile(r"reset|forgot|recover", re.IGNORECASE),
    "e-mail confirmation": re.compile(
        r"verif(y|ication)_?(e?mail|account)|e?mail_?verif|confirm|(?<!can)activat", re.IGNORECASE
    ),
    "invitations": re.compile(r"invit", re.IGNORECASE),
    "unsubscribe links": re.compile(r"unsubscribe", re.IGNORECASE),
    "signed links to files": re.compile(r"pre_?sign|signed_?url|upload|download", re.IGNORECASE),
    "the state of OAuth": re.compile(r"oauth_?state|state_?token|\bnonce", re.IGNORECASE),
    "sign-in links": re.compile(r"magic|login_?link", re.IGNORECASE),
    "identity tokens of another service": re.compile(r"id_?token|google|facebook|apple|microsoft|oidc", re.IGNORECASE),
    "calls to other services": re.compile(r"github_?app|apns|webhook|service_?account|docusign|zoom", re.IGNORECASE),
}
"""What a signed token may be for, other than calls: told by the name of the function that makes it."""


@dataclass(slots=True)
class Way:
    """One way to say who calls."""

    text: str
    places: list[Place]
    proof: Proof
    order: int = 50
    """Ways with a smaller number are named first."""
    notes: list[str] = field(default_factory=list)
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time that was read from code."""

    seconds: float | None
    """None where it does not fold."""
    place: Place
    default: bool = False
    """The environment can change it."""
    text: str = ""
    """What could not be folded."""

    def __str__(self) -> str:
        if self.seconds is None:
            return f"unknown ({self.text} at {self.place})"
        return f"{human(self.seconds)}{' (default)' if self.default else ''}"


def human(seconds: float) -> str:
    """Write a length of time for a person: `30 min`, `6 h`, `7 days`, `2 weeks`."""
    if seconds == 14 * 86_400:
        return "2 weeks"
    for name, size in (("day", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {name}{'s' if name == 'day' and count != 1 else ''}"
    return f"{seconds:g} s"


_TEXT = re.compile(
    r"\s*(\d+(?:\.\d+)?)\s*(ms|milliseconds?|msecs?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|mo|months?|y|yrs?|years?)"
    r"(?:\s+from\s+now)?\s*",
    re.IGNORECASE,
)
_SIZES = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 2_592_000, "y": 31_557_600}


def size_of(unit: str) -> float:
    """Give the seconds of a unit of time, in any spelling; 0 for none."""
    word = unit.lower().rstrip("s") if unit.lower() not in ("s", "ms") else unit.lower()
    for name, spellings in {
        "ms": ("ms", "milli", "millisecond", "msec"),
        "s": ("s", "sec", "second"),
        "min": ("m", "min", "minute"),
        "h": ("h", "hr", "hour"),
        "d": ("d", "day"),
        "w": ("w", "week"),
        "mo": ("mo", "month"),
        "y": ("y", "yr", "year"),
    }.items():
        if word in spellings:
            return _SIZES[name]
    return 0


def seconds_of(value: object, bare: float) -> float | None:
    """Read a length of time; a number without a unit counts as `bare` seconds each."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return value * bare
    text = str(value)
    if re.fullmatch(r"\s*\d+\s*", text):
        return int(text) * bare
    found = _TEXT.fullmatch(text)
    return float(found[1]) * size_of(found[2]) if found else None


def unit_of_name(name: str) -> float:
    """Give the seconds of the unit that a name ends in (`ACCESS_TOKEN_EXPIRE_MINUTES`); 0 for none."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)
    for word in reversed(words):
        if len(word) > 1 and (size := size_of(word)):
            return size
    return 0


_PASS = frozenset({"floor", "round", "ceil", "parseInt", "int", "Number", "trunc", "str", "float", "String"})
_SAME = frozenset(
    {
        "getTime", "toFixed", "unix", "valueOf", "toDate", "toISOString", "strftime", "timestamp", "total_seconds",
        "isoformat", "toJSDate", "astimezone", "replace", "toString", "utctimetuple",
    }
)  # fmt: skip
_PARTS = {
    "setDate": 86_400,
    "setHours": 3600,
    "setMinutes": 60,
    "setSeconds": 1,
    "setTime": 0.001,
    "setMilliseconds": 0.001,
}
_ADDERS = re.compile(r"^add(Seconds|Minutes|Hours|Days|Weeks|Months|Years)$")


def length(project: Project, module: Module, node: Node, function: int = -1, bare: float = 1) -> Length:
    """Read how long something holds: a number, a text (`15m`), a `timedelta`, or a moment from now on."""
    found = _length(project, module, node, function, bare, 0)
    if found is not None:
        return found
    where, inner, inside = project.follow(module, node, function) if node.kind == "name" else (module, node, function)
    text = project.fold(where, inner, inside).text or "an expression"
    for item in wiring.walk(inner):
        variable = project.fold(where, item, inside).env if item.kind in ("name", "attribute") else ""
        if variable and variable not in text:
            return Length(None, Place(module.path, node.line), text=f"{variable} of the environment")
    return Length(None, Place(module.path, node.line), text=text)


def _length(project: Project, module: Module, node: Node, function: int, bare: float, steps: int) -> Length | None:
    if steps > MAX_HOPS:
        return None
    value = project.fold(module, node, function)
    if value.known:
        seconds = seconds_of(value.value, bare)
        return (
            None
            if seconds is None
            else Length(seconds, value.place, bool(value.env) or is_setting(project, value.place))
        )

    def inner(item: Node, unit: float = bare) -> Length | None:
        return _length(project, module, item, function, unit, steps + 1)

    match node.kind:
        case "call" | "new":
            return _called(project, module, node, function, bare, steps)
        case "binary" if node.value in ("||", "??", "or"):
            return inner(node.items[1])
        case "binary" if node.value == "+":
            left, right = node.items
            for now, other in ((left, right), (right, left)):
                if _is_now(project, module, now, function):
                    return inner(other, 0.001 if _in_milliseconds(project, module, now, function) else bare)
            return None
        case "binary" if node.value in ("/", "//"):
            divisor = project.fold(module, node.items[1], function)
            return inner(node.items[0], 0.001 if divisor.known and divisor.value in (1000, 1e3) else bare)
        case "binary" if node.value == "*":
            for one, other in (node.items, node.items[::-1]):
                factor, length_ = project.fold(module, one, function), inner(other, 1)
                if (
                    factor.known
                    and isinstance(factor.value, (int, float))
                    and length_ is not None
                    and length_.seconds is not None
                ):
                    return Length(
                        length_.seconds * factor.value * bare, length_.place, length_.default or bool(factor.env)
                    )
            return None
        case "conditional":
            return inner(node.items[1]) or inner(node.items[2])
        case "await" | "unary":
            return inner(node.items[0])
        case "name":
            return _named(project, module, node, function, bare, steps)
        case "attribute":
            where, found, inside = project.follow(module, node, function)
            if found is not node:
                return _length(project, where, found, inside, unit_of_name(str(node.value)) or bare, steps + 1)
            if (spot := _configured(project, module, node, function)) is not None:
                return _length(project, spot.module, spot.node, spot.function, bare, steps + 1)
    return None


def _configured(project: Project, module: Module, node: Node, function: int) -> Spot | None:
    """Find what `config.get("security").expiresIn` means: the member of a part of the configuration's object."""
    where, held, _ = project.follow(module, node.items[0], function)
    callee = held.items[0] if held.kind == "call" else held
    if callee.kind != "attribute" or callee.value not in ("get", "getOrThrow") or not held.arguments:
        return None
    part, name = str(held.arguments[0].value), str(node.value)
    found = [
        Spot(other.module, value, other.function)
        for path in project.sources(project.unit_of(where.path))
        if "config" in path and (inner := project.module(path)) is not None
        for other in every(inner)
        if (group := other.node.get(part)) is not None and (value := group.get(name)) is not None
    ]
    return found[0] if len(found) == 1 else None


def is_setting(project: Project, place: Place) -> bool:
    """Tell whether a constant is the default of a class of settings, which the environment can change."""
    module = project.module(place.path) if place.path.endswith(".py") else None
    return module is not None and any(
        member.line == place.line and any(base.dotted.endswith("Settings") for base in class_.bases)
        for class_ in module.classes
        for member in class_.members
    )


def _called(project: Project, module: Module, node: Node, function: int, bare: float, steps: int) -> Length | None:
    callee, arguments = node.items[0], node.arguments
    name = str(callee.value) if callee.kind in ("name", "attribute") else ""

    def inner(item: Node, unit: float) -> Length | None:
        return _length(project, module, item, function, unit, steps + 1)

    if name in ("timedelta", "relativedelta"):
        total, where, default = 0.0, Place(module.path, node.line), False
        pairs = [*node.pairs, *(("days", item) for item in arguments[:1])]
        for unit, item in pairs:
            part = inner(item, size_of(unit))
            if part is None or part.seconds is None or not size_of(unit):
                return None
            total, default = total + part.seconds, default or part.default
            where = part.place if part.default else where
        return Length(total, where, default) if pairs else None
    if name == "add" and callee.kind == "attribute" and arguments:
        if len(arguments) > 1:
            named = project.fold(module, arguments[1], function)
            return inner(arguments[0], size_of(str(named.value))) if named.known and size_of(str(named.value)) else None
        return _of_object(project, module, arguments[0], function, steps)
    if name == "plus" and arguments:
        return _of_object(project, module, arguments[0], function, steps)
    if name == "add" and len(arguments) == 2:
        return _of_object(project, module, arguments[1], function, steps)
    if (found := _ADDERS.match(name)) and len(arguments) == 2:
        return inner(arguments[1], size_of(found[1]))
    if name == "ms" and arguments:
        return inner(arguments[0], 0.001)
    if name in _PASS and arguments:
        return inner(arguments[0], bare)
    if name in _SAME and callee.kind == "attribute":
        return inner(callee.items[0], 0.001 if name in ("getTime", "valueOf") else bare)
    if name in ("Date", "createDate") and arguments:
        return inner(arguments[0], 0.001)
    if name in ("TimeSpan", "createTimeSpan") and len(arguments) == 2:
        named = project.fold(module, arguments[1], function)
        return inner(arguments[0], size_of(str(named.value))) if named.known else None
    holder, made, _ = project.follow(module, callee, function)
    scope = holder.function(made)
    if scope is not None and len(scope.returns) == 1:
        return _length(project, holder, scope.returns[0], scope.number, bare, steps + 2)
    return None


def _of_object(project: Project, module: Module, node: Node, function: int, steps: int) -> Length | None:
    for unit, item in node.pairs:
        if size_of(unit):
            return _length(project, module, item, function, size_of(unit), steps + 1)
    return None


def _named(project: Project, module: Module, node: Node, function: int, bare: float, steps: int) -> Length | None:
    name = str(node.value)
    for call in module.calls:
        callee = call.node.items[0]
        if (
            callee.kind == "attribute"
            and callee.items[0].dotted == name
            and callee.value in _PARTS
            and call.function == function
            and call.node.arguments
        ):
            added = call.node.arguments[0]
            if added.kind == "binary" and added.value == "+":
                size = _PARTS[str(callee.value)]
                found = _length(project, module, added.items[1], function, size, steps + 1)
                return (
                    None if found is None else Length(found.seconds, Place(module.path, call.node.line), found.default)
                )
    scope = function
    while scope != -1:
        for parameter in module.functions[scope].parameters:
            if parameter.name == name:
                unit = unit_of_name(name) or bare
                return (
                    None
                    if parameter.default is None
                    else _length(project, module, parameter.default, scope, unit, steps + 1)
                )
        scope = module.functions[scope].parent
    where, found_node, inside = project.follow(module, node, function)
    if found_node is node:
        return None
    return _length(project, where, found_node, inside, unit_of_name(name) or bare, steps + 1)


def _is_now(project: Project, module: Module, node: Node, function: int) -> bool:
    if node.kind in ("call", "new"):
        name = node.items[0].dotted
        if name.rpartition(".")[2] in ("now", "utcnow", "time", "Date", "moment", "dayjs", "get_current_timestamp"):
            return True
        if name.rpartition(".")[2] in _PASS | _SAME:
            inner = (
                node.arguments[0]
                if node.arguments
                else node.items[0].items[0]
                if node.items[0].kind == "attribute"
                else None
            )
            return inner is not None and _is_now(project, module, inner, function)
        return False
    if node.kind == "binary" and node.value in ("/", "//"):
        return _is_now(project, module, node.items[0], function)
    if node.kind == "attribute":
        return bool(re.search(r"now$|current_?time$", node.dotted))
    if node.kind == "name":
        if re.fullmatch(r"now|today|iat|issued_?at|current_?time", str(node.value), re.IGNORECASE):
            return True
        where, found, inside = project.follow(module, node, function)
        return found is not node and _is_now(project, where, found, inside)
    return False


def _in_milliseconds(project: Project, module: Module, node: Node, function: int) -> bool:
    dotted = node.dotted
    if dotted.endswith(("Date.now()", "getTime()", "valueOf()")):
        return True
    if node.kind == "name":
        where, found, inside = project.follow(module, node, function)
        return found is not node and _in_milliseconds(project, where, found, inside)
    return False


# -- which files ----------------------------------------------------------------------------------------------------

WORDS = (
    "passport", "openid-client", "upabase", "token_hex", "token_urlsafe", "token_bytes", "uuid4", "token_blacklist",
    "role", "Role", "ROLE", "lacklist", "locklist", "enylist", "evokedToken", "revoked_token", "jwt_key", "jwtKey",
    "jwt_secret", "token_version", "tokenVersion", "jwt_version", "session_version", "sessionVersion", "import(",
    "forRoutes", "efresh", "createHash", "hashlib", "crypto-js", "allauth.socialaccount.providers.",
    "social_core.backends.", "addHook", "UseGuards", "Module", "INSTALLED_APPS", "EXPIR", "xpir", "LIFETIME",
    "ifetime", "TTL", "MAX_AGE", "DURATION", "EXP_", "AUTHENTICATION_CLASSES", "authentication_classes", "APP_GUARD",
    "2fa", "twoFactor", "two_factor", "totp", "mfa", "/providers/", "url_prefix", "secret", "SECRET", "Secret",
    "private", "PRIVATE", "JWT_KEY", "signing", "SIGNING", "createHmac", "PRIVATE KEY-----", "api-key", "api_key",
    "apikey", "API-Key", "Api-Key", "API_KEY", "apiKeyHeader", "APIKeyHeader", "-access-", "-auth-", "-Auth-",
    "-Access-", "ApiKey", "_password_hash", "JWT_HEADER_TYPE", "JWT_TOKEN_LOCATION", "BCRYPT_LOG_ROUNDS",
    "Bun.password", "SESSION_ENGINE", "SESSION_TYPE", "Permission", "PERMISSION", "Depends(", "url_for",
    "is_superuser", "is_admin", "isAdmin", "SESSION_COOKIE_AGE", "PERMANENT_SESSION_LIFETIME",
    "REMEMBER_COOKIE_DURATION",
)  # fmt: skip
"""The words that this row looks for. Every file is looked through once, for all of them."""


@dataclass(slots=True)
class _Index:
    """What a unit's source files have, looked up once."""

    sources: list[str]
    words: dict[str, list[str]]
    imports: dict[str, list[str]]
    """Package or module → the files that import it or what is below it."""


_INDEX: WeakKeyDictionary[Project, dict[str, _Index]] = WeakKeyDictionary()


def _index(project: Project, unit: Unit) -> _Index:
    known = _INDEX.setdefault(project, {})
    if unit.folder not in known:
        index = _Index(project.sources(unit), {word: [] for word in WORDS}, {})
        coded = [(word, word.encode()) for word in WORDS]
        for path in index.sources:
            content = project.tree.bytes(path) or b""
            for word, code in coded:
                if code in content:
                    index.words[word].append(path)
            for name in {above for specifier in project.scans[path].specifiers for above in _above(specifier)}:
                index.imports.setdefault(name, []).append(path)
        known[unit.folder] = index
    return known[unit.folder]


def _above(specifier: str) -> Iterator[str]:
    bare = specifier.removeprefix("node:")
    yield bare
    for found in re.finditer(r"[/.]", bare):
        if found.start():
            yield bare[: found.start()]


def sources(project: Project, unit: Unit) -> list[str]:
    """Give the paths of a unit's source files, tests left out."""
    return _index(project, unit).sources


def having(project: Project, unit: Unit, *words: str) -> list[str]:
    """Give the source files that have any of these words, which stand in `WORDS`."""
    index = _index(project, unit)
    return sorted({path for word in words for path in index.words[word]})


def mentioning(project: Project, unit: Unit, *words: str, pages: bool = False) -> Iterator[Module]:
    """Give the modules that have any of these words of `WORDS`; what draws pages, too, if that is asked."""
    paths = [path for path in having(project, unit, *words) if pages or not path.endswith((".tsx", ".jsx"))]
    yield from _loaded(project, paths)


def importing_any(project: Project, unit: Unit, *packages: str) -> Iterator[Module]:
    """Give the modules that import any of these packages."""
    index = _index(project, unit)
    yield from _loaded(project, sorted({path for name in packages for path in index.imports.get(name, [])}))


def _loaded(project: Project, paths: list[str]) -> Iterator[Module]:
    project.load(paths)
    for path in paths:
        if (module := project.module(path)) is not None:
            yield module


# -- uses of a technology ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Use:
    """A call that uses a technology, or hands it to something that does (`app.register(plugin, options)`)."""

    spot: Spot
    origin: str
    call: Call
    options: list[Node]
    """The arguments, without the technology itself."""

    @property
    def place(self) -> Place:
        """Give its place."""
        return self.spot.place


_HANDS_ON = re.compile(r"(^|\.)(register|use|init_app|forRoot|plugin|add_middleware|to)$")


def uses_of(project: Project, unit: Unit, rule: Rule) -> list[Use]:
    """Give the calls that are a use of a rule's technology, those of running files first."""
    wanted = wiring.packages(rule)
    found: list[Use] = []
    for module in importing(project, unit, rule):
        for call in module.calls:
            node = call.node
            origin = project.origin(module, node.items[0], call.function)
            if origin and uses(rule, wanted, origin):
                found.append(Use(Spot(module, node, call.function), origin, call, node.arguments))
            elif (
                _HANDS_ON.search(node.items[0].dotted)
                and node.arguments
                and node.arguments[0].kind in ("name", "attribute", "call")
            ):
                handed = project.origin(module, node.arguments[0], call.function)
                if any(handed in (name, f"{name}.{name}") or handed.startswith(f"{name}.fastify") for name in wanted):
                    found.append(Use(Spot(module, node, call.function), handed, call, node.arguments[1:]))
    found.sort(key=lambda use: -project.proof(use.place.path))
    return found


def importing(project: Project, unit: Unit, rule: Rule) -> Iterator[Module]:
    """Give the modules, in a rule's language, that import its technology or use what others made of it."""
    wanted = wiring.packages(rule)
    words = tuple(rule.extra.get("words", ()))
    seen: set[str] = set()
    for modules in (
        importing_any(project, unit, *wanted) if wanted else iter(()),
        mentioning(project, unit, *words) if words else iter(()),
    ):
        for module in modules:
            python = module.language == "python"
            if module.path not in seen and ((python and (rule.pypi or rule.modules)) or (not python and rule.npm)):
                seen.add(module.path)
                yield module


def trace(project: Project, unit: Unit, rule: Rule) -> Finding | None:
    """Say that a technology is imported or listed, where there is no use of it."""
    wanted = wiring.packages(rule)
    places = [
        Place(module.path, brought.line)
        for module in importing(project, unit, rule)
        for brought in module.imports
        if not brought.type_only
        and any(brought.module == name or brought.module.startswith((f"{name}/", f"{name}.")) for name in wanted)
    ]
    if places:
        return Finding(rule.row, rule.key, rule.value, Proof.IMPORTED, list(dict.fromkeys(places))[:5])
    for name in (*rule.npm, *rule.pypi):
        if (listed := unit.dependency(name)) is not None:
            return Finding(rule.row, rule.key, rule.value, Proof.LISTED, [listed.place])
    return None


def imports_of(project: Project, unit: Unit, rule: Rule, paths: set[str]) -> list[Place]:
    """Give the lines that import a technology in some files."""
    wanted = wiring.packages(rule)
    return [
        Place(module.path, brought.line)
        for module in importing(project, unit, rule)
        if module.path in paths
        for brought in module.imports
        if any(
            brought.module.removeprefix("node:") == name or brought.module.startswith((f"{name}/", f"{name}."))
            for name in wanted
        )
    ]


def kind(rule: Rule) -> str:
    """Give the kind of a rule of this row: how its use is read."""
    return str(rule.extra.get("kind", ""))


def rules_of(*kinds: str) -> list[Rule]:
    """Give the rules of this row that are of one of these kinds."""
    return [rule for rule in of(Row.WHO) if kind(rule) in kinds]


def version_of(unit: Unit, *names: str) -> str:
    """Give `name version` of the first of these packages that the manifest lists."""
    for name in names:
        for one in (unit, *unit.libraries):
            if (listed := one.dependency(name)) is not None and listed.version:
                return f"{name} {listed.version}"
    return ""


# -- expressions ------------------------------------------------------------------------------------------------------


def every(module: Module) -> Iterator[Spot]:
    """Give every expression of a module once, with the function that it stands in."""
    seen: set[int] = set()
    for spot in wiring.spots(module):
        for node in wiring.walk(spot.node):
            if id(node) not in seen:
                seen.add(id(node))
                yield Spot(module, node, spot.function)


def members(module: Module, pattern: re.Pattern[str]) -> Iterator[tuple[str, Spot]]:
    """Give what is set under a name that fits: variables, members of objects and classes, keyword arguments."""
    seen: set[int] = set()
    for name, node in module.bindings.items():
        if pattern.search(name):
            seen.add(id(node))
            yield name, Spot(module, node)
    for kind_ in module.classes:
        for member in kind_.members:
            if (
                member.value is not None
                and member.value.kind != "function"
                and pattern.search(member.name)
                and id(member.value) not in seen
            ):
                seen.add(id(member.value))
                yield member.name, Spot(module, member.value, kind_.function)
    for assignment in module.assignments:
        target = assignment.target
        name = str(target.value) if target.kind == "attribute" else ""
        if target.kind == "index" and target.items[1].kind == "string":
            name = str(target.items[1].value)
        if target.items and target.items[0].dotted.endswith(("process.env", "os.environ")):
            continue
        if pattern.search(name) and id(assignment.value) not in seen:
            seen.add(id(assignment.value))
            yield name, Spot(module, assignment.value, assignment.function)
    for spot in every(module):
        for name, value in spot.node.pairs:
            if pattern.search(name) and id(value) not in seen:
                seen.add(id(value))
                yield name, Spot(module, value, spot.function)


def around(module: Module, function: int) -> str:
    """Give the names of the functions, and of the class, around an expression."""
    names = []
    while function != -1:
        scope = module.functions[function]
        names += [scope.name, scope.owner]
        function = scope.parent
    return " ".join(name for name in names if name)


def purpose(text: str, signs: bool = True) -> str:
    """Say what a token is for, if its maker's name says so; `` for calls.

    Who signs in by another service gets a token of this one, too.
    """
    return next(
        (
            said
            for said, pattern in PURPOSES.items()
            if pattern.search(text) and not (signs and said.startswith("identity"))
        ),
        "",
    )


def option(project: Project, use: Use, *keys: str) -> Spot | None:
    """Give a member of the options that a use is given."""
    for node in use.options:
        if (found := wiring.member(project, Spot(use.spot.module, node, use.spot.function), *keys)) is not None:
            return found
    return None


def finding(key: str, value: str, proof: Proof, places: list[Place], **more: str) -> Finding:
    """Make a finding of this row."""
    return Finding(Row.WHO, key, value, proof, list(dict.fromkeys(places))[:8], **more)
