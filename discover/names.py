"""Where a name comes from: through variables, members, imports and exports, within a file and across files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from discover.code import Class, Module, Node
from discover.imports import SCRIPTS

if TYPE_CHECKING:
    from discover.project import Project

SOURCES = (*SCRIPTS, ".py")

Found = tuple[Module, Node, int]
"""An expression, the module and the function that it stands in."""

MAX_STEPS = 24
"""How far a name is followed."""


class Names:
    """The names of a codebase; `Project.origin` and `Project.find` say what is followed."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def exported(self, path: str, name: str, steps: int = 0) -> Found | None:
        """Give what a module exports under a name, re-exports followed."""
        module = self._project.module(path) if path.endswith(SOURCES) else None
        if module is None or steps > MAX_STEPS:
            return None
        if name in module.exports:
            return module, module.exports[name], -1
        for exported, specifier, original in module.reexports:
            if exported == name and (inner := self._project.target(module, specifier)):
                return self.exported(inner, original, steps + 1) if original != "*" else None
        if path.endswith(".py"):
            if (declared := self._declared_in(module, name)) is not None:
                return module, declared, -1
            for brought in module.imports:
                if (
                    brought.local == name
                    and brought.name != "*"
                    and (inner := self._project.target(module, brought.module))
                ):
                    return self.exported(inner, brought.name, steps + 1)
        for exported, specifier, _ in module.reexports:
            inner = self._project.target(module, specifier) if exported == "*" else ""
            if inner and (found := self.exported(inner, name, steps + 1)) is not None:
                return found
        if path.endswith(".py"):
            for star in self._stars(module):
                if (found := self.exported(star, name, steps + 1)) is not None:
                    return found
        return None

    def _stars(self, module: Module) -> Iterator[str]:
        """Give the files whose names a module takes by `from x import *`."""
        for brought in module.imports:
            if not brought.local and brought.name == "*" and (path := self._project.target(module, brought.module)):
                yield path

    @staticmethod
    def _declared_in(module: Module, name: str) -> Node | None:
        if name in module.bindings:
            return module.bindings[name]
        for function in module.functions:
            if function.name == name and function.parent == -1 and not function.owner:
                return Node("function", function.line, function.number)
        for kind in module.classes:
            if kind.name == name:
                return Node("class", kind.line, kind.number)
        return None

    def _local(self, module: Module, name: str, function: int) -> tuple[Node, int] | None:
        """Give what a name is bound to in a module, from the inside out, without its imports."""
        while function != -1:
            scope = module.functions[function]
            if name in scope.bindings:
                return scope.bindings[name], function
            if any(parameter.name == name or name in parameter.pattern for parameter in scope.parameters):
                return None
            for inner in module.functions:
                if inner.parent == function and inner.name == name and not inner.owner:
                    return Node("function", inner.line, inner.number), inner.parent
            function = scope.parent
        declared = self._declared_in(module, name)
        return None if declared is None else (declared, -1)

    def _parameter(self, module: Module, name: str, function: int) -> tuple[str, int] | None:
        """Give the annotation of the parameter that a name is, and the function that has it."""
        while function != -1:
            scope = module.functions[function]
            for parameter in scope.parameters:
                if parameter.name == name:
                    return parameter.type, function
                if name in parameter.pattern:
                    return "", function
            if name in scope.bindings:
                return None
            function = scope.parent
        return None

    def _imported(self, module: Module, name: str) -> tuple[str, str] | None:
        """Give (module, exported name) of an imported name."""
        for brought in module.imports:
            if brought.local == name:
                return brought.module, brought.name
        return None

    def _owner_class(self, module: Module, function: int) -> Class | None:
        while function != -1:
            scope = module.functions[function]
            if scope.owner:
                return next((kind for kind in module.classes if kind.name == scope.owner), None)
            function = scope.parent
        return None

    def member(self, module: Module, kind: Class, name: str, steps: int = 0) -> Found | None:
        """Give the value of a class's member, its bases followed."""
        for member in kind.members:
            if member.name == name and member.value is not None:
                return module, member.value, -1
        for assignment in module.assignments:
            target = assignment.target
            if (
                target.kind == "attribute"
                and target.value == name
                and target.items[0].kind == "name"
                and target.items[0].value in ("this", "self")
                and self._owner_class(module, assignment.function) is kind
            ):
                return module, assignment.value, assignment.function
        for base in kind.bases if steps < 8 else []:
            where, node, _ = self.chase(module, base, kind.function, steps + 1)
            if node.kind != "class" or node.value is None:
                continue
            if (found := self.member(where, where.classes[int(node.value)], name, steps + 1)) is not None:
                return found
        return None

    def _member_type(self, module: Module, kind: Class, name: str) -> str:
        for member in kind.members:
            if member.name == name and member.type:
                return member.type
        for function in module.functions:
            if function.owner == kind.name and function.name in ("constructor", "__init__"):
                for parameter in function.parameters:
                    if parameter.name == name:
                        return parameter.type
        return ""

    def chase(self, module: Module, node: Node, function: int = -1, steps: int = 0) -> Found:
        """Follow a name to the expression that it stands for."""
        here: Found = (module, node, function)
        if steps > MAX_STEPS:
            return here
        if node.kind == "await":
            return self.chase(module, node.items[0], function, steps + 1)
        if node.kind == "name":
            name = str(node.value)
            if self._parameter(module, name, function) is not None:
                return here
            local = self._local(module, name, function)
            if local is not None:
                if local[0] is node or (local[0].kind == "name" and local[0].value == name and local[1] == function):
                    return self._follow_import(module, name, here, steps)
                return self.chase(module, local[0], local[1], steps + 1)
            return self._follow_import(module, name, here, steps)
        if node.kind == "call" and (specifier := _required(node)):
            path = self._project.target(module, specifier)
            if path and (exported := self.exported(path, "default")) is not None:
                return self.chase(*exported, steps + 1)
            return here
        if node.kind in ("attribute", "index"):
            key = str(node.value) if node.kind == "attribute" else _literal(node.items[1])
            if key is None:
                return here
            if (found := self._member_of(module, node.items[0], key, function, steps)) is not None:
                return self.chase(*found, steps + 1)
        return here

    def _follow_import(self, module: Module, name: str, here: Found, steps: int) -> Found:
        brought = self._imported(module, name)
        if brought is None:
            for star in self._stars(module):
                if (exported := self.exported(star, name)) is not None:
                    return self.chase(*exported, steps + 1)
            return here
        path = self._project.target(module, brought[0])
        if not path:
            return here
        if brought[1] == "*":
            if not path.endswith(".py") and (exported := self.exported(path, "default")) is not None:
                return self.chase(*exported, steps + 1)
            return here
        if (exported := self.exported(path, brought[1])) is not None:
            return self.chase(*exported, steps + 1)
        return here

    def _namespace(self, module: Module, node: Node, function: int) -> str:
        """Give the path of the module that a name stands for as a whole (`import * as x`, `import x`)."""
        if node.kind == "call" and (specifier := _required(node)):
            return self._project.target(module, specifier)
        if node.kind == "await":
            return self._namespace(module, node.items[0], function)
        if node.kind == "attribute" and module.path.endswith(".py"):
            return self._python_namespace(module, node)
        if node.kind != "name" or self._parameter(module, str(node.value), function) is not None:
            return ""
        local = self._local(module, str(node.value), function)
        if local is not None and local[0].kind in ("call", "await"):
            return self._namespace(module, local[0], local[1])
        if local is not None:
            return ""
        brought = self._imported(module, str(node.value))
        if brought is None:
            return ""
        if brought[1] == "*":
            return self._project.target(module, brought[0])
        if module.path.endswith(".py"):
            return self._project.target(module, f"{brought[0]}{'' if brought[0].endswith('.') else '.'}{brought[1]}")
        path = self._project.target(module, brought[0])
        inner = self._project.module(path) if path else None
        for exported, specifier, original in inner.reexports if inner is not None else []:
            if exported == brought[1] and original == "*" and inner is not None:
                return self._project.target(inner, specifier)
        return ""

    def _python_namespace(self, module: Module, node: Node) -> str:
        """`import a.b.c` binds `a`: `a.b.c.name` means the module `a.b.c`."""
        dotted = node.dotted
        if dotted and any(
            brought.name == "*" and (brought.module == dotted or brought.module.startswith(f"{dotted}."))
            for brought in module.imports
        ):
            return self._project.target(module, dotted)
        inner = self._namespace(module, node.items[0], -1)
        if inner.endswith("/__init__.py"):
            return self._project.imports.python_file(f"{inner.removesuffix('/__init__.py')}/{node.value}")
        return ""

    def _member_of(self, module: Module, node: Node, key: str, function: int, steps: int) -> Found | None:
        path = self._namespace(module, node, function)
        if path and (exported := self.exported(path, key)) is not None:
            return exported
        if node.kind == "name" and node.value in ("this", "self", "cls"):
            kind = self._owner_class(module, function)
            return self.member(module, kind, key) if kind is not None else None
        where, value, inside = self.chase(module, node, function, steps + 1)
        if value.kind == "object":
            return self._object_member(where, value, key, inside, steps)
        if value.kind == "array" and key.isdigit() and int(key) < len(value.items):
            return where, value.items[int(key)], inside
        if value.kind == "class" and value.value is not None:
            kind = where.classes[int(value.value)]
            return self.member(where, kind, key)
        if value.kind in ("call", "new"):
            callee = value.items[0]
            if callee.kind == "attribute" and callee.value in ("freeze", "assign", "seal") and value.arguments:
                return self._member_of(where, value.arguments[-1], key, inside, steps + 1)
            holder, made, _ = self.chase(where, callee, inside, steps + 1)
            if made.kind == "class" and made.value is not None:
                return self.member(holder, holder.classes[int(made.value)], key)
            if made.kind == "function" and (scope := holder.function(made)) is not None:
                for returned in scope.returns[:1]:
                    if returned.kind == "object":
                        return self._object_member(holder, returned, key, scope.number, steps)
                    back = (
                        self._member_of(holder, returned, key, scope.number, steps + 1) if steps < MAX_STEPS else None
                    )
                    if back is not None:
                        return back
                return self._of_type(holder, scope.returned_type, key)
        if value.kind == "name" and (typed := self._parameter(where, str(value.value), inside)) is not None:
            return self._of_type(where, typed[0], key)
        return None

    def _of_type(self, module: Module, annotation: str, key: str) -> Found | None:
        """Give a member of the class that an annotation of Python names: its default, as settings have it."""
        if not module.path.endswith(".py") or not re.fullmatch(r"[A-Za-z_]\w*", annotation):
            return None
        where, found, _ = self.chase(module, Node("name", 0, annotation), -1)
        if found.kind != "class" or found.value is None:
            return None
        member = self.member(where, where.classes[int(found.value)], key)
        return member if member is not None and member[1].kind != "function" else None

    def _object_member(self, module: Module, node: Node, key: str, function: int, steps: int) -> Found | None:
        if (value := node.get(key)) is not None:
            return module, value, function
        for name, spread in reversed(node.pairs):
            if name == "..." and steps < MAX_STEPS:
                inner = spread.items[0] if spread.kind == "spread" else spread
                if (found := self._member_of(module, inner, key, function, steps + 1)) is not None:
                    return found
        return None

    def origin(self, module: Module, node: Node, function: int = -1) -> str:
        """Say where a name, attribute or callee comes from."""
        return self._origin(module, node, function, 0)

    def _origin(self, module: Module, node: Node, function: int, steps: int) -> str:
        if steps > MAX_STEPS:
            return ""
        match node.kind:
            case "name":
                return self._name_origin(module, str(node.value), function, steps)
            case "attribute":
                return self._attribute_origin(module, node, function, steps)
            case "await" | "spread":
                return self._origin(module, node.items[0], function, steps + 1)
            case "call" | "new":
                if specifier := _required(node):
                    return self._module_origin(module, specifier, "*", steps)
                inner = self._origin(module, node.items[0], function, steps + 1)
                if "#" in inner and not inner.endswith(")") and (made := self._made_by(module, node, function, steps)):
                    return made
                return f"{inner}()" if inner else ""
            case "function":
                scope = module.function(node)
                return f"{module.path}#{scope.name}" if scope is not None and scope.name else ""
            case "class":
                return f"{module.path}#{module.classes[int(node.value)].name}" if node.value is not None else ""
            case "binary" if node.value in ("||", "??", "or"):
                return self._origin(module, node.items[0], function, steps + 1) or self._origin(
                    module, node.items[1], function, steps + 1
                )
            case "conditional":
                return self._origin(module, node.items[1], function, steps + 1) or self._origin(
                    module, node.items[2], function, steps + 1
                )
            case "index":
                inner = self._origin(module, node.items[0], function, steps + 1)
                key = _literal(node.items[1])
                return f"{inner}.{key}" if inner and key is not None else f"{inner}[]" if inner else ""
            case _:
                return ""

    def _made_by(self, module: Module, node: Node, function: int, steps: int) -> str:
        """Give the origin of what a function of the codebase returns, if that comes from a package."""
        where, made, _ = self.chase(module, node.items[0], function, steps + 1)
        scope = where.function(made)
        for returned in scope.returns if scope is not None else []:
            inner = self._origin(where, returned, scope.number if scope else -1, steps + 1)
            if inner and "#" not in inner and not inner.startswith("?") and "(" in inner:
                return inner
        return ""

    def _module_origin(self, module: Module, specifier: str, name: str, steps: int) -> str:
        path = self._project.target(module, specifier)
        if path:
            wanted = "default" if name == "*" else name
            if name == "*" and path.endswith(".py"):
                return path
            exported = self.exported(path, wanted)
            if exported is None:
                sub = (
                    self._project.target(module, f"{specifier}{'' if specifier.endswith('.') else '.'}{name}")
                    if path.endswith(".py") and name != "*"
                    else ""
                )
                return sub or (path if name == "*" else self._deep_reexport(path, name, steps) or f"{path}#{name}")
            return self._origin(*exported, steps + 1) or f"{path}#{wanted}"
        package = specifier.removeprefix("node:")
        return package if name in ("default", "*") else f"{package}.{name}"

    def _deep_reexport(self, path: str, name: str, steps: int) -> str:
        """A name that a module of the codebase hands on from a package."""
        module = self._project.module(path) if path.endswith(SOURCES) else None
        if module is None or steps > MAX_STEPS:
            return ""
        for exported, specifier, original in module.reexports:
            if exported == name:
                return self._module_origin(module, specifier, original, steps + 1)
        brought = self._imported(module, name)
        return self._module_origin(module, *brought, steps + 1) if brought is not None else ""

    def _name_origin(self, module: Module, name: str, function: int, steps: int) -> str:
        parameter = self._parameter(module, name, function)
        if parameter is not None:
            return self._type_origin(module, parameter[0], steps) or f"?{name}"
        local = self._local(module, name, function)
        if local is not None:
            value, scope = local
            if not (value.kind == "name" and value.value == name):
                found = self._origin(module, value, scope, steps + 1)
                return found or f"{module.path}#{name}"
        brought = self._imported(module, name)
        if brought is not None:
            return self._module_origin(module, *brought, steps + 1)
        for star in module.imports:
            if (
                star.name == "*"
                and not star.local
                and (path := self._project.target(module, star.module))
                and self.exported(path, name) is not None
            ):
                return self._module_origin(module, star.module, name, steps + 1)
        return name

    def _type_origin(self, module: Module, annotation: str, steps: int) -> str:
        found = re.match(r"[\w.$]+", annotation.strip("\"' "))
        if found is None:
            return ""
        first, *rest = found[0].split(".")
        inner = self._name_origin(module, first, -1, steps + 1)
        return f"<{'.'.join([inner, *rest])}>"

    def _attribute_origin(self, module: Module, node: Node, function: int, steps: int) -> str:
        target = node.items[0]
        if target.kind == "name" and target.value in ("this", "self", "cls"):
            kind = self._owner_class(module, function)
            if kind is not None:
                if (held := self.member(module, kind, str(node.value))) is not None and held[1].kind not in (
                    "function",
                ):
                    found = self._origin(*held, steps + 1)
                    if found:
                        return found
                if annotation := self._member_type(module, kind, str(node.value)):
                    return self._type_origin(module, annotation, steps)
            return f"{target.value}.{node.value}"
        member = self._member_of(module, target, str(node.value), function, steps)
        if member is not None and not (member[0] is module and member[1] is node):
            found = self._origin(*member, steps + 1)
            if found:
                return found
            if (path := self._namespace(module, target, function)) != "":
                return f"{path}#{node.value}"
        inner = self._origin(module, target, function, steps + 1)
        return f"{inner}.{node.value}" if inner else ""


def _required(node: Node) -> str:
    """Give the module of a bare `require("x")` or `import("x")`."""
    if node.kind == "call" and node.items[0].kind == "name" and node.items[0].value in ("require", "import"):
        return next((str(argument.value) for argument in node.arguments[:1] if argument.kind == "string"), "")
    return ""


def _literal(node: Node) -> str | None:
    return (
        str(int(node.value) if node.kind == "number" and node.value is not None else node.value)
        if node.kind in ("string", "number")
        else None
    )
