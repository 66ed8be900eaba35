"""Django: the settings module, URLconfs with what they include, REST framework's routers, views and permissions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from discover.code import Function, Member, Module, Node
from discover.extract.python_web import (
    VERBS,
    Guards,
    Kind,
    Piece,
    class_of,
    clean,
    last,
    only_if,
    piece,
    pinned,
    validates,
    version_of,
)
from discover.findings import Finding, Place, Proof, Route, Row
from discover.project import Project, Unit, render

MAX_STEPS = 24
MAX_ROUTES = 5_000
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

VIEWSETS: dict[str, tuple[str, ...]] = {
    "ModelViewSet": ("list", "create", "retrieve", "update", "partial_update", "destroy"),
    "ReadOnlyModelViewSet": ("list", "retrieve"),
    "ListModelMixin": ("list",),
    "CreateModelMixin": ("create",),
    "RetrieveModelMixin": ("retrieve",),
    "UpdateModelMixin": ("update", "partial_update"),
    "DestroyModelMixin": ("destroy",),
}
"""REST framework's classes → the actions that a router gives them routes for."""

ACTIONS: dict[str, tuple[str, bool]] = {
    "list": ("GET", False),
    "create": ("POST", False),
    "retrieve": ("GET", True),
    "update": ("PUT", True),
    "partial_update": ("PATCH", True),
    "destroy": ("DELETE", True),
}
"""Action → its method, and whether its path ends with the key."""

HANDLERS: dict[str, tuple[str, ...]] = {
    "GET": ("get", "list", "retrieve"),
    "POST": ("post", "create", "form_valid"),
    "PUT": ("put", "update"),
    "PATCH": ("patch", "partial_update", "update"),
    "DELETE": ("delete", "destroy"),
}
"""Method → the methods of a class that may answer it."""

VIEWS: dict[str, tuple[str, ...]] = {
    "CreateAPIView": ("POST",),
    "ListAPIView": ("GET",),
    "RetrieveAPIView": ("GET",),
    "DestroyAPIView": ("DELETE",),
    "UpdateAPIView": ("PUT", "PATCH"),
    "ListCreateAPIView": ("GET", "POST"),
    "RetrieveUpdateAPIView": ("GET", "PUT", "PATCH"),
    "RetrieveDestroyAPIView": ("GET", "DELETE"),
    "RetrieveUpdateDestroyAPIView": ("GET", "PUT", "PATCH", "DELETE"),
    "TemplateView": ("GET",),
    "ListView": ("GET",),
    "DetailView": ("GET",),
    "RedirectView": ("GET",),
    "ArchiveIndexView": ("GET",),
    "FormView": ("GET", "POST"),
    "CreateView": ("GET", "POST"),
    "UpdateView": ("GET", "POST"),
    "DeleteView": ("GET", "POST"),
    "LoginView": ("GET", "POST"),
    "LogoutView": ("POST",),
    "PasswordResetView": ("GET", "POST"),
    "PasswordResetConfirmView": ("GET", "POST"),
    "PasswordChangeView": ("GET", "POST"),
    "TokenObtainPairView": ("POST",),
    "TokenRefreshView": ("POST",),
    "TokenVerifyView": ("POST",),
    "TokenBlacklistView": ("POST",),
    "ObtainAuthToken": ("POST",),
    "ObtainJSONWebToken": ("POST",),
    "ObtainJSONWebTokenView": ("POST",),
    "RefreshJSONWebTokenView": ("POST",),
    "VerifyJSONWebTokenView": ("POST",),
    "GraphQLView": ("GET", "POST"),
    "SpectacularAPIView": ("GET",),
    "SpectacularSwaggerView": ("GET",),
    "SpectacularRedocView": ("GET",),
    "JavaScriptCatalog": ("GET",),
}
"""Classes of packages → the methods that they answer."""

ADMIN = "Django admin"
"""The note of the route that Django's own pages are below."""

VERSIONING = {
    "URLPathVersioning": "path (URLPathVersioning)",
    "NamespaceVersioning": "path (NamespaceVersioning)",
    "AcceptHeaderVersioning": "media type (AcceptHeaderVersioning)",
    "HostNameVersioning": "host name (HostNameVersioning)",
    "QueryParameterVersioning": "query parameter (QueryParameterVersioning)",
}

_MIXINS = re.compile(
    r"(LoginRequired|PermissionRequired|UserPassesTest|AccessMixin|StaffuserRequired|SuperuserRequired)"
)
_PATTERN = re.compile(r"(^|_)path$|^url$")
"""What makes a pattern: Django's own functions, and packages' that are named after them (`distill_path`)."""

_DEBUG = re.compile(r"\bDEBUG\b")


@dataclass(slots=True)
class Site:
    """A unit's settings and what they say about requests."""

    settings: list[Module]
    """The settings module that is used without more being said, and those beside it."""
    rest: dict[str, tuple[Module, Node]] = field(default_factory=dict)
    """Members of `REST_FRAMEWORK`."""


def plain(pattern: str) -> str:
    """Write a regular expression of a URL as a path with `{name}`."""
    text = pattern.removeprefix("^").removesuffix("$")
    found = ""
    number = 0
    position = 0
    while position < len(text):
        if text[position] == "(":
            end = _closing(text, position)
            inner = text[position + 1 : end]
            rest = text[end + 1 : end + 2]
            if (named := re.match(r"\?P<(\w+)>", inner)) is not None:
                found += f"{{{named[1]}}}"
            elif inner.startswith("?:"):
                found += "" if rest in ("?", "*") else plain(inner[2:].split("|")[0])
            elif not inner.startswith("?"):
                number += 1
                found += f"{{{number}}}"
            position = end + 1
            if text[position : position + 1] in ("?", "*", "+"):
                position += 1
        elif text[position] == "[":
            end = text.find("]", position + 2)
            position = (end if end > 0 else len(text)) + 1
            found += "{…}"
            while text[position : position + 1] in ("?", "*", "+"):
                position += 1
        elif text[position] == "\\" and position + 1 < len(text):
            found += text[position + 1] if not text[position + 1].isalnum() else ""
            position += 2
        elif text[position + 1 : position + 2] in ("?", "*"):
            position += 2
        else:
            found += "" if text[position] in "^$" else text[position]
            position += 1
    return found


def _closing(text: str, start: int) -> int:
    depth = 0
    for position in range(start, len(text)):
        if text[position] == "\\":
            continue
        depth += (text[position] == "(") - (text[position] == ")")
        if depth == 0:
            return position
    return len(text)


def site(project: Project, unit: Unit) -> Site | None:
    """Find the settings: where manage.py, wsgi.py or asgi.py point, then any module that has a ROOT_URLCONF."""
    found: list[Module] = []
    for path in project.sources(unit):
        if (
            path.rpartition("/")[2] in ("manage.py", "wsgi.py", "asgi.py")
            and (module := project.module(path)) is not None
        ):
            for call in module.calls:
                arguments = call.node.arguments
                if len(arguments) > 1 and arguments[0].value == "DJANGO_SETTINGS_MODULE":
                    value = project.fold(module, arguments[1], call.function)
                    if value.known and (target := project.target(module, str(value.value))):
                        settings = project.module(target)
                        if settings is not None and settings not in found:
                            found.append(settings)
    for module in project.mentioning(unit, "ROOT_URLCONF"):
        if module.language == "python" and "ROOT_URLCONF" in module.bindings and module not in found:
            found.append(module)
    if not found:
        return None
    made = Site(found)
    for module in found:
        rest = setting(project, module, "REST_FRAMEWORK")
        if rest is not None:
            where, node = project.find(*rest)
            for key, entry in node.pairs:
                made.rest.setdefault(key, (where, entry))
    return made


def setting(project: Project, module: Module, name: str) -> tuple[Module, Node] | None:
    """Give a setting of a settings module, star imports followed."""
    if name in module.bindings:
        return module, module.bindings[name]
    found = project.exported(module.path, name)
    return (found[0], found[1]) if found is not None else None


class Urls:
    """Walks the URLconfs of a unit from the root."""

    def __init__(
        self, project: Project, unit: Unit, site: Site, ninja: Sequence[tuple[Route, list[Piece]]] = ()
    ) -> None:
        self.project = project
        self.unit = unit
        self.site = site
        self.ninja = ninja
        """Routes of a Ninja API, from where it is mounted on."""
        self.guards = Guards(project)
        self.count = 0
        self.regex = False
        self.routers: dict[str, Place] = {}
        """Class of each router in use → where it is made."""
        self.views: list[Kind] = []
        """Classes of views that have a route."""
        self.roots: list[Module] = []
        self.registering: list[Module] | None = None
        """Modules that may register something on a router; read when the first router is met."""

    def walk(self) -> Iterator[tuple[Route, list[Piece]]]:
        """Give every route from each root URLconf."""
        for settings in self.site.settings:
            root = setting(self.project, settings, "ROOT_URLCONF")
            value = self.project.fold(*root) if root is not None else None
            if value is None or not value.known or not (path := self.project.target(settings, str(value.value))):
                continue
            module = self.project.module(path)
            if module is not None and module not in self.roots:
                self.roots.append(module)
                yield from self.module(module, [], [], 0)

    def module(
        self, module: Module, pieces: list[Piece], guards: list[str], steps: int
    ) -> Iterator[tuple[Route, list[Piece]]]:
        """Give the routes of a module's `urlpatterns`."""
        if "urlpatterns" in module.bindings:
            yield from self.patterns(module, module.bindings["urlpatterns"], -1, pieces, guards, steps + 1)
        for assignment in module.assignments:
            target = assignment.target
            if (
                target.kind == "name"
                and target.value == "urlpatterns"
                and not any(map(_DEBUG.search, assignment.conditions))
            ):
                for route, parts in self.patterns(module, assignment.value.items[1], -1, pieces, guards, steps + 1):
                    yield replace(route, note=only_if(assignment.conditions)), parts

    def patterns(
        self, module: Module, node: Node, function: int, pieces: list[Piece], guards: list[str], steps: int
    ) -> Iterator[tuple[Route, list[Piece]]]:
        """Give the routes of an expression that is a list of patterns."""
        if steps > MAX_STEPS or self.count > MAX_ROUTES:
            return
        where, found, scope = self.project.follow(module, node, function)
        match found.kind:
            case "array":
                # `(patterns, "app name")`, as include() takes it.
                items = found.items
                if len(items) == 2 and items[1].kind in ("string", "null"):
                    yield from self.include(where, items[0], scope, pieces, guards, steps + 1)
                    return
                for item in items:
                    yield from self.pattern(
                        where, item.items[0] if item.kind == "spread" else item, scope, pieces, guards, steps + 1
                    )
            case "binary":
                for item in found.items:
                    yield from self.patterns(where, item, scope, pieces, guards, steps + 1)
            case "conditional":
                yield from self.choice(where, found, scope, pieces, guards, steps)
            case "attribute" if found.value in ("urls", "urlpatterns"):
                yield from self.router(where, found.items[0], scope, pieces, guards)
            case "call":
                name = last(found.items[0].dotted)
                if name == "static":
                    return
                if name == "i18n_patterns":
                    language = Piece("{language}/", Place(where.path, found.line))
                    for item in found.arguments:
                        yield from self.pattern(where, item, scope, [*pieces, language], guards, steps + 1)
                elif _PATTERN.search(name):
                    yield from self.pattern(where, found, scope, pieces, guards, steps + 1)
                elif name == "patterns":
                    for item in found.arguments[1:]:
                        yield from self.pattern(where, item, scope, pieces, guards, steps + 1)
                elif found.arguments:
                    # `format_suffix_patterns(urlpatterns)`, or a function of the codebase that adds to them.
                    yield from self.patterns(where, found.arguments[0], scope, pieces, guards, steps + 1)

    def choice(
        self, module: Module, node: Node, function: int, pieces: list[Piece], guards: list[str], steps: int
    ) -> Iterator[tuple[Route, list[Piece]]]:
        """Give the routes of `a if test else b`: of the one that holds by default, or of both with their condition."""
        test, then, other = node.items
        value = self.project.fold(module, test, function)
        if value.known:
            yield from self.patterns(module, then if value.value else other, function, pieces, guards, steps + 1)
            return
        for item, condition in ((then, render(test)), (other, f"not ({render(test)})")):
            for route, parts in self.patterns(module, item, function, pieces, guards, steps + 1):
                yield replace(route, note=only_if([condition])), parts

    def pattern(
        self, module: Module, node: Node, function: int, pieces: list[Piece], guards: list[str], steps: int
    ) -> Iterator[tuple[Route, list[Piece]]]:
        """Give the routes of one `path(…)`."""
        where, found, scope = self.project.follow(module, node, function)
        name = last(found.items[0].dotted) if found.kind == "call" else ""
        if not _PATTERN.search(name) or len(found.arguments) < 1 or steps > MAX_STEPS:
            if found.kind in ("array", "attribute", "binary", "conditional") or name in (
                "i18n_patterns",
                "format_suffix_patterns",
            ):
                yield from self.patterns(where, found, scope, pieces, guards, steps + 1)
            return
        view = found.arguments[1] if len(found.arguments) > 1 else found.get("view")
        own = piece(self.project, where, found.arguments[0], scope)
        if view is None or own is None:
            return
        if name == "url" or name.endswith("re_path"):
            self.regex = True
            own = replace(own, text=plain(own.text) if own.known else own.text)
        every = [*pieces, own]
        guards = [*guards, *self._wrapped(where, view, scope)]
        while view.kind == "call" and last(view.items[0].dotted) not in ("include", "as_view") and view.arguments:
            if last(view.items[0].dotted) == "lazy":
                break
            view = view.arguments[-1]
        if view.kind == "call" and last(view.items[0].dotted) == "include" and view.arguments:
            yield from self.include(where, view.arguments[0], scope, every, guards, steps + 1)
        elif view.kind == "attribute" and view.value == "urls":
            yield from self.router(where, view.items[0], scope, every, guards)
        else:
            yield from self.view(where, view, scope, every, guards, Place(where.path, found.line))

    def _wrapped(self, module: Module, view: Node, function: int) -> list[str]:
        """Give the guards in `login_required(View.as_view())`."""
        found: list[str] = []
        while view.kind == "call" and view.arguments and last(view.items[0].dotted) not in ("include", "as_view"):
            callee = view.items[0] if view.items[0].kind != "call" else view.items[0].items[0]
            if name := self.guards.name(module, callee, function):
                found.append(name)
            view = view.arguments[-1]
        return found

    def include(
        self, module: Module, node: Node, function: int, pieces: list[Piece], guards: list[str], steps: int
    ) -> Iterator[tuple[Route, list[Piece]]]:
        """Give the routes of what `include` is given: a module by name, a list, a router, or a module itself."""
        if steps > MAX_STEPS:
            return
        where, found, scope = self.project.follow(module, node, function)
        if found.kind == "array" and len(found.items) == 2 and found.items[1].kind in ("string", "null"):
            yield from self.include(where, found.items[0], scope, pieces, guards, steps + 1)
            return
        value = self.project.fold(where, found, scope) if found.kind in ("string", "template", "binary") else None
        name = str(value.value) if value is not None and value.known and isinstance(value.value, str) else ""
        if not name and found.kind in ("name", "attribute"):
            origin = self.project.origin(where, found, scope)
            if origin.endswith(".py") or (found.kind == "name" and "#" not in origin and "." in origin):
                name = origin
        if name:
            path = name if name.endswith(".py") else self.project.target(where, name)
            target = self.project.module(path) if path else None
            if target is not None:
                yield from self.module(target, pieces, guards, steps + 1)
            else:
                place = Place(where.path, found.line)
                yield self.route("ANY", pieces, place, guards, None, f"routes of {name}"), pieces
            return
        yield from self.patterns(where, found, scope, pieces, guards, steps + 1)

    def route(
        self, method: str, pieces: list[Piece], place: Place, guards: list[str], validated: bool | None, note: str = ""
    ) -> Route:
        """Make a route of the pieces of its path."""
        self.count += 1
        path = clean("".join(part.text for part in pieces))
        return Route(method, path, place, list(dict.fromkeys(guards)), validated, version_of(path), note)

    # -- routers ----------------------------------------------------------------------------------------------------

    def router(
        self, module: Module, node: Node, function: int, pieces: list[Piece], guards: list[str]
    ) -> Iterator[tuple[Route, list[Piece]]]:
        """Give the routes of a REST framework router, a Ninja API or the admin site."""
        where, made, scope = self.project.follow(module, node, function)
        place = Place(module.path, node.line)
        origin = self.project.origin(module, node, function)
        if (
            "admin" in origin.split(".")[-2:]
            or origin.endswith(("admin.site", "AdminSite()"))
            or node.dotted.endswith("admin.site")
        ):
            yield self.route("ANY", pieces, place, ["staff"], None, ADMIN), pieces
            return
        if "ninja" in origin.lower():
            for route, parts in self.ninja:
                every = [*pieces, Piece("/", place), *parts]
                path = clean("".join(part.text for part in every))
                yield replace(route, path=path, version=version_of(path)), every
            return
        if made.kind != "call":
            return
        kind = last(made.items[0].dotted)
        self.routers.setdefault(kind, Place(where.path, made.line))
        slash = made.get("trailing_slash")
        end = "" if slash is not None and slash.value is False else "/"
        prefix = self._nested(where, made, scope)
        for owner, call, inside in self._registered(where, made, module):
            given = call.arguments
            own = piece(self.project, owner, given[0] if given else call.get("prefix"), inside)
            viewset = given[1] if len(given) > 1 else call.get("viewset")
            if own is None or viewset is None:
                continue
            found = class_of(self.project, owner, viewset, inside)
            own = replace(own, text=plain(own.text)) if own.known else own
            every = [*pieces, *([Piece(prefix, place)] if prefix else []), own]
            if found is None:
                note = f"routes of {viewset.dotted or 'a view set'}"
                yield self.route("ANY", every, Place(owner.path, call.line), guards, None, note), every
            else:
                yield from self.viewset(found, every, guards, end, Place(owner.path, call.line))

    def _nested(self, module: Module, made: Node, function: int) -> str:
        """Give the prefix of a nested router (drf-nested-routers): `domains/{domain_pk}/`."""
        if "Nested" not in last(made.items[0].dotted) or len(made.arguments) < 2:
            return ""
        parent = piece(self.project, module, made.arguments[1], function)
        lookup = made.get("lookup") or (made.arguments[2] if len(made.arguments) > 2 else None)
        name = self.project.fold(module, lookup, function) if lookup is not None else None
        above_module, above, scope = self.project.follow(module, made.arguments[0], function)
        prefix = self._nested(above_module, above, scope) if above.kind == "call" else ""
        key = f"{name.value}_pk" if name is not None and name.known else "pk"
        return f"{prefix}{parent.text if parent is not None else ''}/{{{key}}}/"

    def _registered(self, where: Module, made: Node, user: Module) -> Iterator[tuple[Module, Node, int]]:
        """Give every `router.register(…)` on a router, and those of routers whose registry it takes over."""
        modules = {where.path: where, user.path: user}
        if self.registering is None:
            every = self.project.mentioning(self.unit, ".register(", ".registry")
            self.registering = [module for module in every if module.language == "python"]
        for module in self.registering:
            modules.setdefault(module.path, module)
        for module in modules.values():
            for call in module.calls:
                callee = call.node.items[0]
                if callee.kind != "attribute" or callee.value not in ("register", "extend"):
                    continue
                target = callee.items[0]
                if callee.value == "extend":
                    if target.kind != "attribute" or target.value != "registry" or not call.node.arguments:
                        continue
                    target = target.items[0]
                there, found, _ = self.project.follow(module, target, call.function)
                if there.path != where.path or found.line != made.line or found.kind != "call":
                    continue
                if callee.value == "register":
                    yield module, call.node, call.function
                elif (other := call.node.arguments[0]).kind == "attribute":
                    owner, inner, _ = self.project.follow(module, other.items[0], call.function)
                    if inner.kind == "call" and inner.line != made.line:
                        yield from self._registered(owner, inner, module)

    def viewset(
        self, kind: Kind, pieces: list[Piece], guards: list[str], end: str, place: Place
    ) -> Iterator[tuple[Route, list[Piece]]]:
        """Give the routes of a ViewSet: the actions that its class really has."""
        self.views.append(kind)
        actions: set[str] = set()
        for origin in kind.origins:
            actions.update(VIEWSETS.get(last(origin), ()))
        actions.update(name for name in ACTIONS if kind.function(name) is not None)
        if "update" in actions and any(last(origin) == "UpdateModelMixin" for origin in kind.origins):
            actions.add("partial_update")
        allowed = self._allowed(kind)
        key = self._lookup(kind)
        extra = list(self._extra(kind))
        for name, (method, detail) in ACTIONS.items():
            if name in actions and (not allowed or method in allowed):
                own = Piece(f"/{{{key}}}{end}" if detail else end, place)
                yield self._action(kind, name, method, [*pieces, own], guards, place)
        for name, methods, detail, path, decorator in extra:
            for method in methods:
                if not allowed or method in allowed:
                    own = Piece(f"/{{{key}}}/{path}{end}" if detail else f"/{path}{end}", place)
                    yield self._action(kind, name, method, [*pieces, own], guards, place, decorator)

    def _action(
        self,
        kind: Kind,
        name: str,
        method: str,
        pieces: list[Piece],
        guards: list[str],
        place: Place,
        decorator: Node | None = None,
    ) -> tuple[Route, list[Piece]]:
        found = kind.function(name)
        where = Place(found[0].path, found[1].line) if found is not None else place
        names = [*guards, *self.permissions(kind, method, decorator)]
        if found is not None:
            names += self.guards.of_decorators(found[0], found[1].decorators)
        return self.route(method, pieces, where, names, self._validated(kind, method, found)), pieces

    def _lookup(self, kind: Kind) -> str:
        for name in ("lookup_url_kwarg", "lookup_field"):
            if name in kind.members and (value := kind.members[name][1].value) is not None:
                folded = self.project.fold(kind.members[name][0], value)
                if folded.known and isinstance(folded.value, str):
                    return folded.value
        return "pk"

    def _allowed(self, kind: Kind) -> set[str]:
        if "http_method_names" in kind.members and (value := kind.members["http_method_names"][1].value) is not None:
            folded = self.project.fold(kind.members["http_method_names"][0], value)
            if folded.known and isinstance(folded.value, list):
                return {str(item).upper() for item in folded.value}
        return set()

    def _extra(self, kind: Kind) -> Iterator[tuple[str, list[str], bool, str, Node]]:
        """Give the `@action`s (formerly `@detail_route`, `@list_route`) of a ViewSet."""
        for name, (module, member) in kind.members.items():
            for decorator in member.decorators:
                called = last(decorator.items[0].dotted) if decorator.kind == "call" else last(decorator.dotted)
                if called not in ("action", "detail_route", "list_route"):
                    continue
                methods = decorator.get("methods") or (decorator.arguments[0] if decorator.arguments else None)
                value = self.project.fold(module, methods) if methods is not None else None
                verbs = (
                    [str(item).upper() for item in value.value]
                    if value is not None and value.known and isinstance(value.value, list)
                    else ["GET"]
                )
                detail = decorator.get("detail")
                path = (
                    piece(self.project, module, decorator.get("url_path"))
                    if decorator.get("url_path") is not None
                    else None
                )
                text = name if path is None else plain(path.text)
                mapped = [
                    (other, str(entry.value).upper())
                    for other, (_, found) in kind.members.items()
                    for entry in found.decorators
                    if entry.kind == "attribute" and entry.items[0].dotted == f"{name}.mapping"
                ]
                yield (
                    name,
                    verbs,
                    called == "detail_route" or (detail is not None and detail.value is True),
                    text,
                    decorator,
                )
                for other, verb in mapped:
                    yield other, [verb], detail is not None and detail.value is True, text, decorator

    # -- views ------------------------------------------------------------------------------------------------------

    def view(
        self, module: Module, node: Node, function: int, pieces: list[Piece], guards: list[str], place: Place
    ) -> Iterator[tuple[Route, list[Piece]]]:
        """Give the routes of a view: a class or a function."""
        if node.kind == "name" or (node.kind == "attribute" and node.value != "as_view"):
            where, found, scope = self.project.follow(module, node, function)
            if found.kind == "call":
                module, node, function = where, found, scope
        if node.kind == "call" and last(node.items[0].dotted) == "as_view" and node.items[0].kind == "attribute":
            target = node.items[0].items[0]
            kind = class_of(self.project, module, target, function)
            mapping = node.arguments[0] if node.arguments else node.get("actions")
            if kind is None:
                for method in VIEWS.get(last(target.dotted), ("ANY",)):
                    yield self.route(method, pieces, place, guards, None, f"{target.dotted}"), pieces
                return
            if mapping is not None and mapping.kind == "object":
                self.views.append(kind)
                for verb, action in mapping.pairs:
                    yield self._action(kind, str(action.value), verb.upper(), pieces, guards, place)
                return
            self.views.append(kind)
            for method in self._methods(kind):
                found_method = self._handler(kind, method)
                where_ = Place(found_method[0].path, found_method[1].line) if found_method is not None else place
                names = [*guards, *self.permissions(kind, method)]
                if found_method is not None:
                    names += self.guards.of_decorators(found_method[0], found_method[1].decorators)
                yield self.route(method, pieces, where_, names, self._validated(kind, method, found_method)), pieces
            return
        where, found, _ = self.project.follow(module, node, function)
        made = where.function(found)
        if made is None:
            known = VIEWS.get(
                {"obtain_auth_token": "ObtainAuthToken", "obtain_jwt_token": "ObtainJSONWebToken"}.get(
                    last(node.dotted), ""
                )
            )
            for method in known or ("ANY",):
                yield self.route(method, pieces, place, guards, None, node.dotted or "view"), pieces
            return
        names = [*guards, *self._function_guards(where, made)]
        for method in self._function_methods(where, made):
            yield self.route(method, pieces, Place(where.path, made.line), names, validates(where, made)), pieces

    def _methods(self, kind: Kind) -> list[str]:
        methods = [verb.upper() for verb in VERBS if kind.function(verb) is not None and verb != "options"]
        for origin in kind.origins:
            methods += VIEWS.get(last(origin), ())
        allowed = self._allowed(kind)
        return [method for method in dict.fromkeys(methods) if not allowed or method in allowed] or ["ANY"]

    def _handler(self, kind: Kind, method: str) -> tuple[Module, Function] | None:
        """Give the method of a class that answers: by the verb, or the action of a generic view."""
        names = HANDLERS.get(method, (method.lower(),))
        return next((found for name in names if (found := kind.function(name)) is not None), None)

    def _function_methods(self, module: Module, function: Function) -> list[str]:
        for decorator in function.decorators:
            name = last(decorator.items[0].dotted) if decorator.kind == "call" else last(decorator.dotted)
            if name in ("require_POST", "require_GET", "require_safe"):
                return ["POST"] if name == "require_POST" else ["GET"]
            if name in ("api_view", "require_http_methods"):
                listed = decorator.arguments[0] if decorator.arguments else decorator.get("http_method_names")
                value = self.project.fold(module, listed) if listed is not None else None
                if value is not None and value.known and isinstance(value.value, list):
                    return [str(item).upper() for item in value.value]
                return ["GET"] if name == "api_view" else ["ANY"]
        return ["ANY"]

    def _function_guards(self, module: Module, function: Function) -> list[str]:
        api = False
        for decorator in function.decorators:
            name = last(decorator.items[0].dotted) if decorator.kind == "call" else last(decorator.dotted)
            api = api or name == "api_view"
            if name == "permission_classes" and decorator.arguments:
                return self._named(module, decorator.arguments[0], "ANY")
        found = self.guards.of_decorators(module, function.decorators)
        return found if found or not api else self._default("ANY")

    # -- permissions ------------------------------------------------------------------------------------------------

    def permissions(self, kind: Kind, method: str, decorator: Node | None = None) -> list[str]:
        """Give what decides who may call a class-based view."""
        found = self.guards.of_decorators(kind.module, kind.class_.decorators)
        found += [last(origin) for origin in kind.origins if _MIXINS.search(last(origin))]
        if "permission_required" in kind.members:
            found.append("permission_required")
        for name in ("dispatch",):
            if (made := kind.function(name)) is not None:
                found += self.guards.of_decorators(made[0], made[1].decorators)
        if decorator is not None and (listed := decorator.get("permission_classes")) is not None:
            return [*found, *self._named(kind.module, listed, method)]
        if "get_permissions" in kind.members:
            return [*found, "get_permissions"]
        if "permission_classes" in kind.members and (value := kind.members["permission_classes"][1].value) is not None:
            return [*found, *self._named(kind.members["permission_classes"][0], value, method)]
        if any(origin.startswith(("rest_framework", "rest_framework_")) for origin in kind.origins):
            return [*found, *self._default(method)]
        return found

    def _default(self, method: str) -> list[str]:
        default = self.site.rest.get("DEFAULT_PERMISSION_CLASSES")
        return self._named(*default, method) if default is not None else []

    def _named(self, module: Module, node: Node, method: str) -> list[str]:
        """Write the names of permission classes, those left out that let everybody in."""
        _, found, _ = self.project.follow(module, node)
        names: list[str] = []
        for entry in found.items if found.kind == "array" else [found]:
            text = str(entry.value) if entry.kind == "string" else entry.dotted
            if entry.kind == "binary":
                text = f" {entry.value} ".join(last(part.dotted) for part in entry.items)
            name = last(text) if " " not in text else text
            if name in ("", "AllowAny") or (name.endswith("OrReadOnly") and method in SAFE):
                continue
            names.append(name)
        return names

    def _validated(self, kind: Kind, method: str, found: tuple[Module, Function] | None) -> bool | None:
        said = validates(*found) if found is not None else None
        if said is not None:
            return said
        generic = any(last(origin) in VIEWS or last(origin) in VIEWSETS for origin in kind.origins)
        if (
            method not in SAFE
            and method != "DELETE"
            and generic
            and ({"serializer_class", "get_serializer_class", "form_class", "fields"} & kind.members.keys())
        ):
            return True
        return None


def found(
    project: Project, unit: Unit, ninja: Sequence[tuple[Route, list[Piece]]] = ()
) -> Iterator[tuple[Route, list[Piece]]]:
    """Give every route of a Django unit, with the pieces of its path."""
    made = site(project, unit)
    if made is not None:
        yield from Urls(project, unit, made, ninja).walk()


def framework(project: Project, unit: Unit, trace: Finding) -> Finding:
    """Name Django and REST framework with their versions."""
    made = site(project, unit)
    name = " ".join(filter(None, ["django", pinned(unit, "django", parts=2)]))
    rest = unit.dependency("djangorestframework")
    if made is not None and rest is not None:
        name += " + " + " ".join(filter(None, ["DRF", pinned(unit, "djangorestframework", parts=2)]))
    places = [dependency.place] if (dependency := unit.dependency("django")) is not None else []
    if made is None:
        return Finding(Row.API, "framework", name, min(trace.proof, Proof.IMPORTED), places or trace.places)
    proof = max(project.proof(module.path) for module in made.settings)
    return Finding(Row.API, "framework", name, proof, [*places, Place(made.settings[0].path, 1)])


def findings_of(project: Project, unit: Unit) -> Iterator[Finding]:
    """Tell the settings module, the routers, and REST framework's versioning."""
    made = site(project, unit)
    if made is None:
        return
    main = made.settings[0]
    stars = [brought for brought in main.imports if brought.name == "*" and not brought.local]
    inner = sorted({target for brought in stars if (target := project.target(main, brought.module))})
    every = sorted({path.rpartition("/")[0] for path in inner})
    folders = [path for path in every if not any(path.startswith(f"{other}/") for other in every)]
    value = main.path
    if inner:
        shown = [f"{folder}/*" for folder in folders] if len(inner) > 2 else inner
        value += f" with star imports of {', '.join(shown)}"
    own = [brought for brought in stars if project.target(main, brought.module).rpartition("/")[0] in folders]
    places = [Place(main.path, own[0].line if own else 1)]
    others = [module.path for module in made.settings[1:]]
    yield Finding(
        Row.API, "settings", value, project.proof(main.path), places, note=f"also {', '.join(others)}" if others else ""
    )
    urls = Urls(project, unit, made)
    for _ in urls.walk():
        pass
    if urls.routers or urls.regex:
        kinds = [*urls.routers, *(["regex urls"] if urls.regex else [])]
        where = next(iter(urls.routers.values()), Place(urls.roots[0].path, 1) if urls.roots else places[0])
        yield Finding(Row.API, "router", " + ".join(kinds), project.proof(where.path), [where])
    yield from _versioning(project, made, urls)


def _versioning(project: Project, made: Site, urls: Urls) -> Iterator[Finding]:
    listed: list[tuple[Module, Node, str]] = []
    if (default := made.rest.get("DEFAULT_VERSIONING_CLASS")) is not None:
        listed.append((*default, ""))
    listed += [
        (owner, member.value, f"only {kind.class_.name}")
        for kind in urls.views
        for owner, member in [kind.members.get("versioning_class", (kind.module, Member("", 0)))]
        if member.value is not None
    ]
    for module, node, scope in listed:
        name = last(str(node.value) if node.kind == "string" else node.dotted)
        base = class_of(project, module, node) if node.kind != "string" else None
        known = (
            VERSIONING.get(name)
            or next((VERSIONING[last(origin)] for origin in base.origins if last(origin) in VERSIONING), None)
            if base
            else VERSIONING.get(name)
        )
        if known is None:
            continue
        notes = []
        for key, label in (("DEFAULT_VERSION", "default"), ("ALLOWED_VERSIONS", "allowed")):
            if (entry := made.rest.get(key)) is not None:
                value_ = project.fold(*entry)
                shown = (
                    ", ".join(map(str, value_.value))
                    if value_.known and isinstance(value_.value, list)
                    else str(value_)
                )
                notes.append(f"{label} {shown}")
        place = Place(module.path, node.line)
        yield Finding(
            Row.VERSIONS, "versioning", known, project.proof(module.path), [place], scope=scope, note="; ".join(notes)
        )
