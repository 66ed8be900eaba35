"""What SQL does to a schema: tables, columns, keys, types, policies; read statement by statement.

A splitter that knows strings, dollar quotes and comments cuts the text; only statements that change the schema are
parsed, each for itself, so that one that does not parse costs itself alone. Everything here runs in a worker:
`project.workers.run("discover.sql:read", text, "postgres")`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from discover.findings import Column

if TYPE_CHECKING:
    from sqlglot import exp

MAX_STATEMENT = 200_000
MAX_NESTING = 40
MAX_STATEMENTS = 5_000
MAX_UNCLOSED = 50
"""Dollar quotes without an end that are looked for, each to the end of the text."""

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


@dataclass(slots=True)
class Key:
    """A constraint or an index of a table."""

    kind: str
    """`primary`, `unique`, `foreign`, `index` or `check`."""
    columns: list[str]
    name: str = ""
    table: str = ""
    """The table that a foreign key refers to."""
    targets: list[str] = field(default_factory=list)
    """The columns there; empty for its primary key."""
    on_delete: str = ""
    line: int = 0
    """Of a foreign key: where it stands."""
    later: bool = False
    """It was added to a table that was there."""
    inline: bool = False
    """It stands in a column's definition."""
    values: list[str] = field(default_factory=list)
    """The values that a check allows a column to have."""


@dataclass(slots=True)
class Statement:
    """One change of a schema.

    | kind | table | name | to | more |
    |---|---|---|---|---|
    | `create_table` | the table | | | columns, keys |
    | `drop_table` | the table | | | |
    | `rename_table` | the table | | its new name | |
    | `add_column` | the table | | | columns, keys |
    | `drop_column`, `rename_column` | the table | the column | its new name | |
    | `change_column` | the table | the column | its new name | columns: what it is from now on |
    | `alter_column` | the table | the column | | changes: `type`, `nullable`, `default` |
    | `add_key` | the table | | | keys |
    | `drop_key`, `rename_key` | the table, if known | the constraint or index; `` for the primary key | new name | |
    | `create_type`, `drop_type`, `rename_type`, `add_value` | | the type | its new name | values |
    | `create_policy`, `drop_policy`, `create_trigger`, `drop_trigger` | the table | the name | | |
    | `row_level_security`, `no_row_level_security` | the table | | | |
    | `create_function`, `create_schema`, `create_view` | | the name | | |
    | `unread` | | | | text: its beginning |
    """

    kind: str
    line: int
    table: str = ""
    """With its schema, if that is not the usual one: `auth.users`."""
    name: str = ""
    to: str = ""
    columns: list[Column] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    block: int = 0
    """The line of the `DO $$ … $$` block that it stands in."""


_NAME = r'(?:"[^"\n]+"|`[^`\n]+`|\[[^\]\n]+\]|[\w$]+)'
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME}){{0,2}}"
_EXISTS = r"(?:if\s+(?:not\s+)?exists\s+)?"
_DDL = re.compile(
    r"(?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:unlogged\s+|foreign\s+|constraint\s+|unique\s+|clustered\s+|"
    r"nonclustered\s+|fulltext\s+|materialized\s+|global\s+|local\s+)*"
    r"(?:table|index|type|policy|trigger|function|procedure|schema|view)\b|rename\s+table\b|exec(?:ute)?\s+sp_rename\b|do\b",
    re.IGNORECASE,
)
_INNER_DDL = re.compile(
    r"(?:^|\b(?:begin|then|else|loop)\s+|execute\s+(?:format\s*\(\s*)?')((?:create|alter|drop)\s+(?:unique\s+)?(?:table|index|type|policy|trigger|schema)\b.*)",
    re.IGNORECASE | re.DOTALL,
)
_TRIGGER_ON = re.compile(rf"\bon\s+({_DOTTED})", re.IGNORECASE)
_SIMPLE = (
    ("create_type", re.compile(rf"create\s+type\s+({_DOTTED})\s+as\s+enum\s*\((?P<values>.*)\)", re.I | re.S)),
    ("add_value", re.compile(rf"alter\s+type\s+({_DOTTED})\s+add\s+value\s+{_EXISTS}(?P<values>'[^']*')", re.I)),
    ("rename_type", re.compile(rf"alter\s+type\s+({_DOTTED})\s+rename\s+to\s+(?P<to>{_NAME})", re.I)),
    ("drop_type", re.compile(rf"drop\s+type\s+{_EXISTS}({_DOTTED})", re.I)),
    ("create_policy", re.compile(rf"create\s+policy\s+({_NAME})\s+on\s+(?P<table>{_DOTTED})", re.I)),
    ("drop_policy", re.compile(rf"drop\s+policy\s+{_EXISTS}({_NAME})\s+on\s+(?P<table>{_DOTTED})", re.I)),
    ("drop_trigger", re.compile(rf"drop\s+trigger\s+{_EXISTS}({_DOTTED})(?:\s+on\s+(?P<table>{_DOTTED}))?", re.I)),
    (
        "create_trigger",
        re.compile(rf"create\s+(?:or\s+replace\s+)?(?:constraint\s+)?trigger\s+{_EXISTS}({_DOTTED})", re.I),
    ),
    (
        "create_function",
        re.compile(rf"create\s+(?:or\s+replace\s+)?(?:function|procedure)\s+{_EXISTS}({_DOTTED})", re.I),
    ),
    ("create_schema", re.compile(rf"create\s+schema\s+{_EXISTS}({_NAME})", re.I)),
    ("create_view", re.compile(rf"create\s+(?:or\s+replace\s+)?(?:materialized\s+)?view\s+{_EXISTS}({_DOTTED})", re.I)),
    (
        "row_level_security",
        re.compile(
            rf"alter\s+table\s+{_EXISTS}(?:only\s+)?(?P<table>{_DOTTED})()\s+enable\s+row\s+level\s+security", re.I
        ),
    ),
    (
        "no_row_level_security",
        re.compile(
            rf"alter\s+table\s+{_EXISTS}(?:only\s+)?(?P<table>{_DOTTED})()\s+disable\s+row\s+level\s+security", re.I
        ),
    ),
    (
        "rename_key",
        re.compile(
            rf"alter\s+table\s+{_EXISTS}(?:only\s+)?(?P<table>{_DOTTED})\s+rename\s+constraint\s+({_NAME})\s+to\s+(?P<to>{_NAME})",
            re.I,
        ),
    ),
    ("rename_key", re.compile(rf"alter\s+index\s+{_EXISTS}({_DOTTED})\s+rename\s+to\s+(?P<to>{_NAME})", re.I)),
    ("rename_table", re.compile(rf"rename\s+table\s+(?P<table>{_DOTTED})()\s+to\s+(?P<to>{_DOTTED})", re.I)),
    (
        "drop_key",
        re.compile(rf"drop\s+index\s+(?:concurrently\s+)?{_EXISTS}({_DOTTED})(?:\s+on\s+(?P<table>{_DOTTED}))?", re.I),
    ),
)
_SKIPPED = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:temp|temporary|virtual)\b|(?:alter|drop)\s+(?:function|procedure|schema|view|policy|trigger|index)\b"
    r"|create\s+type\b|alter\s+type\b|drop\s+materialized\b|do\b|exec",
    re.IGNORECASE,
)
_TYPE = re.compile(
    rf"\s*({_NAME}(?:\s*\.\s*{_NAME})?)(\s+(?:varying|precision))?(\s*\([^()]*\))?(\s+unsigned)?"
    r"(\s+with(?:out)?\s+(?:local\s+)?time\s+zone)?((?:\s*\[\d*\])*)",
    re.IGNORECASE,
)
_NOW = re.compile(
    r"now\(\)|current_timestamp(\(\d*\))?|getdate\(\)|sysdate|datetime\('now'\)"
    r"|timezone\((cast\('utc' as text\)|'utc'), (now\(\)|current_timestamp(\(\))?)\)",
    re.IGNORECASE,
)
_USUAL_SCHEMAS = ("public", "dbo", "main")
_SHORT = {"character varying": "varchar", "character": "char", "double precision": "double precision"}


def read(text: str, dialect: str = "") -> list[Statement]:
    """Read every statement that changes the schema; `dialect` is sqlglot's name of one, `` tells it from the text."""
    dialect = dialect or guess(text)
    found: list[Statement] = []
    for line, statement in split(text, dialect):
        if len(found) >= MAX_STATEMENTS:
            break
        found += one(statement, line, dialect)
    return found


def guess(text: str) -> str:
    """Tell the dialect from what only one of them has."""
    head = text[:200_000]
    if re.search(r"\bengine\s*=?\s*\w*mergetree|\blowcardinality\s*\(|\bon\s+cluster\b", head, re.IGNORECASE):
        return "clickhouse"
    if re.search(
        r"\bauto_increment\b|\bengine\s*=|create\s+table\s+(?:if\s+not\s+exists\s+)?`|alter\s+table\s+`",
        head,
        re.IGNORECASE,
    ):
        return "sqlite" if re.search(r"\bautoincrement\b|^\s*pragma\b", head, re.IGNORECASE | re.MULTILINE) else "mysql"
    if re.search(
        r"\bautoincrement\b|\bwithout\s+rowid\b|^\s*pragma\b|\bdatetime\('now'", head, re.IGNORECASE | re.MULTILINE
    ):
        return "sqlite"
    if re.search(r"\bnvarchar\b|\bidentity\s*\(\s*\d|\[dbo\]|^\s*go\s*$", head, re.IGNORECASE | re.MULTILINE):
        return "tsql"
    return "postgres"


# -- statements --------------------------------------------------------------------------------------------------------

_MARK = re.compile(
    r"['\"`;]|--|/\*|\$(?:[A-Za-z_]\w*)?\$|^[ \t]*delimiter[ \t]+(\S+).*$|^[ \t]*go[ \t]*;?[ \t]*\r?$|^\\.*$",
    re.IGNORECASE | re.MULTILINE,
)
_COPY = re.compile(r"\s*copy\b.*\bfrom\s+stdin", re.IGNORECASE | re.DOTALL)
_STRING = re.compile(r"'(?:[^']|'')*'")
_ESCAPED = re.compile(r"'(?:[^'\\]|''|\\.)*'", re.DOTALL)


def split(text: str, dialect: str = "") -> Iterator[tuple[int, str]]:
    """Cut SQL into statements, comments taken out: (line, statement). An unclosed quote is read over."""
    pieces: list[str] = []
    line, counted, start, position, end = 1, 0, -1, 0, ";"
    size, unclosed = len(text), 0

    def take(until: int) -> None:
        nonlocal start
        part = text[position:until]
        if start < 0 and (stripped := part.lstrip()):
            start = until - len(stripped)
        if start >= 0:
            pieces.append(part)

    def finish() -> tuple[int, str] | None:
        nonlocal line, counted, start
        statement = "".join(pieces).strip()
        pieces.clear()
        if start < 0:
            return None
        line += text.count("\n", counted, start)
        counted, start = start, -1
        return (line, statement) if statement else None

    while position < size:
        found = _MARK.search(text, position)
        if end != ";" and (other := text.find(end, position)) >= 0 and (found is None or other <= found.start()):
            take(other)
            position = other + len(end)
            if (done := finish()) is not None:
                yield done
            continue
        if found is None:
            break
        mark, at, after = found[0], found.start(), found.end()
        if mark == ";":
            take(at)
            position = after
            if end == ";":
                done = finish()
                if done is not None:
                    yield done
                    if _COPY.match(done[1]):
                        data = text.find("\n\\.", position)
                        position = size if data < 0 else data + 3
            else:
                pieces.append(";" if start >= 0 else "")
        elif mark == "--":
            take(at)
            close = text.find("\n", at)
            position = size if close < 0 else close
            if text.startswith("--> statement-breakpoint", at) and (done := finish()) is not None:
                yield done
        elif mark == "/*":
            take(at)
            close = text.find("*/", at + 2)
            position = size if close < 0 else close + 2
            if pieces:
                pieces.append(" " + "\n" * text.count("\n", at, position))
        elif mark in "'\"`":
            take(after)
            position = after
            close = _closing(text, at, mark, escapes=dialect == "mysql" or text[at - 1 : at] in ("E", "e"))
            if close > 0:
                take(close)
                position = close
        elif mark.startswith("$"):
            close = text.find(mark, after) if unclosed < MAX_UNCLOSED else -1
            unclosed += close < 0
            close = after if close < 0 else close + len(mark)
            take(close)
            position = close
        else:
            take(at)
            position = after
            if mark.startswith("\\"):
                continue
            if found[1]:
                end = found[1]
            if (done := finish()) is not None:
                yield done
    position = min(position, size)
    take(size)
    if (done := finish()) is not None:
        yield done


def _closing(text: str, at: int, mark: str, *, escapes: bool) -> int:
    """Give the position after the quote that closes the one at `at`; 0 if none does."""
    if mark == "'":
        found = (_ESCAPED if escapes else _STRING).match(text, at)
        return found.end() if found else 0
    close = text.find(mark, at + 1)
    if close < 0 or "\n" in text[at:close]:
        return 0
    return close + 1


def one(text: str, line: int, dialect: str, *, block: int = 0) -> list[Statement]:
    """Read one statement; nothing for one that does not change the schema."""
    found = _DDL.match(text)
    if found is None:
        return []
    if found[0].lower() == "do":
        return [] if block else list(_block(text, line, dialect))
    if len(text) > MAX_STATEMENT or _too_deep(text):
        return [Statement("unread", line, text=f"{text[:80]} …", block=block)]
    for kind, pattern in _SIMPLE:
        if (simple := pattern.match(text)) is not None:
            return [_simple(kind, simple, text, line, block)]
    if _SKIPPED.match(text):
        return []
    statements = list(_parsed(text, line, dialect))
    for statement in statements:
        statement.block = block
        for key in statement.keys:
            key.line += line
    return statements


def _too_deep(text: str) -> bool:
    depth = deepest = 0
    for mark in re.finditer(r"'[^']*'|[()]", text):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        deepest = max(deepest, depth)
    return deepest > MAX_NESTING or re.search(r"(?:[-+~!]\s*){40}|(?:\bnot\s+){40}", text, re.IGNORECASE) is not None


def _block(text: str, line: int, dialect: str) -> Iterator[Statement]:
    body = re.match(r"do\s*(?:language\s+\w+\s*)?(\$\w*\$)(.*)\1", text, re.IGNORECASE | re.DOTALL)
    if body is None:
        return
    first = line + text.count("\n", 0, body.start(2))
    for inner, statement in split(body[2], dialect):
        if (found := _INNER_DDL.search(statement)) is not None:
            ddl = found[1].replace("''", "'") if re.match(r"execute\b", found[0], re.IGNORECASE) else found[1]
            at = first + inner - 1 + statement.count("\n", 0, found.start(1))
            yield from one(ddl.rstrip().removesuffix("'"), at, dialect, block=line)


def _simple(kind: str, found: re.Match[str], text: str, line: int, block: int) -> Statement:
    groups = found.groupdict()
    table = groups.get("table") or ""
    if kind == "create_trigger" and (on := _TRIGGER_ON.search(text, found.end())) is not None:
        table = on[1]
    values = [value[1:-1].replace("''", "'") for value in _STRING.findall(groups.get("values") or "")]
    name = next(
        (group for index, group in enumerate(found.groups(), 1) if index not in found.re.groupindex.values()), ""
    )
    if kind == "row_level_security":
        line += found[0].rstrip().lower().rpartition("enable")[0].count("\n")
    return Statement(
        kind, line, plain(table), plain(name or ""), plain(groups.get("to") or ""), values=values, block=block
    )


def plain(name: str) -> str:
    """Write a name without quotes and without the usual schema."""
    parts = [part.strip().strip('"`[]') for part in re.findall(_NAME, name)]
    if len(parts) > 1 and parts[-2].lower() in _USUAL_SCHEMAS:
        parts = parts[-1:]
    return ".".join(parts[-2:])


# -- what sqlglot reads ------------------------------------------------------------------------------------------------


def _parsed(text: str, line: int, dialect: str) -> Iterator[Statement]:
    from sqlglot import exp

    tree = _tree(text, dialect)
    if tree is None:
        yield from _piecewise(text, line, dialect)
    elif isinstance(tree, exp.Create) and tree.kind == "TABLE":
        yield _create_table(tree, text, line, dialect)
    elif isinstance(tree, exp.Create) and tree.kind == "INDEX":
        yield from _create_index(tree, line)
    elif isinstance(tree, exp.Drop) and tree.kind == "TABLE":
        for table in [tree.this, *tree.expressions] if tree.this else tree.args.get("tables") or tree.expressions:
            yield Statement("drop_table", line, table_name(table))
    elif isinstance(tree, exp.Alter):
        for action in tree.args.get("actions") or []:
            yield from _alter(action, table_name(tree.this), text, line, dialect)


def _tree(text: str, dialect: str) -> exp.Expression | None:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    for other in dict.fromkeys((dialect, "postgres", "mysql", "sqlite")):
        try:
            parsed = sqlglot.parse(text, dialect=other)
        except (SqlglotError, RecursionError, ValueError, AttributeError, TypeError, KeyError, IndexError):
            continue
        tree = parsed[0] if parsed else None
        if isinstance(tree, exp.Expression) and not isinstance(tree, exp.Command):
            return tree
    return None


_CREATE_HEAD = re.compile(rf"create\s+(?:\w+\s+)*?table\s+{_EXISTS}{_DOTTED}\s*\(", re.IGNORECASE)
_ALTER_HEAD = re.compile(rf"alter\s+table\s+{_EXISTS}(?:only\s+)?{_DOTTED}\s+", re.IGNORECASE)
_HARMLESS = re.compile(
    r"(owner|set|reset|cluster|enable|disable|force|no\s+force|replica|attach|detach|inherit|validate|engine|comment|default"
    r"|convert|auto_increment|add\s+generated|add\s+constraint\s+\S+\s+(unique|primary\s+key)\s+using\s+index"
    r"|alter\s+(column\s+)?\S+\s+(add\s+generated|set\s+(statistics|storage)|drop\s+(identity|expression)))\b",
    re.IGNORECASE,
)


def _piecewise(text: str, line: int, dialect: str) -> Iterator[Statement]:
    """Read what did not parse as a whole: a table column by column, an ALTER TABLE action by action."""
    unread = Statement("unread", line, text=" ".join(text[:80].split()))
    if (head := _CREATE_HEAD.match(text)) is not None:
        whole = Statement("create_table", line, table_name(_tree(f"{head[0]}x int)", dialect)), text="in part")
        items = _items(text, head.end())
        for item in items:
            part = next(_parsed_part(f"{head[0]}{item})", line, dialect), None)
            if part is not None:
                whole.columns += part.columns
                whole.keys += part.keys
        yield whole if whole.columns else unread
    elif (head := _ALTER_HEAD.match(text)) is not None:
        actions = [item for item in _items(text, head.end()) if item and not _HARMLESS.match(item)]
        if (
            len(actions) == 1
            and (several := re.match(r"add\s*(?:column\s*)?\(", actions[0], re.IGNORECASE)) is not None
        ):
            actions = [f"ADD {item}" for item in _items(actions[0], several.end())]
        for action in actions:
            tree = _tree(head[0] + action, dialect)
            if tree is None:
                yield unread
            else:
                for change in tree.args.get("actions") or []:
                    yield from _alter(change, table_name(tree.this), head[0] + action, line, dialect)
    else:
        yield unread


def _parsed_part(text: str, line: int, dialect: str) -> Iterator[Statement]:
    from sqlglot import exp

    text = re.sub(r"\bon\s+conflict\s+\w+", "", text, flags=re.IGNORECASE)
    tree = _tree(text, dialect)
    if isinstance(tree, exp.Create):
        yield _create_table(tree, text, line, dialect)


def _items(text: str, start: int) -> list[str]:
    """Split at the commas of this depth, up to the parenthesis that closes it."""
    items: list[str] = []
    depth, last = 0, start
    for mark in re.finditer(r"'(?:[^']|'')*'|\"[^\"]*\"|[(),]", text[start:]):
        at = start + mark.start()
        if mark[0] == "(":
            depth += 1
        elif mark[0] == ")":
            depth -= 1
            if depth < 0:
                return [*items, text[last:at].strip()]
        elif mark[0] == "," and depth == 0:
            items.append(text[last:at].strip())
            last = at + 1
    return [*items, text[last:].strip()]


def table_name(node: Any) -> str:
    """Give a table's name, with its schema if that is not the usual one."""
    from sqlglot import exp

    table = node.find(exp.Table) if isinstance(node, exp.Expression) else None
    if table is None:
        return str(getattr(node, "name", "") or "")
    schema = table.text("db")
    return f"{schema}.{table.name}" if schema and schema.lower() not in _USUAL_SCHEMAS else str(table.name)


def _create_table(tree: exp.Expression, text: str, line: int, dialect: str) -> Statement:
    from sqlglot import exp

    table = tree.find(exp.Table)
    where = table.this.meta.get("line", 1) if table is not None and isinstance(table.this, exp.Expression) else 1
    statement = Statement("create_table", line + where - 1, table_name(tree.this))
    if not isinstance(tree.this, exp.Schema):
        statement.text = "as a query" if isinstance(tree.args.get("expression"), exp.Query) else ""
        return statement
    for item in tree.this.expressions:
        if isinstance(item, exp.ColumnDef):
            statement.columns.append(_column(item, text, dialect, statement.keys))
        elif isinstance(item, exp.Identifier):
            statement.columns.append(Column(item.name, ""))
        else:
            statement.keys += keys(item)
    return statement


def _column(item: exp.ColumnDef, text: str, dialect: str, found: list[Key]) -> Column:
    from sqlglot import exp

    column = Column(item.name, *_type_of(item, text, dialect))
    column.length = _length(column.type)
    for constraint in item.args.get("constraints") or []:
        kind = constraint.args.get("kind") if isinstance(constraint, exp.ColumnConstraint) else constraint
        name = constraint.text("this") if isinstance(constraint, exp.ColumnConstraint) else ""
        if isinstance(kind, exp.PrimaryKeyColumnConstraint):
            found.append(Key("primary", [column.name], name))
        elif isinstance(kind, exp.NotNullColumnConstraint):
            column.nullable = bool(kind.args.get("allow_null"))
        elif isinstance(kind, exp.UniqueColumnConstraint):
            found.append(Key("unique", [column.name], name))
        elif isinstance(kind, exp.DefaultColumnConstraint):
            column.default = safe_default(column.name, default_text(kind.this, dialect))
        elif isinstance(kind, exp.Reference):
            found.append(_foreign([column.name], kind, name, item.this.meta.get("line", 1)))
            found[-1].inline = True
        elif isinstance(kind, exp.CheckColumnConstraint):
            found += [Key("check", key.columns or [column.name], name, values=key.values) for key in _check(kind)]
        elif isinstance(kind, exp.AutoIncrementColumnConstraint | exp.GeneratedAsIdentityColumnConstraint) and not (
            isinstance(kind, exp.GeneratedAsIdentityColumnConstraint) and kind.args.get("expression") is not None
        ):
            column.default = "auto increment"
            column.nullable = False
    enum = item.args.get("kind")
    if isinstance(enum, exp.DataType) and enum.this == exp.DataType.Type.ENUM:
        column.enum = [value.name for value in enum.expressions]
    if column.type in ("serial", "bigserial", "smallserial"):
        column.nullable = False
    return column


def _type_of(item: exp.ColumnDef, text: str, dialect: str) -> tuple[str]:
    kind = item.args.get("kind")
    end = item.this.meta.get("end")
    if kind is None or end is None:
        return ("" if kind is None else kind.sql(dialect=dialect).lower(),)
    after = end + 1 + (text[end + 1 : end + 2] in ('"', "`", "]"))
    found = _TYPE.match(text, after)
    return (type_text(found) if found else kind.sql(dialect=dialect).lower(),)


def type_text(found: re.Match[str]) -> str:
    """Write a type in short: `character varying(3)` as `varchar(3)`, `timestamp with time zone` as `timestamptz`."""
    base = plain(found[1]) if found[1][0] in '"`[' or "." in found[1] else found[1].lower()
    base += f" {found[2].strip().lower()}" if found[2] else ""
    base = _SHORT.get(base, base)
    if found[5] and "without" not in found[5].lower():
        base = {"timestamp": "timestamptz", "time": "timetz"}.get(base, base)
    size = re.sub(r"\s+", "", found[3]) if found[3] else ""
    if base.lower() in ("enum", "set"):
        return base.lower()
    return f"{base}{size.lower()}{' unsigned' if found[4] else ''}{re.sub(r'[^][]', '', found[6])}"


def _length(type_: str) -> int | None:
    found = re.match(r"(?:n?var)?char\w*\((\d+)\)|(?:string|binary|varbinary|nchar)\((\d+)\)", type_)
    return int(found[1] or found[2]) if found else None


_SECRET = re.compile(r"secret|passw|token|api_?key|private|credential|dsn|salt|hash|otp|pin$", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"://[^/\s]*@|^(sk|pk|rk|ghp|gho|xox[abp]|AKIA|eyJ)[-_A-Za-z0-9]{8,}|-----BEGIN|^(?=\S*\d)(?=\S*[A-Za-z])[\w+/=-]{32,}$"
)


def safe_default(name: str, value: str | None) -> str | None:
    """Give a default as it may be shown: not that of a column whose name is a secret's, nor what looks like one."""
    if value is None:
        return None
    plain_value = re.fullmatch(r"now|uuid4|auto increment|true|false|null|\d{1,3}|", value)
    hidden = (_SECRET.search(name) and not plain_value) or _SECRET_VALUE.search(value)
    return "(value not shown)" if hidden else value


def default_text(node: Any, dialect: str) -> str:
    """Write a default: a literal's text, `now` for the time of the database, an expression as it is."""
    from sqlglot import exp

    while isinstance(node, exp.Cast | exp.Paren):
        node = node.this
    if isinstance(node, exp.Literal):
        return str(node.this)
    if isinstance(node, exp.Boolean):
        return str(node.this).lower()
    if not isinstance(node, exp.Expression):
        return str(node)
    written = node.sql(dialect=dialect)
    if isinstance(node, exp.CurrentTimestamp) or _NOW.fullmatch(written):
        return "now"
    return written[:120]


def keys(node: Any, name: str = "") -> list[Key]:
    """Read a constraint or an index of a table."""
    from sqlglot import exp

    if isinstance(node, exp.Constraint):
        return [key for item in node.expressions for key in keys(item, node.name)]
    if isinstance(node, exp.PrimaryKey):
        return [Key("primary", _names(node.expressions), name)]
    if isinstance(node, exp.ForeignKey):
        reference = node.args.get("reference")
        first = next((item.meta.get("line", 1) for item in node.expressions if isinstance(item, exp.Identifier)), 1)
        found = _foreign(_names(node.expressions), reference, name, first) if reference is not None else None
        if found is not None and not found.on_delete:
            found.on_delete = str(node.args.get("delete") or "").lower()
        return [found] if found is not None else []
    if isinstance(node, exp.UniqueColumnConstraint):
        inner = node.this
        named = inner.name if isinstance(inner, exp.Schema) and isinstance(inner.this, exp.Identifier) else ""
        return [Key("unique", _names(inner.expressions if isinstance(inner, exp.Schema) else [inner]), name or named)]
    if isinstance(node, exp.IndexColumnConstraint):
        return [Key("index", _names(node.expressions), name or node.name)]
    if isinstance(node, exp.CheckColumnConstraint):
        return [Key("check", key.columns, name, values=key.values) for key in _check(node)]
    return []


def _names(nodes: Iterable[Any]) -> list[str]:
    from sqlglot import exp

    names = []
    for node in nodes:
        found = (
            node
            if isinstance(node, exp.Identifier)
            else node.find(exp.Identifier)
            if isinstance(node, exp.Expression)
            else None
        )
        if found is not None:
            names.append(str(found.name))
    return names


def _foreign(columns: list[str], reference: Any, name: str, line: int = 1) -> Key:
    from sqlglot import exp

    inner = reference.this
    options = " ".join(str(option) for option in reference.args.get("options") or []).lower()
    on_delete = re.search(r"on delete (set null|set default|no action|cascade|restrict)", options)
    targets = _names(inner.expressions) if isinstance(inner, exp.Schema) else []
    return Key("foreign", columns, name, table_name(inner), targets, on_delete[1] if on_delete else "", line - 1)


def _check(node: Any) -> list[Key]:
    """Read the values that `CHECK (x IN ('a', 'b'))` and `CHECK (x = ANY (ARRAY['a', 'b']))` allow; no other check."""
    from sqlglot import exp

    condition = node.this
    while isinstance(condition, exp.Paren):
        condition = condition.this
    if isinstance(condition, exp.In):
        literals = condition.expressions
    elif isinstance(condition, exp.EQ) and isinstance(condition.expression, exp.Any):
        literals = list(condition.expression.find_all(exp.Literal))
    else:
        return [Key("check", [])]
    values = [found.name for item in literals if (found := item.find(exp.Literal)) is not None and found.is_string]
    return [Key("check", _names([condition.this]), values=values)]


def _create_index(tree: exp.Expression, line: int) -> Iterator[Statement]:
    from sqlglot import exp

    index = tree.this
    if not isinstance(index, exp.Index) or index.args.get("table") is None:
        return
    parameters = index.args.get("params")
    columns = (parameters.args.get("columns") or []) if parameters is not None else index.args.get("columns") or []
    partial = parameters is not None and parameters.args.get("where") is not None
    plain_columns = all(
        isinstance(item.this if isinstance(item, exp.Ordered) else item, exp.Column | exp.Identifier)
        for item in columns
    )
    whole = tree.args.get("unique") and not partial and plain_columns
    yield Statement(
        "add_key",
        line,
        table_name(index.args["table"]),
        keys=[Key("unique" if whole else "index", _names(columns), index.name)],
    )


def _alter(action: Any, table: str, text: str, line: int, dialect: str) -> Iterator[Statement]:
    from sqlglot import exp

    match action:
        case exp.ColumnDef():
            statement = Statement("add_column", line, table)
            statement.columns.append(_column(action, text, dialect, statement.keys))
            yield statement
        case exp.AddConstraint():
            found = [key for item in action.expressions for key in keys(item)]
            if found:
                yield Statement("add_key", line, table, keys=found)
        case exp.PrimaryKey() | exp.ForeignKey() | exp.Constraint():
            yield Statement("add_key", line, table, keys=keys(action))
        case exp.Drop():
            kind = "drop_column" if action.args.get("kind") == "COLUMN" else "drop_key"
            for item in action.args.get("tables") or [action.this]:
                yield Statement(kind, line, table, getattr(item, "name", ""))
        case exp.RenameColumn():
            yield Statement("rename_column", line, table, action.this.name, action.args["to"].name)
        case exp.AlterRename():
            yield Statement("rename_table", line, table, to=table_name(action.this))
        case exp.AlterColumn():
            yield _alter_column(action, table, text, line, dialect)
        case exp.ModifyColumn():
            definition = action.this
            statement = Statement("change_column", line, table, definition.name)
            old = action.args.get("rename_from")
            if old is not None:
                statement.name, statement.to = old.name, definition.name
            statement.columns.append(_column(definition, text, dialect, statement.keys))
            yield statement
        case _ if type(action).__name__ == "DropPrimaryKey":
            yield Statement("drop_key", line, table)


def _alter_column(action: Any, table: str, text: str, line: int, dialect: str) -> Statement:
    statement = Statement("alter_column", line, table, action.name)
    kind = action.args.get("dtype")
    if kind is not None:
        end = action.this.meta.get("end")
        set_type = (
            re.compile(r"[\"`\]]?\s+(?:set\s+data\s+)?type\b", re.IGNORECASE).match(text, end + 1)
            if end is not None
            else None
        )
        found = _TYPE.match(text, set_type.end()) if set_type is not None else None
        statement.changes["type"] = type_text(found) if found else kind.sql(dialect=dialect).lower()
    if action.args.get("allow_null") is not None:
        statement.changes["nullable"] = bool(action.args["allow_null"])
    if action.args.get("default") is not None:
        statement.changes["default"] = safe_default(action.name, default_text(action.args["default"], dialect))
    elif action.args.get("drop") and kind is None and action.args.get("allow_null") is None:
        statement.changes["default"] = None
    return statement
