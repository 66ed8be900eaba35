"""Logs, errors, traces, metrics, health endpoints and request ids."""

from __future__ import annotations

import re
from collections.abc import Iterator

from discover.code import Call, Module, Node
from discover.extract.edges import added, installed, plugins, settings, stage, trace
from discover.findings import ABSENT, Finding, Place, Proof, Route, Row
from discover.project import Project, Unit, Value, render
from discover.rules import Rule, evidence, of
from discover.wiring import (
    Mounts,
    Said,
    Spot,
    argument,
    best,
    calls,
    commands,
    concealed,
    condition,
    effects,
    fold,
    follow,
    keyword,
    member,
    mounts_of,
    settled,
    spots,
    walk,
)

HANDLERS = {
    "RotatingFileHandler": "rotating file",
    "TimedRotatingFileHandler": "rotating file",
    "ConcurrentRotatingFileHandler": "rotating file",
    "SMTPHandler": "SMTP",
    "SysLogHandler": "syslog",
    "FileHandler": "file",
    "WatchedFileHandler": "file",
    "StreamHandler": "console",
    "RichHandler": "console",
    "HTTPHandler": "HTTP",
    "QueueHandler": "queue",
}
_TOP = r"^(/?api)?(/v\d+)?/?"
HEALTH = re.compile(
    r"(^|/)_?(health[-_]?z?|health[-_]?checks?|livez|readyz|liveness|readiness|heartbeat)"
    r"(/(live|ready|liveness|readiness|check|db|status|startup)(ness|z)?)?/?$"
    rf"|{_TOP}(live|ready|alive|ping|status|up)/?$",
    re.IGNORECASE,
)
REQUEST_IDS = re.compile(r"^(x-request-id|x-correlation-id|request-id|correlation-id|x-trace-id)$", re.IGNORECASE)
CONSOLE = frozenset({"console.log", "console.info", "console.warn", "console.error", "console.debug"})
PRINT = "print"


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find how a backend is watched."""
    yield from loggers(project, unit)
    for key in ("access_log", "errors", "tracing"):
        for rule in of(Row.LOGS, key):
            yield from simple(project, unit, rule)
    yield from metrics(project, unit)
    yield from health(project, unit)
    yield from request_ids(project, unit)


# -- loggers ----------------------------------------------------------------------------------------------------------


def loggers(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find the loggers, or what is written with instead."""
    found: dict[str, Finding] = {}
    seen: list[Finding] = []
    over: set[str] = set()
    detail: list[Finding] = []
    for rule in of(Row.LOGS, "logger"):
        match rule.extra.get("reader", ""):
            case "fastify":
                items = list(fastify_logger(project, unit, rule)) or list(_fastify_cli(project, unit, rule))
            case "django-app":
                items = list(django_app(project, unit, rule))
            case "standard":
                continue
            case "detail":
                items = trace(project, unit, rule, used=True)
                detail += [item for item in items if item.proof >= Proof.USED]
                continue
            case _:
                items = trace(project, unit, rule, used=True)
        for item in items:
            if item.proof < Proof.USED:
                seen.append(item)
                continue
            found[rule.name] = item
            over.add(str(rule.extra.get("of", "")))
    for name in over & found.keys():
        del found[name]
    if "pino" in found:
        choose(project, unit, found["pino"], "pino")
    if "winston" in found:
        choose(project, unit, found["winston"], "winston")
    for name, item in found.items():
        if name == "pino" and (http := _used(project, unit, "pino-http")) is not None:
            item.value = "pino + pino-http"
            item.places = [*item.places[:3], *http.places[:2]]
        yield item
    yield from seen
    if found:
        return
    standard = standard_logging(project, unit, detail)
    if standard is not None:
        yield standard
    elif (written := console(project, unit)) is not None:
        yield written


def _used(project: Project, unit: Unit, name: str) -> Finding | None:
    rule = next((rule for rule in of(Row.LOGS) if rule.name == name), None)
    found = evidence(project, unit, rule) if rule is not None else None
    return found if found is not None and found.proof >= Proof.USED else None


def choose(project: Project, unit: Unit, found: Finding, name: str) -> None:
    """Say which setting chooses a logger that is imported while running: `await import("./impl/pino")`."""
    paths = {place.path for place in found.places}
    for module in project.mentioning(unit, "import("):
        targets = {project.target(module, brought.module) for brought in module.imports if brought.dynamic}
        if not targets & paths:
            continue
        for node in module.bindings.values():
            value = project.fold(module, node)
            if value.known and value.env and value.value == name:
                found.note = f"chosen by {value.env}"
                found.places.insert(0, Place(module.path, node.line))


def fastify_logger(project: Project, unit: Unit, rule: Rule) -> Iterator[Finding]:
    """Read `Fastify({logger: …})`: pino is part of Fastify."""
    for use in calls(project, unit, rule):
        option = member(project, argument(use.spot, 0), "logger", "loggerInstance")
        value = fold(project, option)
        if option is None or value is None or (value.known and value.value in (False, None) and value.value != {}):
            continue
        said = Said(rule.value, [option.place], condition=condition(use.conditions))
        level = _level(project, option)
        if level is not None:
            said.note = f'level "{level.value}" unless {level.env} is set' if level.env else f'level "{level.value}"'
        if follow(project, option).node.kind == "conditional" or (value.known and value.env):
            said.note = said.note or f"if {concealed(render(option.node))}"
        yield said.finding(project, rule)


def _fastify_cli(project: Project, unit: Unit, rule: Rule) -> Iterator[Finding]:
    """Read `fastify start -l info app.js`."""
    places = commands(project, unit, "fastify start")
    script = next((text for text in unit.scripts.values() if "fastify start" in text), "")
    level = re.search(r"(?:^|\s)(?:-l|--log-level)[= ](\w+)", script)
    if places and level:
        yield Said(rule.value, places, note=f'level "{level[1]}"').finding(project, rule)


def _level(project: Project, option: Spot) -> Value | None:
    level = fold(project, member(project, settled(project, option), "level"))
    return level if level is not None and level.known else None


def django_app(project: Project, unit: Unit, rule: Rule) -> Iterator[Finding]:
    """Find a Django app or middleware by its name in the settings."""
    for name in rule.modules:
        if places := installed(project, unit, name):
            yield Said(rule.value, places).finding(project, rule)
            return
    yield from trace(project, unit, rule, used=True)


def standard_logging(project: Project, unit: Unit, detail: list[Finding]) -> Finding | None:
    """Find Python's own logging, with the handlers that it writes to."""
    handlers: dict[str, list[Place]] = {}
    configured: list[Place] = []
    asked: list[Place] = []
    for module in project.importing(unit, "logging"):
        if "alembic" in project.packages(module) or _aside(module.path):
            continue
        for call in module.calls:
            source = project.origin(module, call.node.items[0], call.function)
            last = source.rpartition(".")[2]
            place = Place(module.path, call.node.line)
            if last in HANDLERS:
                handlers.setdefault(HANDLERS[last], []).append(place)
            elif source in ("logging.basicConfig", "logging.config.dictConfig", "logging.config.fileConfig"):
                configured.append(place)
                if source.endswith("dictConfig"):
                    given = argument(Spot(module, call.node, call.function), 0)
                    held = settled(project, given) if given is not None else None
                    if held is not None and held.node.kind == "object":
                        _named_handlers(held.module, handlers, held.node)
                    else:
                        _named_handlers(module, handlers)
            elif source.startswith("logging.") and last in (
                "getLogger",
                "info",
                "warning",
                "error",
                "debug",
                "exception",
            ):
                asked.append(place)
    for module, _, node in settings(project, unit, "LOGGING"):
        if node.kind == "object":
            configured.append(Place(module.path, node.line))
            _named_handlers(module, handlers, node)
    if not (handlers or configured or asked):
        return None
    rule = next(rule for rule in of(Row.LOGS, "logger") if rule.extra.get("reader") == "standard")
    order = ["SMTP", "syslog", "rotating file", "file", "HTTP", "queue", "console"]
    kinds = [kind for kind in order if kind in handlers]
    value = f"{rule.value}, {', '.join(kinds)}" if kinds else rule.value
    places = [place for kind in kinds for place in handlers[kind][:1]] + configured + asked
    if detail:
        value = value.replace("standard logging", "standard logging as JSON", 1)
        places += detail[0].places[:1]
    note = "" if handlers or configured else "no handler is set"
    return Said(value, places, note=note).finding(project, rule)


def _named_handlers(module: Module, handlers: dict[str, list[Place]], node: Node | None = None) -> None:
    """Find the handlers that a configuration names as text: `"class": "logging.StreamHandler"`."""
    every = [node] if node is not None else [spot.node for spot in spots(module)]
    for top in every:
        for item in walk(top):
            for key, value in item.pairs:
                last = str(value.value).rpartition(".")[2]
                if key == "class" and value.kind == "string" and last in HANDLERS:
                    place = Place(module.path, value.line)
                    if place not in handlers.setdefault(HANDLERS[last], []):
                        handlers[HANDLERS[last]].append(place)


def console(project: Project, unit: Unit) -> Finding | None:
    """Find what a backend without a logger writes with."""
    rule = next(rule for rule in of(Row.LOGS, "logger") if rule.extra.get("reader") == "standard")
    if any(True for _ in project.importing(unit, "@nestjs/core")):
        places = [
            Place(module.path, call.node.line)
            for module in project.importing(unit, "@nestjs/core")
            for call in module.calls
            if call.node.items[0].dotted == "NestFactory.create"
        ]
        if places:
            places.sort(key=lambda place: not re.search(r"(^|/)main\.\w+$", place.path))
            proof, places = best(project, places)
            return Finding(rule.row, rule.key, f"{ABSENT} (Nest default)", proof, places)
    places = []
    for module in project.mentioning(unit, "console.", "print("):
        if "use client" in module.directives or module.path.endswith((".tsx", ".jsx", ".vue")) or _aside(module.path):
            continue
        words = {PRINT} if module.language == "python" else CONSOLE
        places += [Place(module.path, call.node.line) for call in module.calls if call.node.items[0].dotted in words]
    places = [place for place in places if project.proof(place.path) is Proof.RUNS] or places
    if not places:
        return None
    proof, places = best(project, places)
    word = "print" if places[0].path.endswith(".py") else "console"
    return Finding(rule.row, rule.key, f"{ABSENT} ({word})", proof, places)


def _aside(path: str) -> bool:
    return bool(re.search(r"(^|/)(scripts?|seeds?|migrations?|bin|tools?|frontend|client)(/|\.)|\.config\.", path))


# -- access logs, errors, traces --------------------------------------------------------------------------------------


def simple(project: Project, unit: Unit, rule: Rule) -> Iterator[Finding]:
    """Say that a technology is used, and under which condition."""
    found = next(iter(trace(project, unit, rule, used=True)), None)
    places = effects(project, unit, *rule.extra["effects"]) if "effects" in rule.extra else []
    places += [place for command in rule.extra.get("commands", []) for place in commands(project, unit, command)]
    if found is None:
        return
    if found.proof < Proof.USED and places:
        found.proof, found.places = best(project, places)
        found.proof = max(found.proof, Proof.USED)
    if found.proof >= Proof.USED:
        conditions = [use.call.conditions for use in calls(project, unit, rule) if use.spot.place in found.places]
        if conditions and all(conditions):
            found.condition = condition(conditions[0])
        elif conditions and (needed := _dsn(project, unit, rule)):
            found.condition = needed
        if found.places and all(re.search(r"settings?/", place.path) for place in found.places):
            found.scope = stage(found.places[0].path)
    yield found


def _dsn(project: Project, unit: Unit, rule: Rule) -> str:
    """Say which setting an error tracker needs: `Sentry.init({dsn: process.env.SENTRY_DSN})`."""
    for use in calls(project, unit, rule):
        first = argument(use.spot, 0)
        option = (
            keyword(use.spot, "dsn")
            or member(project, first, "dsn", "accessToken", "apiKey")
            or (first if first is not None and first.node.kind == "attribute" else None)
        )
        enabled = fold(project, member(project, first, "enabled"))
        if enabled is not None and enabled.known and enabled.value is False and not enabled.env:
            return "off (enabled: false)"
        given = member(project, first, "enabled")
        if given is not None and enabled is not None and not enabled.known:
            return condition([render(given.node, 80)])
        value = fold(project, option)
        if value is not None and value.env:
            return f"only with {value.env}"
    return ""


# -- metrics ----------------------------------------------------------------------------------------------------------


def metrics(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find what counts, and at which path it is read."""
    mounts = mounts_of(project, unit)
    items: list[tuple[Rule, Finding]] = []
    for rule in of(Row.LOGS, "metrics"):
        given = (
            list(django_app(project, unit, rule))
            if rule.extra.get("reader") == "django-app"
            else trace(project, unit, rule, used=True)
        )
        items += [(rule, item) for item in given]
    used = [(rule, item) for rule, item in items if item.proof >= Proof.USED]
    for rule, item in items:
        if item.proof >= Proof.USED and rule.name in ("prom-client", "prometheus-client") and len(used) > 1:
            others = [other for other, _ in used if other.extra.get("path") and other is not rule]
            if others:
                continue
        if item.proof >= Proof.USED and "statsd" not in rule.value:
            found = metrics_path(project, unit, rule, mounts)
            if found is not None:
                item.value = f"{rule.value} at {found[0]}"
                if found[1] is not None:
                    item.places = [found[1], *(place for place in item.places if place != found[1])]
        yield item


def metrics_path(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> tuple[str, Place | None] | None:
    """Give the path of the metrics: an option, a route that is called so, or the technology's default."""
    for use in calls(project, unit, rule) if rule.extra.get("options") else ():
        for key in rule.extra["options"]:
            value = fold(project, keyword(use.spot, key) or member(project, argument(use.spot, 0), key))
            if value is not None and value.known and isinstance(value.value, str):
                return _slash(value.value), use.spot.place
    for options, place, _ in plugins(project, unit, rule) if rule.npm else ():
        value = fold(project, member(project, options, "endpoint"))
        if value is not None and value.known and isinstance(value.value, str):
            return _slash(value.value), place
    if rule.extra.get("path"):
        return str(rule.extra["path"]), None
    routed = [(route.path, route.place) for route in mounts.routes.values() if "metrics" in route.path.lower()]
    if not routed:
        routed = [
            (mount.path, mount.place)
            for mount in mounts.mounted()
            if "metrics" in mount.path.lower() and mount.verb in ("get", "use", "all")
        ]
    if not routed:
        routed = list(_python_metrics(project, unit))
    routed.sort(key=lambda item: (project.proof(item[1].path) != Proof.RUNS, len(item[0]), item[1]))
    return routed[0] if routed else None


def _slash(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def _python_metrics(project: Project, unit: Unit) -> Iterator[tuple[str, Place]]:
    """Find `app.mount("/metrics", make_asgi_app())`, `app.add_route("/metrics", …)`, `path("metrics", …)`."""
    for module in project.mentioning(unit, "metrics"):
        if module.language != "python":
            continue
        for call in module.calls:
            name = call.node.items[0].dotted.rpartition(".")[2]
            first = call.node.arguments[0] if call.node.arguments else None
            if (
                first is not None
                and first.kind == "string"
                and name in ("mount", "add_route", "route", "get", "path", "re_path", "Mount", "Route")
            ):
                text = str(first.value).strip("^$")
                if re.search(r"(^|/)_?metrics(/|$)", text):
                    yield _slash(text), Place(module.path, call.node.line)


# -- health -----------------------------------------------------------------------------------------------------------


def health(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find the paths at which a backend says whether it is well."""
    mounts = mounts_of(project, unit)
    paths: dict[str, Place] = {}
    library: list[tuple[Rule, Finding]] = []
    for rule in of(Row.LOGS, "health"):
        match rule.extra.get("reader", ""):
            case "paths":
                continue
            case "terminus":
                for use in calls(project, unit, rule):
                    checks = member(project, argument(use.spot, 1), "healthChecks")
                    held = settled(project, checks) if checks is not None else None
                    for key, value in held.node.pairs if held is not None else []:
                        if key.startswith("/"):
                            paths.setdefault(key, Place(use.spot.module.path, value.line))
                library += [(rule, item) for item in trace(project, unit, rule, used=True)]
            case "django-app":
                library += [(rule, item) for item in django_app(project, unit, rule)]
            case _:
                library += [(rule, item) for item in trace(project, unit, rule, used=True)]
                for use in calls(project, unit, rule) if rule.npm else ():
                    for mount in mounts.of(use.spot):
                        paths.setdefault(mounts.path(mount), mount.place)
    for path, place in health_paths(project, unit, mounts):
        paths.setdefault(path, place)
    used = [(rule, item) for rule, item in library if item.proof >= Proof.USED]
    yield from (item for _, item in library if item.proof < Proof.USED)
    known = [str(rule.extra["path"]) for rule, _ in used if rule.extra.get("path")]
    names = ", ".join(str(item.value) for _, item in used)
    listed = ", ".join([*known, *list(paths)[:5]])
    if not (listed or names):
        return
    places = [*paths.values(), *(place for _, item in used for place in item.places)]
    proof, places = best(project, places)
    said = f"{listed} ({names})" if listed and names else listed or names
    yield Finding(Row.LOGS, "health", said, proof, places)


def is_health(path: str) -> bool:
    """Tell whether a path is one at which a backend says whether it is well."""
    return bool(HEALTH.search(path)) and not re.search(r"[:*{\[]", path)


def health_paths(project: Project, unit: Unit, mounts: Mounts) -> Iterator[tuple[str, Place]]:
    """Give the routes whose path says so, shortest first."""
    found: list[tuple[str, Place]] = [
        (route.path, route.place) for route in mounts.routes.values() if _is_health(route)
    ]
    for mount in mounts.mounted():
        strict = mount.verb == "use" and not re.search(r"health|livez|readyz|liveness|readiness", mount.path)
        if mount.verb in ("get", "all", "use") and is_health(mount.path) and not strict:
            path = mounts.path(mount)
            if is_health(path):
                found.append((path, mount.place))
    for module in project.mentioning(unit, "health", "livez", "readyz", "exposeStatusRoute"):
        for call in module.calls:
            name = call.node.items[0].dotted.rpartition(".")[2]
            first = call.node.arguments[0] if call.node.arguments else None
            text = str(first.value).strip("^$") if first is not None and first.kind == "string" else ""
            django = module.language == "python" and name in (
                "path",
                "re_path",
                "url",
                "add_route",
                "add_url_rule",
                "route",
            )
            if django and re.search(r"(^|/)(health|healthz|health-?check|livez|readyz)/?$", text):
                found.append((_slash(text), Place(module.path, call.node.line)))
            option = member(project, argument(Spot(module, call.node, call.function), 1), "exposeStatusRoute")
            value = fold(project, option)
            if option is not None and value is not None and value.known and value.value:
                found.append((value.value if isinstance(value.value, str) else "/status", option.place))
    shortest: dict[Place, str] = {}
    for path, place in found:
        if place not in shortest or len(path) > len(shortest[place]):
            shortest[place] = path
    yield from sorted(((path, place) for place, path in shortest.items()), key=lambda item: (len(item[0]), item[1]))


def _is_health(route: Route) -> bool:
    return route.method in ("GET", "HEAD", "ANY", "ALL") and is_health(route.path)


# -- request ids ------------------------------------------------------------------------------------------------------


def request_ids(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find whether requests have an id, and whether a caller may give it."""
    named: list[Finding] = []
    for rule in of(Row.LOGS, "request_id"):
        match rule.extra.get("reader", ""):
            case "header":
                continue
            case "django-app":
                named += django_app(project, unit, rule)
            case _:
                found = trace(project, unit, rule, used=True)
                if rule.name == "asgi-correlation-id" and not any(item.proof >= Proof.USED for item in found):
                    given = [
                        options.place
                        for options, _, _ in added(project, unit, r"asgi_correlation_id", "CorrelationIdMiddleware")
                    ]
                    found = [Said(rule.value, given).finding(project, rule)] if given else found
                named += found
    yield from named
    if any(item.proof >= Proof.USED for item in named):
        return
    accepted, made = _id_headers(project, unit)
    header = next((rule for rule in of(Row.LOGS, "request_id") if rule.extra.get("reader") == "header"), None)
    if header is None:
        return
    if accepted:
        name, places = next(iter(accepted.items()))
        yield Said(f"{name} accepted from the caller", places).finding(project, header)
    elif made:
        name, places = next(iter(made.items()))
        yield Said(f"{name} made for each request", places).finding(project, header)


def _id_headers(project: Project, unit: Unit) -> tuple[dict[str, list[Place]], dict[str, list[Place]]]:
    """Give the headers with an id that are read from a request, and those that are only written."""
    accepted: dict[str, list[Place]] = {}
    made: dict[str, list[Place]] = {}
    words = [
        f"{first}{second}"
        for first in ("x-", "X-")
        for second in (
            "request-id",
            "Request-Id",
            "Request-ID",
            "correlation-id",
            "Correlation-Id",
            "Correlation-ID",
            "trace-id",
        )
    ]
    for module in project.mentioning(unit, *words, "requestIdHeader", "HTTP_X_REQUEST_ID"):
        if "use client" in module.directives or project.packages(module) & {
            "axios",
            "react",
            "vue",
            "ky",
            "@angular/core",
        }:
            continue
        written = {id(assignment.target) for assignment in module.assignments}
        for spot in spots(module):
            for item in walk(spot.node):
                if (
                    item.kind == "index"
                    and id(item) not in written
                    and _id_name(item.items[1])
                    and "eader" in render(item.items[0])
                ):
                    accepted.setdefault(_id_name(item.items[1]), []).append(Place(module.path, item.line))
        for assignment in module.assignments:
            if assignment.target.kind == "index" and (name := _id_name(assignment.target.items[1])):
                made.setdefault(name, []).append(Place(module.path, assignment.line))
        for call in module.calls:
            _id_call(project, module, call, accepted, made)
    for places in accepted.values():
        places[:] = list(dict.fromkeys(places))
    return accepted, made


def _id_name(node: Node) -> str:
    text = str(node.value) if node.kind == "string" else ""
    if text == "HTTP_X_REQUEST_ID":
        return "x-request-id"
    return text.lower() if REQUEST_IDS.match(text) else ""


def _id_call(
    project: Project, module: Module, call: Call, accepted: dict[str, list[Place]], made: dict[str, list[Place]]
) -> None:
    callee, arguments = call.node.items[0], call.node.arguments
    place = Place(module.path, call.node.line)
    option = member(project, argument(Spot(module, call.node, call.function), 0), "requestIdHeader")
    value = fold(project, option)
    if value is not None and value.known and isinstance(value.value, str):
        accepted.setdefault(value.value.lower(), []).append(place)
    if callee.kind != "attribute" or not arguments or not (name := _id_name(arguments[0])):
        return
    holder = render(callee.items[0])
    if (
        callee.value in ("get", "header", "getHeader", "getheader")
        and len(arguments) < 3
        and not re.search(r"res(ponse)?\b|reply", holder)
    ):
        accepted.setdefault(name, []).append(place)
    elif callee.value in ("set", "setHeader", "append", "header"):
        made.setdefault(name, []).append(place)
