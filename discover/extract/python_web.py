"""What the Python web frameworks have in common: classes with their bases, guards, validation, versions, paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from discover.code import Class, Function, Member, Module, Node
from discover.findings import Place
from discover.project import Project, Unit, render

MAX_STEPS = 12
VERBS = ("get", "post", "put", "patch", "delete", "head", "options")

_OPTIONAL = re.compile(r"optional|anonymous|allow_?any|public|maybe|_or_none|exempt", re.IGNORECASE)
_GUARD = re.compile(
    r"auth(?!or)|current_?(user|active|super|admin|account|member|principal)|permission|require|login|(^|_)admin|superuser"
    r"|jwt|api_?key|verify|token|role|scope|credential|protected|get_user$|logged_?in|is_?staff|access_?control",
    re.IGNORECASE,
)
_NO_GUARD = re.compile(
    r"service|repo(sitory)?$|manager|crud|dao$|uow|use_?case|client|setting|config|param|filter|pagin|(^|_)db($|_)|form"
    r"|rate|limit|cache|json|http_methods|require_(GET|POST|safe)|swagger|docs?$|schema",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"unauthor|forbidden|permission_?denied|not_?authenticated|credentials?_?(exception|error)|access_?denied",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"\b40[13]\b|_40[13]_|UNAUTHORIZED|FORBIDDEN")
_SECRET = re.compile(r"secret|passw|token|api_?key|private|credential|dsn|salt", re.IGNORECASE)
_VERSION = re.compile(r"^v\d+(\.\d+)*$|^\d+\.\d+$", re.IGNORECASE)
_NAME = re.compile(r"\b(?:Depends|Security)\(\s*([A-Za-z_][\w.]*)")
_CHECKS = re.compile(
    r"(^|\.)(is_valid|validate(_on_submit|_json|_python)?|model_validate(_json)?|parse_obj|parse_args|load|loads|validated_data"
    r"|full_clean|deserialize|from_json|type_validate)$"
)
_CHECKING = re.compile(
    r"use_(kw)?args|arguments|validate|expect(s_json)?$|input$|use_schema|request_schema|body_schema|webargs|docs?_params"
)
_READS = re.compile(
    r"(^|\.)request\.(json|get_json|form|data|POST|body|values|files)$|^request\.get_json|(^|\.)await_json$"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a path, and where it is written."""

    text: str
    place: Place
    known: bool = True


def node_of(dotted: str, line: int) -> Node:
    """Make the expression that a dotted name is."""
    first, *rest = dotted.split(".")
    made = Node("name", line, first)
    for name in rest:
        made = Node("attribute", line, name, [made])
    return made


def masked(text: str) -> str:
    """Leave literals out of source that has a secret word."""
    return re.sub(r"([\"']).*?(\1|$)", '"…"', text) if _SECRET.search(text) else text


def only_if(conditions: Iterable[str]) -> str:
    """Write when something holds."""
    said = [masked(text) for text in conditions]
    return f"only if {' and '.join(said)}" if said else ""


def inner(node: Node, depth: int = 0) -> Iterator[Node]:
    """Give an expression and every expression in it, those of lambdas left out."""
    yield node
    if depth < 60:
        for item in node.items:
            yield from inner(item, depth + 1)
        for _, value in node.pairs:
            yield from inner(value, depth + 1)


def last(dotted: str) -> str:
    """Give the last name of a dotted one."""
    return dotted.replace("()", "").rpartition(".")[2]


def version_of(path: str) -> str:
    """Give the version that a path names, as it writes it."""
    return next((part for part in path.split("/") if _VERSION.match(part)), "")


def piece(project: Project, module: Module, node: Node | None, function: int = -1) -> Piece | None:
    """Read a path or a prefix. One that is unknown becomes `{its text}`."""
    if node is None:
        return None
    place = Place(module.path, node.line)
    value = project.fold(module, node, function)
    if value.known and isinstance(value.value, str):
        return Piece(value.value, value.place if value.place.path else place)
    if value.known and value.value is None:
        return None
    return Piece(f"/{{{re.sub(r'[^A-Za-z0-9_.]+', '_', masked(render(node, 40))).strip('_')}}}", place, known=False)


def clean(path: str) -> str:
    """Write a path with `{name}` for parameters and one slash at a time."""
    path = re.sub(r"<(?:[^<>:]+:)?([^<>:]+)>", r"{\1}", path)
    path = re.sub(r"\{(\w+):[^{}]*\}", r"{\1}", path)
    return re.sub(r"/{2,}", "/", f"/{path}")


@dataclass(slots=True)
class Kind:
    """A class with all that it has from its bases."""

    module: Module
    class_: Class
    members: dict[str, tuple[Module, Member]] = field(default_factory=dict)
    """The nearest member of each name."""
    origins: list[str] = field(default_factory=list)
    """The origins of the bases that come from packages, the nearest first."""

    def function(self, name: str) -> tuple[Module, Function] | None:
        """Give a method."""
        if name not in self.members:
            return None
        module, member = self.members[name]
        found = module.function(member.value) if member.value is not None else None
        return (module, found) if found is not None else None


def kind_of(project: Project, module: Module, class_: Class) -> Kind:
    """Collect the members and the foreign bases of a class."""
    kind = Kind(module, class_)
    _collect(project, kind, module, class_, 0)
    return kind


def _collect(project: Project, kind: Kind, module: Module, class_: Class, depth: int) -> None:
    for member in class_.members:
        kind.members.setdefault(member.name, (module, member))
    for base in class_.bases:
        where, found, _ = project.follow(module, base, class_.function)
        if found.kind == "class" and found.value is not None:
            other = where.classes[int(found.value)]
            if depth < MAX_STEPS and other is not class_:
                _collect(project, kind, where, other, depth + 1)
        else:
            kind.origins.append(project.origin(where, found if found.kind != "call" else base, class_.function))


def class_of(project: Project, module: Module, node: Node, function: int = -1) -> Kind | None:
    """Give the class that a name means."""
    where, found, _ = project.follow(module, node, function)
    if found.kind != "class" or found.value is None:
        return None
    return kind_of(project, where, where.classes[int(found.value)])


class Guards:
    """Tells what decides who may call an operation."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.known: dict[tuple[str, int, str], bool] = {}

    def name(self, module: Module, node: Node, function: int = -1) -> str:
        """Give the name of a guard, `` if it is none."""
        text = node.dotted if node.kind in ("name", "attribute") else masked(render(node, 60))
        # What is written leaves keyword arguments out: `required=False` makes another guard of it.
        key = (module.path, function, f"{text} {self._optional(node)}")
        if key not in self.known:
            self.known[key] = False
            self.known[key] = self.is_guard(module, node, function, 0)
        return text if self.known[key] else ""

    def is_guard(self, module: Module, node: Node, function: int, depth: int) -> bool:
        """Tell whether a dependency or a decorator turns callers away."""
        callee = node.items[0] if node.kind == "call" else node
        name = last(callee.dotted)
        if depth > 4 or _OPTIONAL.search(name) or self._optional(node):
            return False
        named = bool(_GUARD.search(name)) and not _NO_GUARD.search(name)
        where, found, scope = self.project.follow(module, node, function)
        if found.kind == "call":
            if self._optional(found):
                return False
            origin = self.project.origin(where, found.items[0], scope)
            if origin.startswith("fastapi.security"):
                return not origin.endswith("Form")
            where, found, scope = self.project.follow(where, found.items[0], scope)
            named = named or (bool(_GUARD.search(last(origin))) and not _NO_GUARD.search(last(origin)))
        if found.kind == "class" and found.value is not None:
            kind = kind_of(self.project, where, where.classes[int(found.value)])
            if any(origin.startswith("fastapi.security") for origin in kind.origins):
                return True
            call = kind.function("__call__")
            return named or (call is not None and self.refuses(*call, depth + 1))
        made = where.function(found)
        return named or (made is not None and not _NO_GUARD.search(name) and self.refuses(where, made, depth + 1))

    @staticmethod
    def _optional(node: Node) -> bool:
        return any(
            (key == "optional" and value.value is True) or (key in ("auto_error", "required") and value.value is False)
            for key, value in node.pairs
        )

    def refuses(self, module: Module, function: Function, depth: int) -> bool:
        """Tell whether a function answers 401 or 403, or depends on one that does."""
        for call in module.calls_in(function.number):
            name = last(call.node.items[0].dotted)
            arguments = [*call.node.arguments, *(value for _, value in call.node.pairs)]
            if _REFUSAL.search(name):
                return True
            if name in (
                "HTTPException",
                "abort",
                "HttpResponse",
                "JsonResponse",
                "JSONResponse",
                "Response",
                "jsonify",
            ) and any(_REFUSED.search(render(argument)) for argument in arguments):
                return True
        return depth < 4 and any(True for _ in self.of_parameters(module, function, depth + 1))

    def of_parameters(self, module: Module, function: Function, depth: int = 0) -> Iterator[str]:
        """Give the guards among the dependencies in a function's parameters (`Depends`, `Security`)."""
        for parameter in function.parameters:
            found: list[tuple[Module, Node, int]] = []
            if parameter.default is not None:
                found.append((module, parameter.default, function.parent))
            for name in _NAME.findall(parameter.type):
                called = Node(
                    "call", function.line, items=[Node("name", function.line, "Depends"), node_of(name, function.line)]
                )
                found.append((module, called, function.parent))
            if re.fullmatch(r"[A-Za-z_][\w.]*", parameter.type):
                where, alias, scope = self.project.follow(
                    module, node_of(parameter.type, function.line), function.parent
                )
                if alias.kind == "index":
                    found += [(where, item, scope) for item in inner(alias) if item.kind == "call"]
            for where, node, scope in found:
                if name := self.of_dependency(where, node, scope, depth):
                    yield name

    def of_dependency(self, module: Module, node: Node, function: int, depth: int = 0) -> str:
        """Give the guard in `Depends(guard)`, also where that stands behind a name."""
        if node.kind in ("name", "attribute"):
            module, node, function = self.project.follow(module, node, function)
        if node.kind != "call" or last(node.items[0].dotted) not in ("Depends", "Security"):
            return ""
        target = next(iter(node.arguments), None) or node.get("dependency")
        if target is None:
            return ""
        if depth:
            return render(target) if self.is_guard(module, target, function, depth) else ""
        return self.name(module, target, function)

    def of_list(self, module: Module, node: Node | None, function: int) -> list[str]:
        """Give the guards in `dependencies=[…]`."""
        if node is None:
            return []
        where, found, scope = self.project.follow(module, node, function)
        return [name for item in found.items if (name := self.of_dependency(where, item, scope))]

    def of_decorators(self, module: Module, decorators: list[Node], function: int = -1) -> list[str]:
        """Give the guards among decorators."""
        found = []
        for decorator in decorators:
            callee = decorator.items[0] if decorator.kind == "call" else decorator
            if last(callee.dotted) == "method_decorator" and decorator.arguments:
                decorator = decorator.arguments[0]
                found += self.of_decorators(
                    module, decorator.items if decorator.kind == "array" else [decorator], function
                )
            elif name := self.name(module, decorator, function):
                found.append(name)
        return found


def expressions(module: Module, function: Function) -> Iterator[Node]:
    """Give what stands in a function: calls, values of variables, what is returned."""
    for call in module.calls_in(function.number):
        yield from inner(call.node)
    for scope in module.functions:
        if module.within(scope.number, function.number):
            for value in (*scope.bindings.values(), *scope.returns):
                yield from inner(value)
    for assignment in module.assignments:
        if module.within(assignment.function, function.number):
            yield from inner(assignment.value)


def validates(module: Module, function: Function) -> bool | None:
    """Tell whether a view checks what it is given: by a decorator or a call, or reads it as it is; None for neither."""
    for decorator in function.decorators:
        callee = decorator.items[0] if decorator.kind == "call" else decorator
        if _CHECKING.search(last(callee.dotted)):
            return True
    reads = False
    for node in expressions(module, function):
        if (
            node.kind == "call"
            and _CHECKS.search(node.items[0].dotted)
            and not node.items[0].dotted.startswith(("json.", "yaml."))
        ):
            return True
        if node.kind == "call" and any(
            key == "..." and _READS.search(value.dotted.replace("()", "")) for key, value in node.pairs
        ):
            return True
        reads = reads or (node.kind == "attribute" and bool(_READS.search(node.dotted)))
    return False if reads else None


def pinned(unit: Unit, *names: str, parts: int = 1) -> str:
    """Give the version that a manifest pins a package to, as many parts of it."""
    for name in names:
        dependency = unit.dependency(name)
        found = (
            re.match(r"^\s*(?:==|===|~=|\^|~)\s*v?(\d+(?:\.\d+)*)", dependency.version)
            if dependency is not None
            else None
        )
        if found is not None:
            return ".".join(found[1].split(".")[:parts])
    return ""
