"""The bases of requests and responses; app/house.py refuses inputs without bounds and outputs with defaults."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

# Also none of the characters that end a line elsewhere, or that make text read in another order than it is stored.
_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$"
_NO_CONTROLS_BUT_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$"

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_NO_CONTROLS)]
"""One line of text, 1 to 100 characters, with no control character."""

Text = Annotated[str, StringConstraints(max_length=2000, pattern=_NO_CONTROLS_BUT_LINES)]
"""Lines of text, up to 2,000 characters."""


class In(BaseModel):
    """The base of what a client sends: unknown fields are refused, and `"7"` is taken for the number 7."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Out(BaseModel):
    """The base of what a client gets: every field is always there."""

    model_config = ConfigDict(frozen=True)


class Identified(Out):
    """Something with a key of its own."""

    id: UUID


class Versioned(Identified):
    """Something that can be changed: its version is its ETag, and `If-Match` takes it back."""

    version: int
