"""What checks the input of requests, and what checks the settings of the environment."""

# ruff: noqa: ARG001 - every reader is asked in the same way

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from discover.code import Call, Class, Function, Module, Node
from discover.extract.edges import plugins, trace
from discover.findings import ABSENT, Finding, Place, Proof, Row
from discover.project import Project, Unit
from discover.rules import Rule, evidence, of
from discover.wiring import (
    VERBS,
    Mounts,
    Said,
    Spot,
    argument,
    best,
    calls,
    follow,
    from_request,
    member,
    mounts_of,
    origin,
    packages,
    settled,
    walk,
)

NEST_ROUTES = re.compile(r"(^|\.)(Get|Post|Put|Patch|Delete|All|Head|Options)$")
INPUTS = frozenset({"body", "querystring", "query", "params", "headers"})
_SERVER_ACTION = re.compile(r"^use server$")


@dataclass(slots=True)
class Checks:
    """What a reader found: checks of requests, and uses for something else."""

    found: list[Said] = field(default_factory=list)
    aside: list[tuple[str, Place]] = field(default_factory=list)
    """(what for, place)"""


Reader = Callable[[Project, Unit, Rule, Mounts], Checks]


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find what is checked."""
    mounts = mounts_of(project, unit)
    claimed: set[str] = set()
    aside: list[tuple[Rule, list[tuple[str, Place]]]] = []
    for rule in of(Row.EDGES, "validation"):
        if rule.extra["reader"] == "by-hand":
            continue
        checks = READERS[rule.extra["reader"]](project, unit, rule, mounts)
        for said in checks.found:
            claimed.add(str(rule.extra.get("of", rule.name)))
            yield said.finding(project, rule)
        if checks.found:
            continue
        if checks.aside:
            aside.append((rule, checks.aside))
        else:
            yield from trace(project, unit, rule)
        yield from unlisted(project, unit, rule)
    for rule, places in aside:
        if not claimed:
            note = f"{rule.value} is for {', '.join(dict.fromkeys(what for what, _ in places))}"
            proof, where = best(project, (place for _, place in places))
            yield Finding(rule.row, rule.key, f"{ABSENT} for requests", proof, where, note=note)
    hand = by_hand(project, unit, claimed=bool(claimed or aside))
    if hand is not None:
        yield hand
    for rule in of(Row.EDGES, "env_validation"):
        yield from environment(project, unit, rule, mounts)


def unlisted(project: Project, unit: Unit, rule: Rule) -> Iterator[Finding]:
    """Say that a package is used that no manifest lists: it comes with another one."""
    manifests = [item for item in (unit, *unit.libraries, project.units[0]) if item.manifests]
    for name in rule.npm[:1]:
        if any(name in item.npm for item in manifests) or not unit.npm:
            continue
        places = [
            Place(module.path, brought.line)
            for module in project.importing(unit, name)
            for brought in module.imports
            if brought.module == name and not brought.type_only
        ]
        if places:
            proof, where = best(project, places)
            note = "it comes with another package, and may go with it"
            yield Finding(
                rule.row, f"{name}_unlisted", f"{name} is required, and not a dependency", proof, where, note=note
            )


# -- schema libraries of JavaScript -----------------------------------------------------------------------------------


def _schema_calls(project: Project, unit: Unit, rule: Rule) -> Iterator[tuple[Spot, Call, bool]]:
    """Give the calls in which a schema of a library checks something, and whether that it is a schema is certain.

    `schema.parse(…)`, `Joi.compile(…).validate(…)`; what is a parameter is one by its type, or perhaps by its name.
    """
    methods = rule.extra["methods"]
    kinds = re.compile(rule.extra.get("types", "^$"))
    wanted = packages(rule)
    if not any(True for _ in project.importing(unit, *wanted)):
        return
    for module in project.mentioning(unit, *(f".{name}(" for name in methods)):
        if module.language == "python":
            continue
        for call in module.calls:
            callee = call.node.items[0]
            if callee.kind != "attribute" or callee.value not in methods or not call.node.arguments:
                continue
            source = project.origin(module, callee, call.function)
            bare = source.lstrip("<")
            spot = Spot(module, call.node, call.function)
            if any(bare == name or bare.startswith(tuple(f"{name}{mark}" for mark in ".(/>")) for name in wanted):
                yield spot, call, True
            elif source.startswith(("?", "<")):
                kind = _annotation(module, callee.items[0], call.function)
                if kinds.search(kind):
                    yield spot, call, True
                elif _untyped(callee.items[0]) and (not kind or re.fullmatch(r"[A-Z]\w{0,9}", kind)):
                    yield spot, call, False


def _untyped(node: Node) -> bool:
    """Tell whether a parameter's name says that it is a schema."""
    return node.kind in ("name", "attribute", "index") and bool(
        re.search(r"schema|validator|dto|rules", node.dotted or "", re.IGNORECASE)
    )


def _annotation(module: Module, node: Node, function: int) -> str:
    """Give the type that a parameter (or its member) was given."""
    while node.kind == "attribute":
        node = node.items[0]
    while function != -1:
        scope = module.functions[function]
        for parameter in scope.parameters:
            if parameter.name == node.value or str(node.value) in parameter.pattern:
                return parameter.type
        function = scope.parent
    return ""


def _outermost(module: Module, function: int) -> Function | None:
    while function != -1:
        scope = module.functions[function]
        if scope.parent == -1:
            return scope
        function = scope.parent
    return None


def _function_name(module: Module, function: Function) -> str:
    if function.name:
        return function.name
    held = (*module.bindings.items(), *module.exports.items())
    return next((name for name, node in held if node.kind == "function" and node.value == function.number), "")


def _server_module(module: Module) -> bool:
    return "use server" in module.directives or any(brought.module == "server-only" for brought in module.imports)


def _in_action(module: Module, function: int) -> bool:
    """Tell whether a function is a server action, whose parameters a caller sends."""
    while function != -1:
        scope = module.functions[function]
        if "use server" in scope.directives:
            return True
        function = scope.parent
    return "use server" in module.directives


def _parameter_of(module: Module, node: Node, function: int, depth: int = 0) -> int:
    """Give the function whose parameter an expression is made of; -1 for none."""
    if depth > 6:
        return -1
    for item in walk(node):
        scope = function
        while item.kind == "name" and scope != -1:
            kind = module.functions[scope]
            if any(parameter.name == item.value or item.value in parameter.pattern for parameter in kind.parameters):
                return scope
            if item.value in kind.bindings:
                return _parameter_of(module, kind.bindings[str(item.value)], scope, depth + 1)
            scope = kind.parent
    return -1


def _purpose(project: Project, spot: Spot) -> str:
    """Say what is checked where it is no request."""
    text = " ".join(item.dotted for item in walk(spot.node.arguments[0]) if item.dotted)
    source = project.origin(spot.module, spot.node.arguments[0], spot.function)
    if "process.env" in text or "process.env" in source or "import.meta.env" in text:
        return "the environment"
    if re.search(r"conf(ig)?\b|settings|env", f"{text} {spot.module.path}", re.IGNORECASE):
        return "configuration"
    return "other data"


def schema(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Tell the checks of requests from those of anything else."""
    checks = Checks()
    direct: list[Place] = []
    wrappers: dict[str, list[Place]] = {}
    factories: list[tuple[Module, int, Place]] = []
    for spot, call, certain in _schema_calls(project, unit, rule):
        data = call.node.arguments[1] if call.node.items[0].value == "attempt" else call.node.arguments[0]
        outer = _outermost(spot.module, spot.function)
        if from_request(spot.module, data, spot.function) or (
            _in_action(spot.module, spot.function) and _parameter_of(spot.module, data, spot.function) != -1
        ):
            if outer is not None and _takes_schema(outer) and (name := _function_name(spot.module, outer)):
                wrappers.setdefault(name, []).append(spot.place)
            else:
                direct.append(spot.place)
            continue
        home = _parameter_of(spot.module, data, spot.function)
        if home != -1 and outer is not None:
            factories.append((spot.module, outer.number, spot.place))
        if certain:
            checks.aside.append((_purpose(project, spot), spot.place))
    for module, number, place in factories:
        for name, found in _callers(project, unit, module, number):
            wrappers.setdefault(name, []).extend([found, place])
    hints = _hints(project, unit, rule)
    if direct or wrappers:
        note = f"in {', '.join(list(wrappers)[:3])}" if wrappers else ""
        places = [place for found in wrappers.values() for place in found] + direct
        named = [name for name in wrappers if not re.fullmatch(r"default|handler|validate|middleware", name)]
        value = f"{rule.value} in {', '.join(named[:3])}" if named and not direct else rule.value
        checks.found.append(Said(value, list(dict.fromkeys(places)), note="" if named and not direct else note))
    elif hints is not None:
        checks.aside = []
        checks.found.append(hints)
    else:
        checks.aside += _tools(project, unit, rule)
    return checks


def _takes_schema(function: Function) -> bool:
    return any(
        re.search(r"schema|zod|joi|validator", f"{item.name} {item.type} {' '.join(item.pattern)}", re.IGNORECASE)
        and "infer<" not in item.type
        for item in function.parameters
    )


def _callers(project: Project, unit: Unit, module: Module, number: int) -> Iterator[tuple[str, Place]]:
    """Give the functions of server modules that hand what they were sent to a function that checks it."""
    name = _function_name(module, module.functions[number])
    for other in project.mentioning(unit, f"{name}(") if name else ():
        for call in other.calls:
            callee = call.node.items[0]
            inner = callee.items[0] if callee.kind == "call" else callee
            if inner.kind not in ("name", "attribute"):
                continue
            where, made = project.find(other, inner, call.function)
            if where.path != module.path or made.kind != "function" or made.value != number:
                continue
            sent = any(from_request(other, item, call.function) for item in call.node.arguments)
            action = (_server_module(other) or _in_action(other, call.function)) and any(
                _parameter_of(other, item, call.function) != -1 for item in call.node.arguments
            )
            if sent or action:
                outer = _outermost(other, call.function)
                yield (
                    (_function_name(other, outer) if outer is not None else "") or other.path,
                    Place(other.path, call.node.line),
                )


def _hints(project: Project, unit: Unit, rule: Rule) -> Said | None:
    """Find schemas that are handed to a checker: `router.post("/x", validate(schema), …)`."""
    wanted = packages(rule)
    places: list[Place] = []
    checker = re.compile(r"valid|check|parse", re.IGNORECASE)
    for mount in mounts_of(project, unit).mounted():
        for given in mount.call.node.arguments:
            if given.kind != "call" or not checker.search(given.items[0].dotted):
                continue
            for item in given.arguments:
                source = project.origin(mount.module, item, mount.call.function)
                if any(source.startswith((f"{name}.", f"{name}(")) for name in wanted):
                    places.append(mount.place)
    return Said(rule.value, places) if places else None


def _tools(project: Project, unit: Unit, rule: Rule) -> Iterator[tuple[str, Place]]:
    """Give the uses of a schema library that check no request."""
    wanted = packages(rule)
    for module in project.importing(unit, *wanted):
        line = next((brought.line for brought in module.imports if brought.module in wanted), 1)
        others = project.packages(module)
        if others & {"ai", "langchain", "openai", "@modelcontextprotocol/sdk"} or any(
            name.startswith(("@langchain/", "@ai-sdk/", "@openai/")) for name in others
        ):
            yield "an LLM tool", Place(module.path, line)
        elif re.search(r"conf(ig)?|settings|env", module.path.rpartition("/")[2], re.IGNORECASE):
            yield "configuration", Place(module.path, line)
        elif "@hookform/resolvers" in others or "react-hook-form" in others:
            yield "forms in the browser", Place(module.path, line)


def function(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read libraries that check by a function: `validator.isEmail(req.body.email)`, `parse(schema, body)`."""
    places = [
        use.spot.place
        for use in calls(project, unit, rule)
        if any(from_request(use.spot.module, item, use.spot.function) for item in use.spot.node.arguments)
    ]
    return Checks([Said(rule.value, places)] if places else [])


def called(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read schemas that are called themselves: `schema(await req.json())`."""
    wanted = packages(rule)
    places = [
        Place(module.path, call.node.line)
        for module in project.importing(unit, *wanted)
        for call in module.calls
        if any(
            project.origin(module, call.node.items[0], call.function).startswith(f"{name}.type()") for name in wanted
        )
        and any(from_request(module, item, call.function) for item in call.node.arguments)
    ]
    return Checks([Said(rule.value, places)] if places else [])


def always(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read libraries that do nothing but check requests: a use is a check."""
    found = evidence(project, unit, rule)
    if found is None or found.proof < Proof.USED:
        return Checks()
    return Checks([Said(rule.value, found.places)])


def ajv(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read `ajv.validate(schema, req.body)` and `const check = ajv.compile(schema); check(req.body)`."""
    places = []
    for module in project.importing(unit, "ajv"):
        for call in module.calls:
            source = project.origin(module, call.node.items[0], call.function)
            if re.fullmatch(r"ajv(\.\w+)?\(\)\.(validate|compile\(\))", source) and any(
                from_request(module, item, call.function) for item in call.node.arguments
            ):
                places.append(Place(module.path, call.node.line))
    return Checks([Said(rule.value, places)] if places else [])


def fastify(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read routes with a schema of their input: Fastify compiles them with ajv, or with a type provider's validator."""
    if not any(True for _ in project.importing(unit, "fastify")) and not any(
        True for _ in project.importing(unit, "@fastify/type-provider-typebox", "fastify-plugin")
    ):
        return Checks()
    places: list[Place] = []
    sources: set[str] = set()
    for module in project.mentioning(unit, "schema"):
        if module.language == "python":
            continue
        for call in module.calls:
            callee = call.node.items[0]
            if callee.kind != "attribute" or callee.value not in (*VERBS, "route"):
                continue
            for number in range(min(2, len(call.node.arguments))):
                given = member(project, argument(Spot(module, call.node, call.function), number), "schema")
                held = settled(project, given) if given is not None else None
                inputs = [value for key, value in held.node.pairs if key in INPUTS] if held is not None else []
                if held is None or not inputs:
                    continue
                places.append(Place(module.path, call.node.line))
                for item in inputs:
                    found = follow(project, Spot(held.module, item, held.function))
                    sources.add(origin(project, Spot(held.module, item, held.function)) or found.node.kind)
                    if found.node.kind != "object":
                        places.append(found.place)
    if not places:
        return Checks()
    if any(re.match(r"(@sinclair/typebox|typebox|@fastify/type-provider-typebox)", source) for source in sources):
        value = "ajv through TypeBox schemas"
    elif any(source.startswith("zod") for source in sources):
        value = "zod through Fastify schemas"
    else:
        value = rule.value
    routes = len(set(places))
    return Checks(
        [
            Said(
                value,
                sorted(dict.fromkeys(places), key=lambda place: "schema" not in place.path),
                note=f"{routes} places",
            )
        ]
    )


def trpc(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read `.input(schema)` of tRPC's procedures."""
    places: list[Place] = []
    library = "zod"
    if not any(True for _ in project.importing(unit, "@trpc/server")):
        return Checks()
    for module in project.mentioning(unit, ".input("):
        for call in module.calls:
            callee = call.node.items[0]
            if callee.kind == "attribute" and callee.value == "input" and call.node.arguments:
                source = project.origin(module, callee, call.function)
                given = project.origin(module, call.node.arguments[0], call.function)
                if "@trpc/server" in source or given.startswith(("zod", "valibot", "yup")):
                    library = re.split(r"[.(]", given)[0] or library
                    places.append(Place(module.path, call.node.line))
    return Checks([Said(f"{library} in tRPC procedures", places)] if places else [])


# -- NestJS -----------------------------------------------------------------------------------------------------------


def nest(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read where a pipe of class-validator holds: everywhere, or on which routes; or who calls it by himself."""
    checks = _pipes(
        project, unit, rule, lambda where, node, source: _class_validator_pipe(project, where, node, source)
    )
    if checks.found:
        return checks
    places: list[Place] = []
    names: list[str] = []
    for use in calls(project, unit, rule):
        if re.fullmatch(r"class-validator\.(validate|validateOrReject|validateSync)", use.origin) and any(
            from_request(use.spot.module, item, use.spot.function) for item in use.spot.node.arguments
        ):
            places.append(use.spot.place)
            outer = _outermost(use.spot.module, use.spot.function)
            names.append(_function_name(use.spot.module, outer) if outer is not None else "")
    name = next(filter(None, names), "")
    return Checks([Said(f"{rule.value} in {name}" if name else rule.value, places)] if places else [])


def nestjs_zod(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read where nestjs-zod's pipe holds."""
    return _pipes(project, unit, rule, lambda _, __, source: source if "ZodValidationPipe" in source else "")


def _class_validator_pipe(project: Project, module: Module, node: Node, source: str) -> str:
    if source.endswith("@nestjs/common.ValidationPipe") or re.search(r"nestjs-i18n\.\w*ValidationPipe$", source):
        return "ValidationPipe"
    where, made = project.find(module, node)
    if made.kind == "class" and made.value is not None:
        kind = where.classes[int(made.value)]
        if project.packages(where) & {"class-validator"} or any(
            project.origin(where, base).endswith("@nestjs/common.ValidationPipe") for base in kind.bases
        ):
            return f"an own {kind.name}"
    return ""


def _pipes(project: Project, unit: Unit, rule: Rule, ours: Callable[[Module, Node, str], str]) -> Checks:
    everywhere: list[Place] = []
    local: dict[str, list[Place]] = {}
    name = ""
    if not any(True for _ in project.importing(unit, "@nestjs/common")):
        return Checks()
    for module in project.mentioning(unit, "Pipe"):
        for call in module.calls:
            last = call.node.items[0].dotted.rpartition(".")[2]
            for item in walk(call.node):
                provided = item.get("provide")
                used = item.get("useClass") or item.get("useValue") or _made(module, item.get("useFactory"))
                if (
                    provided is not None
                    and used is not None
                    and provided.dotted == "APP_PIPE"
                    and _pipe(project, module, used, ours)
                ):
                    everywhere.append(Place(module.path, used.line))
            for given in (
                call.node.arguments if last in ("useGlobalPipes", "UsePipes", "Body", "Query", "Param") else []
            ):
                pipe = _pipe(project, module, given, ours)
                if not pipe:
                    continue
                if last == "useGlobalPipes":
                    everywhere.append(Place(module.path, call.node.line))
                    continue
                name = pipe
                for route, place in _marked(module, call):
                    local.setdefault(route, []).append(place)
    if everywhere:
        return Checks([Said(f"{rule.value}, global pipe", everywhere)])
    if local:
        value = (
            f"{rule.value} through {name}, {len(local)} route{'s' if len(local) > 1 else ''} only"
            if name
            else rule.value
        )
        places = [place for found in local.values() for place in found]
        return Checks([Said(value, places, scope=", ".join(list(local)[:5]))])
    return Checks()


def _pipe(project: Project, module: Module, node: Node, ours: Callable[[Module, Node, str], str]) -> str:
    inner = node.items[0] if node.kind in ("new", "call") else node
    if inner.kind not in ("name", "attribute"):
        return ""
    return ours(module, inner, project.origin(module, inner))


def _made(module: Module, node: Node | None) -> Node | None:
    """Give what a factory returns."""
    made = module.function(node) if node is not None else None
    return made.returns[0] if made is not None and made.returns else None


def _is(mark: Node, call: Call) -> bool:
    return mark is call.node or (mark.line == call.node.line and mark.dotted == call.node.dotted)


def _marked(module: Module, call: Call) -> Iterator[tuple[str, Place]]:
    """Give the routes that a decorator stands on: a method, a parameter of one, or every method of a class."""
    for kind in module.classes:
        if any(_is(mark, call) for mark in kind.decorators):
            for item in kind.members:
                if any(NEST_ROUTES.search(mark.dotted.removesuffix("()")) for mark in item.decorators):
                    yield f"{kind.name}.{item.name}", Place(module.path, item.line)
        for item in kind.members:
            function = module.function(item.value) if item.value is not None else None
            parameters = function.parameters if function is not None else []
            marks = [*item.decorators, *(mark for parameter in parameters for mark in parameter.decorators)]
            if any(_is(mark, call) for mark in marks):
                yield f"{kind.name}.{item.name}", Place(module.path, call.node.line)


# -- Python -----------------------------------------------------------------------------------------------------------


def subclasses(project: Project, unit: Unit, pattern: str, *modules: str) -> Iterator[tuple[Module, Class]]:
    """Give the classes that derive from a base of a package, directly or through a class of the codebase."""
    base = re.compile(pattern)
    found: list[tuple[Module, Class]] = []
    seen: set[tuple[str, int]] = set()

    def look(module: Module) -> None:
        for kind in module.classes:
            key = (module.path, kind.number)
            if key not in seen and any(_derives(project, module, item, base, 0) for item in kind.bases):
                seen.add(key)
                found.append((module, kind))

    for module in project.importing(unit, *modules):
        look(module)
    bases = {
        kind.name
        for _, kind in found
        if re.search(r"base|schema|model|mixin|form|serializer", kind.name, re.IGNORECASE)
    }
    if bases and len(bases) < 60:
        for module in project.mentioning(unit, *(f"({name}" for name in bases)):
            if module.language == "python":
                look(module)
    yield from found


def _derives(project: Project, module: Module, node: Node, pattern: re.Pattern[str], depth: int) -> bool:
    if node.kind == "index":
        node = node.items[0]
    if pattern.fullmatch(project.origin(module, node)):
        return True
    where, made = project.find(module, node)
    if made.kind != "class" or made.value is None or depth > 6:
        return False
    return any(_derives(project, where, item, pattern, depth + 1) for item in where.classes[int(made.value)].bases)


def pydantic(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read models that are the type of a handler's parameter, or that check a body by themselves."""
    models: dict[str, Place] = {}
    for module, kind in subclasses(
        project, unit, r"(pydantic(\.\w+)*\.(BaseModel|RootModel)|sqlmodel(\.\w+)*\.SQLModel)", "pydantic", "sqlmodel"
    ):
        models.setdefault(kind.name, Place(module.path, kind.line))
    if not models:
        return Checks()
    used: dict[str, Place] = {}
    for module in project.importing(
        unit, "fastapi", "litestar", "flask", "django", "starlette", "aiohttp", "sanic", "ninja"
    ):
        for one in module.functions:
            if not any(
                re.search(r"\.(get|post|put|patch|delete|route|websocket|api_route)(\(\))?$", mark.dotted)
                for mark in one.decorators
            ):
                continue
            for parameter in one.parameters:
                for name in re.findall(r"\w+", parameter.type):
                    if name in models:
                        used.setdefault(name, Place(module.path, one.line))
        for call in module.calls:
            callee = call.node.items[0]
            first = callee.dotted.split(".")[0]
            if first in models and (
                callee.dotted == first
                or callee.dotted.endswith((".model_validate", ".parse_obj", ".model_validate_json", ".parse_raw"))
            ):
                values = [*call.node.arguments, *(value for _, value in call.node.pairs)]
                if any(
                    from_request(module, item, call.function)
                    and re.search(r"json|data|form|args|body", str([part.value for part in walk(item)]))
                    for item in values
                ):
                    used.setdefault(first, Place(module.path, call.node.line))
    if not used:
        return Checks()
    places = [models[name] for name in used] + list(used.values())
    return Checks([Said(rule.value, places)])


def marshmallow(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read schemas that load what a request holds, by themselves or through webargs, apispec or smorest."""
    through = {
        "flask_apispec": "flask-apispec",
        "webargs": "webargs",
        "flask_smorest": "flask-smorest",
        "apiflask": "APIFlask",
    }
    places: list[Place] = []
    name = ""
    for module in project.importing(unit, *through):
        for call in module.calls:
            source = project.origin(module, call.node.items[0], call.function)
            if (
                source.rpartition(".")[2] in ("use_kwargs", "use_args", "arguments", "input", "parse")
                and (package := source.split(".")[0].removeprefix("<")) in through
            ):
                name = through[package]
                places.append(Place(module.path, call.node.line))
    kinds = list(
        subclasses(
            project,
            unit,
            r"(marshmallow|flask_marshmallow|marshmallow_sqlalchemy|apiflask)[\w.()]*\.\w*Schema\w*",
            *packages(rule),
        )
    )
    if not places:
        for module in project.mentioning(unit, ".load("):
            places += (
                [
                    Place(module.path, call.node.line)
                    for call in module.calls
                    if call.node.items[0].kind == "attribute"
                    and call.node.items[0].value in ("load", "validate")
                    and any(from_request(module, item, call.function) for item in call.node.arguments)
                ]
                if module.language == "python"
                else []
            )
    if not places or not kinds:
        return Checks()
    schemas = [Place(module.path, kind.line) for module, kind in kinds]
    return Checks([Said(f"{rule.value} ({name})" if name else rule.value, [*schemas[:2], *places])])


def drf(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read serializers that views check input with."""
    kinds = list(subclasses(project, unit, r"rest_framework(_\w+)?\.(serializers\.)?\w*Serializer", "rest_framework"))
    if not kinds:
        return Checks()
    places = []
    for module in project.mentioning(unit, ".is_valid(", "serializer_class"):
        if module.language != "python":
            continue
        places += [
            Place(module.path, call.node.line)
            for call in module.calls
            if call.node.items[0].kind == "attribute" and call.node.items[0].value == "is_valid"
        ]
        places += [
            Place(module.path, item.line)
            for kind in module.classes
            for item in kind.members
            if item.name in ("serializer_class", "get_serializer_class")
        ]
    return Checks(
        [Said(rule.value, [*(Place(module.path, kind.line) for module, kind in kinds[:3]), *places])] if places else []
    )


def wtforms(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read forms whose `validate` a view calls."""
    kinds = list(
        subclasses(
            project, unit, r"(flask_wtf(\.form)?\.(FlaskForm|Form)|wtforms(\.\w+)*\.Form)", "flask_wtf", "wtforms"
        )
    )
    if not kinds:
        return Checks()
    places = [
        Place(module.path, call.node.line)
        for module in project.mentioning(unit, "validate_on_submit", ".validate(")
        if module.language == "python"
        for call in module.calls
        if call.node.items[0].kind == "attribute" and call.node.items[0].value in ("validate_on_submit", "validate")
    ]
    if not places:
        return Checks()
    return Checks([Said(rule.value, [*places, *(Place(module.path, kind.line) for module, kind in kinds[:2])])])


def django_forms(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read Django forms that a view checks."""
    kinds = list(subclasses(project, unit, r"django\.(forms|contrib\.auth\.forms)(\.\w+)*\.\w*Form", "django"))
    if not kinds:
        return Checks()
    names = {kind.name for _, kind in kinds}
    places = []
    for module in project.mentioning(unit, ".is_valid(", "form_class"):
        if module.language != "python":
            continue
        places += [
            Place(module.path, item.line)
            for kind in module.classes
            for item in kind.members
            if item.name == "form_class" and item.value is not None and item.value.dotted.rpartition(".")[2] in names
        ]
        made = {call.node.items[0].dotted.rpartition(".")[2] for call in module.calls}
        if made & names:
            places += [
                Place(module.path, call.node.line)
                for call in module.calls
                if call.node.items[0].kind == "attribute" and call.node.items[0].value == "is_valid"
            ]
    return Checks([Said(rule.value, places)] if places else [])


# -- by hand ----------------------------------------------------------------------------------------------------------

_MISSING_JS = re.compile(
    r"(^|[|&( ])!\s*[\w.?\[\]'\"]+\s*($|[|&)])|typeof .+!==?|\.length\s*[<>=]|=== (undefined|null|'')"
)
_MISSING_PY = re.compile(r"not in \w+|\bnot \w*(data|json|body|form|email|name|password|username)\w*\b|is None")
_ERROR = re.compile(r"(exception|error|status|bad_?request|abort|badrequest|sendstatus|httperror)$", re.IGNORECASE)


def by_hand(project: Project, unit: Unit, *, claimed: bool) -> Finding | None:
    """Find answers of 400 or 422 that hang on a field's being there: a check without a library."""
    places: list[Place] = []
    for module in project.mentioning(unit, "400", "422", "bad_request", "BadRequest", "BAD_REQUEST"):
        missing = _MISSING_PY if module.language == "python" else _MISSING_JS
        for call in module.calls:
            if not call.conditions or not missing.search(call.conditions[-1]):
                continue
            name = call.node.items[0].dotted.replace("()", "").rpartition(".")[2]
            if _ERROR.search(name) and _refuses(project, module, call, name) and _about_input(module, call):
                places.append(Place(module.path, call.node.line))
    if not places or (claimed and unit.npm):
        return None
    proof, where = best(project, places)
    if claimed:
        folders = list(dict.fromkeys(_near(place.path) for place in places))
        return Finding(Row.EDGES, "validation", f"by hand in {', '.join(folders[:3])}", proof, where)
    return Finding(Row.EDGES, "validation", f"{ABSENT} (by hand)", proof, where)


def _near(path: str) -> str:
    """Name the part of a backend that a file is in: `/api` for `app/api/users.py`."""
    return f"/{path.split('/')[-2]}" if "/" in path else path


def _refuses(project: Project, module: Module, call: Call, name: str) -> bool:
    if re.search(r"bad_?request", name, re.IGNORECASE):
        return True
    for item in (*call.node.arguments, *(value for _, value in call.node.pairs)):
        value = project.fold(module, item, call.function)
        if (value.known and value.value in (400, 422)) or re.search(
            r"BAD_REQUEST|UNPROCESSABLE|BadRequest", item.dotted
        ):
            return True
    return False


def _about_input(module: Module, call: Call) -> bool:
    """Tell whether a condition speaks of what the function was given, not of what a database answered."""
    names = set(re.findall(r"[A-Za-z_]\w*", call.conditions[-1]))
    function = call.function
    while function != -1:
        scope = module.functions[function]
        if names & {"req", "request", "body", "data", "payload", "input", "json"}:
            return True
        for parameter in scope.parameters:
            if names & {parameter.name, *parameter.pattern}:
                return True
        for name in names & scope.bindings.keys():
            held = scope.bindings[name]
            if held.kind != "await" and (
                from_request(module, held, function) or _parameter_of(module, held, function) != -1
            ):
                return True
        function = scope.parent
    return False


# -- the environment --------------------------------------------------------------------------------------------------


def environment(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Iterator[Finding]:
    """Find what checks the environment's settings at the start."""
    places: list[Place] = []
    match rule.extra["reader"]:
        case "named":
            yield from trace(project, unit, rule, used=True)
            return
        case "plugin":
            places = [place for _, place, _ in plugins(project, unit, rule)]
            found = evidence(project, unit, rule)
            if not places and found is not None and found.proof >= Proof.USED:
                places = found.places
        case "schema":
            for spot, call, _ in _schema_calls(project, unit, rule):
                if any(_is_environment(project, spot.module, item, spot.function) for item in call.node.arguments[:2]):
                    places.append(spot.place)
            places += _nest_config(project, unit, rule, "validationSchema")
            places += _nest_validate(project, unit, places, [spot for spot, _, _ in _schema_calls(project, unit, rule)])
        case "class-env":
            for use in calls(project, unit, rule):
                if re.search(r"env|conf", use.spot.module.path, re.IGNORECASE):
                    places.append(use.spot.place)
        case "settings":
            kinds = subclasses(
                project, unit, r"(pydantic_settings|pydantic)(\.\w+)*\.BaseSettings", "pydantic_settings", "pydantic"
            )
            places = [Place(module.path, kind.line) for module, kind in kinds]
    if places:
        yield Said(rule.value, places).finding(project, rule)
    elif not rule.extra.get("builtin"):
        yield from trace(project, unit, rule)


def _is_environment(project: Project, module: Module, node: Node, function: int) -> bool:
    for item in walk(node):
        if item.dotted in ("process.env", "import.meta.env", "Bun.env", "Deno.env"):
            return True
        if item.kind == "name" and project.origin(module, item, function).startswith("process.env"):
            return True
    return False


def _nest_config(project: Project, unit: Unit, rule: Rule, key: str) -> list[Place]:
    """Give the places where `ConfigModule.forRoot({validationSchema: Joi.object(…)})` checks."""
    places = []
    for module in project.mentioning(unit, key):
        for call in module.calls:
            if not call.node.items[0].dotted.endswith("ConfigModule.forRoot"):
                continue
            given = member(project, argument(Spot(module, call.node, call.function), 0), key)
            if given is not None and any(origin(project, given).startswith(name) for name in packages(rule)):
                places.append(given.place)
    return places


def _nest_validate(project: Project, unit: Unit, known: list[Place], checks: list[Spot]) -> list[Place]:
    """Give the checks in the function that `ConfigModule.forRoot({validate})` is given."""
    found: list[Place] = []
    for module in project.mentioning(unit, "ConfigModule.forRoot") if checks and not known else ():
        for call in module.calls:
            if not call.node.items[0].dotted.endswith("ConfigModule.forRoot"):
                continue
            given = member(project, argument(Spot(module, call.node, call.function), 0), "validate")
            held = follow(project, given) if given is not None else None
            made = held.module.function(held.node) if held is not None else None
            if held is None or made is None:
                continue
            found += [
                spot.place
                for spot in checks
                if spot.module.path == held.module.path and held.module.within(spot.function, made.number)
            ]
    return found


def objects(project: Project, unit: Unit, rule: Rule, mounts: Mounts) -> Checks:
    """Read routes whose options hold schemas: Elysia's `{body: t.Object(…)}`, hapi's `{validate: {payload: …}}`."""
    hapi = rule.name.startswith("hapi")
    keys = {"payload", "query", "params", "headers"} if hapi else {"body", "query", "params"}
    places: list[Place] = []
    library = ""
    for module in project.importing(unit, *rule.npm):
        for call in module.calls:
            callee = call.node.items[0]
            if callee.kind != "attribute" or callee.value not in (*VERBS, "route"):
                continue
            for given in call.node.arguments:
                held = settled(project, Spot(module, given, call.function))
                for item in walk(held.node) if held.node.kind in ("object", "array") else ():
                    inner = item.get("validate") if hapi else item
                    for key, value in inner.pairs if inner is not None else []:
                        source = project.origin(held.module, value, held.function)
                        if key in keys and re.match(r"elysia\.t\b|@?(hapi/)?joi|zod", source):
                            library = "joi" if "joi" in source else "zod" if source.startswith("zod") else "TypeBox"
                            places.append(Place(module.path, value.line))
    return Checks([Said(f"{library} through {'hapi' if hapi else 'Elysia'}", places)] if places else [])


READERS: dict[str, Reader] = {
    "objects": objects,
    "schema": schema,
    "function": function,
    "called": called,
    "always": always,
    "ajv": ajv,
    "fastify": fastify,
    "trpc": trpc,
    "nest": nest,
    "nestjs-zod": nestjs_zod,
    "pydantic": pydantic,
    "marshmallow": marshmallow,
    "drf": drf,
    "wtforms": wtforms,
    "django-forms": django_forms,
}
