"""The routes of Next.js, which are files, its server actions, and the procedures of tRPC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from discover.code import Module, Node
from discover.findings import Place, Route
from discover.javascript_routing import Answer, Graph, join, version_prefix
from discover.project import Project, Unit
from discover.wiring import Spot

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

_ROUTE = re.compile(r"^(?:src/)?app/(?:(.*)/)?route\.[cm]?[jt]sx?$")
_PAGE = re.compile(r"^(?:src/)?pages/(api(?:/.*)?)\.[cm]?[jt]sx?$")
_ASKS = re.compile(
    r"^(getServerSession|getServerAuthSession|auth|getSession|getUser|currentUser|getToken|requireUser|requireAuth|validateRequest"
    r"|getCurrentUser|getKindeServerSession|verifySession|withAuth\w*|getAuth|unstable_getServerSession)$"
)


@dataclass(slots=True)
class Next:
    """What a unit has of Next.js."""

    answers: list[Answer] = field(default_factory=list)
    app: dict[str, str] = field(default_factory=dict)
    """Each `route` file with its path."""
    pages: dict[str, str] = field(default_factory=dict)
    """Each file of `pages/api` with its path."""
    callbacks: set[str] = field(default_factory=set)
    """Files that take what a sign-in elsewhere comes back with."""
    segments: dict[str, Place] = field(default_factory=dict)
    """Dynamic segments as the files have them: `[id]`."""


@dataclass(slots=True)
class Actions:
    """Server actions."""

    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Each file with its number of actions and the first one's line."""
    wrappers: dict[str, tuple[int, Place]] = field(default_factory=dict)
    """Functions of this codebase that actions are made with: (how many, where the function is)."""


def inner(unit: Unit, path: str) -> str:
    """Give a path from the unit's folder."""
    return path[len(unit.folder) + 1 :] if unit.folder else path


def segments(folder: str) -> tuple[str, list[str]] | None:
    """Make a path of a folder below `app/`: (path, its dynamic segments); None if a part of it is switched off."""
    parts: list[str] = []
    dynamic: list[str] = []
    for part in folder.split("/") if folder else []:
        if part.startswith("_"):
            return None
        if part.startswith("@") or re.fullmatch(r"\([^.)][^)]*\)", part):
            continue
        part = part.replace("%5F", "_")
        if found := re.fullmatch(r"\[+(?:\.\.\.)?([^\]]+)\]+", part):
            dynamic.append(part)
            parts.append(f"{{{found[1]}}}")
        else:
            parts.append(part)
    return "/" + "/".join(parts), dynamic


def read(project: Project, unit: Unit, graph: Graph) -> Next:
    """Read the routes of a unit that are files."""
    found = Next()
    prefix = _base_path(project, unit)
    own = [path for path in project.sources(unit) if project.unit_of(path) is unit]
    for path in own:
        below = inner(unit, path)
        if (match := _ROUTE.match(below)) is not None:
            made = segments(match[1] or "")
            module = project.module(path) if made is not None else None
            if made is None or module is None:
                continue
            before = len(found.answers)
            for method in METHODS:
                if (exported := project.exported(path, method)) is not None:
                    _answer(graph, found, module, exported, method, join(prefix, made[0]))
                elif any(name == method for name, _, _ in module.reexports):
                    _plain(found, module, method, join(prefix, made[0]))
            if len(found.answers) > before:
                found.app[path] = made[0]
                for part in made[1]:
                    found.segments.setdefault(part, found.answers[before].route.place)
                if any(
                    str(call.node.items[0].value) in ("exchangeCodeForSession", "verifyOtp") for call in module.calls
                ):
                    found.callbacks.add(path)
        elif (match := _PAGE.match(below)) is not None:
            stem = re.sub(r"(^|/)index$", "", match[1])
            made = segments(stem)
            module = project.module(path)
            if made is None or module is None or "default" not in module.exports:
                continue
            found.pages[path] = made[0]
            exported = project.exported(path, "default")
            if any(brought.module == "next-connect" for brought in module.imports):
                found.answers += _connected(project, graph, module, join(prefix, made[0]))
            else:
                for method in _methods(module):
                    _answer(graph, found, module, exported, method, join(prefix, made[0]))
            for part in made[1]:
                found.segments.setdefault(part, Place(path, 1))
    return found


def _base_path(project: Project, unit: Unit) -> str:
    for path in project.files(unit, "next.config.js", "next.config.mjs", "next.config.ts", "next.config.cjs"):
        module = project.module(path)
        for node in [*module.bindings.values(), *module.exports.values()] if module is not None else []:
            value = node.get("basePath") if node.kind == "object" else None
            folded = project.fold(module, value, -1) if module is not None and value is not None else None
            if folded is not None and folded.known and isinstance(folded.value, str):
                return folded.value
    return ""


def _methods(module: Module) -> list[str]:
    """Give the methods that a handler of `pages/api` tells apart; ANY if it tells none."""
    texts = [text for call in module.calls for text in call.conditions]
    found = {
        match[1]
        for text in texts
        for match in re.finditer(r"""\bmethod\??\s*[!=]={1,2}\s*["'](GET|POST|PUT|PATCH|DELETE)["']""", text)
    }
    return [method for method in METHODS if method in found] or ["ANY"]


def _connected(project: Project, graph: Graph, module: Module, path: str) -> Iterator[Answer]:
    """Give the methods of a router of `next-connect`."""
    shared: list[str] = []
    for call in module.calls:
        callee = call.node.items[0]
        if callee.kind != "attribute" or not call.node.arguments:
            continue
        if not project.origin(module, callee.items[0], call.function).startswith("next-connect"):
            continue
        given = [Spot(module, argument, call.function) for argument in call.node.arguments]
        if callee.value == "use":
            shared += [name for name in (graph.guard(spot, {}) for spot in given) if name]
        elif str(callee.value).upper() in METHODS:
            guards, validated = graph.handlers(given, {})
            version = version_prefix(path)
            place = Place(module.path, call.node.line)
            every = list(dict.fromkeys([*shared, *guards]))
            route = Route(str(callee.value).upper(), path, place, every, validated, version.rpartition("/")[2])
            yield Answer(route, version=version, version_place=place if version else None, framework="next.js")


def _plain(found: Next, module: Module, method: str, path: str) -> None:
    version = version_prefix(path)
    place = Place(module.path, 1)
    route = Route(method, path, place, version=version.rpartition("/")[2])
    found.answers.append(Answer(route, version=version, version_place=place if version else None, framework="next.js"))


def _answer(
    graph: Graph,
    found: Next,
    module: Module,
    exported: tuple[Module, Node, int] | None,
    method: str,
    path: str,
) -> None:
    guards: list[str] = []
    validated: bool | None = None
    line = 1
    if exported is not None:
        where, node, function = exported
        line = node.line if where is module else 1
        handler = graph.at(Spot(where, node, function), {})
        line = handler.node.line if handler.module is module and handler.node.line else line
        spot = handler
        if handler.node.kind == "call":
            name = graph.guard(Spot(handler.module, handler.node.items[0], handler.function), {})
            guards += [name] if name else []
            options = [argument for argument in handler.node.arguments if argument.kind == "object"]
            if any(argument.get("schema") is not None for argument in options):
                validated = True
            functions = [argument for argument in handler.node.arguments if argument.kind in ("function", "name")]
            if functions:
                spot = graph.at(Spot(handler.module, functions[0], handler.function), {})
        if spot.node.kind == "function" and isinstance(spot.node.value, int):
            for call in spot.module.calls_in(spot.node.value):
                name = str(call.node.items[0].value)
                if _ASKS.match(name):
                    guards.append(call.node.items[0].dotted.replace("()", "") or name)
            if (
                not guards
                and graph.refuses(spot)
                and not re.search(r"log-?in|sign-?in|auth|webhook|token|verify", path)
            ):
                guards.append("a check in the handler")
            validated = validated if validated is not None else graph.checks_input(spot)
    version = version_prefix(path)
    place = Place(module.path, line)
    route = Route(method, path, place, list(dict.fromkeys(guards)), validated, version.rpartition("/")[2])
    found.answers.append(Answer(route, version=version, version_place=place if version else None, framework="next.js"))


def actions(project: Project, unit: Unit) -> Actions:
    """Find the server actions of a unit and its libraries."""
    found = Actions()
    for module in project.mentioning(unit, "use server"):
        count, line = 0, 0
        if "use server" in module.directives:
            for node in module.exports.values():
                where, held = project.find(module, node, -1)
                if held.kind == "function" or (held.kind in ("call", "await") and where is module):
                    count += 1
                    line = line or held.line or node.line
                    if held.kind == "call":
                        _wrapper(project, found, where, held)
        for function in module.functions:
            if "use server" in function.directives:
                count += 1
                line = line or function.line
        if count:
            found.files[module.path] = (count, line)
    return found


def _wrapper(project: Project, found: Actions, module: Module, node: Node) -> None:
    callee = node.items[0]
    where, made = project.find(module, callee, -1)
    function = where.function(made)
    if function is None or callee.kind != "name":
        return
    name = str(callee.value)
    count, place = found.wrappers.get(name, (0, Place(where.path, function.line)))
    found.wrappers[name] = (count + 1, place)


# -- tRPC -------------------------------------------------------------------------------------------------------------


def procedures(project: Project, unit: Unit) -> Iterator[Answer]:
    """Give the procedures of tRPC, each under the path that a caller uses."""
    calls: list[Spot] = []
    inner_calls: set[int] = set()
    for module in project.mentioning(unit, "outer({", "outer(\n", "Routers("):
        for call in module.calls:
            spot = Spot(module, call.node, call.function)
            if _is_router(project, spot):
                calls.append(spot)
                for _, value in call.node.arguments[0].pairs if call.node.arguments else []:
                    inner_calls.add(id(project.follow(module, value, call.function)[1]))
    endpoint = _endpoint(project, unit)
    seen: set[tuple[str, Place]] = set()
    for spot in calls:
        if id(spot.node) not in inner_calls:
            for answer in _procedures(project, spot, "", endpoint, 0):
                key = (answer.route.path, answer.route.place)
                if key not in seen:
                    seen.add(key)
                    yield answer


def _is_router(project: Project, spot: Spot) -> bool:
    if spot.node.kind != "call":
        return False
    source = project.origin(spot.module, spot.node.items[0], spot.function)
    return source.startswith("@trpc/server") and source.rpartition(".")[2] in ("router", "mergeRouters")


def _endpoint(project: Project, unit: Unit) -> str:
    for module in project.importing(unit, "@trpc/server"):
        for call in module.calls:
            for argument in call.node.arguments[:1]:
                value = argument.get("endpoint") if argument.kind == "object" else None
                folded = project.fold(module, value, call.function) if value is not None else None
                if folded is not None and folded.known and isinstance(folded.value, str):
                    return folded.value
            source = project.origin(module, call.node.items[0], call.function)
            if source.startswith("@trpc/server/adapters/express"):
                for other in module.calls:
                    used = other.node.arguments
                    if str(other.node.items[0].value) == "use" and call.node in used and used[0].kind == "string":
                        return str(used[0].value)
    return "/trpc"


def _procedures(project: Project, spot: Spot, path: str, endpoint: str, depth: int) -> Iterator[Answer]:
    if depth > 8 or not spot.node.arguments:
        return
    if str(spot.node.items[0].value) == "mergeRouters":
        for argument in spot.node.arguments:
            found = Spot(*project.follow(spot.module, argument, spot.function))
            if _is_router(project, found):
                yield from _procedures(project, found, path, endpoint, depth + 1)
        return
    members = Spot(*project.follow(spot.module, spot.node.arguments[0], spot.function))
    for name, value in members.node.pairs:
        held = Spot(*project.follow(members.module, value, members.function))
        dotted = f"{path}.{name}" if path else name
        if held.node.kind == "object":
            wrapped = Node("call", held.node.line, None, [spot.node.items[0], held.node])
            yield from _procedures(project, Spot(held.module, wrapped, held.function), dotted, endpoint, depth + 1)
        elif _is_router(project, held):
            yield from _procedures(project, held, dotted, endpoint, depth + 1)
        elif held.node.kind == "call" and held.node.items[0].kind == "attribute":
            kind = str(held.node.items[0].value)
            if kind not in ("query", "mutation", "subscription"):
                continue
            chain, base = _chain(held.node)
            guard = [base] if base and not re.search(r"public|^t\.procedure$|^procedure$|^baseProcedure$", base) else []
            method = "POST" if kind == "mutation" else "GET"
            place = Place(held.module.path, value.line if held.module is members.module else held.node.line)
            route = Route(method, f"{endpoint}/{dotted}", place, guard, "input" in chain or None, note=f"tRPC {kind}")
            yield Answer(route, framework="trpc")


def _chain(node: Node) -> tuple[list[str], str]:
    """Give the names that are called in a chain, and what the chain starts from."""
    names: list[str] = []
    while node.kind == "call" and node.items[0].kind == "attribute":
        names.append(str(node.items[0].value))
        node = node.items[0].items[0]
    return names, node.dotted
