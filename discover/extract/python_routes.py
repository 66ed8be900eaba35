"""Routes of Python's web frameworks: applications, routers and what is mounted where, across files.

Django's are in `django_routes.py`. Rules of key `python_framework` name what makes an application (`apps`) or a router
(`routers`), and which argument is its prefix.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from weakref import WeakKeyDictionary

from discover.code import Call, Function, Module, Node
from discover.extract import django_routes
from discover.extract.python_web import (
    VERBS,
    Guards,
    Piece,
    class_of,
    clean,
    expressions,
    kind_of,
    last,
    only_if,
    piece,
    pinned,
    validates,
    version_of,
)
from discover.findings import Finding, Place, Proof, Route, Row
from discover.project import Project, Unit
from discover.rules import Rule, each, of

WORDS = (
    "oute", "lueprint", "esource", "amespace", "FastAPI", "Flask", "Quart", "Sanic", "Starlette", "Litestar", "tornado",
    "aiohttp", "NinjaAPI", "MethodView", "mount(", "Api(", "falcon", "bottle", "Robyn",
)  # fmt: skip
"""A module that has a route, a router or an application has one of these words."""

CREATED = frozenset(
    {
        "FastAPI", "Flask", "Sanic", "Starlette", "Litestar", "Quart", "Application", "NinjaAPI", "NinjaExtraAPI",
        "App", "API", "Configurator", "Api", "Blueprint", "APIBlueprint", "APIRouter", "Router", "Namespace",
        "APIFlask", "OpenAPI", "Bottle", "Robyn",
    }
)  # fmt: skip
"""Last names of what makes an application or a router."""

MOUNTING = frozenset(
    {"include_router", "register_blueprint", "blueprint", "add_namespace", "mount", "add_subapp", "add_router"}
)

MAX_MOUNTS = 200
MAX_STEPS = 16

Key = tuple[str, int, str, str]
"""An application, router or parameter: path, line, the parameter's name, and what is called or defined there."""


@dataclass(slots=True)
class Holder:
    """What routes are added to."""

    rule: Rule
    app: bool
    place: Place
    prefix: Piece | None = None
    guards: list[str] = field(default_factory=list)
    function: int = -1
    made: bool = False
    """A factory of the codebase was called for it."""


@dataclass(slots=True)
class Mount:
    """A router within another."""

    parent: Key
    child: Key
    prefix: Piece | None
    guards: list[str]
    replaces: bool = False
    conditions: tuple[str, ...] = ()


@dataclass(slots=True)
class Way:
    """How a holder is reached from an application."""

    pieces: list[Piece] = field(default_factory=list)
    guards: list[str] = field(default_factory=list)
    conditions: tuple[str, ...] = ()


@dataclass(slots=True)
class Added:
    """A route on its holder."""

    holder: Key
    methods: list[str]
    path: Piece | None
    place: Place
    guards: list[str]
    validated: bool | None
    conditions: tuple[str, ...] = ()


@dataclass(slots=True)
class Counted:
    """A route with what tells whether it counts."""

    route: Route
    pieces: list[Piece]
    mounted: bool = True
    """An application has it."""
    conditional: bool = False
    unknown: bool = False
    """Its own path is no constant."""


class Graph:
    """The applications and routers of a unit, and how they hang together."""

    def __init__(self, project: Project, unit: Unit) -> None:
        self.project = project
        self.unit = unit
        self.guards = Guards(project)
        self.rules = of(Row.API, "python_framework")
        self.holders: dict[Key, Holder] = {}
        self.mounts: list[Mount] = []
        self.added: list[Added] = []
        self.parameters: dict[Key, tuple[str, int, int]] = {}
        """Key of a parameter → (path, number of the function, position)."""
        self.passed: dict[Key, list[Key]] = {}
        """Key of a parameter → what callers pass for it."""
        self.mounters: dict[tuple[str, int], tuple[str, Call]] = {}
        """Functions that mount a router they are given, at a prefix they are given: name, and the call in them."""
        self.wrappers: dict[tuple[str, int], Place] = {}
        """Functions that register what is passed to them: (path, number) → where."""
        self.lost: list[Place] = []
        """Where something is registered that could not be followed."""
        self.conditions: tuple[str, ...] = ()
        """Of the call that is being read."""
        self.view_guards: dict[Key, list[str]] = {}
        """Guards that a hook before every request adds."""
        packages = [name for rule in self.rules if rule.value != "django" for name in rule.modules or rule.pypi]
        # Django alone has nothing for this: its modules need not be read here.
        used = next(project.importing(unit, *packages), None) is not None
        found = project.mentioning(unit, *WORDS) if used else ()
        self.modules = [module for module in found if module.language == "python"]
        for module in self.modules:
            self.scan(module)
        self.unwrap()
        self.pass_parameters()
        self.above: dict[Key, list[Mount]] = {}
        for mount in self.mounts:
            for child in self.real(mount.child):
                self.above.setdefault(child, []).append(mount)

    # -- what routes are added to -----------------------------------------------------------------------------------

    def keys(self, module: Module, node: Node, function: int, steps: int = 0) -> list[Key]:
        """Give the applications and routers that an expression may be."""
        if steps > MAX_STEPS:
            return []
        where, found, scope = self.project.follow(module, node, function)
        match found.kind:
            case "call":
                return self._called(where, found, scope, steps)
            case "name":
                return self._parameter(where, str(found.value), scope)
            case "conditional":
                return [key for item in found.items[1:] for key in self.keys(where, item, scope, steps + 1)]
            case "binary" if found.value == "or":
                return [key for item in found.items for key in self.keys(where, item, scope, steps + 1)]
            case "index" if found.items[1].kind == "other":
                listed, array, inside = self.project.follow(where, found.items[0], scope)
                return (
                    [key for item in array.items for key in self.keys(listed, item, inside, steps + 1)]
                    if array.kind == "array"
                    else []
                )
            case "attribute":
                return self._attribute(where, found, scope, steps)
            case _:
                return []

    def _attribute(self, module: Module, node: Node, function: int, steps: int) -> list[Key]:
        where, target, scope = self.project.follow(module, node.items[0], function)
        if target.kind == "index" and target.items[1].kind == "other":
            listed, array, inside = self.project.follow(where, target.items[0], scope)
            every = array.items if array.kind == "array" else []
            return [
                key
                for item in every
                for key in self.keys(listed, Node("attribute", node.line, node.value, [item]), inside, steps + 1)
            ]
        # `app.router` and the like: what is added to it is added to the application.
        return self.keys(module, node.items[0], function, steps + 1) if node.value in ("router", "app") else []

    def _called(self, module: Module, node: Node, function: int, steps: int) -> list[Key]:
        key = (module.path, node.line, "", node.items[0].dotted)
        if key in self.holders:
            return [key]
        rule, origin = self._maker(module, node, function)
        if rule is not None:
            self.holders[key] = self._holder(module, node, function, rule, origin, key)
            return [key]
        where, made, _ = self.project.follow(module, node.items[0], function)
        scope = where.function(made)
        if scope is not None:
            made_keys = [key for item in scope.returns for key in self.keys(where, item, scope.number, steps + 1)]
            return list(dict.fromkeys(self._instance(made, where, scope, key, function) for made in made_keys))
        if made.kind == "class":
            return []
        # A wrapper of a package (`ASGIApp(app)`): what it wraps.
        return next((keys for item in node.arguments[:2] if (keys := self.keys(module, item, function, steps + 1))), [])

    def _instance(self, made: Key, where: Module, factory: Function, key: Key, function: int) -> Key:
        """Give what one call of a factory makes: each call has what the factory adds, and is mounted by itself."""
        holder = self.holders.get(made)
        if holder is None or made[0] != where.path or not where.within(holder.function, factory.number):
            return made
        self.holders[key] = Holder(holder.rule, holder.app, Place(key[0], key[1]), function=function, made=True)
        self.mounts.append(Mount(key, made, None, []))
        return key

    def _maker(self, module: Module, node: Node, function: int) -> tuple[Rule | None, str]:
        """Give the rule of what a call makes, and the origin that says so: of the callee, or of a base of its class."""
        origins = [self.project.origin(module, node.items[0], function)]
        if "#" in origins[0] and (kind := class_of(self.project, module, node.items[0], function)) is not None:
            origins += kind.origins
        for origin in origins:
            for rule in self.rules:
                if any(fnmatchcase(origin, known) for known in (*rule.extra["apps"], *rule.extra["routers"])):
                    return rule, origin
        return None, ""

    def _holder(self, module: Module, node: Node, function: int, rule: Rule, origin: str, key: Key) -> Holder:
        name = last(origin)
        app = any(fnmatchcase(origin, known) for known in rule.extra["apps"])
        given = node.get(rule.extra["prefix"]) or node.get("prefix")
        if name in ("Namespace", "namespace"):
            given = node.get("path")
            if given is None and node.arguments:
                given = Node("binary", node.line, "+", [Node("string", node.line, "/"), node.arguments[0]])
        holder = Holder(
            rule, app, Place(module.path, node.line), piece(self.project, module, given, function), function=function
        )
        holder.guards = self.guards.of_list(module, node.get("dependencies"), function)
        kind = class_of(self.project, module, node.items[0], function)
        started = kind.function("__init__") if kind is not None else None
        for call in started[0].calls_in(started[1].number) if started is not None else []:
            if last(call.node.items[0].dotted) == "__init__" and started is not None:
                holder.guards += self.guards.of_list(started[0], call.node.get("dependencies"), call.function)
        if (auth := node.get("auth")) is not None and (guard := self.guards.name(module, auth, function)):
            holder.guards.append(guard)
        if name == "Api" and node.arguments:
            self._mount(module, node.arguments[0], key, None, [], function)
        if name == "namespace" and node.items[0].kind == "attribute":
            self._mount(module, node.items[0].items[0], key, None, [], function)
        if name == "group":
            for item in node.arguments:
                for child in self.keys(module, item, function, 1):
                    self.mounts.append(Mount(key, child, None, []))
        for argument in ("routes", "route_handlers", "handlers"):
            if (listed := node.get(argument)) is not None:
                self._listed(module, listed, function, key)
        if rule.value == "tornado" and node.arguments:
            self._listed(module, node.arguments[0], function, key)
        return holder

    def _parameter(self, module: Module, name: str, function: int) -> list[Key]:
        while function != -1:
            scope = module.functions[function]
            for position, parameter in enumerate(scope.parameters):
                if parameter.name == name:
                    key = (module.path, scope.line, name, scope.name)
                    self.parameters[key] = (module.path, scope.number, position)
                    return [key]
            function = scope.parent
        return []

    def pass_parameters(self) -> None:
        """Look what callers pass for the parameters that routes are added to."""
        done: set[Key] = set()
        while (new := {key: found for key, found in self.parameters.items() if key not in done}) and len(
            done
        ) < MAX_MOUNTS:
            done |= new.keys()
            names: dict[str, list[tuple[Key, str, int, int]]] = {}
            for key, (path, number, position) in new.items():
                module = self.project.module(path)
                if module is not None:
                    function = module.functions[number]
                    called = function.owner if function.name == "__init__" else function.name
                    names.setdefault(called, []).append((key, path, number, position))
            for module in self.project.mentioning(self.unit, *names) if names else []:
                for call in module.calls:
                    for wanted in names.get(last(call.node.items[0].dotted), []):
                        self._pass(module, call, *wanted)

    def _pass(self, module: Module, call: Call, key: Key, path: str, number: int, position: int) -> None:
        where, found, _ = self.project.follow(module, call.node.items[0], call.function)
        target = self.project.module(path)
        if target is None:
            return
        function = target.functions[number]
        if found.kind == "class":
            same = where.path == path and where.classes[int(found.value or 0)].name == function.owner
        else:
            same = where.path == path and found.kind == "function" and found.value == number
            same = same or (bool(function.owner) and found.kind == "attribute")
        if not same:
            return
        name = function.parameters[position].name
        place = position - (1 if function.owner and function.parameters[0].name in ("self", "cls") else 0)
        given = call.node.get(name) or (call.node.arguments[place] if 0 <= place < len(call.node.arguments) else None)
        if given is not None:
            self.passed.setdefault(key, []).extend(self.keys(module, given, call.function))

    def real(self, key: Key, seen: frozenset[Key] = frozenset()) -> list[Key]:
        """Give the applications and routers that a key means: itself, or what is passed for a parameter."""
        if not key[2]:
            return [key]
        if key in seen:
            return []
        found = [inner for given in self.passed.get(key, []) for inner in self.real(given, seen | {key})]
        return list(dict.fromkeys(found))

    # -- what is said about them ------------------------------------------------------------------------------------

    def scan(self, module: Module) -> None:
        """Read a module's routes and mounts."""
        conditions = {id(call.node): call.conditions for call in module.calls}
        for function in module.functions:
            for decorator in function.decorators:
                self.conditions = conditions.get(id(decorator), ())
                self._decorated(module, function, decorator)
        self.conditions = ()
        for class_ in module.classes:
            for decorator in class_.decorators:
                if (
                    decorator.kind == "call"
                    and last(decorator.items[0].dotted) in ("route", "doc")
                    and decorator.items[0].kind == "attribute"
                ):
                    for key in self.keys(module, decorator.items[0].items[0], class_.function):
                        for path in decorator.arguments:
                            self._class_routes(module, Node("class", class_.line, class_.number), -1, key, path)
        for call in module.calls:
            self.conditions = call.conditions
            if not call.decorator:
                self._call(module, call)

    def _decorated(self, module: Module, function: Function, decorator: Node) -> None:
        if decorator.kind != "call":
            self._hook(module, function, decorator)
            return
        callee = decorator.items[0]
        name = last(callee.dotted)
        if callee.kind != "attribute" or name not in (*VERBS, "route", "api_route", "websocket", "websocket_route"):
            if name in VERBS and self.project.origin(module, callee, function.parent).startswith(
                ("litestar.", "starlite.")
            ):
                self._litestar(module, function, decorator, name)
            return
        given = (
            decorator.arguments[0]
            if decorator.arguments
            else decorator.get("path") or decorator.get("rule") or decorator.get("uri")
        )
        for key in self.keys(module, callee.items[0], function.parent):
            methods = self._methods(module, decorator, function.parent, name)
            holder = self.holders.get(key)
            auth = decorator.get("auth")
            guards = [
                *self.guards.of_list(module, decorator.get("dependencies"), function.parent),
                *self._of_owner(module, function),
                *self.guards.of_parameters(module, function),
                *self.guards.of_decorators(
                    module, [item for item in function.decorators if item is not decorator], function.parent
                ),
                *([guard] if auth is not None and (guard := self.guards.name(module, auth, function.parent)) else []),
            ]
            if holder is not None and holder.rule.value in ("fastapi", "django-ninja") and name != "websocket":
                validated = self._typed(module, function)
            else:
                validated = validates(module, function)
            path = piece(self.project, module, given, function.parent)
            self.added.append(
                Added(
                    key,
                    methods,
                    path,
                    Place(module.path, decorator.line),
                    list(dict.fromkeys(guards)),
                    validated,
                    self.conditions,
                )
            )

    def _of_owner(self, module: Module, function: Function) -> list[str]:
        """Give the guards that a class of handlers has: dependencies among its attributes, its bases' too."""
        owner = next((class_ for class_ in module.classes if class_.name == function.owner), None)
        if owner is None:
            return []
        kind = kind_of(self.project, module, owner)
        return [
            name
            for where, member in kind.members.values()
            if member.value is not None and (name := self.guards.of_dependency(where, member.value, -1))
        ]

    def _hook(self, module: Module, function: Function, decorator: Node) -> None:
        if decorator.kind != "attribute" or decorator.value not in ("before_request", "before_app_request"):
            return
        guards = self.guards.of_decorators(
            module, [item for item in function.decorators if item is not decorator], function.parent
        )
        if not guards and self.guards.refuses(module, function, 1):
            guards = [function.name]
        for key in self.keys(module, decorator.items[0], function.parent) if guards else []:
            self.view_guards.setdefault(key, []).extend(guards)

    def _methods(self, module: Module, call: Node, function: int, name: str) -> list[str]:
        if name in VERBS:
            return [name.upper()]
        if name.startswith(("websocket", "add_api_websocket")):
            return ["WS"]
        given = call.get("methods")
        if given is None and name == "add_route" and len(call.arguments) > 2:
            given = call.arguments[2]
        if given is None:
            return ["GET"]
        value = self.project.fold(module, given, function)
        if value.known and isinstance(value.value, list):
            return [str(item).upper() for item in value.value] or ["ANY"]
        return [value.value.upper()] if value.known and isinstance(value.value, str) else ["ANY"]

    def _typed(self, module: Module, function: Function) -> bool | None:
        """FastAPI and Ninja check what has a type; a handler that reads the request itself goes round that."""
        inputs = [
            parameter
            for parameter in function.parameters
            if parameter.name not in ("self", "cls", "db", "session")
            and not re.search(r"\b(Request|Response|WebSocket|BackgroundTasks|Session|AsyncSession)\b", parameter.type)
            and not re.search(r"Depends\(\s*\w", parameter.type)
            and not (parameter.default is not None and "Depends" in parameter.default.dotted)
        ]
        loose = [item for item in inputs if re.fullmatch(r"(dict|Dict|Any)(\[.*\])?", item.type)]
        if loose or any(
            node.kind == "call" and re.fullmatch(r"(request|req)\.(json|body|form)", node.items[0].dotted)
            for node in expressions(module, function)
        ):
            return validates(module, function) or False
        return True if any(item.type for item in inputs) else None

    def _litestar(self, module: Module, function: Function, decorator: Node, name: str) -> None:
        given = decorator.arguments[0] if decorator.arguments else decorator.get("path")
        path = piece(self.project, module, given, -1)
        listed = decorator.get("guards")
        guards = [guard for item in (listed.items if listed else []) if (guard := self.guards.name(module, item, -1))]
        key = (module.path, function.line, "", function.name)
        owner = next((class_ for class_ in module.classes if class_.name == function.owner), None)
        if owner is not None:
            key = (module.path, owner.line, "", owner.name)
        self.added.append(
            Added(key, [name.upper()], path, Place(module.path, decorator.line), guards, True, self.conditions)
        )

    def _call(self, module: Module, call: Call) -> None:
        node, function = call.node, call.function
        callee = node.items[0]
        name = last(callee.dotted)
        if name in CREATED:
            self.keys(module, node, function)
            return
        if callee.kind != "attribute":
            return
        target = callee.items[0]
        arguments = node.arguments
        first = arguments[0] if arguments else None
        if name in MOUNTING:
            swapped = name in ("mount", "add_subapp") or (name == "add_router" and len(arguments) > 1)
            child = (
                arguments[1]
                if swapped and len(arguments) > 1
                else node.get("app") or node.get("router") or (None if swapped else first)
            )
            child = child or node.get("blueprint")
            given = first if swapped and first is not child else None
            for argument in ("prefix", "url_prefix", "path"):
                given = given or node.get(argument)
            if name == "add_namespace" and len(arguments) > 1:
                given = arguments[1]
            if child is None:
                return
            if given is not None and self._both_given(module, given, child, function):
                if (name := module.functions[function].name) not in MOUNTING:
                    self.mounters[(module.path, function)] = (name, call)
                return
            guards = self.guards.of_list(module, node.get("dependencies"), function)
            prefix = piece(self.project, module, given, function)
            children = self.keys(module, child, function)
            for key in children:
                self._mount(
                    module,
                    target,
                    key,
                    prefix,
                    guards,
                    function,
                    replaces=prefix is not None and name in ("register_blueprint", "add_namespace"),
                )
        elif name == "init_app" and first is not None:
            for key in self.keys(module, target, function):
                if key in self.holders:
                    self._mount(module, first, key, None, [], function)
        elif name == "add_resource" and len(arguments) > 1:
            for key in self.keys(module, target, function):
                for path in arguments[1:]:
                    self._class_routes(module, arguments[0], function, key, path)
        elif name in ("add_url_rule", "add_api_route", "add_route", "add_api_websocket_route"):
            self._added(module, node, function, name)
        elif name in tuple(f"add_{verb}" for verb in (*VERBS, "view")) and len(arguments) > 1:
            for key in self.keys(module, target, function):
                self._view(
                    module,
                    arguments[1],
                    function,
                    key,
                    arguments[0],
                    [name[4:].upper()] if name != "add_view" else [],
                    node,
                )
        elif name == "add_routes" and first is not None:
            for key in self.keys(module, target, function):
                self._listed(module, first, function, key)

    def _mount(
        self,
        module: Module,
        parent: Node,
        child: Key,
        prefix: Piece | None,
        guards: list[str],
        function: int,
        *,
        replaces: bool = False,
    ) -> None:
        for key in self.keys(module, parent, function, 1):
            if key != child:
                self.mounts.append(Mount(key, child, prefix, guards, replaces, self.conditions))

    def _added(self, module: Module, node: Node, function: int, name: str) -> None:
        view = node.get("view_func") or node.get("endpoint") or node.get("handler") or node.get("route")
        path = node.arguments[0] if node.arguments else node.get("rule") or node.get("path") or node.get("uri")
        if name == "add_url_rule" and node.get("view_func") is None and len(node.arguments) > 2:
            view = node.arguments[2]
        if view is None or name in ("add_api_route", "add_route"):
            view = node.arguments[1] if len(node.arguments) > 1 else view
        if path is None or view is None:
            return
        if any(
            self.holders[key].rule.value == "pyramid"
            for key in self.keys(module, node.items[0].items[0], function)
            if key in self.holders
        ):
            path = node.get("pattern") or view
            for key in self.keys(module, node.items[0].items[0], function):
                self.added.append(
                    Added(
                        key,
                        ["ANY"],
                        piece(self.project, module, path, function),
                        Place(module.path, node.line),
                        [],
                        None,
                        self.conditions,
                    )
                )
            return
        if self.project.origin(module, path, function).endswith((".handler", ".as_view()")):
            path, view = view, path
        methods = (
            self._methods(module, node, function, name)
            if node.get("methods") or name == "add_api_websocket_route"
            else []
        )
        for key in self.keys(module, node.items[0].items[0], function):
            self._view(module, view, function, key, path, methods, node)

    def _view(
        self, module: Module, view: Node, function: int, key: Key, path: Node, methods: list[str], node: Node
    ) -> None:
        """Add a view that is named: a function, or a class with a method for each verb."""
        if (
            view.kind == "call"
            and last(view.items[0].dotted) in ("as_view", "as_handler")
            and view.items[0].kind == "attribute"
        ):
            self._class_routes(module, view.items[0].items[0], function, key, path, methods)
            return
        where, found, _ = self.project.follow(module, view, function)
        if found.kind == "class":
            self._class_routes(module, view, function, key, path, methods)
            return
        if found.kind == "call" and last(found.items[0].dotted) == "as_view" and found.items[0].kind == "attribute":
            self._class_routes(where, found.items[0].items[0], -1, key, path, methods)
            return
        made = where.function(found)
        if made is None and found.kind == "name" and self._parameter(where, str(found.value), function):
            self._lose(module, path, function)
            return
        guards = self.guards.of_list(module, node.get("dependencies"), function)
        validated = None
        if made is not None:
            guards += [*self.guards.of_parameters(where, made), *self.guards.of_decorators(where, made.decorators)]
            fastapi = key in self.holders and self.holders[key].rule.value == "fastapi"
            validated = self._typed(where, made) if fastapi else validates(where, made)
        added = Added(
            key,
            methods or ["GET"],
            piece(self.project, module, path, function),
            Place(module.path, node.line),
            guards,
            validated,
            self.conditions,
        )
        self.added.append(added)

    def _lose(self, module: Module, path: Node, function: int) -> None:
        place = Place(module.path, path.line)
        self.lost.append(place)
        if function >= 0:
            self.wrappers[(module.path, function)] = place

    def _both_given(self, module: Module, prefix: Node, child: Node, function: int) -> bool:
        """Tell whether a function mounts what it is given, where it is told to: its callers say more."""
        return function >= 0 and all(
            item.kind == "name"
            and any(parameter.name == item.value for parameter in module.functions[function].parameters)
            for item in (prefix, child)
        )

    def unwrap(self) -> None:
        """Read the calls of functions that register what they are given: a view, its paths, and where."""
        for (path, number), place in list(self.wrappers.items()):
            module = self.project.module(path)
            name = module.functions[number].name if module is not None else ""
            for user in self.project.mentioning(self.unit, f"{name}(") if name else []:
                for call in user.calls:
                    if last(call.node.items[0].dotted) == name and not call.decorator and self._unwrap(user, call):
                        self.lost = [other for other in self.lost if other != place]
        for (path, number), (name, mount) in self.mounters.items():
            module = self.project.module(path)
            function = module.functions[number] if module is not None else None
            for user in self.project.mentioning(self.unit, f"{name}(") if function is not None else []:
                for call in user.calls:
                    if last(call.node.items[0].dotted) == name and not call.decorator and function is not None:
                        self.conditions = call.conditions
                        self._call(user, Call(self._filled(mount.node, function, call.node), call.function))

    def _filled(self, node: Node, function: Function, call: Node) -> Node:
        """Write a call within a function with what that function is called with, instead of its parameters."""
        parameters = [parameter.name for parameter in function.parameters if parameter.name not in ("self", "cls")]
        given = dict(zip(parameters, call.arguments, strict=False)) | dict(call.pairs)

        def fill(item: Node) -> Node:
            if item.kind == "name" and item.value in given:
                return given[str(item.value)]
            return Node(
                item.kind,
                call.line,
                item.value,
                [fill(part) for part in item.items],
                [(key, fill(part)) for key, part in item.pairs],
            )

        return fill(node)

    def _unwrap(self, module: Module, call: Call) -> bool:
        given = [*call.node.arguments, *(value for _, value in call.node.pairs)]
        texts = [item for part in given for item in (part.items if part.kind == "array" else [part])]
        paths = [item for item in texts if item.kind == "string" and str(item.value).startswith("/")]
        views = [
            item
            for item in given
            if (item.kind == "call" and last(item.items[0].dotted) == "as_view")
            or (item.kind in ("name", "attribute") and class_of(self.project, module, item, call.function) is not None)
        ]
        callee = call.node.items[0]
        places = [item for item in given if item not in views and item.kind in ("name", "attribute")]
        places += [callee.items[0]] if callee.kind == "attribute" else []
        keys = next((keys for item in places if (keys := self.keys(module, item, call.function))), [])
        self.conditions = call.conditions
        for key in keys if views else []:
            for path in paths:
                self._view(module, views[0], call.function, key, path, [], call.node)
        return bool(views and paths and keys)

    def _class_routes(
        self, module: Module, node: Node, function: int, key: Key, path: Node, only: list[str] | None = None
    ) -> None:
        """Add a class whose methods are called as verbs are (MethodView, Resource, HTTPMethodView)."""
        if node.kind == "class" and node.value is not None:
            kind = kind_of(self.project, module, module.classes[int(node.value)])
        else:
            found = class_of(self.project, module, node, function)
            if found is None:
                self._lose(module, path, function)
                return
            kind = found
        shared: list[str] = []
        for name in ("decorators", "method_decorators"):
            if name in kind.members and (value := kind.members[name][1].value) is not None:
                listed = [*value.items, *(item for _, pair in value.pairs for item in pair.items)]
                shared += self.guards.of_decorators(kind.members[name][0], listed)
        shared += self.guards.of_decorators(kind.module, kind.class_.decorators)
        for verb in VERBS:
            method = kind.function(verb) or kind.function(f"on_{verb}")
            if method is None or (only and verb.upper() not in only):
                continue
            guards = [
                *shared,
                *self.guards.of_decorators(method[0], method[1].decorators),
                *self.guards.of_parameters(*method),
            ]
            place = Place(method[0].path, method[1].line)
            added = Added(
                key,
                [verb.upper()],
                piece(self.project, module, path, function),
                place,
                list(dict.fromkeys(guards)),
                validates(*method),
                self.conditions,
            )
            self.added.append(added)

    def _listed(self, module: Module, node: Node, function: int, key: Key, steps: int = 0) -> None:
        """Read a list of `Route(…)`, `web.get(…)`, handlers or `(pattern, Handler)`."""
        where, found, scope = self.project.follow(module, node, function)
        if steps > 8:
            return
        if found.kind == "binary":
            for item in found.items:
                self._listed(where, item, scope, key, steps + 1)
        for item in found.items if found.kind == "array" else []:
            if item.kind == "spread":
                self._listed(where, item.items[0], scope, key, steps + 1)
                continue
            if item.kind == "array" and len(item.items) > 1:
                self._view(where, item.items[1], scope, key, item.items[0], [], item)
                continue
            there, entry, inside = self.project.follow(where, item, scope)
            name = last(entry.items[0].dotted) if entry.kind == "call" else ""
            if name in ("Route", "APIRoute", "WebSocketRoute", "url", "URLSpec") and len(entry.arguments) > 1:
                methods = (
                    self._methods(there, entry, inside, name)
                    if entry.get("methods") is not None
                    else ["WS"]
                    if "Socket" in name
                    else []
                )
                self._view(there, entry.arguments[1], inside, key, entry.arguments[0], methods, entry)
            elif name in VERBS and len(entry.arguments) > 1:
                self._view(there, entry.arguments[1], inside, key, entry.arguments[0], [name.upper()], entry)
            elif name == "Mount" and entry.arguments:
                inner = (there.path, entry.line, "", "Mount")
                routes = entry.get("routes")
                if routes is not None:
                    self.holders[inner] = Holder(self.holder_rule(key), False, Place(there.path, entry.line))
                    self.mounts.append(Mount(key, inner, piece(self.project, there, entry.arguments[0], inside), []))
                    self._listed(there, routes, inside, inner, steps + 1)
                elif (
                    child := entry.get("app") or (entry.arguments[1] if len(entry.arguments) > 1 else None)
                ) is not None:
                    for made in self.keys(there, child, inside, 1):
                        self.mounts.append(Mount(key, made, piece(self.project, there, entry.arguments[0], inside), []))
            elif entry.kind == "function" and entry.value is not None:
                function_ = there.functions[int(entry.value)]
                self._hold(key, (there.path, function_.line, "", function_.name), None)
            elif entry.kind == "class" and entry.value is not None:
                kind = kind_of(self.project, there, there.classes[int(entry.value)])
                path = kind.members["path"][1].value if "path" in kind.members else None
                self._hold(key, (there.path, kind.class_.line, "", kind.class_.name), piece(self.project, there, path))
            else:
                for made in self.keys(there, entry, inside, 1):
                    self.mounts.append(Mount(key, made, None, []))

    def holder_rule(self, key: Key) -> Rule:
        """Give the rule of a holder; the first one while it is being made."""
        return self.holders[key].rule if key in self.holders else self.rules[0]

    def _hold(self, parent: Key, child: Key, prefix: Piece | None) -> None:
        self.holders.setdefault(child, Holder(self.holder_rule(parent), False, Place(child[0], child[1])))
        self.mounts.append(Mount(parent, child, prefix, []))

    # -- paths ------------------------------------------------------------------------------------------------------

    def paths(self, key: Key, seen: frozenset[Key] = frozenset()) -> list[Way]:
        """Give every way from an application to a holder."""
        holder = self.holders.get(key)
        guards = [*(holder.guards if holder is not None else []), *self.view_guards.get(key, [])]
        own = [holder.prefix] if holder is not None and holder.prefix is not None else []
        if key in seen or len(seen) > MAX_STEPS:
            return []
        found: list[Way] = []
        for mount in self.above.get(key, []):
            between = [mount.prefix] if mount.prefix is not None else []
            inside = between if mount.replaces else [*between, *own]
            parents = self.real(mount.parent)
            # Handed to a function that nobody was seen to call: taken for the application.
            ways = [Way()] if not parents and mount.parent[2] else []
            for parent in parents:
                ways += self.paths(parent, seen | {key})
            for way in ways:
                conditions = (*way.conditions, *mount.conditions)
                found.append(Way([*way.pieces, *inside], [*way.guards, *mount.guards, *guards], conditions))
            if len(found) > MAX_MOUNTS:
                break
        if holder is not None and holder.app and not found:
            found.append(Way(own, guards))
        return found

    def routes(self, *, ninja: bool = False) -> Iterator[Counted]:
        """Give every route.

        Those of a Ninja API start where Django's URLs mount it, and are asked for by themselves.
        """
        seen: set[tuple[str, str, Place]] = set()
        known: dict[Key, list[Way]] = {}
        for added in self.added:
            for key in self.real(added.holder) or [added.holder]:
                holder = self.holders.get(key)
                if (holder is not None and holder.rule.value == "django-ninja") != ninja:
                    continue
                if key not in known:
                    known[key] = self.paths(key) or ([Way()] if key[2] else [])
                own = [holder.prefix] if holder is not None and holder.prefix is not None else []
                for way in known[key] or [Way(own)]:
                    pieces = [*way.pieces, *([added.path] if added.path is not None else [])]
                    path = self._joined(pieces, holder)
                    conditions = tuple(dict.fromkeys((*way.conditions, *added.conditions)))
                    mounted = bool(known[key])
                    note = only_if(conditions)
                    if not mounted:
                        note = "; ".join(filter(None, [note, "mounted nowhere that was found"]))
                    unknown = added.path is not None and not added.path.known
                    if unknown:
                        note = "; ".join(filter(None, [note, "path unknown"]))
                    guards = list(dict.fromkeys([*way.guards, *added.guards]))
                    for method in added.methods:
                        if (method, path, added.place) not in seen:
                            seen.add((method, path, added.place))
                            route = Route(method, path, added.place, guards, added.validated, version_of(path), note)
                            yield Counted(route, pieces, mounted, bool(conditions), unknown)

    @staticmethod
    def _joined(pieces: list[Piece], holder: Holder | None) -> str:
        texts = [part.text for part in pieces]
        value = holder.rule.value if holder is not None else ""
        if value == "tornado":
            return django_routes.plain(texts[-1] if texts else "")
        if value in ("sanic", "bottle"):
            texts = [re.sub(r"<(\w+):[^<>]*>", r"{\1}", text) for text in texts]
        if value in ("robyn", "blacksheep", "falcon"):
            texts = [re.sub(r"(?<=/):(\w+)", r"{\1}", text) for text in texts]
        return clean(("" if value == "fastapi" else "/").join(texts))


_graphs: WeakKeyDictionary[Project, dict[str, Graph]] = WeakKeyDictionary()


def graph(project: Project, unit: Unit) -> Graph:
    """Give the unit's graph; it is made once for a codebase."""
    made = _graphs.setdefault(project, {})
    if unit.folder not in made:
        made[unit.folder] = Graph(project, unit)
    return made[unit.folder]


def has_python(project: Project, unit: Unit) -> bool:
    """Tell whether a unit has Python code outside tests."""
    return any(path.endswith(".py") for path in project.sources(unit))


def routes(project: Project, unit: Unit) -> Iterator[Route]:
    """Give every route of a Python unit."""
    if has_python(project, unit):
        for counted in every_route(project, unit):
            yield counted.route


def every_route(project: Project, unit: Unit) -> Iterator[Counted]:
    """Give the routes of all frameworks."""
    found = graph(project, unit)
    yield from found.routes()
    ninja = [(counted.route, counted.pieces) for counted in found.routes(ninja=True)]
    for route, pieces in django_routes.found(project, unit, ninja):
        yield Counted(route, pieces, conditional=route.note.startswith("only if "))


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Name the language and the framework, count the operations, and tell their versions."""
    if not has_python(project, unit):
        return
    made = graph(project, unit)
    every = list(every_route(project, unit))
    frameworks = list(_frameworks(project, unit, made))
    yield from frameworks
    yield from django_routes.findings_of(project, unit)
    if any(found.proof >= Proof.USED for found in frameworks):
        yield _language(project, unit)
    yield from _count(project, made, every)
    yield from _versions(project, every)
    yield from _versions_by_package(project, unit)
    yield from _versions_in_headers(project, made)


def _count(project: Project, made: Graph, every: list[Counted]) -> Iterator[Finding]:
    """Count what an application answers always; what could not be read makes it "at least"."""
    operations = [one for one in every if one.route.method != "WS" and one.route.note != django_routes.ADMIN]
    counted = [one for one in operations if not aside(one)]
    if not counted:
        return
    notes = [f"{number} {why}" for why, number in Counter(map(aside, operations)).items() if why]
    if made.lost:
        notes.append(f"whatever is registered at {', '.join(map(str, made.lost[:3]))}")
    note = f"and {', '.join(notes)}" if notes else ""
    if some := len([one for one in counted if one.conditional]):
        note = "; ".join(filter(None, [f"{some} of them only under a condition", note]))
    places = [one.route.place for one in counted]
    best = max(places, key=lambda place: (project.proof(place.path), -len(place.path)))
    yield Finding(Row.API, "endpoint_count", len(counted), project.proof(best.path), [best], note=note)


_DEVELOPMENT = re.compile(
    r"debug|\bdev|develop|local|\btest|production|environment|_env\b|\benv\b|staging|docs|swagger|spectacular|openapi",
    re.IGNORECASE,
)


def aside(one: Counted) -> str:
    """Say why a route is not counted; `` if it is."""
    if not one.mounted:
        return "on routers whose mount was not found"
    if one.conditional and _DEVELOPMENT.search(one.route.note):
        return "only under a condition"
    if one.unknown:
        return "with a path that is no constant"
    return "inclusions of a package's own routes" if one.route.note.startswith("routes of ") else ""


def _language(project: Project, unit: Unit) -> Finding:
    sources = [path for path in project.sources(unit) if path.endswith(".py")]
    best = max(sources, key=lambda path: (project.proof(path), -path.count("/"), not path.endswith("__init__.py")))
    place = unit.place if unit.place.path.endswith((".toml", ".txt", "Pipfile", ".cfg", ".py")) else Place(best, 1)
    return Finding(Row.API, "language", "python", project.proof(best), [place])


def _frameworks(project: Project, unit: Unit, made: Graph) -> Iterator[Finding]:
    for rule, trace in each(project, unit, Row.API, "python_framework"):
        if rule.value == "django":
            yield django_routes.framework(project, unit, trace)
            continue
        holders = [holder for holder in made.holders.values() if holder.rule is rule and not holder.made]
        apps = sorted(
            (holder for holder in holders if holder.app), key=lambda holder: -project.proof(holder.place.path)
        )
        if not apps:
            proof = min(trace.proof, Proof.IMPORTED) if not holders else trace.proof
            yield Finding(Row.API, "framework", rule.value, proof, trace.places)
            continue
        app = apps[0]
        places = [app.place]
        parts = [
            " ".join(filter(None, [rule.value, pinned(unit, *rule.pypi, parts=1 if rule.value == "flask" else 2)]))
        ]
        if app.function >= 0 and (module := project.module(app.place.path)) is not None:
            factory = module.functions[app.function]
            parts.append("application factory" if rule.value in ("flask", "quart") else "app made by a factory")
            places += [Place(module.path, factory.line), *_callers(project, unit, factory.name)]
            if (caller := next(iter(places[2:]), None)) is not None and rule.value not in ("flask", "quart"):
                places.remove(caller)
                places.insert(0, caller)
        if any(not holder.app and holder.rule.value in ("flask", "quart") for holder in holders):
            parts.append("blueprints")
        proof = max(project.proof(place.path) for place in places)
        yield Finding(Row.API, "framework", ", ".join(parts), proof, places[:5])


def _callers(project: Project, unit: Unit, name: str) -> list[Place]:
    """Give the places of the top level that call a factory."""
    found = []
    for module in project.mentioning(unit, f"{name}("):
        for call in module.calls:
            if call.function == -1 and last(call.node.items[0].dotted) == name and not call.decorator:
                found.append(project.place(module, call))  # noqa: PERF401 - the conditions are long enough
    return sorted(found, key=lambda place: -project.proof(place.path))


def _versions(project: Project, every: list[Counted]) -> Iterator[Finding]:
    """Tell the versions in paths: `path /api/v1`, at the place where that is written."""
    prefixes: dict[str, tuple[Place, int]] = {}
    mounted = [one for one in every if not aside(one)]
    for one in mounted:
        route = one.route
        if not route.version:
            continue
        prefix = route.path[: route.path.index(route.version) + len(route.version)]
        place = next((part.place for part in one.pieces if route.version in part.text), route.place)
        known = prefixes.get(prefix)
        prefixes[prefix] = (known[0] if known else place, (known[1] if known else 0) + 1)
    if not prefixes:
        return
    versioned = sum(count for _, count in prefixes.values())
    note = f"{versioned} of {len(mounted)} routes" if versioned < len(mounted) else ""
    places = [place for place, _ in prefixes.values()]
    proof = max(project.proof(place.path) for place in places)
    yield Finding(Row.VERSIONS, "versioning", f"path {', '.join(sorted(prefixes))}", proof, places[:5], note=note)


def _versions_by_package(project: Project, unit: Unit) -> Iterator[Finding]:
    """Tell the versions that a package gives to an application: their prefix is an argument."""
    for rule, found in each(project, unit, Row.VERSIONS, "python_versioning"):
        found.key = "versioning"
        if found.proof >= Proof.USED:
            name = next((listed for listed in rule.pypi if unit.dependency(listed) is not None), rule.value)
            found.value = f"path or header ({name})" if name == "cadwyn" else f"path /v{{major}} ({name})"
            for module in project.importing(unit, *rule.modules):
                for call in module.calls:
                    if (given := call.node.get("prefix_format")) is not None:
                        found.value = f"path {project.fold(module, given, call.function)} ({name})"
                        found.places.insert(0, project.place(module, call))
        yield found


_VERSION_HEADER = re.compile(r"^(x[-_])?(api|accept)[-_]?version$", re.IGNORECASE)


def _versions_in_headers(project: Project, made: Graph) -> Iterator[Finding]:
    """Tell a version that handlers read from a header."""
    seen: dict[str, list[Place]] = {}
    for module in made.modules:
        for call in module.calls:
            arguments = call.node.arguments
            if (
                re.search(r"(^|\.)headers\.get$", call.node.items[0].dotted)
                and arguments
                and arguments[0].kind == "string"
            ):
                name = str(arguments[0].value)
                if _VERSION_HEADER.match(name):
                    seen.setdefault(name, []).append(project.place(module, call))
        for function in module.functions:
            for parameter in function.parameters:
                default = parameter.default
                header = default is not None and default.kind == "call" and last(default.items[0].dotted) == "Header"
                if header or "Header(" in parameter.type:
                    alias = default.get("alias") if header and default is not None else None
                    name = str(alias.value) if alias is not None else parameter.name.replace("_", "-")
                    if _VERSION_HEADER.match(name):
                        seen.setdefault(name, []).append(Place(module.path, function.line))
    for name, places in seen.items():
        yield Finding(Row.VERSIONS, "versioning", f"header {name}", project.proof(places[0].path), places[:5])
