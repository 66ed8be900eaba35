"""What fuzzing draws from and what it leaves out; add yours.

A format's values are a strategy of Hypothesis; for anything else write a hook of schemathesis, such as
`@schemathesis.hook`, `def map_body(context, body)` (https://schemathesis.readthedocs.io/en/stable/reference/hooks/).
"""

from collections.abc import Mapping
from typing import Final

import schemathesis
from hypothesis import strategies as st

from proof.standards.context import PASSWORD

# Few, so that some of them are found; of a domain that is nobody's (RFC 2606).
schemathesis.openapi.format("email", st.integers(0, 9).map(lambda number: f"somebody-{number}@example.com"))
# That of whoever asks, so that what wants it again goes on.
schemathesis.openapi.format("password", st.just(PASSWORD))

LEFT_OUT: Final[Mapping[str, str]] = {}
"""Operations that are not called, each with the reason: `"POST /v1/orders": "it calls the real warehouse"`."""
