"""The bounds of one operation, where those of the service do not fit it: declared beside its access rule."""

from dataclasses import dataclass
from typing import cast

from fastapi.params import Depends

from app.kit.access import Declaration
from app.kit.rate_limits import Quota

_MOST_BYTES = 1 << 30
_MOST_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Limits(Declaration):
    """What differs for an operation; None is the bound that all others have."""

    body: int | None = None
    """Most bytes of a request body."""
    seconds: float | None = None
    """Seconds until the first byte of the answer."""
    rate: Quota | None = None
    """How often one caller may ask, beside the limit of all operations together."""


def limits(*, body: int | None = None, seconds: float | None = None, rate: str | None = None) -> Depends:
    """Bounds of an operation's own: `dependencies=[limits(body=5_000_000, seconds=30, rate="10/60")]`.

    `body` is the most bytes of a request body, `seconds` the time until the first byte of the answer, and `rate` how
    many requests of one caller become free again over how many seconds.
    """
    if body is not None and not 1 <= body <= _MOST_BYTES:
        raise ValueError(f"limits(body={body}) is out of range: 1 to {_MOST_BYTES:,} bytes")
    if seconds is not None and not 0 < seconds <= _MOST_SECONDS:
        raise ValueError(f"limits(seconds={seconds}) is out of range: more than 0, up to {_MOST_SECONDS:g}")
    return Depends(Limits(body, seconds, None if rate is None else _quota(rate)))


def _quota(text: str) -> Quota:
    try:
        return cast("Quota", Quota.parse(text))
    except ValueError as error:
        raise ValueError(f"limits(rate={text!r}) {error}") from None
