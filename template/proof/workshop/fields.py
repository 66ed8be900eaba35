"""The fields of a new noun, as they are written: `price:money=0 status:enum(draft,confirmed) notes:text?`."""

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import cast

import click
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS

from app.kit.logging import names_a_secret

# A word, then its type with what stands in its parentheses, a question mark, options, a default.
_FIELD = re.compile(r"(\w+):([a-z]+)(?:\(([^()]*)\))?(\?)?((?::[a-z]+)*)(?:=(.*?))?((?::[a-z]+)*)", re.DOTALL)
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_CHOICE = re.compile(r"[a-z0-9][a-z0-9_-]*", re.IGNORECASE)
_LONGEST = 30
_SHORT = 255
_ROOM = 1000
"""How many values a field needs that may have each of them once."""

OWN = ("id", "owner_id", "version", "created_at", "updated_at")
"""The columns that every noun has."""

_INT, _BIGINT, _FLOAT = 2**31 - 1, 2**53 - 1, 10**15
_TEXTS = ("line", "text", "email", "url")
_NUMBERS = ("int", "bigint", "money", "decimal", "float")
TYPES = (*_TEXTS, *_NUMBERS, "bool", "date", "timestamp", "uuid", "json", "enum", "array", "ref", "many")
_OPTIONS = {
    "unique": ("line", "email", "int", "bigint", "money", "decimal", "date", "timestamp", "uuid", "ref"),
    "index": ("line", "email", *_NUMBERS, "bool", "date", "timestamp", "uuid", "enum", "ref"),
    "encrypted": _TEXTS,
}
_DEFAULTS = ("line", "text", *_NUMBERS, "bool", "enum")
_ON_DELETE = ("cascade", "null")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a noun."""

    name: str
    """As it was written; a reference's column has another one."""
    kind: str
    optional: bool = False
    unique: bool = False
    index: bool = False
    encrypted: bool = False
    default: str | None = None
    choices: tuple[str, ...] = ()
    length: int = 0
    digits: tuple[int, int] = (0, 0)
    least: Decimal | None = None
    most: Decimal | None = None
    other: str = ""
    """The noun that it refers to; `self` for its own."""
    on_delete: str = ""

    @property
    def ends(self) -> tuple[Decimal, Decimal]:
        """The least and the greatest number that it takes."""
        end = _end(self.kind, self.digits)
        return (-end if self.least is None else self.least, end if self.most is None else self.most)

    @property
    def column(self) -> str:
        """What the field is called in the API, and the column in the table."""
        return {"ref": f"{self.name}_id"}.get(self.kind, self.name)


def parse(text: str) -> list[Field]:
    """The fields of a text; a ClickException with one sentence for what they can't be."""
    return checked(_field(each) for each in cast("list[str]", re.findall(r"(?:[^\s(]|\([^)]*\)?)+", text)))


def read(file: Path) -> list[Field]:
    """The fields of a YAML file, one a line: `price: money=0`."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise click.ClickException(f"{file} can't be read: {error.strerror}.") from None
    found: list[Field] = []
    for line in lines:
        if text := re.sub(r"(^|\s)#.*", "", line).strip().removeprefix("---"):
            pair = re.fullmatch(r"(\w+):\s+(?:\"(.+)\"|'(.+)'|(.+))", text)
            if pair is None:
                raise click.ClickException(f"{file} has to have one field a line, such as `price: money`, not {text}")
            found.append(_field(f"{pair[1]}:{pair[2] or pair[3] or pair[4]}"))
    return checked(found)


def checked(fields: Iterable[Field]) -> list[Field]:
    """The fields, none of which is there twice."""
    found = list(fields)
    names = [each.column for each in found]
    for each in found:
        if names.count(each.column) > 1:
            raise click.ClickException(f"{each.column} is there twice.")
    if not [each for each in found if each.kind != "many"]:
        raise click.ClickException("Name a field that is a column: title:line.")
    return found


def _field(text: str) -> Field:
    match = _FIELD.fullmatch(text)
    if match is None:
        raise click.ClickException(f"{text} is no field: write name:type, such as title:line or status:enum(new,done)?")
    name, kind, inside, optional, options, default, more = match.groups()
    name = name.removesuffix("_id") if kind == "ref" else name
    if kind not in TYPES:
        raise click.ClickException(f"{name} can't be {kind}. The types are {', '.join(TYPES)}.")
    _check_name(name)
    wanted = [each for each in f"{options}{more}".split(":") if each]
    for option in wanted:
        if kind not in _OPTIONS.get(option, ()):
            of = f"; {option} can be {', '.join(_OPTIONS[option])}" if option in _OPTIONS else ""
            raise click.ClickException(
                f"{name} is {kind} and can't be {option}{of or '; there is unique, index, encrypted'}."
            )
    if "encrypted" in wanted and len(wanted) > 1:
        raise click.ClickException(f"{name} is encrypted: to find rows by it takes a blind index (docs/how-to.md).")
    if kind == "many" and optional:
        raise click.ClickException(f"{name} may be empty already: leave out the question mark.")
    parts = [each.strip() for each in (inside or "").split(",") if each.strip()]
    found = Field(
        name,
        kind,
        optional=bool(optional),
        unique="unique" in wanted,
        index="index" in wanted,
        encrypted="encrypted" in wanted,
        default=default,
        **_inside(name, kind, parts),  # pyright: ignore[reportArgumentType] - by the names of its attributes
    )
    _check(found)
    return found


def _check_name(name: str) -> None:
    taken = {*OWN, "owner", "before", "most", "command", "statement", "self", "metadata", "registry"}
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise click.ClickException(f"{name} is no name for a field: lower-case words with underscores between.")
    if keyword.iskeyword(name) or name in RESERVED_WORDS or name in taken or hasattr(BaseModel, name):
        raise click.ClickException(f"{name} is a word of Python, SQL or this service: give the field another name.")
    if names_a_secret(name):
        raise click.ClickException(f"{name} names a secret, which no answer may show: give the field another name.")


def _inside(name: str, kind: str, parts: list[str]) -> dict[str, object]:
    match kind:
        case "enum":
            if not parts or len(set(parts)) < len(parts) or not all(_CHOICE.fullmatch(each) for each in parts):
                raise click.ClickException(f"{name} needs its choices, each a word: {name}:enum(draft,confirmed).")
            return {"choices": tuple(parts)}
        case "ref" | "many":
            rule = parts[1] if len(parts) > 1 else ""
            if not parts or len(parts) > 2 or (rule and (kind == "many" or rule not in _ON_DELETE)):  # noqa: PLR2004
                raise click.ClickException(
                    f"{name} needs the noun that it refers to: {name}:{kind}(rooms)"
                    + (f", or {name}:ref(rooms,cascade) or {name}:ref(rooms,null)?." if kind == "ref" else ".")
                )
            return {"other": parts[0], "on_delete": rule}
        case "line" | "text" | "array":
            return {"length": _whole(name, kind, parts)} if parts else {}
        case _ if kind in _NUMBERS:
            return _numbers(name, kind, parts)
        case _:
            if parts:
                raise click.ClickException(f"{name} is {kind}, which takes nothing in parentheses.")
            return {}


def _whole(name: str, kind: str, parts: list[str]) -> int:
    most = {"line": _SHORT, "text": 100_000, "array": 1000}[kind]
    if len(parts) != 1 or not parts[0].isdecimal() or not 1 <= int(parts[0]) <= most:
        raise click.ClickException(f"{name} takes a length from 1 to {most:,}: {name}:{kind}(40).")
    return int(parts[0])


def _numbers(name: str, kind: str, parts: list[str]) -> dict[str, object]:
    digits = {"money": (12, 2), "decimal": (18, 6)}.get(kind, (0, 0))
    if kind == "decimal" and len(parts) >= 2 and all(each.isdecimal() for each in parts[:2]):  # noqa: PLR2004
        digits, parts = (int(parts[0]), int(parts[1])), parts[2:]
        if not 0 <= digits[1] <= digits[0] <= 28 or not digits[0]:  # noqa: PLR2004 - Python's own precision
            raise click.ClickException(f"{name} has up to 28 digits, some of them after the point: decimal(18,6).")
    end = _end(kind, digits)
    found: dict[str, object] = {"digits": digits}
    if not parts:
        return found
    low, high = _range(parts)
    fits = low is not None or high is not None
    for each in (low, high):
        whole = each is None or kind not in {"int", "bigint"} or each == each.to_integral()
        fits = fits and whole and (each is None or abs(each) <= end)
    if not fits or (low is not None and high is not None and low >= high):
        raise click.ClickException(
            f"{name} takes a range within -{end} and {end}: {name}:{kind}(1..100), (0..) or (..9)."
        )
    return found | {"least": low, "most": high}


def _range(parts: list[str]) -> tuple[Decimal | None, Decimal | None]:
    """The ends of `1..100`; none for what is no range."""
    match = re.fullmatch(r"(-?\d+(?:\.\d+)?)?\.\.(-?\d+(?:\.\d+)?)?", parts[0]) if len(parts) == 1 else None
    if match is None:
        return None, None
    low, high = cast("tuple[str | None, str | None]", match.groups())
    return Decimal(low) if low else None, Decimal(high) if high else None


def _end(kind: str, digits: tuple[int, int]) -> Decimal:
    """The greatest number of a kind."""
    most = {"int": _INT, "bigint": _BIGINT, "float": _FLOAT}.get(kind)
    return Decimal(most) if most else Decimal(10) ** (digits[0] - digits[1]) - Decimal(1).scaleb(-digits[1])


def _check(field: Field) -> None:
    name = field.column
    if field.unique and field.kind in _NUMBERS and field.ends[1] - field.ends[0] < _ROOM:
        raise click.ClickException(f"{name} is unique, so its range needs room for {_ROOM:,} values.")
    if field.kind == "ref" and field.on_delete == "null" and not field.optional:
        raise click.ClickException(f"{name} has to be there, so a deletion can't empty it: add a question mark.")
    if field.kind == "ref" and field.other == "self" and not field.optional:
        raise click.ClickException(f"{name} has to be optional, or the first row could not be stored: ref(self)?")
    if field.default is not None:
        _check_default(field, field.default)


def _check_default(field: Field, default: str) -> None:
    if field.kind not in _DEFAULTS or field.encrypted or field.unique:
        raise click.ClickException(
            f"{field.column} can't have a default; {', '.join(_DEFAULTS)} can, unless unique or encrypted."
        )
    fits = True
    match field.kind:
        case "bool":
            fits = default in {"true", "false"}
        case "enum":
            fits = default in field.choices
        case "line" | "text":
            longest = field.length or (100 if field.kind == "line" else 2000)
            fits = len(default) <= longest and default.isprintable() and bool(default.strip()) and '"' not in default
            fits = fits and "\\" not in default and "%" not in default
        case _:
            try:
                number = Decimal(default)
            except InvalidOperation:
                fits = False
            else:
                places = field.digits[1] if field.kind in {"money", "decimal"} else 20 * (field.kind == "float")
                exponent = number.as_tuple().exponent
                fits = isinstance(exponent, int) and -exponent <= places
                fits = fits and field.ends[0] <= number <= field.ends[1]
    if not fits:
        raise click.ClickException(f"{default} is no value of {field.column}: its default has to be one.")
