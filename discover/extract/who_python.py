"""Who may call a backend of Python: Flask's extensions, Django and DRF, FastAPI's schemes, tokens of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from discover import wiring
from discover.code import Class, Module, Node
from discover.extract.who_common import (
    Way,
    finding,
    human,
    importing_any,
    length,
    members,
    mentioning,
    rules_of,
    seconds_of,
    sources,
    uses_of,
)
from discover.extract.who_tokens import Tokens
from discover.findings import Finding, Place, Proof
from discover.project import Project, Unit
from discover.rules import rules
from discover.wiring import Spot

DRF = "rest_framework.authentication"


def ways(project: Project, unit: Unit, tokens: Tokens) -> Iterator[Way | Finding]:
    """Give the ways to sign in that a unit in Python has, and what is known besides."""
    if not any(path.endswith(".py") for path in sources(project, unit)):
        return
    drf = list(_drf(project, unit, tokens))
    own = any(isinstance(item, Way) and "own JWT" in item.text for item in drf)
    yield from drf
    yield from _django(project, unit, bool(drf))
    yield from _flask(project, unit, tokens)
    yield from guards(project, unit)
    yield from _fastapi(project, unit)
    for rule in rules_of("library"):
        if rule.pypi and rule.name not in ("fastapi-users",):
            found = [use for use in uses_of(project, unit, rule) if use.spot.module.language == "python"]
            if found:
                proof, places = wiring.best(project, [use.place for use in found])
                yield Way(rule.value, places, proof, order=15)
    if not own:
        yield from _tokens(project, unit, tokens)


# -- tokens of its own ------------------------------------------------------------------------------------------------


_PLAIN = re.compile(
    r"^(api|v\d+|auth\w*|log_?-?in|sign_?-?in|tokens?|access[-_]token|users?|sessions?|jwt|oauth2?|accounts?|create|obtain)$",
    re.IGNORECASE,
)


def _tokens(project: Project, unit: Unit, tokens: Tokens) -> Iterator[Way]:
    for rule in rules_of("jwt"):
        used = tokens.of(rule) if rule.pypi else []
        if not used:
            continue
        proof, places = wiring.best(
            project, [token.use.place for token in sorted(used, key=lambda token: not token.signs)]
        )
        algorithms = ", ".join(tokens.algorithms)
        notes, whose = [], ""
        for module in importing_any(project, unit, "fastapi"):
            for call in module.calls:
                if call.node.items[0].dotted.rpartition(".")[2] == "OAuth2PasswordBearer":
                    url = wiring.fold(project, wiring.keyword(Spot(module, call.node, call.function), "tokenUrl"))
                    if url is not None and url.known:
                        notes.append(f"bearer, sign-in at {url.value}")
                        parts = [part for part in str(url.value).split("/") if part and not _PLAIN.match(part)]
                        whose = f" for {parts[0]}" if len(parts) == 1 else ""
        imported = [
            Place(module.path, brought.line)
            for module in importing_any(project, unit, *rule.modules)
            if module.path == places[0].path
            for brought in module.imports
            if brought.module in rule.modules
        ]
        name = "signed tokens" if rule.name == "itsdangerous" else "JWT"
        yield Way(
            f"{name} {algorithms} ({rule.value}){whose}".replace("  ", " "),
            [*places[:3], *imported, *places[3:]],
            proof,
            order=30,
            notes=notes[:1],
        )


# -- Flask ------------------------------------------------------------------------------------------------------------


def setting(project: Project, unit: Unit, *names: str) -> tuple[object, Place] | None:
    """Give the value of a setting by its name, and where it is set."""
    pattern = re.compile(f"^({'|'.join(names)})$")
    for module in mentioning(project, unit, *names):
        for _, spot in members(module, pattern):
            value = project.fold(module, spot.node, spot.function)
            if value.known:
                return value.value, spot.place
    return None


def _flask(project: Project, unit: Unit, tokens: Tokens) -> Iterator[Way | Finding]:
    found = {rule.name: uses_of(project, unit, rule) for rule in rules_of("flask")}
    if jwt := found["flask-jwt-extended"]:
        made = [use for use in jwt if use.origin.endswith(".JWTManager")]
        proof, places = wiring.best(project, [use.place for use in (made or jwt)])
        text = "flask-jwt-extended"
        header = setting(project, unit, "JWT_HEADER_TYPE")
        places = list(places)
        if header is not None:
            text += f", header {header[0]}"
            places.append(header[1])
        location = setting(project, unit, "JWT_TOKEN_LOCATION")
        if location is not None:
            items = location[0] if isinstance(location[0], list) else [location[0]]
            text += f", in {' and '.join(str(item) for item in items)}"
        yield Way(text, places, proof, order=20)
        if any(use.origin.endswith("create_refresh_token") for use in jwt):
            refresh = [use.place for use in jwt if use.origin.endswith("create_refresh_token")]
            yield finding("refresh", "refresh tokens (flask-jwt-extended)", proof, refresh)
        blocked = [
            use.place
            for use in jwt
            if re.search(r"token_in_block(list|lookup)|token_in_blacklist|revoked_token", use.origin)
        ]
        if blocked:
            yield finding("revocation", "a list of revoked tokens (flask-jwt-extended)", proof, blocked)
    http = found["flask-httpauth"]
    tokened = [use for use in http if use.origin.endswith(("HTTPTokenAuth", "MultiAuth"))]
    basic = [use for use in http if use.origin.endswith(("HTTPBasicAuth", "HTTPDigestAuth"))]
    if login := found["flask-login"]:
        made = [use for use in login if use.origin.endswith((".LoginManager", ".login_user"))]
        proof, places = wiring.best(project, [use.place for use in (made or login)])
        yield Way("flask-login sessions" + (" for pages" if tokened else ""), places, proof, order=10)
    if tokened:
        proof, places = wiring.best(project, [use.place for use in tokened])
        signed = any(
            tokens_use.use.spot.module.path == use.spot.module.path
            for use in tokened
            for tokens_use in tokens.every
            if not tokens_use.purpose
        )
        prefix = blueprint_prefix(project, unit, tokened[0].spot.module)
        others = [use.place for use in basic]
        yield Way(
            ("JWT (Flask-HTTPAuth)" if signed else "opaque tokens") + (f" for {prefix}" if prefix else ""),
            [*others, *places],
            proof,
            order=14,
        )
        if not signed:
            yield from _opaque(project, unit)
    elif basic:
        proof, places = wiring.best(project, [use.place for use in basic])
        yield Way("basic (Flask-HTTPAuth)", places, proof, order=14)
    if security := found["flask-security"]:
        proof, places = wiring.best(project, [use.place for use in security])
        yield Way("Flask-Security", places, proof, order=10)
    for use in uses_of(project, unit, rules()["flask-session"]):
        if use.origin.endswith("Session"):
            store = setting(project, unit, "SESSION_TYPE")
            where = f" in {store[0]}" if store is not None else ""
            yield finding(
                "session",
                f"Flask-Session{where}",
                project.proof(use.place.path),
                [use.place, *([store[1]] if store is not None else [])],
            )
            break
    if not login:
        places = []
        for module in importing_any(project, unit, "flask"):
            for assignment in module.assignments:
                target = assignment.target
                if (
                    target.kind == "index"
                    and project.origin(module, target.items[0], assignment.function) == "flask.session"
                    and re.search(r"user|uid|account|login|logged|auth", str(target.items[1].value), re.IGNORECASE)
                ):
                    places.append(Place(module.path, assignment.line))
        if places:
            proof, places = wiring.best(project, places)
            yield Way("cookie session (flask.session)", places, proof, order=20)
    if login or security:
        yield from _session_age(project, unit, "PERMANENT_SESSION_LIFETIME", "REMEMBER_COOKIE_DURATION")


def _session_age(project: Project, unit: Unit, *names: str) -> Iterator[Finding]:
    pattern = re.compile(f"^({'|'.join(names)})$")
    for module in mentioning(project, unit, *names):
        for _, spot in members(module, pattern):
            found = length(project, module, spot.node, spot.function)
            place = Place(module.path, spot.place.line) if found.place.path != module.path else found.place
            yield finding("session_lifetime", str(found), project.proof(module.path), [place, spot.place])


def blueprint_prefix(project: Project, unit: Unit, module: Module) -> str:
    """Give the prefix of the blueprint of a module's package."""
    folder = module.path.rpartition("/")[0]
    for other in mentioning(project, unit, "url_prefix"):
        for call in other.calls:
            if call.node.items[0].dotted.endswith("register_blueprint") and call.node.arguments:
                prefix = wiring.fold(project, wiring.keyword(Spot(other, call.node, call.function), "url_prefix"))
                where, _ = project.find(other, call.node.arguments[0], call.function)
                local = call.node.arguments[0].dotted
                brought = next((item for item in other.imports if item.local == local), None)
                path = (
                    where.path
                    if where is not other
                    else project.target(other, brought.module)
                    if brought is not None
                    else ""
                )
                if prefix is not None and prefix.known and folder and (path.rpartition("/")[0] == folder):
                    return str(prefix.value)
    return ""


def _opaque(project: Project, unit: Unit) -> Iterator[Finding]:
    """Tokens that are random text in a column."""
    for module in mentioning(project, unit, "token_hex", "token_urlsafe", "token_bytes", "uuid4"):
        for assignment in module.assignments:
            target, value = assignment.target, assignment.value
            if target.kind != "attribute" or "token" not in str(target.value).lower() or value.kind != "call":
                continue
            name = value.items[0].dotted.rpartition(".")[2]
            size = project.fold(module, value.arguments[0], assignment.function).value if value.arguments else None
            shown = (
                f"{int(size) * 2} hex characters"
                if name == "token_hex" and isinstance(size, int)
                else "random text"
                if name.startswith("token_")
                else ""
            )
            if not shown or assignment.function == -1:
                continue
            owner = module.functions[assignment.function].owner
            lasts = ""
            for other in module.assignments:
                if other.function == assignment.function and re.search(
                    r"expir", str(other.target.value), re.IGNORECASE
                ):
                    lasts = f", {length(project, module, other.value, other.function)}"
            table = next((_table(class_) for class_ in module.classes if class_.name == owner), "")
            yield finding(
                "token",
                f"{shown} in {table or owner.lower()}.{target.value}{lasts}",
                project.proof(module.path),
                [Place(module.path, assignment.line), Place(module.path, module.functions[assignment.function].line)],
            )


def _table(class_: Class) -> str:
    named = next(
        (
            member.value.value
            for member in class_.members
            if member.name == "__tablename__" and member.value is not None
        ),
        "",
    )
    lower = class_.name.lower()
    return str(named) or (lower if lower.endswith("s") else f"{lower}s")


# -- Django -----------------------------------------------------------------------------------------------------------


def _drf(project: Project, unit: Unit, tokens: Tokens) -> Iterator[Way | Finding]:
    """Give the classes that DRF is told to ask, in their order."""
    said: dict[str, list[Place]] = {}
    header = ""
    for module in mentioning(project, unit, "AUTHENTICATION_CLASSES", "authentication_classes"):
        for _, spot in members(module, re.compile(r"^(DEFAULT_AUTHENTICATION_CLASSES|authentication_classes)$")):
            held = wiring.follow(project, spot)
            for node in held.node.items if held.node.kind == "array" else []:
                text, more = _authentication(project, held.module, node, held.function, tokens)
                header = header or more
                if text:
                    said.setdefault(text, []).append(spot.place)
                    if found := _class_place(project, held.module, node):
                        said[text].append(found)
    if not said:
        return
    every = [place for places in said.values() for place in places]
    proof = max(project.proof(place.path) for place in every)
    names = list(said)
    text = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    if header:
        text += f", header {header}"
    yield Way(text, list(dict.fromkeys(every)), proof, order=10)
    if any(name.startswith("session") for name in names):
        yield from _engine(project, unit)
        yield from _session_age(project, unit, "SESSION_COOKIE_AGE")


def _class_place(project: Project, module: Module, node: Node) -> Place | None:
    where, class_ = _class_of(project, module, node)
    return Place(where.path, class_.line) if class_ is not None else None


def _class_of(project: Project, module: Module, node: Node) -> tuple[Module, Class | None]:
    if node.kind == "string":
        path, _, name = str(node.value).rpartition(".")
        inner = project.resolve(module.path, path)
        where = project.module(inner) if inner else None
        found = next((class_ for class_ in where.classes if class_.name == name), None) if where is not None else None
        return (where or module), found
    where, made, _ = project.follow(module, node)
    return where, where.classes[int(made.value)] if made.kind == "class" and made.value is not None else None


def _authentication(project: Project, module: Module, node: Node, function: int, tokens: Tokens) -> tuple[str, str]:
    """Say what an authentication class does, and which word its header starts with."""
    where, class_ = _class_of(project, module, node)
    if class_ is None:
        return _known(str(node.value) if node.kind == "string" else project.origin(module, node, function)), ""
    bases = [project.origin(where, base) for base in class_.bases]
    for base_node in class_.bases:
        holder, base = _class_of(project, where, base_node)
        if base is not None:
            bases += [project.origin(holder, inner) for inner in base.bases]
    prefix = next(
        (
            str(member.value.value)
            for member in class_.members
            if re.search(r"prefix|keyword|scheme", member.name, re.IGNORECASE)
            and member.value is not None
            and member.value.kind == "string"
        ),
        "",
    )
    calls = [
        call for call in where.calls if call.function != -1 and where.functions[call.function].owner == class_.name
    ]
    words = " ".join(
        [
            class_.name,
            *(call.node.items[0].dotted for call in calls),
            *(
                str(item.value)
                for call in calls
                for item in wiring.walk(call.node)
                if item.kind in ("attribute", "name")
            ),
        ]
    )
    for token in tokens.every:
        inner = token.use.spot
        if (
            inner.module.path == where.path
            and inner.function != -1
            and where.functions[inner.function].owner == class_.name
        ):
            return f"own JWT backend ({token.rule.value})", prefix
    known = next((text for base in bases if (text := _known(base))), "")
    if known:
        return known, prefix
    if re.search(r"session", words, re.IGNORECASE):
        return "session in a header" if re.search(r"header", words, re.IGNORECASE) else "session", ""
    if re.search(r"api_?key", words, re.IGNORECASE):
        return "API keys", prefix
    if re.search(r"firebase|verify_id_token", words, re.IGNORECASE):
        return "Firebase tokens", prefix
    return f"own class {class_.name}", prefix


def _known(origin: str) -> str:
    if not origin:
        return ""
    if origin.startswith(DRF):
        return {
            "SessionAuthentication": "session cookie",
            "TokenAuthentication": "opaque tokens (DRF)",
            "BasicAuthentication": "basic",
            "RemoteUserAuthentication": "remote user",
        }.get(origin.rpartition(".")[2], "")
    if origin.startswith("dj_rest_auth"):
        return "JWT in a cookie (dj-rest-auth)"
    for rule in rules_of("django"):
        if origin.startswith(tuple(rule.extra.get("classes", ()))) and rule.extra.get("classes"):
            return rule.value
    return ""


_DJANGO_SIGN_IN = re.compile(
    r"^django\.contrib\.auth\.(login|views\.LoginView|decorators\.(login_required|permission_required|user_passes_test)|mixins\.\w+Mixin|forms\.AuthenticationForm)"
)


def _django(project: Project, unit: Unit, drf: bool) -> Iterator[Way | Finding]:
    places: list[Place] = []
    for module in importing_any(project, unit, "django.contrib.auth"):
        named = [(call.node.items[0], call.function, call.node.line) for call in module.calls]
        named += [(base, -1, class_.line) for class_ in module.classes for base in class_.bases]
        for function in module.functions:
            for decorator in function.decorators:
                named.append((decorator.items[0] if decorator.kind == "call" else decorator, -1, function.line))
        places += [
            Place(module.path, line)
            for node, inside, line in named
            if _DJANGO_SIGN_IN.match(project.origin(module, node, inside))
        ]
    if places and not drf:
        proof, best = wiring.best(project, places)
        yield Way("django sessions (django.contrib.auth)", best, proof, order=12)
        yield from _engine(project, unit)
        yield from _session_age(project, unit, "SESSION_COOKIE_AGE")
    for rule in rules_of("django"):
        if rule.name in ("django-allauth", "djoser"):
            found = _installed(project, unit, *rule.modules)
            if found:
                proof, best = wiring.best(project, found)
                yield Way(rule.value, best, proof, order=16)
    social: dict[str, Place] = {}
    for module in mentioning(project, unit, "allauth.socialaccount.providers.", "social_core.backends."):
        for spot in wiring.spots(module):
            for node in wiring.walk(spot.node):
                match = (
                    re.match(r"(?:allauth\.socialaccount\.providers|social_core\.backends)\.(\w+)", str(node.value))
                    if node.kind == "string"
                    else None
                )
                if match is not None:
                    social.setdefault(match[1], Place(module.path, node.line))
    if social:
        proof, best = wiring.best(project, social.values())
        yield finding("social", ", ".join(social), proof, best)
    for module in mentioning(project, unit, "token_blacklist"):
        for spot in wiring.spots(module):
            for node in wiring.walk(spot.node):
                if node.kind == "string" and node.value == "rest_framework_simplejwt.token_blacklist":
                    yield finding(
                        "revocation",
                        "token_blacklist app (simplejwt)",
                        project.proof(module.path),
                        [Place(module.path, node.line)],
                    )
                    return


def _engine(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say where Django keeps its sessions, if that is set."""
    engine = setting(project, unit, "SESSION_ENGINE")
    if engine is not None:
        name = str(engine[0]).rpartition(".")[2]
        yield finding("session", f"django sessions in {name}", project.proof(engine[1].path), [engine[1]])


def _installed(project: Project, unit: Unit, *names: str) -> list[Place]:
    """Give the places that name an application in `INSTALLED_APPS`."""
    found = [
        Place(module.path, node.line)
        for module in mentioning(project, unit, "INSTALLED_APPS")
        for spot in wiring.spots(module)
        for node in wiring.walk(spot.node)
        if node.kind == "string" and any(f"{node.value}.".startswith(f"{name}.") for name in names)
    ]
    return list(dict.fromkeys(found))


# -- FastAPI ----------------------------------------------------------------------------------------------------------


def _fastapi(project: Project, unit: Unit) -> Iterator[Way | Finding]:
    found = uses_of(project, unit, rules()["fastapi-users"])
    if found:
        parts = [
            said
            for name, said in {
                "JWTStrategy": "JWT",
                "DatabaseStrategy": "tokens in the database",
                "RedisStrategy": "tokens in Redis",
                "BearerTransport": "bearer",
                "CookieTransport": "cookie",
            }.items()
            if any(use.origin.endswith(name) for use in found)
        ]
        proof, places = wiring.best(project, [use.place for use in found])
        yield Way(f"fastapi-users ({', '.join(parts)})" if parts else "fastapi-users", places, proof, order=12)
        for use in found:
            lasts = wiring.keyword(use.spot, "lifetime_seconds")
            if lasts is not None and use.origin.endswith("Strategy"):
                read = length(project, lasts.module, lasts.node, lasts.function)
                yield finding("token_lifetime_access", str(read), proof, [read.place, use.place])
    basic = [
        project.place(module, call)
        for module in importing_any(project, unit, "fastapi")
        for call in module.calls
        if project.origin(module, call.node.items[0], call.function)
        in ("fastapi.security.HTTPBasic", "fastapi.security.http.HTTPBasic")
    ]
    if basic:
        proof, places = wiring.best(project, basic)
        yield Way("basic (fastapi.security)", places, proof, order=40)
    for module in importing_any(project, unit, "starlette.middleware.sessions", "fastapi.middleware"):
        for call in module.calls:
            node = call.node
            handed = [project.origin(module, item, call.function) for item in (node.items[0], *node.arguments[:1])]
            if any(origin.endswith("sessions.SessionMiddleware") for origin in handed):
                age = wiring.fold(project, wiring.keyword(Spot(module, node, call.function), "max_age"))
                seconds = seconds_of(age.value, 1) if age is not None and age.known else 14 * 86_400.0
                shown = human(seconds) if seconds else "until the browser closes"
                yield finding(
                    "session",
                    f"signed cookie (starlette SessionMiddleware), {shown}",
                    project.proof(module.path),
                    [project.place(module, call)],
                )
    social: dict[str, Place] = {}
    for module in importing_any(project, unit, "authlib.integrations"):
        for call in module.calls:
            origin = project.origin(module, call.node.items[0], call.function)
            if origin.startswith("authlib.integrations") and origin.endswith(".register"):
                named = wiring.keyword(Spot(module, call.node, call.function), "name") or wiring.argument(
                    Spot(module, call.node, call.function), 0
                )
                value = wiring.fold(project, named)
                if value is not None and value.known:
                    social.setdefault(str(value.value), project.place(module, call))
    if social:
        proof, places = wiring.best(project, social.values())
        yield Way(f"OAuth with Authlib ({', '.join(social)})", places, proof, order=18)
        yield finding("social", ", ".join(social), proof, places)


def guards(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say what stands before handlers: FastAPI's dependencies, decorators, DRF's permissions."""
    used: dict[str, list[Place]] = {}
    for module in mentioning(project, unit, "Depends("):
        if module.language != "python":
            continue
        for call in module.calls:
            node = call.node
            if node.items[0].dotted.rpartition(".")[2] in ("Depends", "Security") and node.arguments:
                name = node.arguments[0].dotted.rpartition(".")[2]
                if _GUARD.search(name):
                    used.setdefault(f"Depends({name})", []).append(project.place(module, call))
    for module in importing_any(
        project, unit, "flask_login", "flask_jwt_extended", "flask_httpauth", "django.contrib.auth.decorators"
    ):
        for function in module.functions:
            for decorator in function.decorators:
                name = (decorator.items[0] if decorator.kind == "call" else decorator).dotted
                if re.search(r"(login|jwt|auth|permission)_?required$", name):
                    used.setdefault(f"@{name}", []).append(Place(module.path, decorator.line))
    for name, places in used.items():
        proof, best = wiring.best(project, places)
        yield finding("auth_guard", name, proof, best, scope=f"in {len(places)} place{'s' if len(places) > 1 else ''}")
    for module in mentioning(project, unit, "PERMISSION"):
        for _, spot in members(module, re.compile(r"^DEFAULT_PERMISSION_CLASSES$")):
            value = wiring.fold(project, spot)
            names = (
                [str(item).rpartition(".")[2] for item in value.value]
                if value is not None and isinstance(value.value, list)
                else []
            )
            if names and names != ["AllowAny"]:
                yield finding("auth_guard", f"{', '.join(names)} by default", project.proof(module.path), [spot.place])


_GUARD = re.compile(
    r"current_?(active_?)?(super)?_?user|auth|require|verify|token|login|permission|api_?key|admin", re.IGNORECASE
)


def not_pinned(project: Project, tokens: Tokens) -> Iterator[Finding]:
    """Calls that check a token and take any algorithm, or do not check its signature."""
    for token in tokens.every:
        use = token.use
        if token.signs or use.spot.module.language != "python" or token.rule.name not in ("pyjwt", "python-jose"):
            continue
        proof = project.proof(use.place.path)
        if (
            wiring.keyword(use.spot, "algorithms") is None
            and len(use.options) < 3
            and not any(name == "..." for name, _ in use.spot.node.pairs)
        ):
            name = "jwt.decode without algorithms"
            if wiring.keyword(use.spot, "options") is None:
                yield finding("algorithms_not_pinned", name, proof, [use.place])
        options = wiring.fold(project, wiring.keyword(use.spot, "options"))
        if options is not None and isinstance(options.value, dict) and options.value.get("verify_signature") is False:
            yield finding("signature_not_checked", "jwt.decode with verify_signature off", proof, [use.place])


__all__ = ["Proof", "blueprint_prefix", "not_pinned", "setting", "ways"]
