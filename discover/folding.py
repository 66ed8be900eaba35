"""What an expression is worth, as far as that stands in the code."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from discover.code import Class, Module, Node
from discover.findings import Place
from discover.project import Project, Unit, Value, render

MAX_DEPTH = 24
MAX_NODES = 50_000
"""Expressions that one constant may be made of: lists of lists of themselves double with each level."""
_UPPER = re.compile(r"[A-Z][A-Z0-9_]{2,}")
_SECRET = re.compile(r"secret|passw|token|api_?key|private|credential|dsn|salt", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"(^|\.)(process\.env|import\.meta\.env|os\.environ|Deno\.env|Bun\.env)$")
_GETTERS = re.compile(
    r"(^|\.)(os\.getenv|os\.environ\.get|environ\.get|decouple\.config|environ\.Env\(\)(\.\w+)?|starlette\.config\.Config\(\)|env_var)$"
)
_CASTS: dict[str, Callable[[Any], Any]] = {
    "parseInt": lambda value: int(float(value)),
    "Number.parseInt": lambda value: int(float(value)),
    "parseFloat": float,
    "Number": lambda value: float(value) if "." in str(value) else int(value),
    "Number.parseFloat": float,
    "String": str,
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "Boolean": bool,
}

_spent = [0]
"""How many expressions the constant at hand has taken so far."""


def fold(
    project: Project,
    module: Module,
    node: Node,
    function: int = -1,
    depth: int = 0,
    given: Mapping[str, Value] | None = None,
) -> Value:
    """Compute a constant; `Project.fold` says what is followed. `given` are the arguments of the helper around it."""
    place = Place(module.path, node.line)
    unknown = Value(False, place=place, text=shown(node))
    _spent[0] = _spent[0] + 1 if depth else 0
    if depth > MAX_DEPTH or _spent[0] > MAX_NODES:
        return unknown

    def inner(item: Node) -> Value:
        return fold(project, module, item, function, depth + 1, given)

    match node.kind:
        case "string" | "number" | "bool" | "null":
            return Value(True, node.value, place)
        case "template":
            parts = [inner(item) for item in node.items]
            if all(part.known for part in parts):
                return Value(True, "".join(_text(part.value) for part in parts), place, _env(parts))
            return unknown
        case "array":
            return Value(True, [value.value for item in node.items if (value := inner(item)).known], place)
        case "object":
            return Value(
                True,
                {key: value.value for key, item in node.pairs if key and key != "..." and (value := inner(item)).known},
                place,
            )
        case "unary":
            value = inner(node.items[0])
            if value.known and isinstance(value.value, (int, float)) and node.value in ("-", "+"):
                return Value(True, -value.value if node.value == "-" else value.value, value.place, value.env)
            if value.known and node.value in ("!", "not"):
                return Value(True, not value.value, value.place, value.env)
            return Value(False, place=place, env=value.env, text=shown(node))
        case "binary":
            return _binary(node, inner, unknown)
        case "conditional":
            test, then, other = (inner(item) for item in node.items)
            if test.known and not test.env:
                return then if test.value else other
            if test.env and then.env == test.env and other.known:
                return Value(True, other.value, other.place, test.env)
            return unknown
        case "await" | "spread":
            return inner(node.items[0])
        case "call" | "new":
            return _call(project, module, node, function, depth, inner) or unknown
        case "name" if given and node.value in given:
            return given[str(node.value)]
        case "name" | "attribute" | "index":
            return _name(project, module, node, function, depth) or unknown
        case _:
            return unknown


def shown(node: Node) -> str:
    """Write an expression for a person; literals beside a secret word are left out."""
    text = render(node)
    return re.sub(r"([\"'`]).*?(\1|$)", '"…"', text) if _SECRET.search(text) else text


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _env(parts: list[Value]) -> str:
    return next((part.env for part in parts if part.env), "")


def _binary(node: Node, inner: Callable[[Node], Value], unknown: Value) -> Value:
    left, right = inner(node.items[0]), inner(node.items[1])
    if node.value in ("||", "??", "or"):
        if left.known and (left.value or (node.value == "??" and left.value is not None)):
            return left
        if left.known:
            return right
        if left.env and right.known:
            return Value(True, right.value, right.place, left.env)
        return Value(False, place=unknown.place, env=left.env, text=unknown.text)
    if node.value in ("&&", "and"):
        return right if left.known and left.value else left if left.known else unknown
    if node.value in ("===", "==", "!==", "!=") and left.known and right.known and not (left.env or right.env):
        return Value(True, (left.value == right.value) == (str(node.value)[0] == "="), left.place)
    if not (left.known and right.known):
        return unknown
    a, b = left.value, right.value
    try:
        if node.value == "+" and (isinstance(a, str) or isinstance(b, str)):
            result: Any = f"{_text(a)}{_text(b)}"
        elif node.value == "+" and isinstance(a, list) and isinstance(b, list):
            result = a + b
        elif isinstance(a, (int, float)) and isinstance(b, (int, float)):
            operations: dict[str, Callable[[Any, Any], Any]] = {
                "+": lambda x, y: x + y,
                "-": lambda x, y: x - y,
                "*": lambda x, y: x * y,
                "/": lambda x, y: x / y,
                "//": lambda x, y: x // y,
                "%": lambda x, y: x % y,
                "**": lambda x, y: x**y if abs(y) < 64 and abs(x) < 1e6 else math.nan,
                "<<": lambda x, y: int(x) << int(y) if 0 <= y < 64 else math.nan,
            }
            operation = operations.get(str(node.value))
            if operation is None:
                return unknown
            result = operation(a, b)
            if isinstance(result, float) and not math.isfinite(result):
                return unknown
            if isinstance(result, float) and result.is_integer():
                result = int(result)
        else:
            return unknown
    except (ArithmeticError, ValueError, TypeError):
        return unknown
    return Value(True, result, left.place, left.env or right.env)


def _call(
    project: Project, module: Module, node: Node, function: int, depth: int, inner: Callable[[Node], Value]
) -> Value | None:
    callee = node.items[0]
    dotted = callee.dotted
    arguments = node.arguments
    if dotted in _CASTS and arguments:
        value = inner(arguments[0])
        if value.known:
            try:
                return Value(True, _CASTS[dotted](value.value), value.place, value.env)
            except (ValueError, TypeError, OverflowError):
                return None
        return value
    origin = project.origin(module, callee, function)
    if _GETTERS.search(origin) or origin.startswith("environ.Env()"):
        value = _from_environment(node, arguments, inner, module)
        return value if value.known else _from_scheme(project, module, callee, function, value, depth)
    if dotted.endswith((".freeze", ".seal")) and arguments:
        return inner(arguments[0])
    if (
        callee.kind == "attribute"
        and callee.value in ("get", "getOrThrow")
        and arguments
        and arguments[0].kind == "string"
    ):
        if (found := _setting(project, module, str(arguments[0].value), depth)) is not None:
            return found
        if len(arguments) > 1:
            default = inner(arguments[1])
            if default.known and _UPPER.fullmatch(str(arguments[0].value)):
                return Value(True, default.value, default.place, str(arguments[0].value))
        return Value(
            False,
            place=Place(module.path, node.line),
            text=shown(node),
            env=str(arguments[0].value) if _UPPER.fullmatch(str(arguments[0].value)) else "",
        )
    if callee.kind == "attribute" and callee.value in (
        "join",
        "split",
        "toLowerCase",
        "lower",
        "trim",
        "strip",
        "toString",
        "keys",
        "values",
        "format",
        "replace",
    ):
        return _method(project, module, node, function, depth, inner)
    where, made, _ = project.follow(module, callee, function)
    scope = where.function(made)
    if scope is not None and len(scope.returns) == 1 and depth < MAX_DEPTH // 2:
        given = {parameter.name: inner(value) for parameter, value in zip(scope.parameters, arguments, strict=False)}
        for parameter in scope.parameters:
            named = node.get(parameter.name) or parameter.default
            if named is not None and parameter.name not in given:
                given[parameter.name] = inner(named)
        returned = fold(project, where, scope.returns[0], scope.number, depth + 8, given)
        return returned if returned.known else None
    return None


def _from_environment(node: Node, arguments: list[Node], inner: Callable[[Node], Value], module: Module) -> Value:
    name = next((str(argument.value) for argument in arguments if argument.kind == "string"), "")
    default = node.get("default") or (arguments[1] if len(arguments) > 1 else None)
    if default is not None:
        value = inner(default)
        if value.known:
            cast = node.get("cast")
            if cast is not None and cast.dotted in _CASTS:
                try:
                    return Value(True, _CASTS[cast.dotted](value.value), value.place, name)
                except (ValueError, TypeError):
                    pass
            return Value(True, value.value, value.place, name)
    return Value(False, place=Place(module.path, node.line), env=name, text=shown(node))


def _from_scheme(project: Project, module: Module, callee: Node, function: int, value: Value, depth: int) -> Value:
    """`environ.Env(NAME=(bool, False))` gives the defaults of `env("NAME")`."""
    where, made, scope = project.follow(module, callee.items[0] if callee.kind == "attribute" else callee, function)
    scheme = made.get(value.env) if made.kind == "call" else None
    if scheme is None or scheme.kind != "array" or len(scheme.items) != 2:
        return value
    default = fold(project, where, scheme.items[1], scope, depth + 1)
    return Value(True, default.value, default.place, value.env) if default.known else value


def _method(
    project: Project, module: Module, node: Node, function: int, depth: int, inner: Callable[[Node], Value]
) -> Value | None:
    callee = node.items[0]
    name = str(callee.value)
    if name in ("keys", "values") and callee.items[0].dotted == "Object" and node.arguments:
        held = inner(node.arguments[0])
        if held.known and isinstance(held.value, dict):
            return Value(True, list(held.value.keys() if name == "keys" else held.value.values()), held.place)
        return None
    target = inner(callee.items[0])
    if not target.known:
        return target
    values = [inner(argument) for argument in node.arguments]
    if not all(value.known for value in values):
        return None
    text = target.value
    try:
        if name == "join" and isinstance(text, list):
            return Value(True, str(values[0].value if values else ",").join(map(_text, text)), target.place, target.env)
        if name == "join" and isinstance(text, str) and values:
            return Value(True, text.join(map(_text, values[0].value)), target.place, target.env)
        if name == "split" and isinstance(text, str):
            return Value(True, text.split(str(values[0].value)) if values else text.split(), target.place, target.env)
        if name in ("toLowerCase", "lower") and isinstance(text, str):
            return Value(True, text.lower(), target.place, target.env)
        if name in ("trim", "strip") and isinstance(text, str):
            return Value(True, text.strip(), target.place, target.env)
        if name == "toString":
            return Value(True, _text(text), target.place, target.env)
        if name == "format" and isinstance(text, str):
            keywords = {key: fold(project, module, item, function, depth + 1).value for key, item in node.pairs}
            if re.fullmatch(r"(?:[^{}]|\{\w*\})*", text):
                return Value(
                    True, text.format(*[value.value for value in values], **keywords), target.place, target.env
                )
        if name == "replace" and isinstance(text, str) and len(values) == 2:
            return Value(True, text.replace(str(values[0].value), str(values[1].value)), target.place, target.env)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError):
        return None
    return None


def _name(project: Project, module: Module, node: Node, function: int, depth: int) -> Value | None:
    key = (
        str(node.value)
        if node.kind == "attribute"
        else str(node.items[1].value)
        if node.kind == "index" and node.items[1].kind == "string"
        else ""
    )
    place = Place(module.path, node.line)
    if node.kind in ("attribute", "index") and _ENVIRONMENT.search(project.origin(module, node.items[0], function)):
        if (found := by_name(project, module, key, depth)) is not None:
            return found
        return Value(False, place=place, env=key, text=shown(node))
    where, found_node, inside = project.follow(module, node, function)
    if found_node is not node:
        value = fold(project, where, found_node, inside, depth + 1)
        return value if value.known or value.env else None
    if node.kind in ("attribute", "index"):
        holder, kind, _ = project.follow(module, node.items[0], function)
        if (
            kind.kind == "class"
            and kind.value is not None
            and (member := _enum_member(project, holder, holder.classes[int(kind.value)], key, depth)) is not None
        ):
            return member
        if _UPPER.fullmatch(key) and (found := by_name(project, module, key, depth)) is not None:
            return found
        if _UPPER.fullmatch(key):
            return Value(False, place=place, env=key, text=shown(node))
    return None


def _enum_member(project: Project, module: Module, kind: Class, key: str, depth: int) -> Value | None:
    for member in kind.members:
        if member.name == key:
            return (
                fold(project, module, member.value, -1, depth + 1)
                if member.value is not None
                else Value(True, member.name, Place(module.path, member.line))
            )
    return None


def by_name(project: Project, module: Module, name: str, depth: int = 0) -> Value | None:
    """Give the default that a schema of settings or a class of settings declares for a name, if just one does.

    `joi`, `envalid`, `zod`, `@fastify/env` and the like: a member of an object whose value has a default. pydantic
    settings and Flask's and Django's modules: a variable or a member of a class of that name.
    """
    if not _UPPER.fullmatch(name) or depth > MAX_DEPTH // 2:
        return None
    unit = project.unit_of(module.path)
    key = (unit.folder, name)
    if key not in project.defaults:
        project.defaults[key] = None  # for a default that refers to itself
        project.defaults[key] = _declared(project, unit, name, depth)
    return project.defaults[key]


def _declared(project: Project, unit: Unit, name: str, depth: int) -> Value | None:
    found: list[Value] = []
    for path in project.declaring(unit, name):
        other = project.module(path)
        if other is None:
            continue
        defaults = [_default_of(project, other, node, depth) for node in _members(other, name)]
        found += [
            Value(True, value.value, value.place, name) for value in defaults if value is not None and value.known
        ]
        if other.language == "python":
            for kind in other.classes:
                for member in kind.members:
                    if member.name == name and member.value is not None and member.value.kind != "function":
                        value = fold(project, other, member.value, -1, depth + 8)
                        if value.known:
                            found.append(Value(True, value.value, value.place, value.env or name))
            if name in other.bindings and re.search(r"settings|config|django|flask", other.path):
                value = fold(project, other, other.bindings[name], -1, depth + 8)
                if value.known:
                    found.append(value)
    distinct = {repr(value.value) for value in found}
    return found[0] if len(distinct) == 1 else None


def _members(module: Module, name: str) -> Iterator[Node]:
    """Give the values of the objects' members of that name, anywhere in a module."""
    pending = [*module.bindings.values(), *module.exports.values(), *(call.node for call in module.calls)]
    pending += [node for function in module.functions for node in (*function.returns, *function.bindings.values())]
    pending += [assignment.value for assignment in module.assignments]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        for key, value in node.pairs:
            if key == name:
                yield value
            pending.append(value)
        pending += node.items


def _default_of(project: Project, module: Module, node: Node, depth: int) -> Value | None:
    """`joi.number().default(30)`, `num({default: 10})`, `{type: "number", default: 100}`."""
    while node.kind == "call":
        callee = node.items[0]
        if callee.kind == "attribute" and callee.value in ("default", "catch") and node.arguments:
            return fold(project, module, node.arguments[0], -1, depth + 8)
        options = next((argument for argument in node.arguments if argument.kind == "object"), None)
        if options is not None and (default := options.get("default") or options.get("devDefault")) is not None:
            return fold(project, module, default, -1, depth + 8)
        if callee.kind != "attribute":
            return None
        node = callee.items[0]
    if node.kind == "object" and (default := node.get("default")) is not None:
        return fold(project, module, default, -1, depth + 8)
    return None


def _setting(project: Project, module: Module, key: str, depth: int) -> Value | None:
    """`configService.get("app.port")`: a member of what `registerAs("app", …)` gives, or a name of the environment."""
    if "." not in key:
        return by_name(project, module, key, depth)
    namespace, _, name = key.partition(".")
    for path, number in _namespaces(project, project.unit_of(module.path)).get(namespace, []):
        other = project.module(path)
        for returned in other.functions[number].returns if other is not None else []:
            if (value := returned.get(name)) is not None and other is not None:
                return fold(project, other, value, number, depth + 4)
    return None


def _namespaces(project: Project, unit: Unit) -> dict[str, list[tuple[str, int]]]:
    """Give the functions that `registerAs` is given, by the namespace: (path, number)."""
    if unit.folder not in project.namespaces:
        found = project.namespaces[unit.folder] = {}
        for module in project.importing(unit, "@nestjs/config"):
            for call in module.calls:
                arguments = call.node.arguments
                if call.node.items[0].dotted == "registerAs" and len(arguments) > 1:
                    _, made, _ = project.follow(module, arguments[1], call.function)
                    if (scope := module.function(made)) is not None:
                        found.setdefault(str(arguments[0].value), []).append((module.path, scope.number))
    return project.namespaces[unit.folder]
