"""Python sources as `code.Module`, read with the standard library's parser. Nothing is imported or executed."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from discover.code import Assignment, Call, Class, Function, Import, Member, Module, Node, Parameter

MAX_DEPTH = 120
"""Expressions nested deeper become `other`."""
MAX_ELEMENTS = 5_000
"""Of one list or dictionary; what follows is data, not configuration."""
MAX_CONDITIONS = 20
MAX_LAYERS = 40
"""How often a name may be set again, each time with what it was before inside; also how many `and`s are kept."""
MAX_TEXT = 120

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.LShift: "<<", ast.RShift: ">>", ast.BitOr: "|", ast.BitXor: "^", ast.BitAnd: "&", ast.MatMult: "@",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in", ast.Not: "not", ast.USub: "-", ast.UAdd: "+",
    ast.Invert: "~",
}  # fmt: skip


def read(path: str, content: bytes) -> Module:
    """Read a Python source.

    Raises:
        SyntaxError: it is no Python 3.

    """
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    text = content.decode(encoding, errors="replace")
    try:
        tree = _parse(text)
    except SyntaxError:
        text = _older(text)
        tree = _parse(text)
    reader = _Reader(path, text)
    reader.block(tree.body)
    return reader.finish()


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


_BRACKETS = r"\[[^\[\]\n]*(?:\[[^\[\]\n]*\][^\[\]\n]*)*\]"
_GENERIC = re.compile(rf"^([ \t]*(?:(?:async[ \t]+)?def|class)[ \t]+\w+){_BRACKETS}", re.MULTILINE)
_ALIAS = re.compile(rf"^([ \t]*)type[ \t]+(\w+)(?:{_BRACKETS})?[ \t]*=(?!=)", re.MULTILINE)
_EXCEPT = re.compile(r"^([ \t]*except\*?)[ \t]+([A-Z][\w.]*(?:[ \t]*,[ \t]*[A-Z][\w.]*)+)[ \t]*:", re.MULTILINE)
_QUOTED = re.compile(r"""\b([rR]?[fF][rR]?)(["'])((?:\\.|(?!\2)[^\\\n{]|\{[^{}\n]*\})*)\2""")


def _older(text: str) -> str:
    """Write what Pythons after 3.11 understand as 3.11 does: type parameters, `type X =`, quotes within f-strings.

    The meaning stays, as far as it matters here; no line is added or taken away.
    """

    def quotes(found: re.Match[str]) -> str:
        other = "'" if found[2] == '"' else '"'
        inside = re.sub(r"\{[^{}\n]*\}", lambda part: part[0].replace(found[2], other), found[3])
        return f"{found[1]}{found[2]}{inside}{found[2]}"

    text = _GENERIC.sub(r"\1", text)
    text = _ALIAS.sub(r"\1\2 =", text)
    text = _EXCEPT.sub(r"\1 (\2):", text)
    return _QUOTED.sub(quotes, text)


class _Reader:
    """Walks a tree once: every expression is turned into a node, and every call in it is noted."""

    def __init__(self, path: str, text: str) -> None:
        self.module = Module(path, "python")
        self.lines = text.encode().splitlines()
        self.function = -1
        self.class_ = -1
        self.conditions: tuple[str, ...] = ()
        self.depth = 0
        self.often: set[tuple[int, str]] = set()
        """Variables of functions that are set in several places."""
        self.depths: dict[tuple[int, str], int] = {}
        """Below how many conditions a variable was set first."""
        self.layers: dict[tuple[int, str], int] = {}
        self.type_checking = False

    def finish(self) -> Module:
        module = self.module
        for name in module.bindings:
            node = module.bindings[name]
            module.exports[name] = node if node.kind in ("function", "class") else Node("name", node.line, name)
        for brought in module.imports:
            if brought.local:
                module.exports.setdefault(brought.local, Node("name", brought.line, brought.local))
            elif brought.name == "*":
                module.reexports.append(("*", brought.module, "*"))
        return module

    # -- text -------------------------------------------------------------------------------------------------------

    def text(self, node: ast.expr | ast.pattern, limit: int = MAX_TEXT) -> str:
        """Give the source of a node in one line. Offsets are in bytes of UTF-8."""
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        if first >= len(self.lines):
            return ""
        if first == last:
            piece = self.lines[first][node.col_offset : node.end_col_offset]
        else:
            middle = self.lines[first + 1 : min(last, first + limit)]
            piece = b" ".join([self.lines[first][node.col_offset :], *middle, self.lines[last][: node.end_col_offset]])
        return " ".join(piece[: limit * 4].decode(errors="ignore").split())[:limit]

    def annotation(self, node: ast.expr | None) -> str:
        """Give an annotation's source, without the quotes of one that is written as a string."""
        if node is None:
            return ""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value[: MAX_TEXT * 4]
        self.expression(node)
        return self.text(node, MAX_TEXT * 4)

    # -- statements -------------------------------------------------------------------------------------------------

    def block(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            self.statement(statement)

    @contextmanager
    def when(self, *conditions: str) -> Iterator[None]:
        before = self.conditions
        self.conditions = (*before, *(condition for condition in conditions if condition))[:MAX_CONDITIONS]
        yield
        self.conditions = before

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.define(node)
            case ast.ClassDef():
                self.define_class(node)
            case ast.Import() | ast.ImportFrom():
                self.bring(node)
            case ast.Assign():
                value = self.expression(node.value)
                for target in node.targets:
                    self.assign(target, value)
            case ast.AnnAssign():
                type_ = self.annotation(node.annotation)
                found = self.expression(node.value) if node.value is not None else None
                self.assign(node.target, found, type_)
            case ast.AugAssign():
                self.augment(node)
            case ast.Return():
                if node.value is not None:
                    value = self.expression(node.value)
                    if self.function >= 0:
                        self.module.functions[self.function].returns.append(value)
            case ast.If():
                self.branch(node)
            case ast.For() | ast.AsyncFor():
                self.loop(node.target, self.expression(node.iter))
                self.block(node.body)
                self.block(node.orelse)
            case ast.While():
                self.expression(node.test)
                self.block(node.body)
                self.block(node.orelse)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    value = self.expression(item.context_expr)
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, value)
                self.block(node.body)
            case ast.Try() | ast.TryStar():
                self.block(node.body)
                for handler in node.handlers:
                    if handler.type is not None:
                        self.expression(handler.type)
                    with self.when(f"except {self.text(handler.type)}" if handler.type is not None else "except"):
                        self.block(handler.body)
                self.block(node.orelse)
                self.block(node.finalbody)
            case ast.Match():
                self.expression(node.subject)
                subject = self.text(node.subject)
                for case in node.cases:
                    guard = ""
                    if case.guard is not None:
                        self.expression(case.guard)
                        guard = self.text(case.guard)
                    with self.when(f"{subject} is {self.text(case.pattern)}"[:MAX_TEXT], guard):
                        self.block(case.body)
            case _:
                parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
                if type(node).__name__ == "TypeAlias" and len(parts) > 1:
                    self.assign(parts[0], self.expression(parts[-1]))
                elif not isinstance(node, ast.Delete):
                    for child in parts:
                        self.expression(child)

    def branch(self, node: ast.If) -> None:
        """Read an `if` with its `elif`s in a loop: they nest in the tree, and there may be hundreds."""
        before = self.conditions
        passed: list[str] = []
        while True:
            text = self.text(node.test)
            main = _is_main(node.test)
            types = text in ("TYPE_CHECKING", "typing.TYPE_CHECKING", "t.TYPE_CHECKING")
            self.module.main_guard |= main
            with self.when(*passed):
                self.expression(node.test)
                outer, self.type_checking = self.type_checking, self.type_checking or types
                with self.when("" if main else text):
                    self.block(node.body)
                self.type_checking = outer
            if not main:
                passed.append(f"not ({text})")
            match node.orelse:
                case [ast.If() as following]:
                    node = following
                case _:
                    break
        with self.when(*passed):
            self.block(node.orelse)
        self.conditions = before

    def bring(self, node: ast.Import | ast.ImportFrom) -> None:
        imports = self.module.imports
        types = self.type_checking
        if isinstance(node, ast.Import):
            for name in node.names:
                top = name.name.partition(".")[0]
                if name.asname or top == name.name:
                    imports.append(Import(name.asname or top, name.name, "*", name.lineno, type_only=types))
                else:
                    imports.append(Import(top, top, "*", name.lineno, type_only=types))
                    imports.append(Import("", name.name, "", name.lineno, type_only=types))
            return
        module = "." * node.level + (node.module or "")
        for name in node.names:
            local = "" if name.name == "*" else name.asname or name.name
            imports.append(Import(local, module, name.name, name.lineno, type_only=types))

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = [self.decorator(item) for item in node.decorator_list]
        function = self.new_function(node.name, node.lineno)
        function.decorators = decorators
        function.parameters = self.parameters(node.args)
        function.returned_type = self.annotation(node.returns)
        made = Node("function", node.lineno, function.number)
        if self.class_ >= 0:
            static = any(item.dotted == "staticmethod" for item in decorators)
            member = Member(node.name, node.lineno, value=made, decorators=decorators, static=static)
            self.module.classes[self.class_].members.append(member)
        else:
            self.bind(node.name, made)
            if self.function < 0 and decorators:
                self.module.decorated[node.name] = decorators
        with self.inside(function):
            self.block(node.body)

    def new_function(self, name: str, line: int) -> Function:
        owner = self.module.classes[self.class_].name if self.class_ >= 0 else ""
        function = Function(len(self.module.functions), name, line, self.function, owner=owner)
        self.module.functions.append(function)
        return function

    @contextmanager
    def inside(self, function: Function) -> Iterator[None]:
        before = self.function, self.class_
        self.function, self.class_ = function.number, -1
        yield
        self.function, self.class_ = before

    def parameters(self, node: ast.arguments) -> list[Parameter]:
        placed = [*node.posonlyargs, *node.args]
        defaults: list[ast.expr | None] = [*[None] * (len(placed) - len(node.defaults)), *node.defaults]
        pairs = [*zip(placed, defaults, strict=True), *zip(node.kwonlyargs, node.kw_defaults, strict=True)]
        found = [
            Parameter(
                arg.arg, self.annotation(arg.annotation), self.expression(default) if default is not None else None
            )
            for arg, default in pairs
        ]
        if node.vararg is not None:
            found.append(Parameter(f"*{node.vararg.arg}", self.annotation(node.vararg.annotation)))
        if node.kwarg is not None:
            found.append(Parameter(f"**{node.kwarg.arg}", self.annotation(node.kwarg.annotation)))
        return found

    def decorator(self, node: ast.expr) -> Node:
        """Read a decorator. One without parentheses is noted as a call, too: it is called with what it decorates."""
        before = len(self.module.calls)
        found = self.expression(node)
        if found.kind == "call":
            for call in self.module.calls[before:]:
                if call.node is found:
                    call.decorator = True
        else:
            called = Node("call", found.line, items=[found])
            self.module.calls.append(Call(called, self.function, self.conditions, decorator=True))
        return found

    def define_class(self, node: ast.ClassDef) -> None:
        decorators = [self.decorator(item) for item in node.decorator_list]
        bases = [self.expression(base) for base in node.bases]
        keywords = [(keyword.arg or "...", self.expression(keyword.value)) for keyword in node.keywords]
        class_ = Class(
            len(self.module.classes), node.name, node.lineno, bases=bases, keywords=keywords, decorators=decorators,
            parent=self.class_, function=self.function,
        )  # fmt: skip
        self.module.classes.append(class_)
        if self.class_ >= 0:
            self.module.classes[self.class_].inner.append(class_.number)
        else:
            self.bind(node.name, Node("class", node.lineno, class_.number))
        before, self.class_ = self.class_, class_.number
        self.block(node.body)
        self.class_ = before

    # -- what is set ------------------------------------------------------------------------------------------------

    def assign(self, target: ast.expr, value: Node | None, type_: str = "") -> None:
        match target:
            case ast.Name():
                if self.class_ >= 0:
                    member = Member(target.id, target.lineno, type_, value)
                    self.module.classes[self.class_].members.append(member)
                elif value is not None:
                    self.bind(target.id, value)
            case ast.Tuple() | ast.List():
                for number, item in enumerate(target.elts):
                    if isinstance(item, ast.Starred):
                        self.loop(item.value, Node("other", item.lineno, self.text(item)))
                    elif value is not None:
                        self.assign(item, self.element(value, number, item.lineno))
            case ast.Attribute() | ast.Subscript():
                if value is not None:
                    found = self.expression(target)
                    assignment = Assignment(found, value, target.lineno, self.function, self.conditions)
                    self.module.assignments.append(assignment)

    @staticmethod
    def element(value: Node, number: int, line: int) -> Node:
        if value.kind == "array" and number < len(value.items) and all(item.kind != "spread" for item in value.items):
            return value.items[number]
        return Node("index", line, items=[value, Node("number", line, number)])

    def augment(self, node: ast.AugAssign) -> None:
        value = self.expression(node.value)
        line = node.lineno
        target = self.expression(node.target)
        both = Node("binary", line, _OPERATORS.get(type(node.op), ""), [target, value])
        if not isinstance(node.target, ast.Name):
            self.module.assignments.append(Assignment(target, both, line, self.function, self.conditions))
            return
        name = node.target.id
        if self.class_ >= 0:
            return
        if self.function >= 0:
            self.forget(name)
        elif self.conditions:
            # The name keeps what it is always worth; what is added at times is noted beside it.
            self.module.assignments.append(Assignment(target, both, line, self.function, self.conditions))
        elif self.again((-1, name)):
            both.items[0] = self.module.bindings.get(name) or target
            self.module.bindings[name] = both

    def loop(self, target: ast.expr, items: Node) -> None:
        """Bind what a loop goes through: a member of the list, whichever."""
        for part in ast.walk(target):
            if isinstance(part, ast.Name) and self.class_ < 0:
                each = Node("other", target.lineno, self.text(target))
                one = Node("index", target.lineno, items=[items, each])
                self.bind(part.id, one if part is target else Node("other", target.lineno, part.id))

    def forget(self, name: str) -> None:
        """Note that a function's variable is set in several places: it has no one value."""
        self.module.functions[self.function].bindings.pop(name, None)
        self.often.add((self.function, name))

    def bind(self, name: str, value: Node) -> None:
        top = self.function < 0
        bindings = self.module.bindings if top else self.module.functions[self.function].bindings
        key = (self.function, name)
        if key in self.often:
            return
        old = bindings.get(name)
        if old is None:
            bindings[name] = value
            self.depths[key] = len(self.conditions)
        elif not self.conditions:
            # `app = wrap(app)` says less about the name than what it was before.
            if _mentions(value, name):
                return
            if top:
                bindings[name] = value
                self.depths[key] = 0
            else:
                self.forget(name)
        elif (not top or self.depths[key]) and not self.conditions[-1].startswith("except") and self.again(key):
            test = Node("other", value.line, self.conditions[-1])
            bindings[name] = Node("conditional", value.line, items=[test, value, old])

    def again(self, key: tuple[int, str]) -> bool:
        """Tell whether one more layer may go around what a name is bound to."""
        self.layers[key] = self.layers.get(key, 0) + 1
        return self.layers[key] <= MAX_LAYERS

    # -- expressions ------------------------------------------------------------------------------------------------

    def expression(self, node: ast.expr) -> Node:
        if self.depth >= MAX_DEPTH:
            return Node("other", node.lineno, self.text(node))
        self.depth += 1
        try:
            return self.convert(node)
        finally:
            self.depth -= 1

    def convert(self, node: ast.expr) -> Node:
        line = node.lineno
        match node:
            case ast.Constant():
                return self.constant(node)
            case ast.Name():
                return Node("name", line, node.id)
            case ast.Attribute():
                return Node("attribute", node.end_lineno or line, node.attr, [self.expression(node.value)])
            case ast.Call():
                return self.call(node)
            case ast.Subscript():
                return Node("index", line, items=[self.expression(node.value), self.expression(node.slice)])
            case ast.List() | ast.Tuple() | ast.Set():
                return Node("array", line, items=[self.expression(item) for item in node.elts[:MAX_ELEMENTS]])
            case ast.Dict():
                pairs = list(zip(node.keys, node.values, strict=True))[:MAX_ELEMENTS]
                return Node("object", line, pairs=[(self.key(key), self.expression(value)) for key, value in pairs])
            case ast.JoinedStr():
                return Node("template", line, items=[self.expression(item) for item in node.values])
            case ast.FormattedValue():
                return self.expression(node.value)
            case ast.BinOp():
                both = [self.expression(node.left), self.expression(node.right)]
                return Node("binary", line, _OPERATORS.get(type(node.op), ""), both)
            case ast.BoolOp():
                return self.boolean(node)
            case ast.Compare():
                return self.compare(node)
            case ast.UnaryOp():
                return Node("unary", line, _OPERATORS.get(type(node.op), ""), [self.expression(node.operand)])
            case ast.IfExp():
                test = self.expression(node.test)
                text = self.text(node.test)
                with self.when(text):
                    then = self.expression(node.body)
                with self.when(f"not ({text})"):
                    other = self.expression(node.orelse)
                return Node("conditional", line, items=[test, then, other])
            case ast.Await():
                return Node("await", line, items=[self.expression(node.value)])
            case ast.Starred():
                return Node("spread", line, items=[self.expression(node.value)])
            case ast.NamedExpr():
                value = self.expression(node.value)
                self.assign(node.target, value)
                return value
            case ast.Lambda():
                function = self.new_function("", line)
                function.parameters = self.parameters(node.args)
                with self.inside(function):
                    function.returns.append(self.expression(node.body))
                return Node("function", line, function.number)
            case _:
                self.parts(node)
                return Node("other", line, self.text(node))

    def parts(self, node: ast.AST) -> None:
        """Read what stands in an expression of no kind of its own (comprehensions, slices, `yield`)."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expression(child)
            elif isinstance(child, ast.comprehension):
                self.parts(child)

    def constant(self, node: ast.Constant) -> Node:
        value = node.value
        match value:
            case bool():
                return Node("bool", node.lineno, value)
            case None:
                return Node("null", node.lineno)
            case str():
                return Node("string", node.lineno, value)
            case bytes():
                return Node("string", node.lineno, value.decode("latin-1"))
            case int() if abs(value) < 1 << 64:
                return Node("number", node.lineno, value)
            case float():
                return Node("number", node.lineno, value)
            case _:
                return Node("other", node.lineno, self.text(node))

    def key(self, node: ast.expr | None) -> str:
        if node is None:
            return "..."
        found = self.expression(node)
        return str(found.value) if found.kind in ("string", "number", "bool") else ""

    def call(self, node: ast.Call) -> Node:
        callee = self.expression(node.func)
        # A chain of calls over several lines is placed where its last name stands.
        line = callee.line if callee.kind == "attribute" else node.lineno
        arguments = [self.expression(item) for item in node.args[:MAX_ELEMENTS]]
        pairs = [(item.arg or "...", self.expression(item.value)) for item in node.keywords]
        found = Node("call", line, items=[callee, *arguments], pairs=pairs)
        self.module.calls.append(Call(found, self.function, self.conditions))
        if callee.dotted in ("importlib.import_module", "import_module", "__import__") and arguments:
            name = arguments[0]
            if name.kind == "string" and isinstance(name.value, str):
                self.module.imports.append(Import("", name.value, "", line, dynamic=True))
        return found

    def boolean(self, node: ast.BoolOp) -> Node:
        operator = "and" if isinstance(node.op, ast.And) else "or"
        found = self.expression(node.values[0])
        passed: list[str] = []
        for before, value in zip(node.values, node.values[1:MAX_LAYERS], strict=False):
            if operator == "and":
                passed.append(self.text(before))
            with self.when(*passed):
                found = Node("binary", node.lineno, operator, [found, self.expression(value)])
        return found

    def compare(self, node: ast.Compare) -> Node:
        sides = [self.expression(side) for side in (node.left, *node.comparators[:MAX_LAYERS])]
        found: Node | None = None
        for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
            one = Node("binary", node.lineno, _OPERATORS.get(type(operator), ""), [left, right])
            found = one if found is None else Node("binary", node.lineno, "and", [found, one])
        return found or sides[0]


def _is_main(test: ast.expr) -> bool:
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            sides = [left, right]
            named = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
            return named and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)
    return False


def _mentions(node: Node, name: str) -> bool:
    pending = [node]
    while pending:
        part = pending.pop()
        if part.kind == "name" and part.value == name:
            return True
        pending += part.items
        pending += [value for _, value in part.pairs]
    return False
