"""The reader of JavaScript and TypeScript: a file becomes a `code.Module`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Parser
from tree_sitter import Node as Syntax

from discover.code import Assignment, Call, Class, Function, Import, Member, Module, Node, Parameter

MAX_DEPTH = 240
"""Nested syntax beyond this is cut off: what is made here is pickled, and others walk it recursively."""
MAX_NODES = 400_000
"""A source file has a tenth of it; more is data, or what an unclosed text was taken for."""
MAX_TEXT = 120
MAX_OPERANDS = 120
MAX_CONDITION = 300

_WRAPPERS = frozenset(
    {"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression", "expression_statement",
     "instantiation_expression"}
)  # fmt: skip
_TYPES = frozenset(
    {"comment", "html_comment", "type_annotation", "type_arguments", "type_parameters", "accessibility_modifier",
     "override_modifier", "function_signature", "empty_statement", "hash_bang_line", "asserts_annotation",
     "type_predicate_annotation", "index_signature", "debugger_statement", "break_statement", "continue_statement"}
)  # fmt: skip
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}
_ESCAPE = re.compile(r"\\(u\{[0-9a-fA-F]{1,6}\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\r\n|.)", re.DOTALL)


@cache
def _parser(grammar: str) -> Parser:
    if grammar == "typescript":
        return Parser(Language(tree_sitter_typescript.language_typescript()))
    if grammar == "tsx":
        return Parser(Language(tree_sitter_typescript.language_tsx()))
    return Parser(Language(tree_sitter_javascript.language()))


def read(path: str, content: bytes) -> Module:
    """Read a source file. Syntax errors are passed over and said in `Module.broken`."""
    suffix = path.rpartition(".")[2].lower()
    typescript = suffix in ("ts", "mts", "cts", "tsx")
    grammar = "tsx" if suffix == "tsx" else "typescript" if typescript else "javascript"
    module = Module(path, "typescript" if typescript else "javascript")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        content = content.decode("utf-16", "replace").encode("utf-8", "replace")
    root = _parser(grammar).parse(content).root_node
    module.broken = root.has_error
    _Reader(module).program(root)
    return module


def _unescape(found: re.Match[str]) -> str:
    text = found[1]
    if text[0] in "ux" and len(text) > 1:
        code = int(text[1:].strip("{}"), 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
    return _ESCAPES.get(text, "" if text == "\r\n" else text)


def _text(node: Syntax | None) -> str:
    return node.text.decode("utf-8", "replace") if node is not None and node.text else ""


def _line(node: Syntax) -> int:
    return node.start_point.row + 1


def _string(node: Syntax) -> str:
    text = _text(node)[1:-1]
    return _ESCAPE.sub(_unescape, text) if "\\" in text else text


def _number(text: str) -> int | float | None:
    text = text.replace("_", "").rstrip("n") if not text.startswith(("0x", "0X")) else text.replace("_", "")
    try:
        return int(text, 0)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None


def _type(node: Syntax | None) -> str:
    """Write a type annotation without its colon."""
    return " ".join(_text(node).removeprefix(":").split())[:400]


def _children(node: Syntax) -> list[Syntax]:
    return [child for child in node.named_children if child.type not in ("comment", "html_comment")]


def _field(node: Syntax, name: str) -> Syntax | None:
    return node.child_by_field_name(name)


def _has(node: Syntax, token: str) -> bool:
    return any(not child.is_named and child.type == token for child in node.children)


def _unwrap(node: Syntax) -> Syntax:
    """Look through parentheses, casts and assertions."""
    while True:
        if node.type in _WRAPPERS:
            children = _children(node)
            if not children:
                return node
            node = children[0]
        elif node.type == "type_assertion":
            children = _children(node)
            if len(children) < 2:
                return node
            node = children[-1]
        else:
            return node


class _Scope:
    """What is declared in a function, or at the top."""

    def __init__(self, bindings: dict[str, Node], parameters: set[str]) -> None:
        self.bindings = bindings
        self.parameters = parameters
        self.declared: set[str] = set()
        self.dropped: set[str] = set()

    def set(self, name: str, value: Node | None) -> None:
        """Bind a name; one that is bound twice to different things is no constant."""
        if name in self.dropped:
            return
        old = self.bindings.get(name)
        if value is None or (old is not None and old.kind != "null"):
            if old is not None and value is not None and value.kind == "null":
                return
            self.bindings.pop(name, None)
            self.dropped.add(name)
        else:
            self.bindings[name] = value


class _Reader:
    def __init__(self, module: Module) -> None:
        self.module = module
        self.depth = 0
        self.count = 0
        self.functions: list[int] = [-1]
        self.classes: list[int] = [-1]
        self.scopes = [_Scope(module.bindings, set())]
        self.conditions: tuple[str, ...] = ()
        self.decorator = False
        self.hint = ""
        """The name of the variable or member that the next expression is the value of."""
        self.handled: set[int] = set()
        """Calls of `require` and `import` that are bound to names already."""
        self.handlers: dict[str, Callable[[Syntax], Node]] = {
            "identifier": self._name, "this": self._name, "super": self._name, "import": self._name,
            "meta_property": self._name, "property_identifier": self._name, "shorthand_property_identifier": self._name,
            "string": self._string, "template_string": self._template, "number": self._number,
            "true": self._bool, "false": self._bool, "null": self._null, "undefined": self._null, "regex": self._regex,
            "member_expression": self._member, "subscript_expression": self._subscript,
            "call_expression": self._call, "new_expression": self._call,
            "array": self._array, "object": self._object, "binary_expression": self._binary,
            "unary_expression": self._unary, "ternary_expression": self._ternary, "await_expression": self._wrapped,
            "spread_element": self._wrapped, "arrow_function": self._function, "function_expression": self._function,
            "function": self._function, "generator_function": self._function,
            "function_declaration": self._declared_function, "generator_function_declaration": self._declared_function,
            "class": self._class, "class_declaration": self._class, "abstract_class_declaration": self._class,
            "interface_declaration": self._interface, "type_alias_declaration": self._alias,
            "enum_declaration": self._enum,
            "assignment_expression": self._assign, "augmented_assignment_expression": self._assign,
            "update_expression": self._update, "sequence_expression": self._sequence,
            "lexical_declaration": self._variables, "variable_declaration": self._variables,
            "switch_statement": self._switch,
            "if_statement": self._if, "return_statement": self._return, "for_in_statement": self._for_in,
            "import_statement": self._import, "import_alias": self._import_alias, "export_statement": self._export,
        }  # fmt: skip

    # -- walking ------------------------------------------------------------------------------------------------------

    def program(self, root: Syntax) -> None:
        children = _children(root)
        self.module.directives = self._directives(children)
        for child in children:
            self.read(child)

    def read(self, node: Syntax) -> Node:
        """Read an expression or a statement; statements give a node that nobody looks at."""
        node = _unwrap(node)
        self.count += 1
        if self.depth >= MAX_DEPTH or self.count > MAX_NODES:
            self.module.broken = True
            return self._other(node)
        handler = self.handlers.get(node.type)
        hint, self.hint = self.hint, ""
        self.depth += 1
        try:
            if handler is None:
                for child in node.named_children:
                    if child.type not in _TYPES:
                        self.read(child)
                return self._other(node)
            if hint and handler in (self._function, self._class):
                self.hint = hint
            return handler(node)
        finally:
            self.depth -= 1

    def named(self, node: Syntax, name: str) -> Node:
        """Read the value of a variable or member of that name."""
        self.hint = name
        try:
            return self.read(node)
        finally:
            self.hint = ""

    def when(self, condition: str, node: Syntax) -> Node:
        """Read what runs on a condition alone."""
        before = self.conditions
        self.conditions = (*before, condition[:MAX_CONDITION])
        try:
            return self.read(node)
        finally:
            self.conditions = before

    @staticmethod
    def _other(node: Syntax) -> Node:
        text = node.text[: 4 * MAX_TEXT].decode("utf-8", "replace") if node.text else ""
        return Node("other", _line(node), text[:MAX_TEXT])

    @staticmethod
    def _condition(node: Syntax) -> str:
        return " ".join(_text(_unwrap(node)).split())

    @staticmethod
    def _directives(children: list[Syntax]) -> list[str]:
        found: list[str] = []
        for child in children:
            inner = child.named_children if child.type == "expression_statement" else []
            if len(inner) != 1 or inner[0].type != "string":
                break
            found.append(_string(inner[0]))
        return found

    # -- literals and names -------------------------------------------------------------------------------------------

    def _name(self, node: Syntax) -> Node:
        return Node("name", _line(node), _text(node))

    def _string(self, node: Syntax) -> Node:
        return Node("string", _line(node), _string(node))

    def _number(self, node: Syntax) -> Node:
        value = _number(_text(node))
        return self._other(node) if value is None else Node("number", _line(node), value)

    def _bool(self, node: Syntax) -> Node:
        return Node("bool", _line(node), node.type == "true")

    def _null(self, node: Syntax) -> Node:
        return Node("null", _line(node))

    def _regex(self, node: Syntax) -> Node:
        return Node("regex", _line(node), _text(node))

    def _template(self, node: Syntax) -> Node:
        line, items, start = _line(node), list[Node](), node.start_byte + 1
        text = node.text or b""
        for child in node.named_children:
            if child.type != "template_substitution":
                continue
            piece = text[start - node.start_byte : child.start_byte - node.start_byte].decode("utf-8", "replace")
            if piece:
                items.append(Node("string", line, _ESCAPE.sub(_unescape, piece)))
            inner = _children(child)
            items.append(self.read(inner[0]) if inner else self._other(child))
            start = child.end_byte
        piece = text[start - node.start_byte : -1].decode("utf-8", "replace")
        if not items:
            return Node("string", line, _ESCAPE.sub(_unescape, piece))
        if piece:
            items.append(Node("string", line, _ESCAPE.sub(_unescape, piece)))
        return Node("template", line, items=items)

    # -- expressions --------------------------------------------------------------------------------------------------

    def _member(self, node: Syntax) -> Node:
        inner, name = _field(node, "object"), _field(node, "property")
        if inner is None or name is None:
            return self._other(node)
        return Node("attribute", _line(name), _text(name), [self.read(inner)])

    def _subscript(self, node: Syntax) -> Node:
        inner, key = _field(node, "object"), _field(node, "index")
        if inner is None or key is None:
            return self._other(node)
        return Node("index", _line(node), None, [self.read(inner), self.read(key)])

    def _call(self, node: Syntax) -> Node:
        new = node.type == "new_expression"
        callee = _field(node, "constructor" if new else "function")
        if callee is None:
            return self._other(node)
        # The grammar takes `await f<T>(x)` for a call of `await f`, and `!f<T>(x)` for one of `!f`.
        around: list[tuple[str, str | None]] = []
        while callee.type in ("await_expression", "unary_expression") and (inner := _children(callee)):
            operator = _field(callee, "operator")
            around.append(("await", None) if operator is None else ("unary", _text(operator)))
            callee = inner[-1]
        found = Node("new" if new else "call", _line(node), None, [self.read(callee)])
        # The line of a call in a chain is that of the name that is called.
        found.line = found.items[0].line
        self.module.calls.append(Call(found, self.functions[-1], self.conditions, self.decorator))
        arguments = _field(node, "arguments")
        if arguments is not None and arguments.type == "template_string":
            found.items.append(self.read(arguments))
        elif arguments is not None:
            for argument in arguments.named_children:
                if argument.type not in _TYPES:
                    found.items.append(self.read(argument))
        if not new and node.id not in self.handled and (specifier := self._required(node)) is not None:
            self.module.imports.append(Import("", specifier, "*", _line(node), dynamic=callee.type == "import"))
        result = found
        for kind, operator_text in reversed(around):
            result = Node(kind, found.line, operator_text, [result])
        return result

    @staticmethod
    def _required(node: Syntax) -> str | None:
        """Give the module of `require("x")` or `import("x")`."""
        if node.type != "call_expression":
            return None
        callee, arguments = _field(node, "function"), _field(node, "arguments")
        if callee is None or arguments is None or not (callee.type == "import" or _text(callee) == "require"):
            return None
        given = _children(arguments)
        if not given:
            return None
        if given[0].type == "string":
            return _string(given[0])
        if given[0].type == "template_string" and not any(
            c.type == "template_substitution" for c in given[0].named_children
        ):
            return _text(given[0])[1:-1]
        return None

    def _array(self, node: Syntax) -> Node:
        found = Node("array", _line(node))
        found.items = [self.read(child) for child in _children(node)]
        return found

    def _object(self, node: Syntax) -> Node:
        found = Node("object", _line(node))
        for child in _children(node):
            if child.type == "pair":
                key, value = _field(child, "key"), _field(child, "value")
                if key is not None and value is not None:
                    name = self._key(key)
                    found.pairs.append((name, self.named(value, name)))
            elif child.type == "spread_element":
                inner = _children(child)
                found.pairs.append(("...", self.read(inner[0]) if inner else self._other(child)))
            elif child.type == "method_definition":
                key = _field(child, "name")
                name = self._key(key) if key is not None else ""
                self.hint = name
                found.pairs.append((name, self._function(child)))
            elif child.type == "shorthand_property_identifier":
                found.pairs.append((_text(child), self._name(child)))
            else:
                self.read(child)
        return found

    def _key(self, node: Syntax) -> str:
        if node.type == "string":
            return _string(node)
        if node.type == "computed_property_name":
            inner = _children(node)
            value = self.read(inner[0]) if inner else None
            return str(value.value) if value is not None and value.kind == "string" else ""
        return _text(node)

    def _binary(self, node: Syntax) -> Node:
        if (tagged := self._tagged(node)) is not None:
            return tagged
        # The left side is gone down in a loop: a text of a thousand lines is one of a thousand operators.
        chain = [node]
        while True:
            left = _field(chain[-1], "left")
            if left is None or (inner := _unwrap(left)).type != "binary_expression":
                break
            chain.append(inner)
        left = _field(chain[-1], "left")
        found = self.read(left) if left is not None else self._other(node)
        height = 0
        for part in reversed(chain):
            operator, right = _text(_field(part, "operator")), _field(part, "right")
            if right is None:
                return self._other(node)
            if operator == "&&" and (left := _field(part, "left")) is not None:
                value = self.when(self._condition(left), right)
            else:
                value = self.read(right)
            if operator == "+" and found.kind == value.kind == "string":
                found = Node("string", found.line, f"{found.value}{value.value}")
                continue
            if operator.startswith("==") and {found.dotted, value.dotted} == {"require.main", "module"}:
                self.module.main_guard = True
            height += 1
            if height > MAX_OPERANDS:
                self.module.broken = True
                return self._other(node)
            found = Node("binary", _line(part), operator, [found, value])
        return found

    def _tagged(self, node: Syntax) -> Node | None:
        """Read `` sql<T>`…` ``, which the grammar takes for two comparisons, as the call that it is."""
        left, right = _field(node, "left"), _field(node, "right")
        if left is None or right is None or right.type != "template_string" or left.type != "binary_expression":
            return None
        callee = _field(left, "left")
        if callee is None or (_text(_field(node, "operator")), _text(_field(left, "operator"))) != (">", "<"):
            return None
        found = Node("call", _line(node), None, [self.read(callee)])
        self.module.calls.append(Call(found, self.functions[-1], self.conditions, self.decorator))
        found.items.append(self.read(right))
        return found

    def _unary(self, node: Syntax) -> Node:
        operator, argument = _text(_field(node, "operator")), _field(node, "argument")
        if argument is None:
            return self._other(node)
        inner = self.read(argument)
        if operator == "-" and inner.kind == "number" and isinstance(inner.value, int | float):
            return Node("number", _line(node), -inner.value)
        return Node("unary", _line(node), operator, [inner])

    def _ternary(self, node: Syntax) -> Node:
        test, then, other = (_field(node, name) for name in ("condition", "consequence", "alternative"))
        if test is None or then is None or other is None:
            return self._other(node)
        condition = self._condition(test)
        items = [self.read(test), self.when(condition, then), self.when(f"not ({condition})", other)]
        return Node("conditional", _line(node), None, items)

    def _wrapped(self, node: Syntax) -> Node:
        children = _children(node)
        if not children:
            return self._other(node)
        return Node(
            "await" if node.type == "await_expression" else "spread", _line(node), None, [self.read(children[0])]
        )

    def _sequence(self, node: Syntax) -> Node:
        found = self._other(node)
        for child in _children(node):
            found = self.read(child)
        return found

    # -- functions ----------------------------------------------------------------------------------------------------

    def _declared_function(self, node: Syntax) -> Node:
        name = _text(_field(node, "name"))
        found = self._function(node)
        if name:
            self.scopes[-1].set(name, found)
        return found

    def _function(self, node: Syntax) -> Node:
        hint, self.hint = self.hint, ""
        name = _field(node, "name")
        function = Function(
            len(self.module.functions),
            (self._key(name) if name is not None else "") or hint,
            _line(node),
            self.functions[-1],
            returned_type=_type(_field(node, "return_type")),
        )
        self.module.functions.append(function)
        self.functions.append(function.number)
        scope = _Scope(function.bindings, set())
        self.scopes.append(scope)
        # What stands in a decorator's function is called when the function is, not when the class is made.
        decorator, self.decorator = self.decorator, False
        try:
            single, several, body = _field(node, "parameter"), _field(node, "parameters"), _field(node, "body")
            for each in [single] if single is not None else _children(several) if several is not None else []:
                if each.type not in _TYPES and each.type != "ERROR":
                    function.parameters.append(self._parameter(each))
            for parameter in function.parameters:
                scope.parameters.update(parameter.pattern or [parameter.name])
            if body is not None and body.type == "statement_block":
                statements = _children(body)
                function.directives = self._directives(statements)
                for statement in statements:
                    self.read(statement)
            elif body is not None:
                function.returns.append(self.read(body))
        finally:
            self.decorator = decorator
            self.scopes.pop()
            self.functions.pop()
        return Node("function", function.line, function.number)

    def _parameter(self, node: Syntax) -> Parameter:
        found = Parameter("")
        pattern: Syntax | None = node
        if node.type in ("required_parameter", "optional_parameter"):
            found.type = _type(_field(node, "type"))
            found.decorators = [self._decorator(child) for child in node.named_children if child.type == "decorator"]
            pattern = _field(node, "pattern")
            if (value := _field(node, "value")) is not None:
                found.default = self.read(value)
        if pattern is not None and pattern.type == "assignment_pattern":
            right = _field(pattern, "right")
            found.default = self.read(right) if right is not None else None
            pattern = _field(pattern, "left")
        if pattern is not None and pattern.type == "rest_pattern":
            inner = _children(pattern)
            pattern = inner[0] if inner else None
        if pattern is None:
            return found
        if pattern.type in ("object_pattern", "array_pattern"):
            found.pattern = [name for name, _ in self._pattern(pattern, Node("null", _line(pattern)))]
        else:
            found.name = _text(pattern)
        return found

    def _decorator(self, node: Syntax) -> Node:
        before, self.decorator = self.decorator, True
        try:
            children = _children(node)
            return self.read(children[0]) if children else self._other(node)
        finally:
            self.decorator = before

    def _return(self, node: Syntax) -> Node:
        children = _children(node)
        if not children:
            return Node("null", _line(node))
        found = self.read(children[0])
        if self.functions[-1] >= 0:
            self.module.functions[self.functions[-1]].returns.append(found)
        return found

    # -- classes ------------------------------------------------------------------------------------------------------

    def _class(self, node: Syntax) -> Node:
        hint, self.hint = self.hint, ""
        name = _text(_field(node, "name"))
        found = Class(
            len(self.module.classes), name or hint, _line(node), parent=self.classes[-1], function=self.functions[-1]
        )
        if self.classes[-1] >= 0:
            self.module.classes[self.classes[-1]].inner.append(found.number)
        self.module.classes.append(found)
        result = Node("class", found.line, found.number)
        if name and node.type != "class":
            self._bind(name, result)
        outside = (
            node.parent.named_children if node.parent is not None and node.parent.type == "export_statement" else []
        )
        found.decorators = [self._decorator(c) for c in (*outside, *node.named_children) if c.type == "decorator"]
        for child in node.named_children:
            if child.type == "class_heritage":
                found.bases = self._bases(child)
        self.classes.append(found.number)
        try:
            if (body := _field(node, "body")) is not None:
                self._members(found, body)
        finally:
            self.classes.pop()
        return result

    def _bases(self, heritage: Syntax) -> list[Node]:
        bases: list[Node] = []
        for child in _children(heritage):
            if child.type == "extends_clause":
                bases += [self.read(each) for each in child.children_by_field_name("value")]
            elif child.type in ("implements_clause", "extends_type_clause"):
                bases += [self._type_name(each) for each in _children(child)]
            elif child.type not in _TYPES:
                bases.append(self.read(child))
        return bases

    @staticmethod
    def _type_name(node: Syntax) -> Node:
        """Make the name of a type an expression, its arguments left out."""
        parts = _text(node).partition("<")[0].strip().split(".")
        found = Node("name", _line(node), parts[0])
        for part in parts[1:]:
            found = Node("attribute", _line(node), part, [found])
        return found

    def _members(self, owner: Class, body: Syntax) -> None:
        pending: list[Node] = []
        for child in _children(body):
            if child.type == "decorator":
                pending.append(self._decorator(child))
                continue
            decorators = pending + [self._decorator(each) for each in child.named_children if each.type == "decorator"]
            pending = []
            key = _field(child, "name") or _field(child, "property")
            if child.type in ("method_definition", "abstract_method_signature", "method_signature") and key is not None:
                member = Member(self._key(key), _line(key), decorators=decorators, static=_has(child, "static"))
                owner.members.append(member)
                if child.type == "method_definition":
                    self._method(owner, member, child)
            elif (
                child.type in ("public_field_definition", "field_definition", "property_signature") and key is not None
            ):
                member = Member(
                    self._key(key),
                    _line(key),
                    _type(_field(child, "type")),
                    decorators=decorators,
                    optional=_has(child, "?"),
                    static=_has(child, "static"),
                )
                owner.members.append(member)
                if (value := _field(child, "value")) is not None:
                    before = len(self.module.functions)
                    member.value = self.named(value, member.name)
                    if member.value.kind == "function" and len(self.module.functions) > before:
                        self.module.functions[int(member.value.value or 0)].owner = owner.name
            elif child.type not in _TYPES:
                self.read(child)

    def _method(self, owner: Class, member: Member, node: Syntax) -> None:
        self.hint = member.name
        member.value = self._function(node)
        function = self.module.functions[int(member.value.value or 0)]
        function.owner, function.decorators = owner.name, member.decorators
        if member.name != "constructor":
            return
        # `constructor(private readonly users: UsersService)` declares a field.
        parameters = _field(node, "parameters")
        for each in _children(parameters) if parameters is not None else []:
            modified = any(
                child.type in ("accessibility_modifier", "override_modifier") for child in each.named_children
            )
            pattern = _field(each, "pattern")
            if (modified or _has(each, "readonly")) and pattern is not None:
                declared = next((one for one in function.parameters if one.name == _text(pattern)), Parameter(""))
                owner.members.append(Member(_text(pattern), _line(each), declared.type, decorators=declared.decorators))

    def _interface(self, node: Syntax) -> Node:
        found = Class(len(self.module.classes), _text(_field(node, "name")), _line(node), "interface")
        found.function = self.functions[-1]
        self.module.classes.append(found)
        for child in node.named_children:
            if child.type == "extends_type_clause":
                found.bases = [self._type_name(each) for each in _children(child)]
        if (body := _field(node, "body")) is not None:
            self._members(found, body)
        result = Node("class", found.line, found.number)
        # A constant of the same name may follow: it is the value, the interface the type.
        if found.name not in self.scopes[-1].declared:
            self.scopes[-1].bindings.setdefault(found.name, result)
        return result

    def _alias(self, node: Syntax) -> Node:
        value = _field(node, "value")
        if value is None or value.type != "object_type":
            return Node("null", _line(node))
        found = Class(len(self.module.classes), _text(_field(node, "name")), _line(node), "interface")
        found.function = self.functions[-1]
        self.module.classes.append(found)
        self._members(found, value)
        result = Node("class", found.line, found.number)
        if found.name not in self.scopes[-1].declared:
            self.scopes[-1].bindings.setdefault(found.name, result)
        return result

    def _enum(self, node: Syntax) -> Node:
        found = Class(len(self.module.classes), _text(_field(node, "name")), _line(node), "enum")
        found.function = self.functions[-1]
        self.module.classes.append(found)
        body = _field(node, "body")
        following: int | None = 0
        for child in _children(body) if body is not None else []:
            line = _line(child)
            if child.type == "enum_assignment":
                key, value = _field(child, "name"), _field(child, "value")
                read = self.read(value) if value is not None else Node("null", line)
                name = self._key(key) if key is not None else ""
                following = read.value + 1 if read.kind == "number" and isinstance(read.value, int) else None
            else:
                name = self._key(child)
                read = Node("null", line) if following is None else Node("number", line, following)
                following = None if following is None else following + 1
            found.members.append(Member(name, line, value=read, static=True))
        result = Node("class", found.line, found.number)
        self._bind(found.name, result)
        return result

    # -- variables ----------------------------------------------------------------------------------------------------

    def _bind(self, name: str, value: Node) -> None:
        """Declare a variable in the present function."""
        scope = self.scopes[-1]
        old = scope.bindings.get(name)
        if old is not None and old.kind == "class" and name not in scope.declared:
            del scope.bindings[name]
        scope.declared.add(name)
        scope.set(name, value)

    def _variables(self, node: Syntax) -> Node:
        for child in _children(node):
            if child.type != "variable_declarator":
                continue
            name, value = _field(child, "name"), _field(child, "value")
            if name is None:
                continue
            if value is None:
                if name.type == "identifier":
                    self.scopes[-1].declared.add(_text(name))
                continue
            brought = self._brought(name, value)
            found = self.named(value, _text(name) if name.type == "identifier" else "")
            if brought:
                continue
            for local, expression in self._pattern(name, found):
                self._bind(local, expression)
        return Node("null", _line(node))

    def _brought(self, pattern: Syntax, value: Syntax) -> bool:
        """Take `const x = require("y")`, `const {a} = await import("y")` and `const b = require("y").b` as imports."""
        inner = _unwrap(value)
        dynamic = inner.type == "await_expression"
        if dynamic:
            children = _children(inner)
            inner = _unwrap(children[0]) if children else inner
        taken = "*"
        if inner.type == "member_expression":
            held, name = _field(inner, "object"), _field(inner, "property")
            if held is None or name is None:
                return False
            inner, taken = _unwrap(held), _text(name)
            if inner.type == "await_expression" and (children := _children(inner)):
                inner = _unwrap(children[0])
        specifier = self._required(inner)
        if specifier is None:
            return False
        callee = _field(inner, "function")
        asynchronous = callee is not None and callee.type == "import"
        if asynchronous and not dynamic and taken == "*":
            return False
        brought: list[Import] = []
        line = _line(value)
        if pattern.type == "identifier":
            brought.append(Import(_text(pattern), specifier, taken, line, dynamic=asynchronous))
        elif pattern.type == "object_pattern" and taken in ("*", "default"):
            for local, expression in self._pattern(pattern, Node("name", line, "")):
                while expression.kind == "binary":
                    expression = expression.items[0]
                if expression.kind == "name":
                    brought.append(Import(local, specifier, taken, line, dynamic=asynchronous))
                    continue
                if expression.items[0].kind != "name":
                    return False
                brought.append(Import(local, specifier, str(expression.value), expression.line, dynamic=asynchronous))
        else:
            return False
        self.module.imports += brought
        self.handled.add(inner.id)
        return bool(brought)

    def _pattern(self, pattern: Syntax, value: Node) -> list[tuple[str, Node]]:
        """Give the names of a pattern with what each is worth."""
        line = _line(pattern)
        match pattern.type:
            case "identifier" | "shorthand_property_identifier_pattern":
                return [(_text(pattern), value)]
            case "assignment_pattern" | "object_assignment_pattern":
                left, right = _field(pattern, "left"), _field(pattern, "right")
                if left is None or right is None:
                    return []
                if left.type == "shorthand_property_identifier_pattern":
                    value = Node("attribute", line, _text(left), [value])
                return self._pattern(left, Node("binary", line, "??", [value, self.read(right)]))
            case "object_pattern" | "array_pattern":
                if self.depth >= MAX_DEPTH:
                    return []
                self.depth += 1
                found: list[tuple[str, Node]] = []
                for number, child in enumerate(_children(pattern)):
                    if child.type == "rest_pattern":
                        inner = _children(child)
                        if inner and inner[0].type == "identifier" and pattern.type == "object_pattern":
                            found.append((_text(inner[0]), value))
                    elif pattern.type == "array_pattern":
                        found += self._pattern(child, Node("index", line, None, [value, Node("number", line, number)]))
                    elif child.type == "pair_pattern":
                        key, inside = _field(child, "key"), _field(child, "value")
                        if key is not None and inside is not None:
                            part = Node("attribute", _line(child), self._key(key), [value])
                            found += self._pattern(inside, part)
                    elif child.type == "object_assignment_pattern":
                        found += self._pattern(child, value)
                    elif child.type == "shorthand_property_identifier_pattern":
                        found.append((_text(child), Node("attribute", _line(child), _text(child), [value])))
                self.depth -= 1
                return found
            case _:
                return []

    def _assign(self, node: Syntax) -> Node:
        left, right = _field(node, "left"), _field(node, "right")
        if left is None or right is None:
            return self._other(node)
        left = _unwrap(left)
        plain = node.type == "assignment_expression"
        if left.type == "identifier":
            if not plain:
                self._reset(_text(left), None)
                return self.read(right)
            if self._brought(left, right):
                return self.read(right)
            found = self.named(right, _text(left))
            if _text(left) != "exports":
                self._reset(_text(left), found)
            return found
        if left.type in ("object_pattern", "array_pattern"):
            found = self.read(right)
            for name, value in self._pattern(left, found):
                self._reset(name, value)
            return found
        target = self.read(left)
        found = self.named(right, str(target.value) if target.kind == "attribute" else "")
        if plain or _text(_field(node, "operator")) in ("||=", "??="):
            self.module.assignments.append(Assignment(target, found, _line(node), self.functions[-1], self.conditions))
            self._exported(target, found)
        return found

    def _update(self, node: Syntax) -> Node:
        argument = _field(node, "argument")
        if argument is not None and argument.type == "identifier":
            self._reset(_text(argument), None)
        return self._other(node)

    def _reset(self, name: str, value: Node | None) -> None:
        """Set a variable where it was declared."""
        for scope in reversed(self.scopes):
            if name in scope.parameters:
                return
            if name in scope.declared or name in scope.bindings:
                scope.set(name, value)
                return
        if value is not None:
            self.scopes[0].set(name, value)

    # -- statements ---------------------------------------------------------------------------------------------------

    def _if(self, node: Syntax) -> Node:
        test, then, other = (_field(node, name) for name in ("condition", "consequence", "alternative"))
        if test is None:
            return self._other(node)
        condition = self._condition(test)
        self.read(test)
        if then is not None:
            self.when(condition, then)
        if other is not None:
            self.when(f"not ({condition})", other)
        return Node("null", _line(node))

    def _switch(self, node: Syntax) -> Node:
        value, body = _field(node, "value"), _field(node, "body")
        tested = self._condition(value) if value is not None else ""
        if value is not None:
            self.read(value)
        fallen: list[str] = []
        for child in _children(body) if body is not None else []:
            case = _field(child, "value")
            if case is not None:
                self.read(case)
                fallen.append(f"{tested} === {self._condition(case)}")
            statements = child.children_by_field_name("body")
            for statement in statements:
                if case is None:
                    self.read(statement)
                else:
                    self.when(" || ".join(fallen), statement)
            if statements:
                fallen = []
        return Node("null", _line(node))

    def _for_in(self, node: Syntax) -> Node:
        left, right, body = (_field(node, name) for name in ("left", "right", "body"))
        if right is not None:
            held = self.read(right)
            # The variable of `for (const x of list)` is an element of the list; which one, nobody knows.
            each = Node("index", held.line, None, [held, Node("other", held.line, "of")])
            if left is not None and _text(_field(node, "operator")) == "of":
                for name, value in self._pattern(left, each):
                    self._bind(name, value)
        if body is not None:
            self.read(body)
        return Node("null", _line(node))

    # -- imports and exports ------------------------------------------------------------------------------------------

    def _import(self, node: Syntax) -> Node:
        line = _line(node)
        result = Node("null", line)
        source = _field(node, "source")
        types = _has(node, "type") or _has(node, "typeof")
        add = self.module.imports.append
        for child in _children(node):
            if child.type == "import_require_clause":
                required = _field(child, "source")
                if required is not None:
                    add(Import(_text(_children(child)[0]), _string(required), "*", line, type_only=types))
                return result
        if source is None:
            return result
        module, count = _string(source), len(self.module.imports)
        for clause in _children(node):
            if clause.type != "import_clause":
                continue
            for child in _children(clause):
                if child.type == "identifier":
                    add(Import(_text(child), module, "default", line, type_only=types))
                elif child.type == "namespace_import":
                    names = _children(child)
                    add(Import(_text(names[0]) if names else "", module, "*", line, type_only=types))
                elif child.type == "named_imports":
                    for each in _children(child):
                        name, alias = _field(each, "name"), _field(each, "alias")
                        if name is None:
                            continue
                        outer = _string(name) if name.type == "string" else _text(name)
                        only = types or _has(each, "type") or _has(each, "typeof")
                        add(
                            Import(
                                _text(alias) if alias is not None else outer, module, outer, _line(each), type_only=only
                            )
                        )
        if len(self.module.imports) == count:
            add(Import("", module, "*", line, type_only=types))
        return result

    def _import_alias(self, node: Syntax) -> Node:
        children = _children(node)
        if len(children) == 2:
            self._bind(_text(children[0]), self._type_name(children[1]))
        return Node("null", _line(node))

    def _export(self, node: Syntax) -> Node:
        line = _line(node)
        result = Node("null", line)
        exports, source = self.module.exports, _field(node, "source")
        declaration, value = _field(node, "declaration"), _field(node, "value")
        default = _has(node, "default")
        clause = next((child for child in _children(node) if child.type in ("export_clause", "namespace_export")), None)
        if clause is not None and clause.type == "namespace_export":
            names = _children(clause)
            if source is not None and names:
                self.module.reexports.append((_text(names[0]), _string(source), "*"))
        elif clause is not None:
            for each in _children(clause):
                name, alias = _field(each, "name"), _field(each, "alias")
                if name is None:
                    continue
                inner = _text(name)
                outer = _text(alias) if alias is not None else inner
                if source is not None:
                    self.module.reexports.append((outer, _string(source), inner))
                else:
                    exports[outer] = Node("name", _line(each), inner)
        elif source is not None:
            self.module.reexports.append(("*", _string(source), "*"))
        elif declaration is not None:
            read = self.read(declaration)
            if default:
                exports["default"] = read
            elif declaration.type in ("lexical_declaration", "variable_declaration"):
                for each in _children(declaration):
                    name = _field(each, "name")
                    for local, _ in self._pattern(name, result) if name is not None else []:
                        exports[local] = Node("name", _line(each), local)
            elif (name := _field(declaration, "name")) is not None:
                exports[_text(name)] = read if read.kind in ("function", "class") else Node("name", line, _text(name))
        elif value is not None or _has(node, "="):
            expression = value if value is not None else next(iter(_children(node)), None)
            if expression is not None:
                self._export_whole(self.named(expression, "default" if default else ""))
        else:
            for child in _children(node):
                self.read(child)
        return result

    def _export_whole(self, value: Node, commonjs: bool = False) -> None:
        """Take the value of `export default`, `export =` or `module.exports =`."""
        exports = self.module.exports
        if commonjs and (specifier := self._reexported(value)) is not None:
            self.module.reexports += [("default", specifier, "*"), ("*", specifier, "*")]
            return
        exports["default"] = value
        if not commonjs:
            return
        for name, member in value.pairs if value.kind == "object" else []:
            if name == "...":
                if (specifier := self._reexported(member)) is not None:
                    self.module.reexports.append(("*", specifier, "*"))
            elif name and (specifier := self._reexported(member)) is not None:
                self.module.reexports.append((name, specifier, "*"))
            elif name:
                exports[name] = member

    @staticmethod
    def _reexported(value: Node) -> str | None:
        """Give the module of `require("x")`, as a value that is exported."""
        if value.kind == "call" and value.items[0].dotted == "require" and len(value.items) == 2:
            return str(value.items[1].value) if value.items[1].kind == "string" else None
        return None

    def _exported(self, target: Node, value: Node) -> None:
        """Take `module.exports = x`, `exports.a = x` and `module.exports.a = x` as exports."""
        dotted = target.dotted
        if dotted == "module.exports":
            self._export_whole(value, commonjs=True)
            return
        owner, _, name = dotted.rpartition(".")
        if owner in ("exports", "module.exports") and name != "__esModule":
            if (specifier := self._reexported(value)) is not None:
                self.module.reexports.append((name, specifier, "*"))
            # Compilers write `exports.a = void 0` first.
            elif value.kind not in ("null", "unary"):
                self.module.exports[name] = value
