"""Versions of an operation: the old one says that it will go, and when, and is gone after that day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime

from fastapi.params import Depends

from app.kit.access import Declaration
from app.kit.clock import now
from app.kit.errors import Gone

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Deprecated(Declaration):
    """An operation that another one replaces."""

    since: date
    until: date | None
    """The last day on which it answers."""
    instead: str
    """The path of the operation that replaces it."""

    @property
    def headers(self) -> Headers:
        """What each answer says of it: RFC 9745, RFC 8594 and a link."""
        since = int(_begin(self.since).timestamp())
        found = [(b"deprecation", f"@{since}"), (b"link", f'<{self.instead}>; rel="successor-version"')]
        if self.until is not None:
            found.append((b"sunset", format_datetime(_end(self.until), usegmt=True)))
        return tuple((name, value.encode()) for name, value in found)

    def refuse_when_gone(self) -> None:
        """Gone, once its last day is over."""
        if self.until is not None and now() >= _end(self.until):
            raise Gone(f"This operation was offered until {self.until}. Use {self.instead} instead.")


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _end(day: date) -> datetime:
    return _begin(day + timedelta(days=1))


def deprecated(*, since: str, instead: str, until: str | None = None) -> Depends:
    """An operation to be replaced: `dependencies=[deprecated(since="2027-01-01", instead="/v2/items")]`.

    `until="2027-06-30"` is the last day on which it answers; after that it is 410.
    """
    begins, ends = date.fromisoformat(since), date.fromisoformat(until) if until else None
    if ends is not None and ends < begins:
        raise ValueError(f"deprecated(since={since!r}, until={until!r}) ends before it begins")
    return Depends(Deprecated(begins, ends, instead))
