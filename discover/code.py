"""One form for a module of JavaScript, TypeScript or Python: what extractors read instead of syntax trees.

A reader (`javascript.py`, `python.py`) makes it in a worker process, and it is pickled: plain data alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from sys import intern
from typing import Any, ClassVar


class Plain:
    """Pickled as its class and its fields: several times as fast as what a dataclass with slots does by itself."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), attrgetter(*self.__match_args__)(self)


@dataclass(slots=True)
class Node(Plain):
    """An expression.

    | kind | value | items | pairs |
    |---|---|---|---|
    | `string`, `number`, `bool`, `null` | the value | | |
    | `regex` | its text | | |
    | `name` | the name (`this`, `self` too) | | |
    | `attribute` | the attribute's name | [object] | |
    | `index` | | [object, key] | |
    | `call`, `new` | | [callee, argument, …] | keyword arguments (Python) |
    | `array` (list, tuple, set) | | elements | |
    | `object` (dict) | | | (key, value); `...` for a spread, `` for a computed key |
    | `template` (f-string) | | strings and expressions in turn | |
    | `binary` | the operator (`||`, `??`, `or`, `+` …) | [left, right] | |
    | `unary` | the operator | [operand] | |
    | `conditional` | | [test, then, else] | |
    | `await`, `spread` | | [operand] | |
    | `function` | number in `Module.functions` | | |
    | `class` | number in `Module.classes` | | |
    | `other` | source text, at most 120 characters | | |
    """

    kind: str
    line: int
    value: str | float | bool | int | None = None
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[str, Node]] = field(default_factory=list)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.pairs:
            return _node, (self.kind, self.line, self.value, self.items, self.pairs)
        return _node, (self.kind, self.line, self.value, self.items) if self.items else (
            self.kind,
            self.line,
            self.value,
        )

    def get(self, key: str) -> Node | None:
        """Give the member of an object, or the keyword argument of a call."""
        return next((value for name, value in self.pairs if name == key), None)

    @property
    def arguments(self) -> list[Node]:
        """Give a call's positional arguments."""
        return self.items[1:] if self.kind in ("call", "new") else []

    @property
    def dotted(self) -> str:
        """Write a name or attributes of one as `a.b.c`; with `()` after what is called; `` for anything else."""
        match self.kind:
            case "name":
                return str(self.value)
            case "attribute":
                inner = self.items[0].dotted
                return f"{inner}.{self.value}" if inner else ""
            case "call" | "new":
                inner = self.items[0].dotted
                return f"{inner}()" if inner else ""
            case "await":
                return self.items[0].dotted
            case _:
                return ""


_NO_ITEMS: list[Node] = []
_NO_PAIRS: list[tuple[str, Node]] = []


def _node(
    kind: str,
    line: int,
    value: str | float | bool | int | None,
    items: list[Node] = _NO_ITEMS,
    pairs: list[tuple[str, Node]] = _NO_PAIRS,
) -> Node:
    """Make a node again: most are leaves, which share a few names and the same empty lists; nobody changes those."""
    return Node(intern(kind), line, intern(value) if type(value) is str else value, items, pairs)


@dataclass(slots=True)
class Import(Plain):
    """One name that an import or a `require` brings in."""

    local: str
    """The name here; `` for an import for its effects, and for a dynamic one that is bound to nothing."""
    module: str
    """As it is written: `express`, `./app`, `@/lib/db`; in Python with its leading dots."""
    name: str
    """The exported name; `default`; `*` for the whole module (`const x = require("x")` and Python's `import x`)."""
    line: int
    dynamic: bool = False
    type_only: bool = False


@dataclass(slots=True)
class Parameter(Plain):
    """A parameter of a function."""

    name: str
    """`` where it is destructured (`pattern` then has the names)."""
    type: str = ""
    """The annotation's source text."""
    default: Node | None = None
    decorators: list[Node] = field(default_factory=list)
    pattern: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Function(Plain):
    """A function, method, arrow function or lambda."""

    number: int
    name: str
    line: int
    parent: int
    """The number of the function around it, -1 at the top."""
    parameters: list[Parameter] = field(default_factory=list)
    returns: list[Node] = field(default_factory=list)
    bindings: dict[str, Node] = field(default_factory=dict)
    """Its own variables, as far as they are set once by `const`, `let`, `var` or `=`."""
    decorators: list[Node] = field(default_factory=list)
    owner: str = ""
    """The class whose method it is."""
    returned_type: str = ""
    directives: list[str] = field(default_factory=list)
    """`use server` and the like."""


@dataclass(slots=True)
class Member(Plain):
    """A field or method of a class."""

    name: str
    line: int
    type: str = ""
    """The annotation's source text."""
    value: Node | None = None
    """The initial value; a `function` for a method."""
    decorators: list[Node] = field(default_factory=list)
    optional: bool = False
    """`name?: string`"""
    static: bool = False


@dataclass(slots=True)
class Class(Plain):
    """A class, an interface or a TypeScript enum."""

    number: int
    name: str
    line: int
    kind: str = "class"
    """`class`, `interface` or `enum`."""
    bases: list[Node] = field(default_factory=list)
    keywords: list[tuple[str, Node]] = field(default_factory=list)
    """Keyword arguments of the class statement (Python)."""
    decorators: list[Node] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    inner: list[int] = field(default_factory=list)
    """Numbers of the classes within it (Django's `class Meta`)."""
    parent: int = -1
    """The number of the class around it."""
    function: int = -1
    """The number of the function around it."""


@dataclass(slots=True)
class Call(Plain):
    """A call anywhere in a module, decorators included."""

    node: Node
    function: int
    """The number of the function that it stands in, -1 at the top."""
    conditions: tuple[str, ...] = ()
    """The source of each `if`, `&&` or `? :` around it, outermost first; `not (…)` in an else branch. A `case` of a
    `switch` reads `value === case`."""
    decorator: bool = False


@dataclass(slots=True)
class Assignment(Plain):
    """`a.b = value` and `a["b"] = value`: what is no variable of its own; also `module.exports = …`."""

    target: Node
    value: Node
    line: int
    function: int
    conditions: tuple[str, ...] = ()


@dataclass(slots=True)
class Module(Plain):
    """What stands in one file."""

    path: str
    """From the project's root, with `/`."""
    language: str
    """`javascript`, `typescript` or `python`."""
    imports: list[Import] = field(default_factory=list)
    bindings: dict[str, Node] = field(default_factory=dict)
    """Variables of the top level. `const {a: b} = x` gives `b` the attribute `a` of `x`; `[a] = x` an index."""
    functions: list[Function] = field(default_factory=list)
    classes: list[Class] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    exports: dict[str, Node] = field(default_factory=dict)
    """Exported name → expression: a `name`, `function` or `class`, or the value itself. `default` for the default one
    and for `module.exports = …` (whose object members are exported by their names, too)."""
    reexports: list[tuple[str, str, str]] = field(default_factory=list)
    """(exported name, module, name there) of `export {a as b} from "./x"`; ("*", module, "*") for `export * from`."""
    directives: list[str] = field(default_factory=list)
    main_guard: bool = False
    """Python: `if __name__ == "__main__"`; JavaScript: `require.main === module`."""
    broken: bool = False
    """Syntax errors were passed over; what stands there may be incomplete."""
    decorated: dict[str, list[Node]] = field(default_factory=dict)
    """Decorators of the top level's functions by name (Python's `@app.get("/")`)."""

    def function(self, node: Node) -> Function | None:
        """Give the function of a `function` node."""
        return self.functions[int(node.value)] if node.kind == "function" and node.value is not None else None

    def within(self, number: int, function: int) -> bool:
        """Tell whether function `number` is `function` or stands inside it."""
        while number != -1:
            if number == function:
                return True
            number = self.functions[number].parent
        return False

    def calls_in(self, function: int) -> list[Call]:
        """Give the calls inside a function, those of inner functions included."""
        return [call for call in self.calls if self.within(call.function, function)]
