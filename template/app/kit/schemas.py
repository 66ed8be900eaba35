"""The bases of requests and responses; app/house.py refuses inputs without bounds and outputs with defaults."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    EmailStr,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticUndefined, core_schema
from typing_extensions import override

# Also none of the characters that end a line elsewhere, or that make text read in another order than it is stored.
_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$"
_NO_CONTROLS_BUT_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$"
# The longest text and the greatest number among named values: an exact one in every language.
_LEAF = 2000
_GREATEST = 2**53 - 1


def line(most: int) -> StringConstraints:
    """One line of text, 1 to so many characters, with no control character."""
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=most, pattern=_NO_CONTROLS)


def text(most: int) -> StringConstraints:
    """Lines of text, up to so many characters."""
    return StringConstraints(max_length=most, pattern=_NO_CONTROLS_BUT_LINES)


Line = Annotated[str, line(100)]
"""One line of text, 1 to 100 characters, with no control character."""

Text = Annotated[str, text(2000)]
"""Lines of text, up to 2,000 characters."""

Email = Annotated[EmailStr, Field(max_length=254)]
"""An e-mail address."""

Url = Annotated[
    str,
    StringConstraints(
        max_length=2000, pattern=r"^https?://[^\x00-\x20\x7f-\xa0\u2028\u2029\u202a-\u202e\u2066-\u2069]+$"
    ),
    Field(json_schema_extra={"format": "uri"}),
]
"""The address of something on the web."""

Moment = Annotated[AwareDatetime, Field(ge=datetime(1, 1, 2, tzinfo=UTC), le=datetime(9999, 12, 30, tzinfo=UTC))]
"""A moment, with its offset from UTC. In UTC, too, its year has four digits."""


@dataclass(frozen=True, slots=True)
class Exact:
    """A number with so many digits, so many of them after the point: `Annotated[Decimal, Exact(12, 2, least=0)]`.

    On the wire it is text, because many clients read numbers inexactly.
    """

    digits: int
    places: int
    least: Decimal | int | None = None
    most: Decimal | int | None = None

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """How it is validated."""
        return core_schema.decimal_schema(
            max_digits=self.digits,
            decimal_places=self.places,
            ge=None if self.least is None else Decimal(self.least),
            le=None if self.most is None else Decimal(self.most),
            allow_inf_nan=False,
        )

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        """How it is described."""
        whole = self.digits - self.places
        end = Decimal(10) ** whole - Decimal(1).scaleb(-self.places)
        least, most = -end if self.least is None else Decimal(self.least), end if self.most is None else self.most
        return {
            "type": "string",
            "format": "decimal",
            "pattern": rf"^[+-]?\d{{1,{max(whole, 1)}}}" + (rf"(\.\d{{1,{self.places}}})?$" if self.places else "$"),
            "maxLength": self.digits + 3,
            "description": f"A number from {least} to {most}, with up to {self.places} digits after the point",
            "x-minimum": str(least),
            "x-maximum": str(most),
            "examples": [str(Decimal(least if least > 0 or most < 1 else 1).quantize(Decimal(1).scaleb(-self.places)))],
        }


Money = Annotated[Decimal, Exact(12, 2)]
"""An amount, up to 9,999,999,999.99."""


def _leaf(value: object) -> object:
    if isinstance(value, str) and (len(value) > _LEAF or not re.match(_NO_CONTROLS_BUT_LINES, value)):
        raise ValueError(f"text has up to {_LEAF:,} characters, and no control characters")
    if isinstance(value, int | float) and not abs(value) <= _GREATEST:
        raise ValueError(f"a number lies between -{_GREATEST:,} and {_GREATEST:,}")
    if not isinstance(value, str | int | float | bool | None):
        raise ValueError("give text, a number, true, false or null")  # noqa: TRY004 - only a ValueError is an answer
    return value


Leaf = Annotated[
    str | int | float | bool | None,
    PlainValidator(_leaf),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": _LEAF, "pattern": _NO_CONTROLS_BUT_LINES},
                {"type": "number", "minimum": -_GREATEST, "maximum": _GREATEST},
                {"type": "boolean"},
                {"type": "null"},
            ]
        }
    ),
]
"""A single value of JSON."""

Attributes = Annotated[
    dict[Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_NO_CONTROLS)], Leaf],
    Field(max_length=50),
]
"""A JSON object of up to 50 single values, whatever they are called."""


class In(BaseModel):
    """The base of what a client sends: unknown fields are refused, and `"7"` is taken for the number 7."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Change(In):
    """The base of a change: `class ItemUpdate(Change, ItemCreate)`. Fields may be left out, but not all of them.

    What was left out is in no `model_fields_set`, and its attribute is None: read only what was sent.
    """

    @classmethod
    @override
    def __pydantic_init_subclass__(cls, **options: object) -> None:
        super().__pydantic_init_subclass__(**options)
        for field in cls.model_fields.values():
            field.default, field.default_factory = PydanticUndefined, _left_out
        _ = cls.model_rebuild(force=True)

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"name at least one field to change: {', '.join(type(self).model_fields)}")
        return self


def _left_out() -> None:
    return None


class Out(BaseModel):
    """The base of what a client gets: every field is always there."""

    model_config = ConfigDict(frozen=True)


class Identified(Out):
    """Something with a key of its own."""

    id: UUID


class Versioned(Identified):
    """Something that can be changed: its version is its ETag, and `If-Match` takes it back."""

    version: int
