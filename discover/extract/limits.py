"""Rate limits: how many requests, in which time, where and when."""

# ruff: noqa: ARG001 - every reader is asked in the same way

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from discover.code import Call, Function, Module, Node
from discover.extract.edges import added, around, installed, plugins, scope, settings, stage, trace
from discover.findings import Finding, Place, Proof, Row
from discover.project import Project, Unit, render
from discover.rules import Rule, of
from discover.wiring import (
    Mount,
    Mounts,
    Spot,
    Use,
    argument,
    best,
    calls,
    concealed,
    condition,
    fold,
    follow,
    keyword,
    member,
    milliseconds,
    mounts_of,
    packages,
    rate,
    settled,
    span,
    walk,
)

OWN = re.compile(r"rate_?limit|throttl", re.IGNORECASE)


@dataclass(slots=True)
class Limit:
    """One limit, as it holds somewhere."""

    text: str
    """`20 per 15 min`"""
    places: list[Place] = field(default_factory=list)
    scope: str = ""
    condition: str = ""
    note: str = ""
    mounted: bool = True


Reader = Callable[[Project, Unit, Rule, Mounts], Iterator[Limit]]


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find what a backend limits."""
    mounts = mounts_of(project, unit)
    for rule in of(Row.EDGES, "rate_limit"):
        found = list(READERS[rule.extra["reader"]](project, unit, rule, mounts))
        held = [limit for limit in found if limit.mounted]
        if held:
            yield phrase(project, rule, held)
            yield from single(project, rule, held)
        elif found:
            places = [place for limit in found for place in limit.places]
            note = found[0].note or "made, and mounted nowhere"
            yield Finding(rule.row, rule.key, found[0].text, Proof.IMPORTED, places, note=note)
        else:
            yield from trace(project, unit, rule)


def phrase(project: Project, rule: Rule, found: list[Limit]) -> Finding:
    """Say the limits of one technology: one as it is, several in one phrase."""
    merged: dict[tuple[str, str], Limit] = {}
    for limit in found:
        key = (limit.text, limit.condition)
        if key in merged:
            known = merged[key]
            known.places += limit.places
            known.scope = _joined(known.scope, limit.scope)
        else:
            merged[key] = Limit(limit.text, list(limit.places), limit.scope, limit.condition, limit.note)
    every = sorted(merged.values(), key=lambda limit: bool(limit.scope))
    proof, places = best(project, [place for limit in every for place in limit.places[:2]])
    notes = "; ".join(dict.fromkeys(limit.note for limit in every if limit.note))
    if len(every) == 1:
        only = every[0]
        where = only.scope
        if rule.extra["reader"] in ("middleware", "fastify", "nest", "decorator", "drf") and not where:
            where = "global"
        return Finding(rule.row, rule.key, only.text, proof, places, where, only.condition, notes)
    conditions = {limit.condition for limit in every}
    common = conditions.pop() if len(conditions) == 1 else ""
    parts = []
    for limit in every:
        where = limit.scope.removeprefix("one route only: ") or "global"
        part = f"{limit.text} {where}" if where.startswith(("global", "only")) else f"{limit.text} on {where}"
        parts.append(part + (f" ({limit.condition})" if limit.condition and not common else ""))
    return Finding(rule.row, rule.key, "; ".join(parts), proof, places, "", common, notes)


def _joined(one: str, two: str) -> str:
    """Join two scopes; `` is everywhere, and takes the other in."""
    if not one or not two or one == two:
        return "" if not one or not two else one
    routes = [*_routes(one), *_routes(two)]
    if all(routes) and len(routes) > 1:
        listed = list(dict.fromkeys(routes))
        return f"{len(listed)} routes: {', '.join(listed[:5])}{', …' if len(listed) > 5 else ''}"
    return f"{one}; {two}"


def _routes(text: str) -> list[str]:
    found = re.fullmatch(r"(?:one route only|\d+ routes): (.*)", text)
    return [item for item in found[1].split(", ") if item != "…"] if found else [""]


def single(project: Project, rule: Rule, found: list[Limit]) -> Iterator[Finding]:
    """Name the route, where an own limiter holds for just one."""
    routes = {route for limit in found for route in _routes(limit.scope)}
    if rule.extra["reader"] == "own" and len(routes) == 1 and (route := routes.pop()):
        proof, places = best(project, [place for limit in found for place in limit.places])
        yield Finding(rule.row, "rate_limit_route", route, proof, places)


# -- numbers ----------------------------------------------------------------------------------------------------------


def amount(project: Project, spot: Spot | None, default: int | None) -> tuple[str, str]:
    """Write a number, and the name of the environment that it comes from."""
    value = fold(project, spot)
    if spot is None or value is None:
        return (str(default), "") if default is not None else ("unknown number", "")
    if value.known:
        return f"{value.value:g}" if isinstance(value.value, float) else str(value.value), value.env
    held = follow(project, spot)
    if held.node.kind == "conditional":
        test, *sides = (Spot(held.module, item, held.function) for item in held.node.items)
        values = [fold(project, side) for side in sides]
        if all(side is not None and side.known and not side.env for side in values):
            first, second = (side.value for side in values if side is not None)
            return f"{first} if {concealed(render(test.node, 50))} else {second}", ""
    return str(value), ""


_HELPERS = {"seconds": 1000, "minutes": 60_000, "hours": 3_600_000, "days": 86_400_000, "weeks": 604_800_000}


def length(project: Project, spot: Spot | None, default: int | None, factor: int) -> tuple[str, str]:
    """Write a window, and the name of the environment that it comes from."""
    value = fold(project, spot)
    if spot is None or value is None:
        return (span(default * factor), "") if default is not None else ("unknown window", "")
    held = follow(project, spot)
    if not value.known and held.node.kind == "call" and (first := argument(held, 0)) is not None:
        given = fold(project, first)
        name = held.node.items[0].dotted.rpartition(".")[2]
        if given is not None and given.known and name in _HELPERS and isinstance(given.value, (int, float)):
            return span(given.value * _HELPERS[name]), given.env
        if given is not None and given.known and name == "ms":
            parsed = milliseconds(str(given.value))
            return (span(parsed) if parsed is not None else str(given.value)), given.env
    if not value.known:
        return str(value), ""
    if isinstance(value.value, (int, float)) and not isinstance(value.value, bool):
        return span(value.value * factor), value.env
    parsed = milliseconds(str(value.value))
    return (span(parsed) if parsed is not None else str(value.value)), value.env


def described(project: Project, rule: Rule, options: Spot | None, factor: int | None = None) -> tuple[str, str]:
    """Write the rate that options ask for, and a note on how its window is computed."""
    factor = factor or (1000 if rule.extra.get("seconds") else 1)
    defaults = rule.extra.get("defaults", {})
    numbers, windows = (
        _returned(project, member(project, options, *rule.extra["number"])),
        member(project, options, *rule.extra["window"]),
    )
    number, env = amount(project, numbers, defaults.get("number"))
    window, window_env = length(project, windows, defaults.get("window"), factor)
    names = [name for name in (env, window_env) if name]
    text = rate(number, window)
    if rule.extra.get("verb"):
        text = f"{rule.extra['verb']} {text}"
    if names:
        text += f" (default{'s' if len(names) > 1 else ''} of {', '.join(dict.fromkeys(names))})"
    note = ""
    if window_env and windows is not None:
        note = f"window {concealed(render(windows.node))}"
    return text, note


def _returned(project: Project, spot: Spot | None) -> Spot | None:
    """A number may be given as a function of the request: its last return is the usual one."""
    if spot is None:
        return None
    found = follow(project, spot)
    function = found.module.function(found.node)
    if function is not None and function.returns:
        return Spot(found.module, function.returns[-1], function.number)
    return spot


def bound(node: Node, names: dict[str, Node]) -> Node:
    """Put arguments in the place of parameters."""
    if node.kind == "name" and str(node.value) in names:
        return names[str(node.value)]
    if node.kind in ("function", "class"):
        return node
    return Node(
        node.kind,
        node.line,
        node.value,
        [bound(item, names) for item in node.items],
        [(key, bound(value, names)) for key, value in node.pairs],
    )


def applied(project: Project, options: Spot, factory: Function, mount: Mount) -> Spot:
    """Give a limiter's options with the arguments that its factory is called with at a mount."""
    arguments = mount.through.arguments if mount.through is not None else []
    names: dict[str, Node] = {}
    for parameter, given in zip(factory.parameters, arguments, strict=False):
        if parameter.name:
            names[parameter.name] = given
        for name in parameter.pattern:
            if (value := given.get(name)) is not None:
                names[name] = value
    held = settled(project, options)
    pairs = []
    for key, value in held.node.pairs:
        given_value = follow(project, Spot(held.module, value, held.function)) if value.kind == "name" else None
        function = held.module.function(given_value.node if given_value else value)
        if function is not None and function.returns:
            value = function.returns[-1]
        pairs.append((key, bound(value, names)))
    return Spot(held.module, Node("object", held.node.line, pairs=pairs), held.function)


# -- Express and its like ---------------------------------------------------------------------------------------------


def switch(project: Project, use: Use) -> str:
    """Say whether a factory lets everything pass when a switch is off: `if (!env.ON) return (…) => next()`."""
    function = use.spot.function
    if function == -1:
        return ""
    for call in use.spot.module.calls_in(function):
        if call.node.items[0].dotted != "next" or not call.conditions or call.node is use.call.node:
            continue
        text = call.conditions[-1].strip()
        found = re.fullmatch(r"!\s*\(?([\w.]+)\)?", text)
        if found is None:
            continue
        return off(project, use.spot.module, found[1], function)
    return ""


def off(project: Project, module: Module, dotted: str, function: int) -> str:
    """Say what a switch is by default."""
    first, *rest = dotted.split(".")
    node = Node("name", 0, first)
    for name in rest:
        node = Node("attribute", 0, name, [node])
    value = project.fold(module, node, function)
    name = value.env or rest[-1] if rest else dotted
    if value.known and not value.value:
        return f"off by default ({name}={str(value.value).lower()})"
    return f"on by default, switched by {name}" if value.known else f"only with {name}"


def skipped(project: Project, options: Spot | None) -> str:
    """Say when a limiter's `skip` lets a request pass."""
    spot = member(project, options, "skip")
    if spot is None:
        return ""
    found = follow(project, spot)
    function = found.module.function(found.node)
    if function is None or not function.returns:
        return ""
    return f"not if {concealed(render(function.returns[-1], 80))}"


def middleware(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Limit]:
    """Read `rateLimit({…})` of Express, Koa, Hono and their like, and where each is mounted."""
    for use in calls(project, unit, rule):
        found = mounts.of(use.spot)
        options = argument(use.spot, 0)
        if member(project, options, *rule.extra["number"]) is None and argument(use.spot, 1) is not None:
            options = argument(use.spot, 1)
        through = [mount for mount in found if mount.through is not None]
        when = ", ".join(filter(None, (around(use, found), switch(project, use), skipped(project, options))))
        if through and options is not None and use.spot.function != -1:
            factory = _factory(use, through[0], project)
            for mount in through:
                given = applied(project, options, factory, mount) if factory is not None else options
                text, note = described(project, rule, given)
                yield Limit(text, [mount.place, use.spot.place], scope(mounts, [mount]), when, note)
            continue
        text, note = described(project, rule, options)
        yield Limit(
            text,
            [use.spot.place, *(mount.place for mount in found)],
            scope(mounts, found),
            when,
            note,
            mounted=bool(found) or _referred(project, unit, use),
        )


def _factory(use: Use, mount: Mount, project: Project) -> Function | None:
    if mount.through is None:
        return None
    made = project.find(mount.module, mount.through.items[0], mount.call.function)
    return made[0].function(made[1]) if made[0].path == use.spot.module.path else None


def _referred(project: Project, unit: Unit, use: Use) -> bool:
    """Tell whether a limiter that is mounted in no way that is known is at least spoken of elsewhere."""
    module = use.spot.module
    names = [name for name, node in module.bindings.items() if node is use.spot.node or _holds(node, use.spot.node)]
    names += [name for name, node in module.exports.items() if node is use.spot.node and name != "default"]
    if not names:
        return True
    own = project.text(module.path)
    for name in names:
        if len(re.findall(rf"(?<![\w.]){re.escape(name)}\b", own)) > 2:
            return True
        if any(other.path != module.path for other in project.mentioning(unit, name)):
            return True
    return any(
        brought.name == "default" and project.target(other, brought.module) == module.path
        for other in project.modules(unit)
        for brought in other.imports
    )


def _holds(node: Node, inner: Node) -> bool:
    return node.line == inner.line and node.kind == inner.kind and node.dotted == inner.dotted


def objects(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Limit]:
    """Read `new RateLimiterRedis({points, duration})` and its like, which handlers ask themselves."""
    for use in calls(project, unit, rule):
        options = argument(use.spot, 0)
        if "Redis" in use.origin and member(project, options, *rule.extra["number"]) is None and argument(use.spot, 1):
            options = argument(use.spot, 1)
        text, note = described(project, rule, options)
        found = mounts.of(use.spot)
        yield Limit(text, [use.spot.place], scope(mounts, found), around(use, found), note)


def upstash(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Limit]:
    """Read `Ratelimit.slidingWindow(10, "10 s")`."""
    for use in calls(project, unit, rule):
        first, second = argument(use.spot, 0), argument(use.spot, 1)
        number, env = amount(project, first, None)
        window, _ = length(project, second, None, 1)
        yield Limit(
            rate(number, window) + (f" (default of {env})" if env else ""),
            [use.spot.place],
            "",
            condition(use.conditions),
        )


def fastify(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Limit]:
    """Read the options of @fastify/rate-limit, those of single routes, and `global: false`."""
    registered = list(plugins(project, unit, rule))
    for options, place, conditions in registered:
        everywhere = fold(project, member(project, options, "global"))
        if everywhere is not None and everywhere.known and everywhere.value is False:
            continue
        text, note = described(project, rule, options)
        yield Limit(text, [place], "", condition(conditions), note)
    if not registered:
        return
    for module in project.mentioning(unit, "rateLimit"):
        for call in module.calls:
            for given in call.node.arguments:
                here = Spot(module, given, call.function)
                held = follow(project, here)
                options = (
                    member(project, member(project, held, "config"), "rateLimit")
                    if held.node.kind == "object"
                    else None
                )
                if options is None or options.node.kind != "object":
                    continue
                text, note = described(project, rule, options)
                yield Limit(
                    text, [options.place], _route(project, mounts, module, call), condition(call.conditions), note
                )


def _route(project: Project, mounts: Mounts, module: Module, call: Call) -> str:
    """Name the route that a call declares."""
    route = mounts.routes.get(Place(module.path, call.node.line))
    if route is not None:
        return f"one route only: {route.method} {route.path}"
    path = next((str(item.value) for item in call.node.arguments[:1] if item.kind == "string"), "")
    verb = str(call.node.items[0].value) if call.node.items[0].kind == "attribute" else ""
    return f"one route only: {verb.upper()} {path}" if path else f"one route only in {module.path}"


# -- NestJS -----------------------------------------------------------------------------------------------------------


def nest(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Limit]:
    """Read ThrottlerModule's options, the guard that applies them, and `@Throttle` on handlers."""
    listed = unit.npm.get("@nestjs/throttler")
    major = re.search(r"\d+", listed.version) if listed is not None else None
    factor = 1000 if major is not None and int(major[0]) < 5 else 1
    guard = _guarded(project, unit)
    rates = Rule(
        rule.name, rule.row, rule.key, rule.value, extra={**rule.extra, "number": ["limit"], "window": ["ttl"]}
    )
    for module in project.importing(unit, "@nestjs/throttler"):
        for call in module.calls:
            source = project.origin(module, call.node.items[0], call.function)
            here = Spot(module, call.node, call.function)
            if re.fullmatch(r"@nestjs/throttler\.ThrottlerModule\.forRoot(Async)?", source):
                options = argument(here, 0)
                factory = member(project, options, "useFactory")
                for one in _throttlers(project, factory or options):
                    text, note = described(project, rates, one, factor)
                    yield Limit(
                        text,
                        [here.place, *guard[1]],
                        guard[0],
                        condition(call.conditions),
                        note or ("" if guard[1] else "no guard applies it"),
                        mounted=bool(guard[1]),
                    )
            elif source == "@nestjs/throttler.Throttle" and call.decorator:
                first = argument(here, 0)
                where = _decorated(project, mounts, module, call)
                held = follow(project, first) if first is not None else None
                if held is not None and held.node.kind == "object":
                    for _, value in held.node.pairs:
                        text, note = described(project, rates, Spot(held.module, value, held.function), factor)
                        yield Limit(text, [here.place], where, "", note, mounted=bool(guard[1]))
                else:
                    number, _ = amount(project, first, None)
                    window, _ = length(project, argument(here, 1), None, factor)
                    yield Limit(rate(number, window), [here.place], where, "", mounted=bool(guard[1]))


def _throttlers(project: Project, options: Spot | None) -> Iterator[Spot]:
    if options is None:
        return
    held = settled(project, options)
    inner = member(project, held, "throttlers")
    held = settled(project, inner) if inner is not None else held
    if held.node.kind == "array":
        yield from (settled(project, Spot(held.module, item, held.function)) for item in held.node.items)
    elif held.node.kind == "object":
        yield held


def _guarded(project: Project, unit: Unit) -> tuple[str, list[Place]]:
    """Give where a ThrottlerGuard holds, and the places that say so."""
    local: list[Place] = []
    names: list[str] = []
    for module in project.mentioning(unit, "Throttler"):
        for call in module.calls:
            for item in walk(call.node):
                provided, used = item.get("provide"), item.get("useClass")
                if (
                    provided is not None
                    and used is not None
                    and provided.dotted == "APP_GUARD"
                    and _throttles(project, module, used)
                ):
                    return "", [Place(module.path, used.line)]
            last = call.node.items[0].dotted.rpartition(".")[2]
            for given in call.node.arguments if last in ("useGlobalGuards", "UseGuards") else []:
                inner = given.items[0] if given.kind == "new" else given
                if not _throttles(project, module, inner):
                    continue
                if last == "useGlobalGuards":
                    return "", [Place(module.path, call.node.line)]
                local.append(Place(module.path, call.node.line))
                names.append(_owner(module, call))
    return (f"only {', '.join(dict.fromkeys(filter(None, names)))}" if any(names) else ""), local


def _throttles(project: Project, module: Module, node: Node) -> bool:
    if re.search(r"@nestjs/throttler\.\w*Guard$|ThrottlerGuard$", project.origin(module, node)):
        return True
    where, made = project.find(module, node)
    if made.kind == "class" and made.value is not None:
        bases = where.classes[int(made.value)].bases
        return any("Throttler" in project.origin(where, base) for base in bases)
    return False


def _owner(module: Module, call: Call) -> str:
    """Name what a decorator stands on: a class or a method of one."""
    for kind in module.classes:
        if any(
            mark is call.node or (mark.line == call.node.line and mark.dotted == call.node.dotted)
            for mark in kind.decorators
        ):
            return kind.name
        for item in kind.members:
            if any(
                mark is call.node or (mark.line == call.node.line and mark.dotted == call.node.dotted)
                for mark in item.decorators
            ):
                return f"{kind.name}.{item.name}"
    return ""


def _decorated(project: Project, mounts: Mounts, module: Module, call: Call) -> str:
    """Name the route whose handler a decorator stands on."""
    lines: list[int] = []
    name = ""
    for function in module.functions:
        if any(mark.line == call.node.line and mark.dotted == call.node.dotted for mark in function.decorators):
            lines += [function.line, *(mark.line for mark in function.decorators)]
            name = function.name
    for kind in module.classes:
        for item in kind.members:
            if any(mark.line == call.node.line and mark.dotted == call.node.dotted for mark in item.decorators):
                lines += [item.line, *(mark.line for mark in item.decorators)]
                name = f"{kind.name}.{item.name}"
    for line in lines:
        if (route := mounts.routes.get(Place(module.path, line))) is not None:
            return f"one route only: {route.method} {route.path}"
    return f"one route only: {name or _owner(module, call) or module.path}"


# -- Python -----------------------------------------------------------------------------------------------------------

_RATE = re.compile(
    r"(\d+)\s*(?:/|per\s+)\s*(\d+)?\s*(second|sec|minute|min|hour|day|month|year|s|m|h|d)s?\b", re.IGNORECASE
)


def rates(text: str) -> str:
    """Write what `5/minute` or `10/hour;100 per day` says."""
    found = []
    for match in _RATE.finditer(text):
        unit = match[3].lower()
        if unit in ("month", "year"):
            found.append(f"{match[1]}/{unit}")
            continue
        window = milliseconds(f"{match[2] or 1} {unit}")
        found.append(rate(match[1], span(window or 0)))
    return "; ".join(found) or text


def _said(project: Project, spot: Spot | None) -> str:
    if spot is None:
        return "unknown number"
    value = project.fold(spot.module, spot.node, spot.function)
    if not value.known:
        found = follow(project, spot)
        return "decided by a function" if found.node.kind == "function" else str(value)
    given = "; ".join(map(str, value.value)) if isinstance(value.value, list) else str(value.value)
    return rates(given) + (f" (default of {value.env})" if value.env else "")


def decorator(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Limit]:
    """Read slowapi's and Flask-Limiter's `Limiter(default_limits=[…])` and `@limiter.limit("5/minute")`."""
    for use in calls(project, unit, rule):
        last = use.origin.rpartition(".")[2]
        if last == "Limiter":
            for name in ("default_limits", "application_limits"):
                given = keyword(use.spot, name)
                value = fold(project, given)
                if given is None or (value is not None and value.known and not value.value):
                    continue
                applied_by = not rule.name.startswith("slowapi") or list(
                    added(project, unit, r"slowapi\.", "SlowAPIMiddleware", "SlowAPIASGIMiddleware")
                )
                note = "" if applied_by else "default limits without SlowAPIMiddleware"
                yield Limit(
                    _said(project, given),
                    [use.spot.place],
                    "",
                    condition(use.conditions),
                    note,
                    mounted=bool(applied_by),
                )
        elif last in ("limit", "shared_limit"):
            where = _decorated(project, mounts, use.spot.module, use.call)
            yield Limit(_said(project, argument(use.spot, 0)), [use.spot.place], where)
    if rule.name == "flask-limiter" and any(True for _ in project.importing(unit, *packages(rule))):
        for module, _, node in settings(project, unit, "RATELIMIT_DEFAULT", "RATELIMIT_DEFAULTS"):
            yield Limit(_said(project, Spot(module, node)), [Place(module.path, node.line)], "", stage(module.path))


def rate_argument(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Limit]:
    """Read django-ratelimit's `@ratelimit(key=…, rate="5/m")`."""
    for use in calls(project, unit, rule):
        given = keyword(use.spot, "rate")
        if given is not None:
            yield Limit(_said(project, given), [use.spot.place], _decorated(project, mounts, use.spot.module, use.call))


def drf(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Limit]:
    """Read DRF's throttle classes and rates, in the settings and on views."""
    rates_of: dict[str, str] = {}
    default: list[Place] = []
    for module, _, node in settings(project, unit, "REST_FRAMEWORK"):
        held = follow(project, Spot(module, node))
        for key, value in held.node.pairs:
            if key == "DEFAULT_THROTTLE_CLASSES" and project.fold(held.module, value).value:
                default.append(Place(held.module.path, value.line))
            elif key == "DEFAULT_THROTTLE_RATES":
                inner = follow(project, Spot(held.module, value))
                for name, worth in inner.node.pairs:
                    rates_of[name] = _said(project, Spot(inner.module, worth))
    text = "; ".join(f"{said} ({name})" for name, said in rates_of.items() if said != "None")
    if default:
        yield Limit(text or "DRF throttling, no rates set", default)
    for module in project.mentioning(unit, "throttle_classes"):
        if module.language != "python":
            continue
        places = [
            (Place(module.path, item.line), kind.name)
            for kind in module.classes
            for item in kind.members
            if item.name == "throttle_classes" and item.value is not None and item.value.items
        ]
        for call in module.calls:
            if call.decorator and call.node.items[0].dotted.endswith("throttle_classes"):
                name = _decorated(project, mounts, module, call).removeprefix("one route only: ")
                places.append((Place(module.path, call.node.line), name))
        for place, name in places:
            yield Limit(text or "DRF throttling, rates unknown", [place], f"one route only: {name}")


def fastapi_limiter(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Limit]:
    """Read fastapi-limiter's `Depends(RateLimiter(times=2, seconds=5))`."""
    sizes = {"milliseconds": 1, "seconds": 1000, "minutes": 60_000, "hours": 3_600_000}
    for use in calls(project, unit, rule):
        number, _ = amount(project, keyword(use.spot, "times") or argument(use.spot, 0), 1)
        window = 0.0
        for name, factor in sizes.items():
            value = fold(project, keyword(use.spot, name))
            if value is not None and value.known and isinstance(value.value, (int, float)):
                window += value.value * factor
        yield Limit(
            rate(number, span(window) if window else "unknown window"),
            [use.spot.place],
            depended(project, mounts, use.spot.module, use.spot.node),
        )


def litestar(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Limit]:
    """Read Litestar's `RateLimitConfig(rate_limit=("minute", 10))`."""
    for use in calls(project, unit, rule):
        value = fold(project, keyword(use.spot, "rate_limit"))
        if value is not None and value.known and isinstance(value.value, list) and len(value.value) == 2:
            yield Limit(rates(f"{value.value[1]}/{value.value[0]}"), [use.spot.place])


# -- own limiters -----------------------------------------------------------------------------------------------------


def depended(project: Project, mounts: Mounts, module: Module, node: Node) -> str:
    """Name the route that a FastAPI dependency stands in: its decorator, or a parameter of the handler."""
    for function in module.functions:
        inside = [*function.decorators, *(item.default for item in function.parameters if item.default is not None)]
        if any(
            item is node or (item.line == node.line and item.dotted == node.dotted)
            for given in inside
            for item in walk(given)
        ):
            for line in (function.line, *(mark.line for mark in function.decorators)):
                if (route := mounts.routes.get(Place(module.path, line))) is not None:
                    return f"one route only: {route.method} {route.path}"
            return f"one route only: {function.name}"
    for call in module.calls:
        if any(item is node for item in walk(call.node)):
            last = call.node.items[0].dotted.rpartition(".")[2]
            if last == "APIRouter":
                return f"only the routes of {module.path}"
            if last == "include_router" and call.node.arguments:
                return f"only the routes of {call.node.arguments[0].dotted}"
    return ""


def own(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Limit]:
    """Find limiters of the codebase's own: by name, if they are put in the way of requests and answer 429."""
    for module in project.mentioning(unit, "imit", "hrottl"):
        if module.language == "python":
            yield from _own_python(project, unit, mounts, module)
    yield from _own_guards(project, unit)
    yield from _own_called(project, unit, mounts)
    seen: set[tuple[str, int]] = set()
    for mount in mounts.named(OWN):
        where, made = mount[1].module, mount[1].node
        function = where.function(made)
        if function is None or (where.path, function.number) in seen or _borrowed(project, where):
            continue
        seen.add((where.path, function.number))
        if re.search(r"\b429\b|TOO_MANY|TooMany", project.text(where.path)):
            found = mounts.of_function(where.path, function.number)
            yield Limit(
                _store(project, where),
                [Place(where.path, function.line), *(item.place for item in found)],
                scope(mounts, found),
                condition(mount[0].call.conditions),
            )


def _own_guards(project: Project, unit: Unit) -> Iterator[Limit]:
    """Find NestJS guards of the codebase's own that limit: `@UseGuards(RateLimitGuard)`, `APP_GUARD`."""
    for module in project.mentioning(unit, "UseGuards", "useGlobalGuards", "APP_GUARD"):
        for call in module.calls:
            last = call.node.items[0].dotted.rpartition(".")[2]
            given = [
                (item, last == "UseGuards") for item in call.node.arguments if last in ("UseGuards", "useGlobalGuards")
            ]
            for item in walk(call.node):
                provided, used = item.get("provide"), item.get("useClass")
                if provided is not None and used is not None and provided.dotted == "APP_GUARD":
                    given.append((used, False))
            for item, local in given:
                where, made = project.find(module, item.items[0] if item.kind == "new" else item, call.function)
                if made.kind == "class" and OWN.search(_name(where, made)) and not _borrowed(project, where):
                    owner = _owner(module, call) if local else ""
                    places = [Place(where.path, made.line), Place(module.path, call.node.line)]
                    yield Limit(_store(project, where), places, f"only {owner}" if owner else "")


def _own_called(project: Project, unit: Unit, mounts: Mounts) -> Iterator[Limit]:
    """Find limiters that handlers ask themselves, and answer 429: `await limiter.check(request)`."""
    seen: set[tuple[str, int]] = set()
    candidates = list(project.mentioning(unit, "429", "TOO_MANY", "Too many", "Too Many")) if unit.npm else []
    handlers = {place.path for place in mounts.routes} if candidates else set()
    for module in candidates:
        if module.path not in handlers:
            continue
        for call in module.calls:
            callee = call.node.items[0]
            inner = callee.items[0] if callee.kind == "attribute" else callee
            where, made, function = project.follow(module, inner, call.function)
            if made.kind in ("call", "new"):
                where, made, function = project.follow(where, made.items[0], function)
            key = (where.path, made.line)
            known = made.kind in ("function", "class") and where.path != module.path and key not in seen
            if not known or not OWN.search(_name(where, made)) or _borrowed(project, where):
                continue
            seen.add(key)
            users = [other.path for other in project.mentioning(unit, _name(where, made)) if other.path in handlers]
            routes = [f"{route.method} {route.path}" for place, route in mounts.routes.items() if place.path in users]
            few = (
                f"one route only: {routes[0]}" if len(routes) == 1 else f"{len(routes)} routes: {', '.join(routes[:5])}"
            )
            yield Limit(_store(project, where), [Place(where.path, made.line), Place(module.path, call.node.line)], few)


def _own_python(project: Project, unit: Unit, mounts: Mounts, module: Module) -> Iterator[Limit]:
    for call in module.calls:
        last = call.node.items[0].dotted.rpartition(".")[2]
        for given in call.node.arguments[:1] if last in ("Depends", "Security", "add_middleware", "Middleware") else []:
            inner = given.items[0] if given.kind == "call" else given
            where, made = project.find(module, inner, call.function)
            name = _name(where, made)
            if not OWN.search(name) or _borrowed(project, where):
                continue
            text = _store(project, where, where.function(made))
            place = _home(project, where, made)
            depends = last in ("Depends", "Security")
            yield Limit(
                text,
                [place, Place(module.path, call.node.line)],
                depended(project, mounts, module, call.node) if depends else "",
                condition(call.conditions),
            )
    for function in module.functions:
        hooked = [
            mark for mark in function.decorators if re.search(r"\.(before_request|middleware)(\(\))?$", mark.dotted)
        ]
        if hooked and OWN.search(function.name) and not _borrowed(project, module):
            yield Limit(_store(project, module), [Place(module.path, function.line)])
        for mark in function.decorators:
            inner = mark.items[0] if mark.kind == "call" else mark
            where, made = project.find(module, inner, function.parent)
            if OWN.search(_name(where, made)) and made.kind == "function" and not _borrowed(project, where):
                route = next(
                    (
                        f"{found.method} {found.path}"
                        for line in (function.line, *(item.line for item in function.decorators))
                        if (found := mounts.routes.get(Place(module.path, line))) is not None
                    ),
                    function.name,
                )
                yield Limit(
                    _store(project, where),
                    [Place(where.path, made.line), Place(module.path, mark.line)],
                    f"one route only: {route}",
                )
    for kind in module.classes:
        dotted = f"{module.path.removesuffix('.py').replace('/', '.')}.{kind.name}"
        if OWN.search(kind.name) and "iddleware" in kind.name and not _borrowed(project, module):
            for start in range(dotted.count(".")):
                short = ".".join(dotted.split(".")[start:])
                if used := installed(project, unit, short):
                    yield Limit(_store(project, module), [Place(module.path, kind.line), *used])
                    break


def _name(module: Module, node: Node) -> str:
    function = module.function(node)
    if function is not None:
        return function.name
    if node.kind == "class" and node.value is not None:
        return module.classes[int(node.value)].name
    return ""


def _borrowed(project: Project, module: Module) -> bool:
    """Tell whether a module's limiter is a package's that has a rule of its own."""
    names = {name for rule in of(Row.EDGES, "rate_limit") if not rule.extra.get("builtin") for name in packages(rule)}
    return any(name.split(".")[0] in names or name in names for name in project.packages(module))


def _home(project: Project, module: Module, node: Node) -> Place:
    """Give the class or module that keeps the count, if the limiter asks another one."""
    function = module.function(node)
    for call in module.calls_in(function.number) if function is not None else []:
        callee = call.node.items[0]
        if callee.kind == "attribute" and OWN.search(callee.dotted):
            where, made = project.find(module, callee.items[0], call.function)
            if made.kind in ("call", "new"):
                where, made = project.find(where, made.items[0])
            if made.kind == "class":
                return Place(where.path, made.line)
    return Place(module.path, node.line)


def _store(project: Project, module: Module, function: Function | None = None) -> str:
    """Say where an own limiter keeps its counts, and where its limits stand."""
    modules = [module]
    for call in module.calls_in(function.number) if function is not None else []:
        callee = call.node.items[0]
        if callee.kind == "attribute" and OWN.search(callee.dotted):
            modules.append(project.find(module, callee.items[0], call.function)[0])
    text = "own limiter"
    if any(
        name in ("redis", "ioredis", "@upstash/redis", "aioredis", "valkey")
        for item in modules
        for name in project.packages(item)
    ):
        text += " on redis"
    for call in module.calls_in(function.number) if function is not None else []:
        asks = any(key in ("db", "session") for key, _ in call.node.pairs) or any(
            item.dotted in ("db", "session") for item in call.node.arguments
        )
        if (
            asks
            and re.search(r"limit", call.node.items[0].dotted, re.IGNORECASE)
            and call.node.items[0].dotted.endswith((".get", ".first", ".find"))
        ):
            return f"{text}, limits in the database"
    return text


def nginx(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Limit]:
    """Read nginx's `limit_req_zone … rate=10r/s`, if a `limit_req` uses it."""
    for path in project.files(unit, "nginx*", "*.conf", "*.nginx", "*/nginx/*", root=True):
        text = re.sub(r"^\s*#.*$", "", project.text(path), flags=re.MULTILINE)
        if not re.search(r"^\s*limit_req\s", text, re.MULTILINE):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if match := re.search(r"limit_req_zone\s.*rate=(\d+)r/([sm])", line):
                yield Limit(
                    f"{rate(match[1], '1 s' if match[2] == 's' else '1 min')} (nginx limit_req)", [Place(path, number)]
                )


READERS: dict[str, Reader] = {
    "middleware": middleware,
    "object": objects,
    "upstash": upstash,
    "fastify": fastify,
    "nest": nest,
    "decorator": decorator,
    "rate": rate_argument,
    "drf": drf,
    "fastapi-limiter": fastapi_limiter,
    "litestar": litestar,
    "own": own,
    "nginx": nginx,
}
