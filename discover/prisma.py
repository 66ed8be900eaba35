"""A small parser of Prisma schemas: what stands there, and nothing about what it means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_TOKENS = 200_000


@dataclass(slots=True)
class Attribute:
    """`@name(arguments)` of a field, or `@@name(arguments)` of a model."""

    name: str
    """Without its at signs: `id`, `db.VarChar`."""
    arguments: list[tuple[str, str]] = field(default_factory=list)
    """(name or ``, source text)"""

    def get(self, name: str, position: int = -1) -> str:
        """Give the text of a named argument, or of the unnamed one at a position; `` if there is none."""
        for key, text in self.arguments:
            if key == name:
                return text
        unnamed = [text for key, text in self.arguments if not key]
        return unnamed[position] if 0 <= position < len(unnamed) else ""


@dataclass(slots=True)
class Field:
    """A field of a model, or a value of an enum (whose type is empty)."""

    name: str
    line: int
    type: str = ""
    optional: bool = False
    many: bool = False
    attributes: list[Attribute] = field(default_factory=list)

    def attribute(self, name: str) -> Attribute | None:
        """Give an attribute by its name."""
        return next((attribute for attribute in self.attributes if attribute.name == name), None)


@dataclass(slots=True)
class Block:
    """A model, view, composite type, enum, datasource or generator."""

    kind: str
    """`model`, `view`, `type`, `enum`, `datasource` or `generator`."""
    name: str
    line: int
    fields: list[Field] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)
    values: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Of a datasource or generator: name → (source text, line)."""

    def attribute(self, name: str) -> Attribute | None:
        """Give an attribute by its name."""
        return next((attribute for attribute in self.attributes if attribute.name == name), None)


_TOKEN = re.compile(
    r'(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))|(?P<string>"(?:\\.|[^"\\\n])*"?)|(?P<newline>\n)'
    r"|(?P<word>[@A-Za-z_$][\w.$@-]*|-?\d[\w.]*)|(?P<mark>[{}()\[\],:=?])|(?P<other>[^\s])",
    re.DOTALL,
)
_BLOCKS = ("model", "view", "type", "enum", "datasource", "generator")
_Token = tuple[str, str, int]
"""(kind, text, line)"""


def read(text: str) -> list[Block]:
    """Read a schema's blocks; what is not understood is passed over."""
    tokens = _tokens(text)
    blocks: list[Block] = []
    at = 0
    while at + 2 < len(tokens):
        kind, word, line = tokens[at]
        if kind == "word" and word in _BLOCKS and tokens[at + 1][0] == "word" and tokens[at + 2][1] == "{":
            block = Block(word, tokens[at + 1][1], line)
            at = _body(tokens, at + 3, block)
            blocks.append(block)
        else:
            at += 1
    return blocks


def unquoted(text: str) -> str:
    """Give the content of a string; the text itself if it is none."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def names(text: str) -> list[str]:
    """Split `[a, b(sort: Desc)]` into its names."""
    depth = 0
    current = ""
    found: list[str] = []
    for mark in text.strip().removeprefix("[").removesuffix("]"):
        if mark in "([":
            depth += 1
        elif mark in ")]":
            depth -= 1
        elif depth == 0 and mark == ",":
            found.append(current)
            current = ""
        elif depth == 0:
            current += mark
    return [name for part in [*found, current] if (name := part.strip())]


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    line = 1
    for found in _TOKEN.finditer(text):
        kind = str(found.lastgroup)
        if kind == "newline":
            tokens.append((kind, "\n", line))
            line += 1
        elif kind == "comment":
            line += found[0].count("\n")
        else:
            tokens.append((kind, found[0], line))
        if len(tokens) > MAX_TOKENS:
            break
    return tokens


def _body(tokens: list[_Token], at: int, block: Block) -> int:
    """Read a block's lines up to its closing brace; give the position after it."""
    while at < len(tokens):
        kind, word, line = tokens[at]
        if word == "}" and kind == "mark":
            return at + 1
        if kind != "word":
            at += 1
        elif word.startswith("@@"):
            attribute, at = _attribute(tokens, at)
            block.attributes.append(attribute)
        elif block.kind in ("datasource", "generator"):
            at = _setting(tokens, at, block)
        else:
            item = Field(word, line)
            at = _field(tokens, at + 1, item, typed=block.kind != "enum")
            block.fields.append(item)
    return at


def _setting(tokens: list[_Token], at: int, block: Block) -> int:
    _, name, line = tokens[at]
    at += 1
    if at < len(tokens) and tokens[at][1] == "=":
        text, at = _until(tokens, at + 1, "\n}")
        block.values[name] = (text, line)
    return at


def _field(tokens: list[_Token], at: int, item: Field, *, typed: bool) -> int:
    """Read what follows a field's name, to the end of its line."""
    if typed and at < len(tokens) and tokens[at][0] == "word" and not tokens[at][1].startswith("@"):
        item.type = tokens[at][1]
        at += 1
        if item.type == "Unsupported" and at < len(tokens) and tokens[at][1] == "(":
            text, at = _until(tokens, at + 1, ")")
            item.type = unquoted(text)
            at += 1
    while at < len(tokens):
        _, word, _ = tokens[at]
        if word in ("\n", "}") or word.startswith("@@"):
            return at
        if word.startswith("@"):
            attribute, at = _attribute(tokens, at)
            item.attributes.append(attribute)
            continue
        item.optional = item.optional or word == "?"
        item.many = item.many or word == "["
        at += 1
    return at


def _attribute(tokens: list[_Token], at: int) -> tuple[Attribute, int]:
    attribute = Attribute(tokens[at][1].lstrip("@"))
    at += 1
    if at >= len(tokens) or tokens[at][1] != "(":
        return attribute, at
    at += 1
    while at < len(tokens) and tokens[at][1] != ")":
        if tokens[at][1] in (",", "\n"):
            at += 1
            continue
        name = ""
        if tokens[at][0] == "word" and at + 1 < len(tokens) and tokens[at + 1][1] == ":":
            name = tokens[at][1]
            at += 2
        text, end = _until(tokens, at, ",)")
        if text:
            attribute.arguments.append((name, text))
        at = end if end > at else at + 1
    return attribute, at + 1


def _until(tokens: list[_Token], at: int, ends: str) -> tuple[str, int]:
    """Give the source text up to a mark outside of brackets, and that mark's position."""
    depth = 0
    text = ""
    while at < len(tokens):
        kind, word, _ = tokens[at]
        if depth == 0 and kind in ("mark", "newline") and word in ends:
            break
        if kind == "mark":
            depth += word in "([{"
            depth -= word in ")]}"
            if depth < 0:
                break
        if kind != "newline":
            text += f" {word}" if text and (text[-1] in ",:" or (text[-1].isalnum() and word[0].isalnum())) else word
        at += 1
    return text, at
