"""The routes of NestJS: controllers, the global prefix, versions and guards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from discover.code import Class, Function, Member, Module, Node
from discover.findings import Place, Route
from discover.javascript_routing import UNKNOWN, Answer, braces, described, join, version_prefix
from discover.project import Project, Unit
from discover.wiring import Spot

METHODS = {
    "Get": "GET", "Post": "POST", "Put": "PUT", "Patch": "PATCH", "Delete": "DELETE", "Head": "HEAD",
    "Options": "OPTIONS", "All": "ANY", "Sse": "GET", "Search": "SEARCH",
}  # fmt: skip
NEUTRAL = "neutral"
_INPUTS = frozenset({"Body", "Query", "Param", "Headers", "UploadedFile", "UploadedFiles"})
_KINDS = {"URI": "URI", "HEADER": "header", "MEDIA_TYPE": "media type", "CUSTOM": "custom", "0": "URI", "1": "header"}
_PUBLIC = re.compile(r"^(Public|IsPublic|SkipAuth|AllowAnonymous|NoAuth|AllowUnauthorized\w*|Unprotected)$")


@dataclass(slots=True)
class Application:
    """What the whole application sets."""

    prefix: str = ""
    prefix_place: Place | None = None
    prefix_env: str = ""
    prefix_text: str = ""
    """The prefix as a reader is told it."""
    excluded: list[tuple[str, str]] = field(default_factory=list)
    """(method, path) that the prefix is not put before."""
    kind: str = ""
    """`URI`, `header`, `media type` or `custom`; `` without versions."""
    key: str = ""
    """The header's name, or the key in the media type."""
    uri: str = "v"
    defaults: list[str] = field(default_factory=list)
    versioning_place: Place | None = None
    guards: list[str] = field(default_factory=list)
    pipe: bool = False
    created: list[tuple[str, Place]] = field(default_factory=list)
    """(platform, place) of each `NestFactory.create`."""


@dataclass(slots=True)
class Controlled:
    """A controller."""

    module: Module
    kind: Class
    paths: list[str]
    versions: list[str] | None
    place: Place
    version_place: Place


@dataclass(slots=True)
class Nest:
    """What a unit has of NestJS."""

    application: Application
    answers: list[Answer] = field(default_factory=list)
    versions: dict[str, list[Place]] = field(default_factory=dict)
    neutral: list[tuple[str, str, Place]] = field(default_factory=list)
    """(class, path, place) of controllers that answer whatever the version."""
    crud: list[tuple[str, Place]] = field(default_factory=list)


def read(project: Project, unit: Unit) -> Nest:
    """Read the controllers of a unit and what the application sets for all of them."""
    nest = Nest(_application(project, unit))
    registered = _registered(project, unit)
    prefixes = _router_module(project, unit)
    middleware = _middleware(project, unit)
    for module in project.importing(unit, "@nestjs/common"):
        for kind in module.classes:
            controller = _controller(project, module, kind)
            if controller is None:
                continue
            name = f"{module.path}#{kind.name}"
            if registered and name not in registered:
                continue
            _answers(project, nest, controller, prefixes.get(name, ""), middleware)
    return nest


def _called(project: Project, module: Module, decorators: list[Node], *names: str) -> list[Node]:
    """Give the decorators of these names, from a package of NestJS."""
    found = []
    for node in decorators:
        target = node.items[0] if node.kind == "call" else node
        source = project.origin(module, target, -1)
        if source.startswith("@nestjs/") and source.rpartition(".")[2] in names:
            found.append(node)
    return found


def texts(project: Project, module: Module, node: Node | None) -> list[str]:
    """Give the paths that a decorator is given: one, those of a list, or the empty one."""
    if node is None:
        return [""]
    if node.kind == "array":
        return [text for item in node.items for text in texts(project, module, item)] or [""]
    value = project.fold(module, node, -1)
    if not value.known:
        return [UNKNOWN]
    if isinstance(value.value, list):
        return [str(item) for item in value.value] or [""]
    return ["" if value.value is None else str(value.value)]


def _versions(project: Project, module: Module, node: Node | None) -> list[str] | None:
    if node is None:
        return None
    where, held = project.find(module, node, -1)
    if held.kind == "array":
        return [text for item in held.items for text in _versions(project, where, item) or []]
    if project.origin(module, node, -1).endswith("VERSION_NEUTRAL") or held.dotted.endswith("VERSION_NEUTRAL"):
        return [NEUTRAL]
    value = project.fold(module, node, -1)
    return [str(value.value)] if value.known else [UNKNOWN]


def _controller(project: Project, module: Module, kind: Class) -> Controlled | None:
    found = _called(project, module, kind.decorators, "Controller")
    if not found:
        return None
    node = found[0]
    place = Place(module.path, node.line)
    argument = node.arguments[0] if node.arguments else None
    options = project.find(module, argument, -1)[1] if argument is not None else None
    versions = None
    version_place = place
    path = argument
    if options is not None and options.kind == "object":
        path = options.get("path")
        version = options.get("version")
        if version is not None:
            version_place = Place(module.path, version.line)
        versions = _versions(project, module, version)
    for decorator in _called(project, module, kind.decorators, "Version"):
        versions = _versions(project, module, decorator.arguments[0] if decorator.arguments else None)
        version_place = Place(module.path, decorator.line)
    return Controlled(module, kind, texts(project, module, path), versions, place, version_place)


def _registered(project: Project, unit: Unit) -> set[str]:
    """Give the controllers that a module registers."""
    found: set[str] = set()
    for module in project.importing(unit, "@nestjs/common"):
        nodes = [node for kind in module.classes for node in kind.decorators]
        nodes += [node for function in module.functions for node in function.returns]
        for node in nodes:
            for argument in [node, *node.arguments]:
                listed = argument.get("controllers")
                if listed is None:
                    continue
                where, held = project.find(module, listed, -1)
                for item in held.items if held.kind == "array" else []:
                    inner = item.items[0] if item.kind == "spread" else item
                    place, one = project.find(where, inner, -1)
                    for each in one.items if one.kind == "array" else [one]:
                        at, made = project.find(place, each, -1)
                        if made.kind == "class" and isinstance(made.value, int):
                            found.add(f"{at.path}#{at.classes[made.value].name}")
    return found


def _router_module(project: Project, unit: Unit) -> dict[str, str]:
    """Give the prefix that `RouterModule.register` puts before each controller."""
    prefixes: dict[str, str] = {}
    for module in project.importing(unit, "@nestjs/core"):
        for call in module.calls:
            if call.node.items[0].dotted != "RouterModule.register" or not call.node.arguments:
                continue
            pending = [(module, call.node.arguments[0], "")]
            while pending:
                where, node, above = pending.pop()
                where, node = project.find(where, node, -1)
                if node.kind == "array":
                    pending += [(where, item, above) for item in node.items]
                elif node.kind == "object":
                    path = node.get("path")
                    here = join(above, *(texts(project, where, path)[:1] if path is not None else []))
                    if (held := node.get("module")) is not None:
                        _prefix_module(project, where, held, here, prefixes)
                    if (children := node.get("children")) is not None:
                        pending.append((where, children, here))
                elif node.kind == "class" and above:
                    _prefix_module(project, where, node, above, prefixes)
    return prefixes


def _prefix_module(project: Project, module: Module, node: Node, prefix: str, prefixes: dict[str, str]) -> None:
    where, held = project.find(module, node, -1)
    if held.kind != "class" or not isinstance(held.value, int):
        return
    for decorator in where.classes[held.value].decorators:
        for argument in decorator.arguments:
            listed = argument.get("controllers")
            for item in listed.items if listed is not None and listed.kind == "array" else []:
                at, made = project.find(where, item, -1)
                if made.kind == "class" and isinstance(made.value, int):
                    prefixes[f"{at.path}#{at.classes[made.value].name}"] = prefix


def _application(project: Project, unit: Unit) -> Application:
    found = Application()
    for module in project.importing(unit, "@nestjs/core", "@nestjs/common"):
        for call in module.calls:
            callee = call.node.items[0]
            arguments = call.node.arguments
            if callee.kind != "attribute":
                continue
            place = Place(module.path, call.node.line)
            if callee.value == "create" and project.origin(module, callee, call.function).endswith(
                "NestFactory.create"
            ):
                text = " ".join(argument.dotted for argument in arguments)
                adapter = "fastify" if "FastifyAdapter" in text else "express" if "ExpressAdapter" in text else ""
                if not adapter:
                    adapter = (
                        "fastify"
                        if _only_fastify(unit)
                        else "express"
                        if "@nestjs/platform-express" in unit.npm
                        else ""
                    )
                found.created.append((adapter, place))
            elif callee.value == "setGlobalPrefix" and arguments:
                value = project.fold(module, arguments[0], call.function)
                found.prefix = str(value.value) if value.known else UNKNOWN
                found.prefix_text = str(value.value) if value.known else str(value)
                found.prefix_place, found.prefix_env = (value.place if value.known else place), value.env
                options = arguments[1] if len(arguments) > 1 else None
                listed = options.get("exclude") if options is not None else None
                for item in listed.items if listed is not None else []:
                    found.excluded.append(_exclusion(project, module, item))
            elif callee.value == "enableVersioning":
                _versioning(project, module, call.function, arguments, place, found)
            elif callee.value == "useGlobalPipes":
                found.pipe = found.pipe or any("Validation" in argument.dotted for argument in arguments)
                found.pipe = found.pipe or any("Zod" in argument.dotted for argument in arguments)
            elif callee.value == "useGlobalGuards":
                found.guards += [described(project, Spot(module, item, call.function)) for item in arguments]
        _providers(project, module, found)
    # Scripts make an application, too; the one that listens is the service.
    listening = [
        (name, place)
        for name, place in found.created
        if (module_ := project.module(place.path)) is not None
        and any(str(call.node.items[0].value) == "listen" for call in module_.calls)
    ]
    found.created = listening or found.created
    return found


def _only_fastify(unit: Unit) -> bool:
    return "@nestjs/platform-fastify" in unit.npm and "@nestjs/platform-express" not in unit.npm


def _providers(project: Project, module: Module, found: Application) -> None:
    """Read `{provide: APP_GUARD, useClass: JwtAuthGuard}`."""
    if not any(brought.name in ("APP_GUARD", "APP_PIPE") for brought in module.imports):
        return
    for kind in module.classes:
        for decorator in kind.decorators:
            for argument in decorator.arguments:
                listed = argument.get("providers")
                if listed is None:
                    continue
                _, held = project.find(module, listed, -1)
                for item in held.items:
                    provide = item.get("provide")
                    used = item.get("useClass") or item.get("useExisting") or item.get("useValue")
                    if provide is None or used is None:
                        continue
                    name = used.dotted.replace("()", "")
                    if provide.dotted == "APP_GUARD" and not re.search(r"throttl|limit", name, re.IGNORECASE):
                        found.guards.append(name)
                    if provide.dotted == "APP_PIPE" and re.search(r"valid|zod", name, re.IGNORECASE):
                        found.pipe = True


def _exclusion(project: Project, module: Module, node: Node) -> tuple[str, str]:
    if node.kind == "object":
        path, method = node.get("path"), node.get("method")
        name = str(method.value).upper() if method is not None and method.kind == "attribute" else "ANY"
        return ("ANY" if name == "ALL" else name), texts(project, module, path)[0]
    return "ANY", texts(project, module, node)[0]


def _versioning(
    project: Project, module: Module, function: int, arguments: list[Node], place: Place, found: Application
) -> None:
    found.versioning_place = place
    options = project.find(module, arguments[0], function)[1] if arguments else None
    if options is None or options.kind != "object":
        found.kind = "URI"
        return
    kind = options.get("type")
    found.kind = "URI"
    if kind is not None:
        found.kind = _KINDS.get(kind.dotted.rpartition(".")[2] or str(kind.value), "unknown")
        found.versioning_place = Place(module.path, kind.line) if kind.line else place
    for name in ("header", "key"):
        if (given := options.get(name)) is not None:
            found.key = str(project.fold(module, given, function))
    if (prefix := options.get("prefix")) is not None:
        value = project.fold(module, prefix, function)
        found.uri = str(value.value) if value.known and isinstance(value.value, str) else "" if value.known else UNKNOWN
    found.defaults = _versions(project, module, options.get("defaultVersion")) or []


def _middleware(project: Project, unit: Unit) -> list[tuple[str, str, str]]:
    """Give (name, method, path) of middleware that decides who may call: `consumer.apply(x).forRoutes(…)`."""
    found: list[tuple[str, str, str]] = []
    for module in project.importing(unit, "@nestjs/common"):
        for call in module.calls:
            callee = call.node.items[0]
            if callee.kind != "attribute" or callee.value != "forRoutes":
                continue
            inner = callee.items[0]
            while inner.kind == "call" and inner.items[0].kind == "attribute" and inner.items[0].value != "apply":
                inner = inner.items[0].items[0]
            names = [
                item.dotted
                for item in inner.arguments
                if re.search(r"auth|guard|jwt|token", item.dotted, re.IGNORECASE)
            ]
            for argument in call.node.arguments:
                where, held = project.find(module, argument, call.function)
                if held.kind == "class" and isinstance(held.value, int):
                    controller = _controller(project, where, where.classes[held.value])
                    targets = [("ANY", f"{path}/*") for path in controller.paths] if controller is not None else []
                else:
                    targets = [_exclusion(project, module, argument)]
                found += [(name, method, path) for name in names for method, path in targets]
    return found


def _answers(
    project: Project, nest: Nest, controller: Controlled, prefix: str, middleware: list[tuple[str, str, str]]
) -> None:
    module, kind, application = controller.module, controller.kind, nest.application
    own = _guards(project, module, kind.decorators)
    neutral = False
    for member in members(project, module, kind):
        where, one = member
        function = where.function(one.value) if one.value is not None else None
        for name, method in METHODS.items():
            for decorator in _called(project, where, one.decorators, name):
                paths = texts(project, where, decorator.arguments[0] if decorator.arguments else None)
                versions = controller.versions
                for given in _called(project, where, one.decorators, "Version"):
                    versions = _versions(project, where, given.arguments[0] if given.arguments else None)
                versions = versions if versions is not None else application.defaults or None
                guards = [*own, *_guards(project, where, one.decorators)]
                public = any(
                    _PUBLIC.match(node.dotted.replace("()", "")) for node in (*one.decorators, *kind.decorators)
                )
                if application.guards and not public:
                    guards = [*application.guards, *guards]
                checked = _validated(project, where, one, function, kind, application)
                place = Place(where.path, decorator.line)
                for version in versions if versions and application.kind else [""]:
                    for base in controller.paths:
                        for path in paths:
                            answer = _answer(application, prefix, base, path, method, version, place)
                            route = answer.route
                            held = [n for n, m, p in middleware if m in ("ANY", method) and _fits(route.path, p)]
                            route.guards = list(dict.fromkeys([*guards, *held]))
                            route.validated = checked
                            if answer.version:
                                answer.version_place = controller.version_place
                            nest.answers.append(answer)
                if application.kind:
                    neutral = neutral or versions is None or NEUTRAL in versions
                    for version in versions or []:
                        if version not in (NEUTRAL, UNKNOWN):
                            nest.versions.setdefault(version, []).append(controller.version_place)
    if neutral:
        nest.neutral.append((kind.name, controller.paths[0], controller.version_place))
    for decorator in kind.decorators:
        source = project.origin(module, decorator.items[0], -1) if decorator.kind == "call" else ""
        if source.startswith(("@nestjsx/crud", "@dataui/crud")):
            nest.crud.append((kind.name, Place(module.path, decorator.line)))


def members(project: Project, module: Module, kind: Class, depth: int = 0) -> Iterator[tuple[Module, Member]]:
    """Give the methods of a controller, those that it inherits included."""
    own = {member.name for member in kind.members}
    for member in kind.members:
        yield module, member
    for base in kind.bases if depth < 5 else []:
        where, node = project.find(module, base, kind.function)
        if node.kind == "class" and isinstance(node.value, int) and where.classes[node.value].kind == "class":
            for place, member in members(project, where, where.classes[node.value], depth + 1):
                if member.name not in own and member.name != "constructor":
                    yield place, member


def _answer(
    application: Application, prefix: str, base: str, path: str, method: str, version: str, place: Place
) -> Answer:
    inner = join(prefix, braces(base), braces(path))
    segment = f"/{application.uri}{version}" if application.kind == "URI" and version not in ("", NEUTRAL) else ""
    excluded = any(name in ("ANY", method) and _fits(inner, pattern) for name, pattern in application.excluded)
    before = "" if excluded else application.prefix
    whole = join(before, segment, inner)
    notes = []
    if version not in ("", NEUTRAL) and application.kind != "URI":
        notes.append(f"{application.kind} {application.key}: {version}".replace(" :", ":"))
    if UNKNOWN in whole:
        notes.append("part of the path is unknown")
    found = version_prefix(whole)
    shown = version if version != NEUTRAL else ""
    route = Route(method, whole, place, version=shown or found.rpartition("/")[2], note="; ".join(notes))
    return Answer(route, version=found, version_place=place if found else None, framework="nestjs")


def _fits(path: str, pattern: str) -> bool:
    """Tell whether a path is what an exclusion or a middleware's path means."""
    path, pattern = path.strip("/"), braces(pattern.strip("/"))
    if not pattern:
        return not path
    if "*" in pattern or "(" in pattern:
        stem = re.split(r"[{(*]", pattern)[0].rstrip("/")
        return path == stem or path.startswith(f"{stem}/") or path.endswith(f"/{stem}") or f"/{stem}/" in f"/{path}/"
    return path == pattern or path.partition("/")[2] == pattern


def _guards(project: Project, module: Module, decorators: list[Node]) -> list[str]:
    """Give the guards of `@UseGuards`, also inside decorators that are put together with `applyDecorators`."""
    found: list[str] = []
    for node in decorators:
        for one in _composed(project, module, node):
            target = one[1].items[0] if one[1].kind == "call" else one[1]
            if project.origin(one[0], target, one[2]).endswith("@nestjs/common.UseGuards"):
                for argument in one[1].arguments:
                    name = described(project, Spot(one[0], argument, one[2]))
                    if not re.search(r"throttl|limit", name, re.IGNORECASE):
                        found.append(name)
    roles = [
        node
        for node in decorators
        if re.match(r"(Roles?|Permissions?|HasRoles?|RequirePermissions?)\(\)$", node.dotted)
    ]
    return [*found, *(described(project, Spot(module, node, -1)) for node in (roles if found else []))]


def _composed(project: Project, module: Module, node: Node) -> Iterator[tuple[Module, Node, int]]:
    yield module, node, -1
    if node.kind != "call":
        return
    where, made = project.find(module, node.items[0], -1)
    function = where.function(made)
    for returned in function.returns if function is not None else []:
        if returned.kind == "call" and returned.items[0].dotted.endswith("applyDecorators"):
            for argument in returned.arguments:
                yield where, argument, function.number if function is not None else -1


def _validated(
    project: Project, module: Module, member: Member, function: Function | None, kind: Class, application: Application
) -> bool | None:
    """Tell whether the input of a method is checked: a class with validators under a pipe, or a pipe of its own."""
    if function is None:
        return None
    takes = False
    checked = True
    local = bool(_called(project, module, [*member.decorators, *kind.decorators], "UsePipes"))
    for parameter in function.parameters:
        marks = [mark for mark in parameter.decorators if mark.dotted.replace("()", "") in _INPUTS]
        if not marks:
            continue
        name = marks[0].dotted.replace("()", "")
        piped = any(
            len(mark.arguments) > (1 if mark.arguments[:1] and mark.arguments[0].kind == "string" else 0)
            for mark in marks
        )
        if name in ("Body", "Query"):
            takes = True
            if piped or local:
                continue
            checked = checked and application.pipe and has_validators(project, module, parameter.type)
    if not takes:
        return None
    return checked


def has_validators(project: Project, module: Module, annotation: str) -> bool:
    """Tell whether a type is a class that validators mark."""
    found = re.match(r"[\w.]+", annotation)
    if found is None:
        return False
    where, node = project.find(module, Node("name", 0, found[0]), -1)
    pending, seen = [(where, node)], 0
    while pending and seen < 12:
        seen += 1
        where, node = pending.pop()
        if node.kind == "call":
            if "nestjs-zod" in project.origin(where, node.items[0], -1):
                return True
            pending += [project.find(where, argument, -1) for argument in node.arguments[:2]]
        if node.kind != "class" or not isinstance(node.value, int):
            continue
        kind = where.classes[node.value]
        if any(
            project.origin(where, mark.items[0] if mark.kind == "call" else mark, -1).startswith("class-validator")
            for member in kind.members
            for mark in member.decorators
        ):
            return True
        pending += [project.find(where, base, -1) for base in kind.bases]
    return False
