"""The edges of a backend: CORS, security headers, CSRF, sanitising, proxies and upload limits."""

# ruff: noqa: ARG001 - every reader is asked in the same way

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from discover.code import Module, Node
from discover.findings import ABSENT, Finding, Place, Proof, Row
from discover.project import Project, Unit, normal, render
from discover.rules import Rule, evidence, of
from discover.wiring import (
    Mount,
    Mounts,
    Said,
    Spot,
    Use,
    argument,
    best,
    calls,
    commands,
    condition,
    fold,
    follow,
    handed,
    keyword,
    member,
    mounts_of,
    origin,
    packages,
    setting,
    size,
    spots,
    walk,
)

KEYS = ("cors", "helmet", "headers", "csrf", "sanitise", "trust_proxy", "upload_limit")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
ALLOW_ORIGIN = "access-control-allow-origin"

Reader = Callable[[Project, Unit, Rule, Mounts], Iterator[Finding]]


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find what stands between callers and the operations."""
    mounts = mounts_of(project, unit)
    for key in KEYS:
        found = []
        for rule in of(Row.EDGES, key):
            found += read(project, unit, rule, mounts)
        yield from together(project, found) if key == "sanitise" else found


def read(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> list[Finding]:
    """Read what one technology is told; where no use is found, say how far it goes instead."""
    reader = READERS.get((rule.key, rule.extra.get("reader", "")))
    if reader is None:
        return trace(project, unit, rule, used=True)
    return list(reader(project, unit, rule, mounts)) or trace(project, unit, rule)


def trace(project: Project, unit: Unit, rule: Rule, *, used: bool = False) -> list[Finding]:
    """Say how far a technology goes. Where a reader saw no use of it, a call alone is none."""
    if rule.extra.get("builtin") and not used:
        return []
    found = evidence(project, unit, rule)
    if found is not None and found.proof is Proof.IMPORTED and used and (places := handed(project, unit, rule)):
        found.proof, found.places = best(project, places)
    if found is None or (rule.extra.get("builtin") and found.proof < Proof.USED):
        return []
    if not used:
        found.proof = min(found.proof, Proof.IMPORTED)
    return [found]


def together(project: Project, found: list[Finding]) -> Iterator[Finding]:
    """Say what belongs together in one phrase."""
    used = [item for item in found if item.proof >= Proof.USED]
    yield from (item for item in found if item.proof < Proof.USED)
    if used:
        proof, places = best(project, (item.places[0] for item in used))
        yield Finding(used[0].row, used[0].key, ", ".join(str(item.value) for item in used), proof, places)


def scope(mounts: Mounts, found: list[Mount]) -> str:
    """Say where something is mounted; `` for everywhere, or where that is not known."""
    paths: list[str] = []
    routes: list[str] = []
    for mount in found:
        path = mounts.path(mount)
        if mount.verb in ("use", "all") and path in ("", "/", "*", "/*", "(.*)"):
            return ""
        if mount.verb == "use":
            paths.append(path)
        elif mount.verb != "options":
            routes.append(f"{mount.verb.upper()} {path}")
    said = []
    if paths:
        said.append(f"only {', '.join(list(dict.fromkeys(paths))[:4])}")
    routes = list(dict.fromkeys(routes))
    if routes:
        listed = ", ".join(routes[:5]) + (", …" if len(routes) > 5 else "")
        said.append(f"one route only: {listed}" if len(routes) == 1 else f"{len(routes)} routes: {listed}")
    return "; ".join(said)


def around(use: Use, found: Iterable[Mount]) -> str:
    """Say when something holds: the conditions around it and around the place where it is mounted."""
    inner = [mount.call.conditions for mount in found if mount.call.node is not use.call.node]
    every = [*use.conditions, *(inner[0] if inner and all(item == inner[0] for item in inner) else ())]
    return condition(every)


# -- CORS -------------------------------------------------------------------------------------------------------------


def origins(project: Project, spot: Spot, depth: int = 0) -> str:
    """Say which origins an option lets in."""
    found = follow(project, spot)
    node = found.node
    if node.kind == "conditional" and depth < 3:
        sides = [origins(project, Spot(found.module, item, found.function), depth + 1) for item in node.items[1:]]
        if "any origin" in sides:
            return "from configuration, * possible"
        return f"{sides[0]}, or {sides[1]}" if sides[0] != sides[1] else sides[0]
    if node.kind == "regex":
        return f"origins that match {node.value}"
    if node.kind == "function":
        return _decided(project, found) if depth < 2 else "decided by a function"
    if node.kind == "array" and node.items:
        kinds = [follow(project, Spot(found.module, item, found.function)) for item in node.items]
        values = [fold(project, kind) for kind in kinds]
        known = [str(value.value) for value in values if value is not None and value.known]
        from_env = [value.env for value in values if value is not None and value.env]
        if "*" in known:
            return "any origin"
        return _listed(len(node.items), known, ", ".join(dict.fromkeys(from_env)))
    value = project.fold(spot.module, spot.node, spot.function)
    if value.known:
        match value.value:
            case True:
                return "any origin (reflected)"
            case False | None:
                return "no origin (off)"
            case "*":
                return f"any origin (default of {value.env})" if value.env else "any origin"
            case str():
                return f"one origin from {value.env}" if value.env else f"one origin: {value.value}"
            case list():
                if "*" in value.value:
                    return f"any origin (default of {value.env})" if value.env else "any origin"
                return _listed(len(value.value), [str(item) for item in value.value], value.env)
    if value.env:
        several = re.search(r"\.split\(|\.list\(|json\.loads|JSON\.parse", render(node, 400))
        return f"whitelist from {value.env}" if several else f"one origin from {value.env}"
    text = render(node, 200)
    if (name := setting(text)) and not (node.kind == "call" and node.items[0].kind == "name"):
        return f"origins from {name}"
    return str(value)


def _listed(count: int, known: list[str], env: str) -> str:
    said = NUMBERS[count] if count < len(NUMBERS) else str(count)
    shown = ", ".join(known[:4]) + (", …" if len(known) > 4 else "")
    if env:
        return f"whitelist from {env}" + (f" (default: {said} origins: {shown})" if shown else "")
    if count == 1:
        return f"one origin: {shown}" if shown else "one origin"
    return f"whitelist of {said}" + (f": {shown}" if shown else "")


def _decided(project: Project, spot: Spot) -> str:
    """Say which origins a function lets in: those of the list that it looks into."""
    function = spot.module.function(spot.node)
    for call in spot.module.calls_in(function.number) if function is not None else []:
        callee = call.node.items[0]
        if callee.kind == "attribute" and callee.value in ("includes", "indexOf", "some", "has", "find", "test"):
            held = origins(project, Spot(spot.module, callee.items[0], call.function), 2)
            if held.startswith(("whitelist", "one origin", "any origin")):
                return f"{held}, by a function"
    return "decided by a function"


def allowed(project: Project, options: Spot | None, default: str = "any origin") -> str:
    """Say what a CORS middleware's options let in, with credentials or without."""
    if options is not None and follow(project, options).node.kind == "function":
        return _decided(project, follow(project, options))
    given = member(
        project, options, "origin", "origins", "allow_origins", "allow_origin", "allowOrigins", "allowedOrigins"
    )
    pattern = member(project, options, "allow_origin_regex")
    said = (
        origins(project, given) if given is not None else origins(project, pattern) if pattern is not None else default
    )
    if pattern is not None and given is None:
        said = said.replace("one origin:", "origins that match")
    credentials = fold(project, member(project, options, "credentials", "allow_credentials", "supports_credentials"))
    if credentials is not None and credentials.known and credentials.value:
        said = (
            said.replace("any origin", "any origin with credentials", 1)
            if said.startswith("any origin")
            else f"{said}, credentials"
        )
    return said


def cors_middleware(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `cors({…})` of Express, Koa, Hono and their like, and where it is mounted."""
    said: dict[tuple[str, str, str], Said] = {}
    for use in calls(project, unit, rule):
        if "()" in use.origin:
            continue
        found = mounts.of(use.spot)
        if found and all(mount.verb == "options" for mount in found):
            continue
        value = allowed(project, argument(use.spot, 0))
        where, when = scope(mounts, found), around(use, found)
        said.setdefault((value, where, when), Said(value, [], where, when)).places.append(use.spot.place)
    yield from (item.finding(project, rule) for item in said.values())


def plugins(project: Project, unit: Unit, rule: Rule) -> Iterator[tuple[Spot | None, Place, tuple[str, ...]]]:
    """Give the options, places and conditions with which a Fastify plugin is registered, by a call or by autoload."""
    names = packages(rule)

    def ours(spot: Spot) -> bool:
        source = origin(project, spot)
        return (
            any(source == name or source.startswith((f"{name}.", f"{name}/")) for name in names) and "(" not in source
        )

    for module in project.importing(unit, *names):
        for call in module.calls:
            callee = call.node.items[0]
            here = Spot(module, call.node, call.function)
            if callee.kind == "attribute" and callee.value in ("register", "useBodyParser") and call.node.arguments:
                first = argument(here, 0)
                if first is not None and ours(first):
                    yield argument(here, 1), here.place, call.conditions
        default = module.exports.get("default")
        if default is None:
            continue
        wrapped = follow(project, Spot(module, default))
        inner = argument(wrapped, 0) if wrapped.node.kind == "call" else None
        if ours(wrapped) or ours(Spot(module, default)) or (inner is not None and ours(inner)):
            options = module.exports.get("autoConfig") or module.exports.get("options")
            yield (Spot(module, options) if options is not None else None), Place(module.path, default.line), ()


def cors_plugin(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `fastify.register(cors, {…})`."""
    for options, place, conditions in plugins(project, unit, rule):
        value = allowed(project, options, rule.value)
        yield Said(value, [place], "", condition(conditions)).finding(project, rule)


def cors_nest(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `app.enableCors({…})` and `NestFactory.create(…, {cors: …})`."""
    for module in project.mentioning(unit, "enableCors", "NestFactory"):
        for call in module.calls:
            callee = call.node.items[0]
            here = Spot(module, call.node, call.function)
            if callee.kind != "attribute":
                continue
            if callee.value == "enableCors":
                value = allowed(project, argument(here, 0))
                yield Said(value, [here.place], "", condition(call.conditions)).finding(project, rule)
            elif callee.value == "create" and origin(project, Spot(module, callee, call.function)).endswith(
                "NestFactory.create"
            ):
                for number in (1, 2):
                    option = member(project, argument(here, number), "cors")
                    value_of = fold(project, option)
                    if option is None or (value_of is not None and value_of.known and not value_of.value):
                        continue
                    held = option if follow(project, option).node.kind == "object" else None
                    if held is None and value_of is not None and not value_of.known:
                        yield Said(str(value_of), [here.place]).finding(project, rule)
                        continue
                    yield Said(allowed(project, held), [here.place], "", condition(call.conditions)).finding(
                        project, rule
                    )


def cors_hapi(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `Hapi.server({routes: {cors: …}})`."""
    for use in calls(project, unit, rule):
        option = member(project, member(project, argument(use.spot, 0), "routes"), "cors")
        value = fold(project, option)
        if option is None or (value is not None and value.known and not value.value):
            continue
        yield Said(allowed(project, option), [use.spot.place]).finding(project, rule)


def cors_headers(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `Access-Control-Allow-Origin` where code sets it by itself."""
    said: dict[str, Said] = {}
    for module in project.mentioning(unit, "Access-Control-Allow-Origin", ALLOW_ORIGIN):
        for spot in _header_values(module):
            value = origins(project, spot)
            if not value.startswith("no origin"):
                said.setdefault(value, Said(value, [])).places.append(spot.place)
    for item in said.values():
        item.note = "the header is set by hand"
        if not any(place.path.rpartition("/")[2].startswith("next.config") for place in item.places):
            item.scope = f"only in {', '.join(list(dict.fromkeys(place.path for place in item.places))[:3])}"
        yield item.finding(project, rule)


def _header_values(module: Module) -> Iterator[Spot]:
    for call in module.calls:
        callee, arguments = call.node.items[0], call.node.arguments
        name = str(callee.value) if callee.kind in ("attribute", "name") else ""
        if len(arguments) > 1 and str(arguments[0].value).lower() == ALLOW_ORIGIN and arguments[0].kind == "string":
            if name in ("setHeader", "header", "set", "append", "set_header", "add_header"):
                yield Spot(module, arguments[1], call.function)
        elif name in (
            "Response",
            "json",
            "writeHead",
            "next",
            "redirect",
            "NextResponse",
            "set",
            "send",
            "JSONResponse",
        ):
            for item in walk(call.node):
                for key, value in item.pairs:
                    if key.lower() == ALLOW_ORIGIN:
                        yield Spot(module, value, call.function)
    for assignment in module.assignments:
        target = assignment.target
        if target.kind == "index" and str(target.items[1].value).lower() == ALLOW_ORIGIN:
            yield Spot(module, assignment.value, assignment.function)
    for name, node in module.bindings.items():
        if re.search(r"cors|headers", name, re.IGNORECASE):
            for key, value in node.pairs:
                if key.lower() == ALLOW_ORIGIN:
                    yield Spot(module, value)
    if module.path.rpartition("/")[2].startswith("next.config"):
        for spot in spots(module):
            for item in walk(spot.node):
                named = item.get("key")
                value_node = item.get("value")
                if named is not None and value_node is not None and str(named.value).lower() == ALLOW_ORIGIN:
                    yield Spot(module, value_node, spot.function)


def cors_flask(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `CORS(app, …)`, `cors.init_app(app, …)` and `@cross_origin()` of Flask and its like."""
    made: list[Place] = []
    said: dict[tuple[str, str], Said] = {}
    crossed: dict[str, Said] = {}
    for use in calls(project, unit, rule):
        last = use.origin.rpartition(".")[2]
        options = Spot(
            use.spot.module, Node("object", use.spot.node.line, pairs=use.spot.node.pairs), use.spot.function
        )
        if last == "cross_origin" or last == "route_cors":
            value = allowed(project, options)
            crossed.setdefault(value, Said(value, [])).places.append(use.spot.place)
            continue
        if last not in ("CORS", "init_app", "cors"):
            continue
        if last == "CORS" and not use.spot.node.arguments and keyword(use.spot, "app") is None:
            made.append(use.spot.place)
            continue
        resources = member(project, options, "resources")
        held = follow(project, resources) if resources is not None else None
        if held is not None and held.node.kind == "object":
            for path, value_node in held.node.pairs:
                inner = follow(project, Spot(held.module, value_node, held.function))
                value = allowed(project, inner if inner.node.kind == "object" else options)
                where = "" if path in ("/*", "*", r"/.*", "...", "") else f"only {path}"
                said.setdefault((value, where), Said(value, [], where, condition(use.conditions))).places.append(
                    use.spot.place
                )
            continue
        value = allowed(project, options, _flask_default(project, unit))
        said.setdefault((value, ""), Said(value, [], "", condition(use.conditions))).places.append(use.spot.place)
    for item in crossed.values():
        count = len(item.places)
        item.scope = "one route only" if count == 1 else f"{count} routes"
    for item in (*said.values(), *crossed.values()):
        item.places += made
        item.note = rule.name
        yield item.finding(project, rule)


def _flask_default(project: Project, unit: Unit) -> str:
    for module, _, value in settings(project, unit, "CORS_ORIGINS"):
        return origins(project, Spot(module, value))
    return "any origin"


def added(project: Project, unit: Unit, package: str, *names: str) -> Iterator[tuple[Spot, str, tuple[str, ...]]]:
    """Give the uses of an ASGI middleware: its options as an object, its name and the conditions around it."""
    for module in project.mentioning(unit, *names):
        if module.language != "python":
            continue
        for call in module.calls:
            callee = call.node.items[0]
            dotted = callee.dotted.rpartition(".")[2]
            subject = (
                call.node.arguments[0] if dotted in ("add_middleware", "Middleware") and call.node.arguments else callee
            )
            source = origin(project, Spot(module, subject, call.function))
            name = source.rpartition(".")[2]
            if name in names and re.match(package, source):
                yield (
                    Spot(module, Node("object", call.node.line, pairs=call.node.pairs), call.function),
                    name,
                    call.conditions,
                )


def cors_asgi(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `app.add_middleware(CORSMiddleware, …)`."""
    for options, _, conditions in added(project, unit, r"(fastapi|starlette)\.", "CORSMiddleware"):
        value = allowed(project, options, "no origin (the default)")
        yield Said(value, [options.place], "", condition(conditions)).finding(project, rule)


# -- Django's settings ------------------------------------------------------------------------------------------------


def settings(project: Project, unit: Unit, *names: str) -> Iterator[tuple[Module, str, Node]]:
    """Give the values of settings: variables of a module, members of a class, and `app.config["NAME"] = …`."""
    for module in project.mentioning(unit, *names):
        if module.language != "python":
            continue
        for name in names:
            if name in module.bindings:
                yield module, name, module.bindings[name]
            for kind in module.classes:
                for item in kind.members:
                    if item.name == name and item.value is not None and item.value.kind != "function":
                        yield module, name, item.value
        for assignment in module.assignments:
            target = assignment.target
            if target.kind == "index" and target.items[1].value in names:
                yield module, str(target.items[1].value), assignment.value


def installed(project: Project, unit: Unit, dotted: str) -> list[Place]:
    """Give the places where a settings module names a Django app or middleware, as a string of a list."""
    places: list[Place] = []
    for module in project.mentioning(unit, f'"{dotted}', f"'{dotted}"):
        for spot in spots(module) if module.language == "python" else ():
            places += [
                Place(module.path, item.line)
                for item in walk(spot.node)
                if item.kind == "string" and (item.value == dotted or str(item.value).startswith(f"{dotted}."))
            ]
    return list(dict.fromkeys(places))


def stage(path: str) -> str:
    """Say for which stage a settings module is, by its name."""
    name = path.rpartition("/")[2]
    if re.search(r"prod|live|heroku|deploy", name):
        return "in production"
    if re.search(r"dev|local", name):
        return "in development"
    return "in staging" if "stag" in name else ""


def cors_django(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read the settings of corsheaders, per settings module."""
    used = installed(project, unit, "corsheaders")
    if not used:
        return
    by_module: dict[str, dict[str, tuple[Module, Node]]] = {}
    every = (
        "CORS_ALLOW_ALL_ORIGINS",
        "CORS_ORIGIN_ALLOW_ALL",
        "CORS_ALLOWED_ORIGINS",
        "CORS_ORIGIN_WHITELIST",
        "CORS_ALLOWED_ORIGIN_REGEXES",
        "CORS_ORIGIN_REGEX_WHITELIST",
        "CORS_ALLOW_CREDENTIALS",
    )
    for module, name, node in settings(project, unit, *every):
        by_module.setdefault(module.path, {})[name] = (module, node)
    said: list[tuple[str, str, Place]] = []
    for path, named in by_module.items():
        value, line = "", 0
        for name in every[:6]:
            if name not in named:
                continue
            module, node = named[name]
            if name in every[:2]:
                worth = project.fold(module, node)
                if not worth.known:
                    value, line = (
                        origins(project, Spot(module, node)).replace("one origin", "any origin or none"),
                        node.line,
                    )
                elif worth.value:
                    value, line = "any origin" + (f" (default of {worth.env})" if worth.env else ""), node.line
            elif not value:
                value, line = origins(project, Spot(module, node)), node.line
        if not value:
            continue
        if "CORS_ALLOW_CREDENTIALS" in named and project.fold(*named["CORS_ALLOW_CREDENTIALS"]).value is True:
            value = (
                value.replace("any origin", "any origin with credentials", 1)
                if value.startswith("any origin")
                else f"{value}, credentials"
            )
        said.append((value, stage(path), Place(path, line)))
    stages = {where for _, where, _ in said}
    if not said:
        said = [("no origin (corsheaders without a setting)", "", used[0])]
    said.sort(key=lambda item: item[1])
    parts = [f"{value} {where or 'in base'}" if len(stages) > 1 or where else value for value, where, _ in said]
    places = [place for _, _, place in said]
    where = ""
    for module, _, node in settings(project, unit, "CORS_URLS_REGEX"):
        value_of = project.fold(module, node)
        where = f"only {value_of.value}" if value_of.known else ""
    yield Said("; ".join(dict.fromkeys(parts)), [*places, *used], where, note="corsheaders").finding(project, rule)
    listed = next((unit.pypi[name] for name in unit.pypi if name in map(normal, rule.pypi)), None)
    if listed is not None and listed.name != "django-cors-headers":
        proof, _ = best(project, used)
        yield Finding(rule.row, "cors_package", f"{listed.name}, module corsheaders", proof, [listed.place, *used[:2]])


def headers_django(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read Django's SecurityMiddleware and what it is told."""
    used = installed(project, unit, "django.middleware.security.SecurityMiddleware")
    if not used:
        return
    parts = ["SecurityMiddleware"]
    places = []
    words = {"SECURE_SSL_REDIRECT": "SSL redirect", "SECURE_HSTS_SECONDS": "HSTS"}
    for module, name, node in settings(project, unit, *words):
        value = project.fold(module, node)
        if value.known and value.value:
            amount = f" of {value.value} s" if name == "SECURE_HSTS_SECONDS" else ""
            parts.append(" ".join(filter(None, (f"{words[name]}{amount}", stage(module.path)))))
            places.append(Place(module.path, node.line))
    yield Said(", ".join(dict.fromkeys(parts)), [*places, *used]).finding(project, rule)


def csrf_django(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read whether Django's CSRF middleware is on."""
    if used := installed(project, unit, "django.middleware.csrf.CsrfViewMiddleware"):
        yield Said("Django CsrfViewMiddleware", used).finding(project, rule)


def proxy_django(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read which proxy headers Django believes."""
    for module, name, node in settings(project, unit, "SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST"):
        value = project.fold(module, node)
        if value.known and not value.value:
            continue
        yield Said(name, [Place(module.path, node.line)], stage(module.path)).finding(project, rule)


def upload_settings(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read Django's and Flask's settings of what a request may weigh."""
    words = {
        "DATA_UPLOAD_MAX_MEMORY_SIZE": "body",
        "FILE_UPLOAD_MAX_MEMORY_SIZE": "of a file in memory",
        "MAX_CONTENT_LENGTH": "body",
    }
    if rule.name == "flask-content-length":
        words = {"MAX_CONTENT_LENGTH": "body"}
    else:
        del words["MAX_CONTENT_LENGTH"]
    for module, name, node in settings(project, unit, *words):
        value = project.fold(module, node)
        if value.known and value.value is None:
            continue
        text = f"{size(value.value)} {words[name]}" if value.known else str(value)
        yield Said(f"{text} ({name})", [Place(module.path, node.line)]).finding(project, rule)


# -- headers ----------------------------------------------------------------------------------------------------------

SHORT = {
    "contentSecurityPolicy": "CSP",
    "strictTransportSecurity": "HSTS",
    "hsts": "HSTS",
    "crossOriginEmbedderPolicy": "COEP",
    "crossOriginOpenerPolicy": "COOP",
    "crossOriginResourcePolicy": "CORP",
}


def helmet_value(project: Project, options: Spot | None, name: str) -> str:
    """Say which parts of helmet are switched off."""
    off = []
    held = follow(project, options) if options is not None else None
    for key, value in held.node.pairs if held is not None else []:
        worth = project.fold(held.module, value, held.function) if held is not None else None
        if worth is not None and worth.known and worth.value is False and key not in ("global", "enableCSPNonces"):
            off.append(SHORT.get(key, key))
    return f"{name.removesuffix('()').removesuffix(' defaults')} without {', '.join(off)}" if off else name


def helmet_middleware(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `helmet({…})`, or which parts of it are used alone."""
    whole: dict[tuple[str, str, str], Said] = {}
    pieces: dict[str, Place] = {}
    names = packages(rule)
    for use in calls(project, unit, rule):
        rest = next((use.origin[len(name) :] for name in names if use.origin.startswith(name)), "")
        if use.origin in names or rest in (".default", ".helmet") or rule.name == "hono-secure-headers":
            found = mounts.of(use.spot)
            value = helmet_value(project, argument(use.spot, 0), rule.value)
            key = (value, scope(mounts, found), around(use, found))
            whole.setdefault(key, Said(value, [], key[1], key[2])).places.append(use.spot.place)
        elif re.fullmatch(r"\.\w+", rest):
            pieces.setdefault(rest[1:], use.spot.place)
    if whole:
        for item in whole.values():
            item.note = "CSP off" if " CSP" in item.value else ""
            yield item.finding(project, rule)
    elif pieces:
        listed = list(pieces)
        text = " and ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)
        yield Said(f"{text} only", list(pieces.values())).finding(project, rule)


def helmet_plugin(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `fastify.register(helmet, {…})`."""
    for options, place, conditions in plugins(project, unit, rule):
        yield Said(helmet_value(project, options, rule.value), [place], "", condition(conditions)).finding(
            project, rule
        )


def lusca(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read which parts of lusca are used: its CSRF check, and its headers."""
    parts: dict[str, list[Place]] = {}
    for use in calls(project, unit, rule):
        if use.origin == "lusca":
            options = argument(use.spot, 0)
            held = follow(project, options) if options is not None else None
            for key, value in held.node.pairs if held is not None else []:
                worth = project.fold(held.module, value, held.function) if held is not None else None
                if worth is not None and worth.known and worth.value is False:
                    continue
                parts.setdefault(key, []).append(use.spot.place)
        elif use.origin.startswith("lusca.") and "(" not in use.origin:
            parts.setdefault(use.origin.removeprefix("lusca."), []).append(use.spot.place)
    if "csrf" in parts:
        yield Said("lusca", parts["csrf"]).finding(project, rule)
    sets = [
        part for part in parts if part in ("xframe", "xssProtection", "csp", "hsts", "nosniff", "p3p", "referrerPolicy")
    ]
    if sets:
        proof, places = best(project, (place for part in sets for place in parts[part]))
        yield Finding(rule.row, "headers", f"lusca: {', '.join(sets)}", proof, places)
        if not any(
            item.proof >= Proof.USED for other in of(Row.EDGES, "helmet") for item in read(project, unit, other, mounts)
        ):
            yield Finding(rule.row, "helmet", f"{ABSENT} (lusca: {', '.join(sets)})", proof, places)


def headers_asgi(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read Starlette's TrustedHostMiddleware and HTTPSRedirectMiddleware."""
    for options, name, conditions in added(
        project, unit, r"(fastapi|starlette)\.", "TrustedHostMiddleware", "HTTPSRedirectMiddleware"
    ):
        yield Said(name, [options.place], "", condition(conditions)).finding(project, rule)


def headers_next(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read the headers that `next.config` sets."""
    for module in project.modules(unit, "next.config.*"):
        names: dict[str, Place] = {}
        for spot in spots(module):
            for item in walk(spot.node):
                name = item.get("key")
                if name is not None and name.kind == "string" and item.get("value") is not None:
                    text = str(name.value)
                    if re.match(
                        r"X-|Content-Security|Strict-|Referrer-|Permissions-|Cross-Origin", text, re.IGNORECASE
                    ):
                        names.setdefault(text, Place(module.path, name.line))
        if names:
            yield Said(f"{rule.value}: {', '.join(names)}", list(names.values())).finding(project, rule)


# -- CSRF, sanitising -------------------------------------------------------------------------------------------------


def package(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Name the package of a family that is used."""
    found = evidence(project, unit, rule)
    if found is None or found.proof < Proof.USED:
        return
    for use in calls(project, unit, rule):
        if use.spot.place in found.places:
            name = next((name for name in packages(rule) if use.origin.startswith(name)), rule.value)
            found.value = name
            break
    yield found


def flask_wtf(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read CSRFProtect for every route, or the token of each form."""
    everywhere = [
        use.spot.place for use in calls(project, unit, rule) if re.search(r"CSRFProtect|CsrfProtect", use.origin)
    ]
    base = re.compile(r"flask_wtf\.(form\.)?(FlaskForm|Form)")
    forms = [
        Place(module.path, kind.line)
        for module in project.importing(unit, "flask_wtf")
        for kind in module.classes
        if any(base.fullmatch(project.origin(module, item)) for item in kind.bases)
    ]
    off = [
        place
        for module, _, node in settings(project, unit, "WTF_CSRF_ENABLED")
        if (place := Place(module.path, node.line))
        and project.fold(module, node).value is False
        and not re.search(r"class \w*Test", project.text(module.path))
    ]
    if everywhere:
        yield Said("flask-wtf CSRFProtect", [*everywhere, *forms]).finding(project, rule)
    elif forms:
        yield Said("flask-wtf forms", forms, condition="off (WTF_CSRF_ENABLED = False)" if off else "").finding(
            project, rule
        )


def plugin(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read that a Fastify plugin is registered."""
    for _, place, conditions in plugins(project, unit, rule):
        yield Said(rule.value, [place], "", condition(conditions)).finding(project, rule)


# -- proxies and limits -----------------------------------------------------------------------------------------------


def proxy_express(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `app.set("trust proxy", …)`."""
    for module in project.mentioning(unit, "trust proxy"):
        for call in module.calls:
            callee, arguments = call.node.items[0], call.node.arguments
            if (
                callee.kind != "attribute"
                or callee.value not in ("set", "enable")
                or not arguments
                or arguments[0].value != "trust proxy"
            ):
                continue
            here = Spot(module, call.node, call.function)
            yield from _proxy(project, rule, argument(here, 1), here.place, call.conditions)


def _proxy(
    project: Project, rule: Rule, spot: Spot | None, place: Place, conditions: tuple[str, ...]
) -> Iterator[Finding]:
    value = fold(project, spot)
    if value is not None and value.known and value.value in (False, 0, None) and not value.env:
        return
    said = "true" if value is None or value.value is True else str(value)
    if value is not None and value.known and value.value is True and value.env:
        said = f"true (default of {value.env})"
    yield Said(said, [place], "", condition(conditions)).finding(project, rule)


def proxy_option(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `Fastify({trustProxy: …})`, `new Koa({proxy: true})` and `app.proxy = true`."""
    key, name = ("trustProxy", "fastify") if rule.name.startswith("fastify") else ("proxy", "koa")
    for module in project.importing(unit, name):
        for call in module.calls:
            here = Spot(module, call.node, call.function)
            source = origin(project, Spot(module, call.node.items[0], call.function))
            if re.fullmatch(rf"{name}(\.{name}|\.default|\.Fastify)?", source):
                option = member(project, argument(here, 0), key)
                if option is not None:
                    yield from _proxy(project, rule, option, option.place, call.conditions)
        for assignment in module.assignments:
            target = assignment.target
            if (
                name == "koa"
                and target.kind == "attribute"
                and target.value == "proxy"
                and target.items[0].dotted == "app"
            ):
                yield from _proxy(
                    project,
                    rule,
                    Spot(module, assignment.value, assignment.function),
                    Place(module.path, assignment.line),
                    assignment.conditions,
                )


def proxy_call(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `ProxyFix(app, x_for=1)`."""
    for use in calls(project, unit, rule):
        yield Said(rule.value, [use.spot.place], "", condition(use.conditions)).finding(project, rule)


def proxy_asgi(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read uvicorn's ProxyHeadersMiddleware."""
    for options, name, conditions in added(project, unit, r"uvicorn\.", "ProxyHeadersMiddleware"):
        yield Said(name, [options.place], "", condition(conditions)).finding(project, rule)
    if unit.pypi and (places := commands(project, unit, "--proxy-headers")):
        yield Said("uvicorn --proxy-headers", places).finding(project, rule)


def _weight(project: Project, rule: Rule, options: Spot | None) -> tuple[str, Spot] | None:
    for key in rule.extra.get("member", []):
        options = member(project, options, key)
    spot = member(project, options, *rule.extra.get("keys", []))
    value = fold(project, spot)
    if spot is None or value is None:
        return None
    text = size(value.value) + (f" (default of {value.env})" if value.env else "") if value.known else str(value)
    return text, spot


def limits(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read the largest file or body that a middleware takes."""
    body = rule.extra.get("body", False)
    said: dict[str, Said] = {}
    without: list[Place] = []
    for use in calls(project, unit, rule):
        if use.origin.count("(") and not re.search(r"\(\)\.(json|urlencoded|useBodyParser)$", use.origin):
            continue
        first, second = argument(use.spot, 0), argument(use.spot, 1)
        first = member(project, first, "useFactory") or first
        weight = _weight(project, rule, first) or _weight(project, rule, second)
        if weight is None:
            without.append(use.spot.place)
            continue
        what = "body" if body else "per file"
        name = f"body-parser {use.origin.rpartition('.')[2]}" if use.origin.startswith("body-parser") else rule.value
        name = use.origin.replace("()", "") if use.origin.startswith("express") else name
        name = "Nest MulterModule" if "MulterModule" in use.origin else name
        value = f"{weight[0]} {what} ({name})"
        said.setdefault(value, Said(value, [], condition=condition(use.conditions))).places.append(weight[1].place)
    yield from (item.finding(project, rule) for item in said.values())
    if not said and without and not body and rule.name in ("multer", "express-fileupload", "formidable", "busboy"):
        yield Said(f"none ({rule.value} without a size limit)", without).finding(project, rule)


def limits_plugin(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read the largest file that @fastify/multipart takes."""
    for options, place, _ in plugins(project, unit, rule):
        weight = _weight(project, rule, options)
        value = (
            f"{weight[0]} per file ({rule.value})" if weight is not None else f"1 MB per file ({rule.value} default)"
        )
        yield Said(value, [weight[1].place if weight else place]).finding(project, rule)


def limits_next(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `serverActions.bodySizeLimit` and `config.api.bodyParser.sizeLimit`."""
    if "next" not in unit.npm:
        return
    for module in project.mentioning(unit, "bodySizeLimit", "sizeLimit"):
        seen: set[int] = set()
        for spot in spots(module):
            for item in walk(spot.node):
                for key, node in item.pairs:
                    if key in ("bodySizeLimit", "sizeLimit") and node.line not in seen:
                        seen.add(node.line)
                        value = project.fold(module, node, spot.function)
                        text = size(value.value) if value.known else str(value)
                        what = "server actions" if key == "bodySizeLimit" else "body of one route"
                        yield Said(f"{text} ({what}, Next {key})", [Place(module.path, node.line)]).finding(
                            project, rule
                        )


def limits_nginx(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Read `client_max_body_size`."""
    for path in project.files(unit, "nginx*", "*.conf", "*.nginx", "*/nginx/*", root=True):
        for number, line in enumerate(project.text(path).splitlines(), 1):
            if match := re.match(r"\s*client_max_body_size\s+(\w+)\s*;", line):
                yield Finding(
                    rule.row,
                    rule.key,
                    f"{size(match[1])} body (nginx client_max_body_size)",
                    Proof.USED,
                    [Place(path, number)],
                )


READERS: dict[tuple[str, str], Reader] = {
    ("cors", "middleware"): cors_middleware,
    ("cors", "plugin"): cors_plugin,
    ("cors", "nest"): cors_nest,
    ("cors", "hapi"): cors_hapi,
    ("cors", "headers"): cors_headers,
    ("cors", "flask"): cors_flask,
    ("cors", "asgi"): cors_asgi,
    ("cors", "django"): cors_django,
    ("helmet", "middleware"): helmet_middleware,
    ("helmet", "plugin"): helmet_plugin,
    ("headers", "django"): headers_django,
    ("headers", "asgi"): headers_asgi,
    ("headers", "next"): headers_next,
    ("csrf", "lusca"): lusca,
    ("csrf", "package"): package,
    ("csrf", "plugin"): plugin,
    ("csrf", "flask-wtf"): flask_wtf,
    ("csrf", "django"): csrf_django,
    ("sanitise", "package"): package,
    ("trust_proxy", "express"): proxy_express,
    ("trust_proxy", "fastify"): proxy_option,
    ("trust_proxy", "koa"): proxy_option,
    ("trust_proxy", "call"): proxy_call,
    ("trust_proxy", "asgi"): proxy_asgi,
    ("trust_proxy", "django"): proxy_django,
    ("upload_limit", "limits"): limits,
    ("upload_limit", "plugin"): limits_plugin,
    ("upload_limit", "next"): limits_next,
    ("upload_limit", "nginx"): limits_nginx,
    ("upload_limit", "django"): upload_settings,
    ("upload_limit", "flask"): upload_settings,
}
