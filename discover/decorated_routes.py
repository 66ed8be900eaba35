"""The routes of controllers that decorators mark, outside NestJS: routing-controllers, tsoa, Inversify and others."""

from __future__ import annotations

import re
from collections.abc import Iterator

from discover.code import Class, Member, Module, Node
from discover.findings import Place, Route
from discover.javascript_routing import UNKNOWN, Answer, braces, described, join, version_prefix
from discover.nest_routes import has_validators, members, texts
from discover.project import Project, Unit
from discover.wiring import Spot

PACKAGES = {
    "routing-controllers": "routing-controllers",
    "tsoa": "tsoa",
    "@tsoa/runtime": "tsoa",
    "inversify-express-utils": "inversify-express-utils",
    "@tsed/common": "ts.ed",
    "@tsed/di": "ts.ed",
    "@tsed/schema": "ts.ed",
    "@overnightjs/core": "overnightjs",
}
"""Each package with the name of its framework."""
_CLASSES = frozenset({"Controller", "JsonController", "Route", "controller", "RestController"})
_METHOD = re.compile(r"(?:http)?(get|post|put|patch|delete|head|options|all)", re.IGNORECASE)
_GUARD = re.compile(r"auth|guard|security|role|permission|jwt|protect", re.IGNORECASE)
_MIDDLEWARE = frozenset({"UseBefore", "Use", "Middleware", "ClassMiddleware", "Middlewares", "httpGet", "controller"})
_BODIES = frozenset({"Body", "BodyParam", "BodyParams", "requestBody", "QueryParams", "Queries", "Query", "BodyProp"})


def read(project: Project, unit: Unit) -> Iterator[Answer]:
    """Give what decorated controllers answer."""
    prefix = _prefix(project, unit)
    for module in project.importing(unit, *PACKAGES):
        for kind in module.classes:
            for library, node in _marks(project, module, kind.decorators):
                name = node.items[0].dotted.rpartition(".")[2] if node.kind == "call" else node.dotted
                if name not in _CLASSES:
                    continue
                bases = texts(project, module, node.arguments[0] if node.arguments else None)
                guards = _guards(project, module, [*kind.decorators])
                for where, member in members(project, module, kind):
                    yield from _method(project, where, kind, member, library, [prefix], bases, guards)
                break


def _marks(project: Project, module: Module, decorators: list[Node]) -> Iterator[tuple[str, Node]]:
    for node in decorators:
        target = node.items[0] if node.kind == "call" else node
        source = project.origin(module, target, -1)
        library = next((shown for package, shown in PACKAGES.items() if source.startswith(f"{package}.")), None)
        if library is not None:
            yield library, node


def _method(
    project: Project,
    module: Module,
    kind: Class,
    member: Member,
    library: str,
    prefixes: list[str],
    bases: list[str],
    guards: list[str],
) -> Iterator[Answer]:
    for _, node in _marks(project, module, member.decorators):
        target = node.items[0] if node.kind == "call" else node
        match = _METHOD.fullmatch(target.dotted.rpartition(".")[2])
        if match is None:
            continue
        method = "ANY" if match[1].lower() == "all" else match[1].upper()
        own = [*guards, *_guards(project, module, member.decorators)]
        place = Place(module.path, node.line)
        for prefix in prefixes:
            for base in bases:
                for path in texts(project, module, node.arguments[0] if node.arguments else None):
                    whole = join(prefix, braces(base), braces(path))
                    version = version_prefix(whole)
                    note = "part of the path is unknown" if UNKNOWN in whole else ""
                    checked = _validated(project, module, member, library)
                    route = Route(
                        method, whole, place, list(dict.fromkeys(own)), checked, version.rpartition("/")[2], note
                    )
                    at = Place(module.path, kind.line) if version else None
                    yield Answer(route, version=version, version_place=at, framework=library)


def _guards(project: Project, module: Module, decorators: list[Node]) -> list[str]:
    found: list[str] = []
    for node in decorators:
        target = node.items[0] if node.kind == "call" else node
        name = target.dotted.rpartition(".")[2]
        if name in _MIDDLEWARE:
            for argument in node.arguments:
                shown = described(project, Spot(module, argument, -1))
                if _GUARD.search(shown):
                    found.append(shown)
        elif _GUARD.search(name) and not re.search(r"^(Api|OpenAPI)", name):
            found.append(described(project, Spot(module, node, -1)))
    return found


def _validated(project: Project, module: Module, member: Member, library: str) -> bool | None:
    """Tell whether the input is checked: tsoa and Ts.ED check it by its type, routing-controllers by validators."""
    function = module.function(member.value) if member.value is not None else None
    takes = [
        parameter
        for parameter in (function.parameters if function is not None else [])
        if any(mark.dotted.replace("()", "") in _BODIES for mark in parameter.decorators)
    ]
    if not takes:
        return None
    return library in ("tsoa", "ts.ed") or all(has_validators(project, module, each.type) for each in takes)


def _prefix(project: Project, unit: Unit) -> str:
    for module in project.importing(unit, "routing-controllers"):
        for call in module.calls:
            source = project.origin(module, call.node.items[0], call.function)
            if not re.match(r"routing-controllers\.(create|use)\w*Server$", source):
                continue
            for argument in call.node.arguments:
                _, held = project.find(module, argument, call.function)
                if (value := held.get("routePrefix")) is not None:
                    folded = project.fold(module, value, call.function)
                    return str(folded.value) if folded.known else UNKNOWN
    for path in project.files(unit, "tsoa.json"):
        data = project.data(path)
        routes = data.get("routes") if isinstance(data, dict) else None
        spec = data.get("spec") if isinstance(data, dict) else None
        for part in (routes, spec):
            if isinstance(part, dict) and isinstance(part.get("basePath"), str):
                return str(part["basePath"])
    return ""
