"""Who may call: ways to sign in, how long they hold, how passwords are kept, roles, second factors, secrets in code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from discover import wiring
from discover.code import Call, Module
from discover.extract import who_node, who_python, who_tokens
from discover.extract.who_common import (
    Use,
    Way,
    around,
    every,
    finding,
    having,
    importing_any,
    imports_of,
    is_setting,
    kind,
    members,
    mentioning,
    option,
    purpose,
    rules_of,
    sources,
    trace,
    uses_of,
)
from discover.findings import Finding, Place, Proof, Row
from discover.project import SCRIPTS, Project, Unit
from discover.rules import of
from discover.wiring import Spot

MAX_ROLES = 12


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Give what a unit says about who may call it."""
    tokens = who_tokens.read(project, unit)
    ways: list[Way] = []
    said: list[Finding] = []
    for item in (
        *who_node.ways(project, unit, tokens),
        *who_node.supabase(project, unit),
        *who_python.ways(project, unit, tokens),
    ):
        if isinstance(item, Way):
            ways.append(item)
        else:
            said.append(item)
    proof = max((way.proof for way in ways), default=Proof.USED)
    if tokens.auth or any(re.search(r"jwt", way.text, re.IGNORECASE) for way in ways):
        said += who_tokens.lifetimes(project, unit, tokens, proof)
    social = list(_social(project, unit, said))
    if not ways:
        ways += [
            Way(f"OAuth: {found.value}".replace("OAuth: OAuth", "OAuth"), found.places, found.proof) for found in social
        ]
    yield from _auth(ways, said)
    yield from said
    yield from social
    yield from _other_tokens(project, tokens)
    yield from who_python.not_pinned(project, tokens)
    yield from who_node.guards(project, unit)
    yield from _passwords(project, unit)
    yield from _factors(project, unit)
    yield from _api_keys(project, unit)
    yield from _permissions(project, unit)
    yield from _roles(project, unit)
    yield from _revocation(project, unit)
    yield from _secrets(project, unit)
    yield from _traces(project, unit, " ".join([*(way.text for way in ways), *(item.key for item in said)]))


def _auth(ways: list[Way], said: list[Finding]) -> Iterator[Finding]:
    """Put every way to sign in into one answer, the strongest evidence first."""
    if not ways:
        return
    top = max(way.proof for way in ways)
    ways = sorted(ways, key=lambda way: (-way.proof, way.order))
    kept: list[Way] = []
    for way in ways:
        if way.text not in [other.text for other in kept]:
            kept.append(way)
    places = [way.places[0] for way in kept if way.places]
    for way in kept:
        places += way.places[1:]
    notes = [note for way in kept for note in way.notes]
    for key, name in (("token_lifetime_access", "access"), ("token_lifetime_refresh", "refresh")):
        known = [str(item.value) for item in said if item.key == key and not item.unknown and not item.condition]
        if known:
            notes.append(f"{name} {known[0]}")
    yield Finding(
        Row.WHO,
        "auth",
        "; ".join(way.text for way in kept),
        top,
        list(dict.fromkeys(places))[:12],
        note=", ".join(dict.fromkeys(notes)),
    )


def _other_tokens(project: Project, tokens: who_tokens.Tokens) -> Iterator[Finding]:
    """Signed tokens that are for something else than calls."""
    for said in dict.fromkeys(token.purpose for token in tokens.every if token.purpose):
        used = [token for token in tokens.every if token.purpose == said]
        lasts = next(
            (token.length for token in used if token.length is not None and token.length.seconds is not None), None
        )
        proof, places = wiring.best(
            project, [token.use.place for token in sorted(used, key=lambda token: not token.signs)]
        )
        inner = used[0].use.spot
        head = [Place(inner.module.path, inner.module.functions[inner.function].line)] if inner.function != -1 else []
        only = "" if tokens.auth else "only "
        yield finding("jwt", f"{only}for {said}" + (f", {lasts}" if lasts is not None else ""), proof, [*places, *head])


# -- passwords --------------------------------------------------------------------------------------------------------

_PASSWORD = re.compile(r"passw|pwd|credential", re.IGNORECASE)
_HASHER = re.compile(r"passw|pwd|hash|credential|verify|compare", re.IGNORECASE)


def _passwords(project: Project, unit: Unit) -> Iterator[Finding]:
    for rule in rules_of("hash"):
        found = uses_of(project, unit, rule)
        if rule.extra.get("named"):
            found = [
                use
                for use in found
                if _HASHER.search(f"{around(use.spot.module, use.spot.function)} {use.spot.module.path}")
            ]
        elif rule.name == "bcrypt":
            python = [use for use in found if use.spot.module.language == "python"]
            found = found if not python or len(python) == len(found) else [use for use in found if use not in python]
        if not found:
            continue
        hashing = [
            use
            for use in found
            if re.search(
                r"hash|scrypt|pbkdf2|gensalt|CryptContext|PasswordHash|make_password", use.origin, re.IGNORECASE
            )
            and not re.search(r"check|compare|verify", use.origin)
        ]
        seeds = [use for use in hashing if not re.search(r"seed|fixture|script|migration", use.place.path)]
        proof, places = wiring.best(project, [use.place for use in (seeds or hashing or found)])
        paths = {place.path for place in places}
        value = rule.value
        if rule.name == "passlib":
            value = f"passlib {_schemes(project, found)}".strip()
        rounds, where = _rounds(project, unit, rule.name, found)
        note = ""
        for use in found if rule.name == "node-scrypt" else []:
            if (
                (cost := option(project, use, "cost", "N")) is not None
                and (value_ := wiring.fold(project, cost)) is not None
                and value_.known
            ):
                note = f"cost {value_.value}"
                where = [value_.place]
        if rounds:
            value += f", {rounds} rounds"
        yield finding(
            "password_hash",
            value,
            proof,
            [*where, *places[:3], *imports_of(project, unit, rule, paths), *places[3:]],
            note=note,
        )
    yield from _weak(project, unit)


def _schemes(project: Project, found: list[Use]) -> str:
    for use in found:
        value = wiring.fold(project, wiring.keyword(use.spot, "schemes"))
        if value is not None and value.known and isinstance(value.value, list):
            return ", ".join(str(item) for item in value.value)
        if match := re.search(r"passlib\.hash\.(\w+)", use.origin):
            return match[1]
    return ""


def _rounds(project: Project, unit: Unit, name: str, found: list[Use]) -> tuple[int, list[Place]]:
    if "bcrypt" not in name:
        return 0, []
    if name == "flask-bcrypt":
        set_ = who_python.setting(project, unit, "BCRYPT_LOG_ROUNDS")
        return (int(set_[0]), [set_[1]]) if set_ is not None and isinstance(set_[0], int) else (0, [])
    for use in found:
        position = 0 if re.search(r"gensalt", use.origin, re.IGNORECASE) else 1
        nodes = [*use.options[position : position + 1], *(node for key, node in use.spot.node.pairs if key == "rounds")]
        for node in nodes if re.search(r"hash|gensalt", use.origin, re.IGNORECASE) else []:
            value = project.fold(use.spot.module, node, use.spot.function)
            if (
                value.known
                and isinstance(value.value, int)
                and not isinstance(value.value, bool)
                and 3 < value.value < 32
            ):
                return value.value, []
    return 0, []


def _weak(project: Project, unit: Unit) -> Iterator[Finding]:
    """A plain digest (MD5, SHA) that a password is put into."""
    for module in mentioning(project, unit, "createHash", "hashlib", "crypto-js"):
        for call in module.calls:
            origin = project.origin(module, call.node.items[0], call.function)
            name = ""
            if origin == "crypto.createHash" and call.node.arguments:
                value = project.fold(module, call.node.arguments[0], call.function)
                name = str(value.value).lower() if value.known else ""
            elif match := re.fullmatch(
                r"hashlib\.(md5|sha1|sha256|sha512)|crypto-js\.(MD5|SHA1|SHA256|SHA512)|crypto-js/(md5|sha1|sha256)",
                origin,
            ):
                name = next(item for item in match.groups() if item).lower()
            if name not in ("md5", "sha1", "sha256", "sha512") or call.function == -1:
                continue
            function = next((name_ for name_ in around(module, call.function).split() if name_), "")
            if not function or re.search(
                r"token|file|etag|avatar|cache|gravatar|api_?key", around(module, call.function), re.IGNORECASE
            ):
                continue
            place = project.place(module, call)
            if _PASSWORD.search(around(module, call.function)):
                yield finding("password_hash", name, project.proof(module.path), [place])
                return
            if user := _hashes_passwords(project, unit, module, function):
                yield finding("password_hash", name, project.proof(module.path), [place, user])
                return


def _hashes_passwords(project: Project, unit: Unit, module: Module, function: str) -> Place | None:
    """Give a call that hands a password to a function."""
    for other in project.mentioning(unit, f"{function}("):
        for call in other.calls:
            callee = call.node.items[0]
            if callee.kind not in ("name", "attribute") or callee.value != function:
                continue
            words = " ".join(item.dotted for node in call.node.arguments for item in wiring.walk(node))
            if (
                re.search(r"passw|pwd|clear_?text", words, re.IGNORECASE)
                and project.origin(other, callee, call.function) == f"{module.path}#{function}"
            ):
                return project.place(other, call)
    return None


# -- second factors ---------------------------------------------------------------------------------------------------

_FACTOR = re.compile(r"2fa|two[-_]?factor|totp|\bmfa\b|multi[-_]?factor", re.IGNORECASE)


def _factors(project: Project, unit: Unit) -> Iterator[Finding]:
    names: list[str] = []
    places: list[Place] = []
    special: list[str] = []
    for rule in rules_of("factor"):
        found = uses_of(project, unit, rule)
        if not found:
            if rule.name == "django-otp" and (installed := who_python._installed(project, unit, *rule.modules)):
                names.append(rule.value)
                places += installed[:2]
            continue
        names.append(rule.value)
        _, best = wiring.best(project, [use.place for use in found])
        places += best[:3]
        if all(re.search(r"(^|/)[^/]*(example|demo|sample)[^/]*/", use.place.path) for use in found):
            special.append("in an example app")
    if not names:
        return
    fields: list[Place] = []
    routes: list[Place] = []
    for module in mentioning(project, unit, "2fa", "twoFactor", "two_factor", "totp", "mfa"):
        if module.path.endswith((".tsx", ".jsx")):
            continue
        for call in module.calls:
            arguments = call.node.arguments
            if (
                arguments
                and arguments[0].kind == "string"
                and str(arguments[0].value).startswith("/")
                and _FACTOR.search(str(arguments[0].value))
            ):
                routes.append(project.place(module, call))
        for _, spot in members(module, re.compile(r"^(two_?factor|mfa|totp|otp)_?\w*$", re.IGNORECASE)):
            if spot.node.kind in ("object", "call", "name", "attribute") and re.search(
                r"model|schema|entit", module.path, re.IGNORECASE
            ):
                fields.append(spot.place)
                listed = [str(node.value) for node in wiring.walk(spot.node) if node.kind == "string"]
                if "email" in listed and "e-mail codes" not in names:
                    names.append("e-mail codes")
    proof = wiring.best(project, places)[0]
    inactive, where = _inactive(project, unit, places, special)
    yield finding(
        "second_factor",
        ", ".join(names),
        proof,
        [*where, *places[:2], *list(dict.fromkeys(fields))[:3], *list(dict.fromkeys(routes))[:3]],
        note=", ".join(dict.fromkeys(special)),
        condition=inactive,
    )


def _inactive(project: Project, unit: Unit, places: list[Place], special: list[str]) -> tuple[str, list[Place]]:
    """Say so where the only application that uses a second factor is commented out of Django's settings."""
    if not special:
        return "", []
    users = {place.path.rpartition("/")[0].replace("/", ".") for place in places}
    for path in having(project, unit, "INSTALLED_APPS"):
        for number, line in enumerate(project.text(path).splitlines(), 1):
            match = re.match(r"""\s*#\s*["']([\w.]+)["'],?\s*$""", line)
            if match is None:
                continue
            package = match[1].split(".apps.")[0]
            inner = project.resolve(path, f"{package}.__init__") or project.resolve(path, package)
            folder = inner.rpartition("/")[0]
            if folder and any(
                user in project.text(other)
                for other in sources(project, unit)
                if other.startswith(f"{folder}/")
                for user in users
            ):
                return f"not active: {match[1]} is commented out", [Place(path, number)]
    return "", []


# -- other accounts, keys ---------------------------------------------------------------------------------------------

_PROVIDERS = "Google|Facebook|Apple|Git[Hh]ub|Twitter|Linked[Ii]n|Microsoft|Discord|Git[Ll]ab|Kakao|Naver|Slack|Line|VK"
_PROVIDER_MODULE = re.compile(
    rf"^(?:Auth({_PROVIDERS})|({_PROVIDERS})(?:Auth|OAuth2?|Login|SignIn|Strategy))\w*(Module|Provider|Service|Controller|Router)?$"
)


def _nest_modules(project: Project, unit: Unit) -> Iterator[Module]:
    for path in having(project, unit, "Module"):
        if path.endswith((".module.ts", ".module.js")) and (module := project.module(path)) is not None:
            yield module


def _social(project: Project, unit: Unit, said: list[Finding]) -> Iterator[Finding]:
    """Sign-in with another account that no library's options told."""
    if any(item.key == "social" for item in said):
        return
    names: dict[str, list[Place]] = {}
    for rule in rules_of("social"):
        found = uses_of(project, unit, rule)
        if rule.name == "google-auth-library":
            found = [
                use for use in found if re.search(r"verify_?id_?token|verify_oauth2_token", use.origin, re.IGNORECASE)
            ]
        if rule.name == "arctic":
            for use in found:
                if (provider := re.fullmatch(r"arctic\.([A-Z]\w+)", use.origin)) is not None:
                    names.setdefault(provider[1].lower(), []).append(use.place)
        elif rule.name == "flask-dance":
            for use in found:
                if (provider := re.search(r"make_(\w+)_blueprint", use.origin)) is not None:
                    names.setdefault(provider[1], []).append(use.place)
        elif found and rule.name not in ("authlib-oauth", "social-auth"):
            names.setdefault(rule.value, []).extend(use.place for use in found)
    for module in _nest_modules(project, unit):
        for brought in module.imports:
            match = _PROVIDER_MODULE.fullmatch(brought.local)
            if match is not None and brought.local.endswith("Module") and project.target(module, brought.module):
                names.setdefault((match[1] or match[2]).lower(), []).insert(0, Place(module.path, brought.line))
    if names:
        places = [place for found in names.values() for place in found[:2]]
        yield finding("social", ", ".join(names), max(project.proof(place.path) for place in places), places)


_KEY_NAME = r"(?:x[-_])?(?:[\w]+[-_])?api[-_]?key|x[-_](?:auth|access)[-_](?:key|token)"
_KEY_READ = re.compile(
    rf"""(?:headers?(?:\.get)?\s*[\[(]|\b(?:req(?:uest)?|ctx|context|c)(?:\.req|\.raw)?\.(?:header|get)\(|Header\([^)]*alias\s*=\s*|APIKeyHeader\([^)]*name\s*=\s*|apiKeyHeader["']?\s*:\s*|META(?:\.get\(|\[))\s*["'](?P<name>{_KEY_NAME}|HTTP_X_API_KEY)["']""",
    re.IGNORECASE,
)
_KEY_WORDS = (
    "api-key",
    "api_key",
    "apikey",
    "API-Key",
    "Api-Key",
    "API_KEY",
    "apiKeyHeader",
    "APIKeyHeader",
    "-access-",
    "-auth-",
    "-Auth-",
    "-Access-",
    "ApiKey",
)


def _api_keys(project: Project, unit: Unit) -> Iterator[Finding]:
    """A header with a key that is read from what comes in."""
    found: dict[str, list[Place]] = {}
    for path in having(project, unit, *_KEY_WORDS):
        if path.endswith((".tsx", ".jsx")):
            continue
        text = project.text(path)
        for match in _KEY_READ.finditer(text):
            start = text.rfind("\n", 0, match.start()) + 1
            line = text[start : match.end()]
            before = text[max(0, match.start() - 40) : match.start()]
            if (
                re.match(r"\s*\]\s*=[^=]", text[match.end() :])
                or re.match(r"\s*(//|#|\*|/\*)", line)
                or re.search(
                    r"(\bres|response|resp|axios|fetch|config|options|args|init|client|requests)[\w.]*$",
                    before,
                    re.IGNORECASE,
                )
            ):
                continue
            name = (
                match["name"].lower().removeprefix("http_").replace("_", "-")
                if match["name"].startswith("HTTP_")
                else match["name"].lower()
            )
            found.setdefault(name, []).append(Place(path, text.count("\n", 0, match.start("name")) + 1))
    for name, places in found.items():
        proof, best = wiring.best(project, places)
        yield finding("api_key", f"header {name}", proof, best)


def _permissions(project: Project, unit: Unit) -> Iterator[Finding]:
    for rule in rules_of("permission"):
        if found := uses_of(project, unit, rule):
            proof, places = wiring.best(project, [use.place for use in found])
            yield finding(rule.key, rule.value, proof, places)


# -- roles ------------------------------------------------------------------------------------------------------------

_ROLE_LIST = re.compile(
    r"^(all|user|account|member|team|app)?_?roles?_?(enum|type|types|list|names?|values)?$", re.IGNORECASE
)
_ROLE_CLASS = re.compile(
    r"^((user|account|member|team|app|admin)_?roles?(enum|type)?|roles?(enum|type|name)?)$", re.IGNORECASE
)
_ROLE_PARAMETER = re.compile(r"^(\.\.\.)?(required_?|allowed_?|user_?)?roles?$", re.IGNORECASE)
_ROLE_DECORATOR = re.compile(
    r"^(roles?|has_?roles?|require_?roles?|authorize|restrict_?to|roles_?(required|allowed|accepted)|check_?roles?|allow_?roles?|permit)$",
    re.IGNORECASE,
)
_CHAT = frozenset({"assistant", "system", "tool", "function", "model"})
_WORD = re.compile(r"^[A-Za-z][\w -]{1,30}$")


def _roles(project: Project, unit: Unit) -> Iterator[Finding]:
    lists: dict[tuple[str, ...], list[Place]] = {}
    given: dict[str, Place] = {}
    columns: dict[str, Place] = {}
    assigned: dict[str, Place] = {}
    for module in mentioning(project, unit, "role", "Role", "ROLE"):
        page = (
            module.path.endswith((".tsx", ".jsx"))
            or re.search(r"(^|/)(migrations?|seeds?|seeders?)/", module.path) is not None
        )
        for function in module.functions:
            node = function.bindings.get("roles")
            if node is not None and node.kind == "object" and len(node.pairs) > 1 and not page:
                names = tuple(key for key, _ in node.pairs)
                if all(_WORD.match(key) for key in names):
                    lists.setdefault(names[:MAX_ROLES], []).append(Place(module.path, node.line))
        for class_ in module.classes:
            enum = class_.kind == "enum" or any(re.search(r"Enum|Choices", base.dotted) for base in class_.bases)
            if enum and _ROLE_CLASS.match(class_.name):
                values = []
                for member in class_.members:
                    value = project.fold(module, member.value) if member.value is not None else None
                    text = value.value if value is not None and value.known else member.name
                    text = text[0] if isinstance(text, list) and text else text
                    values.append(str(text) if isinstance(text, str) else member.name)
                if values:
                    lists.setdefault(tuple(values[:MAX_ROLES]), []).append(Place(module.path, class_.line))
        for name, node in module.bindings.items():
            if _ROLE_LIST.match(name) and not page:
                values = []
                held = (
                    node.arguments[0]
                    if node.kind == "call" and node.items[0].dotted.endswith("freeze") and node.arguments
                    else node
                )
                if held.kind == "object":
                    for key, item in held.pairs:
                        value = project.fold(module, item)
                        values.append(str(value.value) if value.known and isinstance(value.value, str) else key)
                elif held.kind == "array" and all(item.kind == "string" for item in held.items):
                    values = [str(item.value) for item in held.items]
                if values and all(_WORD.match(value) for value in values) and not _CHAT & set(values):
                    lists.setdefault(tuple(values[:MAX_ROLES]), []).append(Place(module.path, held.line))
        if page:
            continue
        for call in module.calls:
            arguments = call.node.arguments
            if (
                call.node.items[0].dotted in ("pgEnum", "mysqlEnum")
                and len(arguments) > 1
                and "role" in str(arguments[0].value)
            ):
                words = tuple(str(item.value) for item in arguments[1].items if item.kind == "string")
                if words:
                    lists.setdefault(words[:MAX_ROLES], []).append(project.place(module, call))
        takers = {
            function.name: number
            for function in module.functions
            for number, parameter in enumerate(function.parameters)
            if function.name and _ROLE_PARAMETER.match(parameter.name)
        }
        for call in module.calls:
            name = call.node.items[0].dotted.rpartition(".")[2]
            arguments = call.node.arguments
            chosen = (
                arguments
                if _ROLE_DECORATOR.match(name)
                else arguments[takers[name] : takers[name] + 1]
                if name in takers and takers[name] < len(arguments)
                else arguments[-1:]
                if name in takers and arguments
                else []
            )
            for node in chosen:
                for item in node.items if node.kind == "array" else [node]:
                    value = project.fold(module, item, call.function)
                    if (
                        value.known
                        and isinstance(value.value, str)
                        and _WORD.match(value.value)
                        and value.value not in _CHAT
                    ):
                        given.setdefault(value.value, project.place(module, call))
        _role_columns(module, columns, assigned)
    _declared(project, unit, lists)
    proofs = {
        place: project.proof(place.path)
        for place in [*(place for places in lists.values() for place in places), *given.values(), *columns.values()]
    }
    if lists:
        best = sorted(lists, key=lambda values: (-max(proofs[place] for place in lists[values]), -len(values)))
        for names in best[:3]:
            places = [*lists[names], *(list(columns.values())[:3] if names is best[0] else [])]
            yield finding("roles", ", ".join(names), max(proofs[place] for place in lists[names]), places)
    elif columns:
        values = sorted((value for value in dict.fromkeys([*given, *assigned]) if value not in _CHAT), key=_rank)
        tables = ", ".join(columns)
        said = f"{'/'.join(values[:MAX_ROLES])} column on {tables}" if values else f"role column on {tables}"
        yield finding(
            "roles",
            f"{said}",
            max(proofs[place] for place in columns.values()),
            list(columns.values()),
            note="role column" if values else "",
        )
    elif given:
        listed = list(
            dict.fromkeys(
                [*([role for role in ("user",) if role in assigned or _default_role(project, unit, role)]), *given]
            )
        )
        proof, places = wiring.best(project, given.values())
        yield finding("roles", ", ".join(listed[:MAX_ROLES]), proof, places)
    else:
        yield from _flags(project, unit)


_PRISMA_ENUM = re.compile(r"^enum\s+\w*Roles?\w*\s*\{([^}]*)\}", re.MULTILINE)
_SQL_ENUM = re.compile(r"create\s+type\s+[\w.\"]*roles?\w*\"?\s+as\s+enum\s*\(([^)]*)\)", re.IGNORECASE)


def _declared(project: Project, unit: Unit, lists: dict[tuple[str, ...], list[Place]]) -> None:
    """Enums of roles in Prisma's schema, if its client is used, and in SQL."""
    prisma = next(importing_any(project, unit, "@prisma/client"), None) is not None
    for path in project.files(unit, *(["*.prisma"] if prisma else []), "*.sql"):
        text = project.text(path)[:500_000]
        for match in (_PRISMA_ENUM if path.endswith(".prisma") else _SQL_ENUM).finditer(text):
            bare = re.sub(r"//[^\n]*|@\S+", "", match[1])
            names = tuple(re.findall(r"\w+", bare) if path.endswith(".prisma") else re.findall(r"'([^']+)'", bare))
            if names:
                lists.setdefault(names[:MAX_ROLES], []).append(Place(path, text.count("\n", 0, match.start()) + 1))


def _rank(role: str) -> int:
    return next((number for number, word in enumerate(("owner", "super", "admin")) if word in role.lower()), 9)


_FLAG = re.compile(r"^(is_?(superuser|super_?admin|admin|moderator))$", re.IGNORECASE)


def _flags(project: Project, unit: Unit) -> Iterator[Finding]:
    """A column that says who may do everything."""
    found: dict[str, list[Place]] = {}
    for module in mentioning(project, unit, "is_superuser", "is_admin", "isAdmin"):
        if not re.search(r"model|entit|schema", module.path, re.IGNORECASE):
            continue
        for class_ in module.classes:
            for member in class_.members:
                if _FLAG.match(member.name) and member.value is not None and member.value.kind != "function":
                    found.setdefault(member.name, []).append(Place(module.path, member.line))
        for call in module.calls:
            for node in call.node.arguments:
                for key, value in node.pairs:
                    if _FLAG.match(key) and value.kind in ("object", "call"):
                        found.setdefault(key, []).append(Place(module.path, value.line))
    for name, places in found.items():
        proof, best = wiring.best(project, places)
        yield finding("roles", f"{name} flag", proof, best)


def _default_role(project: Project, unit: Unit, role: str) -> bool:
    """Tell whether a role stands in a migration or a seed beside those that are asked for."""
    for path in project.files(unit, "*.sql", "*seed*"):
        if re.search(rf"""roles?\b.{{0,400}}["']{role}["']""", project.text(path)[:100_000], re.IGNORECASE | re.DOTALL):
            return True
    return False


def _role_columns(module: Module, columns: dict[str, Place], assigned: dict[str, Place]) -> None:
    """Columns that are called `role`, and the words that are put into something of that name."""
    for call in module.calls:
        name = call.node.items[0].dotted.rpartition(".")[2]
        if (
            name in ("pgTable", "mysqlTable", "sqliteTable", "define", "table")
            and call.node.arguments
            and call.node.arguments[0].kind == "string"
        ):
            for node in call.node.arguments[1:2]:
                value = node.get("role") or node.get("roles")
                if value is not None:
                    columns[str(call.node.arguments[0].value)] = Place(module.path, value.line)
                    _defaults(value, assigned, Place(module.path, value.line))
        if name == "Schema" and call.node.arguments:
            value = call.node.arguments[0].get("role") or call.node.arguments[0].get("roles")
            if value is not None:
                columns[f"the schema of {module.path}"] = Place(module.path, value.line)
                _defaults(value, assigned, Place(module.path, value.line))
                for node in wiring.walk(value):
                    listed = node.get("enum")
                    for item in listed.items if listed is not None and listed.kind == "array" else []:
                        if item.kind == "string":
                            assigned.setdefault(str(item.value), Place(module.path, item.line))
    for class_ in module.classes:
        if re.search(
            r"(Form|Schema|Serializer|Validator)\b", " ".join([class_.name, *(base.dotted for base in class_.bases)])
        ):
            continue
        decorated = any(
            item.kind == "call" and item.items[0].dotted in ("Entity", "Table", "Schema") for item in class_.decorators
        )
        for member in class_.members:
            if member.name in ("role", "roles") and (
                decorated
                or (
                    member.value is not None
                    and re.search(
                        r"(Column|Field|mapped_column)$",
                        member.value.items[0].dotted if member.value.kind == "call" else "",
                    )
                )
            ):
                columns[class_.name] = Place(module.path, member.line)
                if member.value is not None:
                    _defaults(member.value, assigned, Place(module.path, member.line))
    if re.search(r"openai|anthropic|langchain|messages:", " ".join(item.module for item in module.imports)):
        return
    for spot in every(module):
        for key, value in spot.node.pairs:
            if key not in ("role", "roles"):
                continue
            if value.kind == "string" and _WORD.match(str(value.value)):
                assigned.setdefault(str(value.value), Place(module.path, value.line))
            elif value.kind == "call" and value.items[0].dotted.lower().endswith(("enum", "valid", "oneof")):
                for node in value.arguments:
                    for item in node.items if node.kind == "array" else [node]:
                        if item.kind == "string":
                            assigned.setdefault(str(item.value), Place(module.path, item.line))


def _defaults(node: object, assigned: dict[str, Place], place: Place) -> None:
    from discover.code import Node

    if not isinstance(node, Node):
        return
    for item in wiring.walk(node):
        if (
            item.kind == "call"
            and item.items[0].kind == "attribute"
            and item.items[0].value == "default"
            and item.arguments
            and item.arguments[0].kind == "string"
        ):
            assigned.setdefault(str(item.arguments[0].value), place)
        default = item.get("default")
        if default is not None and default.kind == "string":
            assigned.setdefault(str(default.value), place)


# -- taking tokens back -----------------------------------------------------------------------------------------------

_BLACKLIST = re.compile(
    r"^(token_?(blacklist|blocklist|denylist)|(blacklisted|blocklisted|revoked|denied)_?tokens?|jwt_?(blacklist|blocklist|denylist)|revoked_?jwts?)\w*$",
    re.IGNORECASE,
)
_ROTATES = re.compile(
    r"^(jwt_?key|jwt_?secret|jwt_?version|token_?version|token_?generation|session_?version|token_?key)$", re.IGNORECASE
)


def _revocation(project: Project, unit: Unit) -> Iterator[Finding]:
    done = False
    for module in mentioning(project, unit, "lacklist", "locklist", "enylist", "evokedToken", "revoked_token"):
        for class_ in module.classes:
            table = next(
                (
                    member
                    for member in class_.members
                    if member.name in ("__tablename__", "tableName") and member.value is not None
                ),
                None,
            )
            model = (
                table is not None
                or any(re.search(r"Base$|Model$|models\.", base.dotted) for base in class_.bases)
                or any(
                    item.kind == "call" and item.items[0].dotted in ("Entity", "Schema", "Table")
                    for item in class_.decorators
                )
            )
            if (
                _BLACKLIST.match(class_.name)
                and model
                and not re.search(
                    r"BaseModel|Create|Update|Read|Schema",
                    " ".join([class_.name.removeprefix("Token"), *(base.dotted for base in class_.bases)]),
                )
                and not done
            ):
                name = str(table.value.value) if table is not None and table.value is not None else class_.name
                place = Place(module.path, table.line if table is not None else class_.line)
                done = True
                yield finding(
                    "revocation", f"{name} table", project.proof(module.path), [place, Place(module.path, class_.line)]
                )
        for call in module.calls:
            arguments = call.node.arguments
            if (
                not done
                and call.node.items[0].dotted.endswith(("model", "define", "Table", "Model"))
                and arguments
                and arguments[0].kind == "string"
                and _BLACKLIST.match(str(arguments[0].value))
            ):
                done = True
                yield finding(
                    "revocation",
                    f"{arguments[0].value} table",
                    project.proof(module.path),
                    [project.place(module, call)],
                )
    for module in mentioning(
        project,
        unit,
        "jwt_key",
        "jwtKey",
        "jwt_secret",
        "token_version",
        "tokenVersion",
        "jwt_version",
        "session_version",
        "sessionVersion",
    ):
        if re.search(r"(^|/)migrations?/", module.path):
            continue
        for class_ in module.classes:
            for member in class_.members:
                if (
                    _ROTATES.match(member.name)
                    and (member.value is None or member.value.kind == "call")
                    and not re.search(r"settings|config|dto|schema", f"{module.path} {class_.name}", re.IGNORECASE)
                ):
                    folder = module.path.rpartition("/")[0].rpartition("/")[2]
                    owner = folder if module.path.endswith("/models.py") else class_.name
                    yield finding(
                        "token_revocation",
                        f"{owner}.{member.name} rotates",
                        project.proof(module.path),
                        [Place(module.path, member.line)],
                    )
                    return
        for call in module.calls:
            for node in call.node.arguments:
                for key, value in node.pairs:
                    if (
                        _ROTATES.match(key)
                        and value.kind in ("object", "call")
                        and re.search(r"model|schema|entit", module.path, re.IGNORECASE)
                    ):
                        yield finding(
                            "token_revocation",
                            f"{key} rotates",
                            project.proof(module.path),
                            [Place(module.path, value.line)],
                        )
                        return


# -- secrets ----------------------------------------------------------------------------------------------------------

_SECRET_NAME = re.compile(
    r"^(?!.*(client|webhook|stripe|public|recaptcha|captcha|schema|service|manager|name|path|file|arn|url|header|field|param|placeholder))\w*(secret(_?key)?|jwt_?key|signing_?key|session_?secret|cookie_?secret|secretOrKey|private_?key)$",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(
    r"^$|^\$\{|^<.*>$|^process\.env|^[A-Z][A-Z0-9_]+$|^(none|null|undefined)$|\.\w*(secret|key)\w*$"
    r"|^(string|text|password|hidden|boolean|number|object|required|optional|varchar)$|^[\w-]+\.[\w-]+\.[\w.-]+$|\s.*\s"
)
_SECRET_WORDS = (
    "secret",
    "SECRET",
    "Secret",
    "private",
    "PRIVATE",
    "jwtKey",
    "JWT_KEY",
    "signing",
    "SIGNING",
    "createHmac",
)
HIDDEN = "(value not shown)"


def _literal(spot: Spot) -> bool:
    node = spot.node
    return node.kind == "string" and not _NO_SECRET.search(str(node.value)) and len(str(node.value)) < 400


def _secrets(project: Project, unit: Unit) -> Iterator[Finding]:
    """Secrets that stand in the code: the places alone."""
    fallbacks: dict[str, list[Place]] = {}
    committed: dict[tuple[str, str], list[Place]] = {}
    keys: list[Place] = []
    for path in having(project, unit, "PRIVATE KEY-----"):
        for number, line in enumerate(project.text(path).splitlines(), 1):
            if re.search(r"""["'`]-----BEGIN [A-Z ]*PRIVATE KEY-----(\\[nr]|\s*$|.{20})""", line):
                keys.append(Place(path, number))
    for module in mentioning(project, unit, *_SECRET_WORDS):
        if module.path.endswith((".tsx", ".jsx")) or re.search(
            r"(^|/)(scripts?|examples?|seeds?|docs?|i18n|locales?|lang|translations?|migrations?|frontend|public)/",
            module.path,
        ):
            continue
        samples = {
            id(node)
            for name, held in module.bindings.items()
            if re.search(r"placeholder|example|insecure|weak|forbidden|sample|known", name, re.IGNORECASE)
            for node in wiring.walk(held)
        }
        for name, spot in members(module, _SECRET_NAME):
            if id(spot.node) in samples:
                continue
            place = spot.place
            only = who_tokens.stage(module.path, who_tokens.class_of(spot, name))
            if only is None:
                continue
            if _literal(spot) and is_setting(project, place):
                fallbacks.setdefault(only, []).append(place)
            elif _literal(spot):
                committed.setdefault((name, only), []).append(place)
            else:
                fallback, dev = _fallback(spot)
                if fallback is not None:
                    fallbacks.setdefault("not in production (devDefault)" if dev else only, []).append(fallback)
        for call in module.calls:
            signed = _signed_with(project, module, call)
            if signed is not None:
                known = (
                    fallbacks.setdefault("", [])
                    if signed[1]
                    else committed.setdefault(("secret of a signing call", ""), [])
                )
                known.append(signed[0])
    for path in project.files(unit, "config*.json", "config/*.json", "settings.json", "appsettings*.json"):
        held = project.data(path)
        for name, value in held.items() if isinstance(held, dict) else []:
            if (
                _SECRET_NAME.match(str(name))
                and isinstance(value, str)
                and not _NO_SECRET.search(value.replace(" ", ""))
            ):
                at = Place(path, project.tree.line(path, rf'"{re.escape(str(name))}"\s*:'))
                if (only := who_tokens.stage(path, "")) is not None:
                    committed.setdefault((str(name), only), []).append(at)
    for condition, found in fallbacks.items():
        if found:
            proof, places = wiring.best(project, _by_use(found))
            yield finding("secret_fallback", f"hard-coded fallback secret {HIDDEN}", proof, places, condition=condition)
    for (name, condition), found in committed.items():
        proof, places = wiring.best(project, found)
        where = "in base settings" if re.search(r"(base|common|settings)\.py$", places[0].path) else "in the code"
        yield finding("committed_secret", f"{name} {where} {HIDDEN}", proof, places, condition=condition)
    if keys:
        proof, places = wiring.best(project, keys)
        yield finding("committed_key", f"private key in source {HIDDEN}", proof, places)


def _by_use(places: list[Place]) -> list[Place]:
    return sorted(
        dict.fromkeys(places),
        key=lambda place: 0 if re.search(r"token|jwt|sign|config|setting", place.path, re.IGNORECASE) else 1,
    )


def _fallback(spot: Spot) -> tuple[Place | None, bool]:
    """`process.env.SECRET || "x"`, `os.getenv("SECRET", "x")`, `.default("x")`, `default="x"`."""
    node = spot.node
    if node.kind == "binary" and node.value in ("||", "??", "or"):
        right = Spot(spot.module, node.items[1], spot.function)
        return (right.place if _literal(right) else None), False
    while node.kind == "call":
        callee = node.items[0]
        default = node.get("default")
        dev = None
        if callee.kind == "attribute" and callee.value in ("default", "catch") and node.arguments:
            default = node.arguments[0]
        elif (
            re.search(r"(^|\.)(getenv|environ\.get|get|config|env|str|env_str|Field)$", callee.dotted)
            and default is None
        ):
            second = node.arguments[1:2] if callee.dotted.rpartition(".")[2] not in ("Field",) else node.arguments[:1]
            default = second[0] if second and second[0].kind == "string" else None
            for argument in node.arguments:
                default = default or (argument.get("default") if argument.kind == "object" else None)
                dev = argument.get("devDefault") if argument.kind == "object" else None
        if default is not None and _literal(Spot(spot.module, default, spot.function)):
            return Place(spot.module.path, default.line), False
        if dev is not None and _literal(Spot(spot.module, dev, spot.function)):
            return Place(spot.module.path, dev.line), True
        if callee.kind != "attribute":
            break
        node = callee.items[0]
    return None, False


_SIGNERS = re.compile(
    r"^(jsonwebtoken\.(sign|verify)|jwt\.(encode|decode)|jose\.jwt\.(encode|decode)|crypto\.createHmac|hmac\.new|jwt-simple\.(encode|decode)|cookie-parser|authlib\.jose\.jwt\.encode)$"
)


def _signed_with(project: Project, module: Module, call: Call) -> tuple[Place, bool] | None:
    """A literal that a token is signed with; True where it is only the fallback."""
    origin = project.origin(module, call.node.items[0], call.function)
    if not _SIGNERS.match(origin):
        return None
    position = 0 if origin == "cookie-parser" else 1
    if len(call.node.arguments) <= position:
        return None
    node = call.node.arguments[position]
    if _literal(Spot(module, node)):
        return Place(module.path, node.line), False
    if node.kind == "binary" and node.value in ("||", "??", "or") and _literal(Spot(module, node.items[1])):
        return Place(module.path, node.line), True
    return None


# -- what is listed or imported, and no more --------------------------------------------------------------------------

_PEERS = (
    "nodemailer",
    "pg",
    "mysql2",
    "mysql",
    "sqlite3",
    "better-sqlite3",
    "tedious",
    "oracledb",
    "passport",
    "mongodb",
)


def _traces(project: Project, unit: Unit, said: str) -> Iterator[Finding]:
    """Technologies of this row without a use, dynamic imports, workspaces that wrap a library."""
    packages = {name: rule for rule in of(Row.WHO) if kind(rule) for name in rule.npm if name != "crypto"}
    for rule in of(Row.WHO):
        if (
            kind(rule) in ("hash", "factor", "social", "permission", "")
            or not (rule.npm or rule.pypi)
            or uses_of(project, unit, rule)
        ):
            continue
        if (
            rule.name in ("authlib-jose", "passport")
            or rule.extra.get("part")
            or rule.value in said
            or (rule.name == "supabase-auth" and "supabase" in said)
        ):
            continue
        if (found := trace(project, unit, rule)) is not None:
            yield found
    yield from _imported_strategies(project, unit)
    unused = [
        listed
        for name in dict.fromkeys([*packages, *_PEERS])
        if (listed := unit.npm.get(name)) is not None
        and listed.group == "runtime"
        and not _mentioned(project, unit, name)
    ]
    if unused:
        unused.sort(key=lambda listed: listed.place.line)
        yield finding(
            "unused_deps",
            ", ".join(listed.name for listed in unused),
            Proof.LISTED,
            [listed.place for listed in unused],
            note="listed, never imported; a peer or a driver may still need it",
        )
    for name, places in _dynamic(project, unit, packages).items():
        proof, best = wiring.best(project, places)
        yield finding("dynamic_import", name, proof, best)
    for library in unit.libraries:
        for name in packages:
            listed = library.npm.get(name)
            if listed is None or not library.name or library.folder == unit.folder:
                continue
            if (
                any(project.unit_of(module.path) is library for module in importing_any(project, unit, name))
                and name not in unit.npm
            ):
                yield finding("workspace_indirection", f"{library.name} wraps {name}", Proof.USED, [listed.place])


def _imported_strategies(project: Project, unit: Unit) -> Iterator[Finding]:
    """Passport that is imported and never called."""
    imported: list[Place] = []
    for module in mentioning(project, unit, "passport"):
        names = [
            brought
            for brought in module.imports
            if not brought.type_only and re.match(r"(@nestjs/|@fastify/|koa-)?passport", brought.module)
        ]
        imported += [Place(module.path, brought.line) for brought in names]
        if any("passport" in project.origin(module, call.node.items[0], call.function) for call in module.calls):
            return
        if any(
            "passport" in project.origin(module, item)
            for class_ in module.classes
            for base in class_.bases
            for item in wiring.walk(base)
        ):
            return
    if imported:
        yield finding("passport", "absent (imported, never used)", Proof.IMPORTED, imported)


def _mentioned(project: Project, unit: Unit, name: str) -> bool:
    for path in project.sources(unit, tests=True):
        if path.endswith(SCRIPTS):
            content = project.tree.bytes(path)
            if content is not None and re.search(
                rb"(from|import|require\()\s*\(?\s*[\"']" + re.escape(name).encode() + rb"[\"'/]", content
            ):
                return True
    return False


def _dynamic(project: Project, unit: Unit, packages: Iterable[str]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    wanted = {*packages, "openid-client", "@simplewebauthn/server"}
    for module in mentioning(project, unit, "import("):
        if module.path.endswith((".tsx", ".jsx")):
            continue
        for call in module.calls:
            node = call.node
            if node.items[0].dotted == "import" and node.arguments and str(node.arguments[0].value) in wanted:
                found.setdefault(str(node.arguments[0].value), []).append(project.place(module, call))
    return found


__all__ = ["findings", "option", "purpose"]
