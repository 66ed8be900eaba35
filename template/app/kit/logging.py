"""Log lines: JSON, one object a line, on standard output, each with the id of the request that caused it.

A request must not wait for whoever reads the log, so lines are queued and one thread writes them in batches. Lines that
wait when a process is killed outright are lost: at most the last 50 ms. A normal exit writes them all.
"""

import atexit
import logging
import os
import re
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import cast

import structlog
from pydantic_core import to_json
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger
from typing_extensions import override

_FLUSH_SECONDS = 0.05
_QUEUE_LINES = 50_000
_MASK = "***"
# The names of fields whose values nobody may read in a log; `key_id` and `primary_key` are none of them.
_SECRET = re.compile(
    r"passw|secret|token|authorization|cookie|credential|(^|_)(api|signing|encryption|private)_?keys?$|^keys?$",
    re.IGNORECASE,
)

# What may be a token: long, and no mere words. A UUID is the id of something.
_TOKEN = re.compile(r"[A-Za-z0-9_~.+=-]{24,}")
_WORDS = re.compile(r"[a-z._-]+")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class LineWriter:
    """Takes lines without blocking and writes them from one thread; drops the oldest when nobody reads them."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int = descriptor
        self._lines: deque[bytes] = deque(maxlen=_QUEUE_LINES)
        self._writing: threading.Lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._hidden: frozenset[bytes] = frozenset()
        self.forms: frozenset[re.Pattern[bytes]] = frozenset()
        """What looks like one of these is never written: secrets that are made while the service runs."""

    def hide(self, secrets: Iterable[str]) -> None:
        """Never write these texts, wherever they turn up: in a message of a library, in the values of a traceback."""
        # As a line has them, in which a quotation mark has a backslash before it.
        self._hidden = self._hidden.union(to_json(secret)[1:-1] for secret in secrets)

    def write(self, line: bytes) -> None:
        """Queue one line; it ends with its own newline."""
        self._lines.append(line)
        # Started by the first line, so that a process that forks its workers first has one thread in each of them.
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
            self._thread.start()
            atexit.register(self.flush)

    def flush(self) -> None:
        """Write what is queued now."""
        with self._writing:
            batch = bytearray()
            while self._lines:
                batch += self._lines.popleft()
            for secret in self._hidden:
                if secret in batch:
                    batch = batch.replace(secret, _MASK.encode())
            for form in self.forms:
                batch = bytearray(form.sub(_MASK.encode(), batch))
            while batch:
                try:
                    del batch[: os.write(self._descriptor, batch)]
                except BlockingIOError:
                    time.sleep(_FLUSH_SECONDS)
                except OSError:
                    return

    def _run(self) -> None:
        while True:
            time.sleep(_FLUSH_SECONDS)
            if self._lines:
                self.flush()


writer = LineWriter(sys.__stdout__.fileno() if sys.__stdout__ else 1)


def timestamp() -> str:
    """Now, as log lines write it: RFC 3339, UTC, microseconds."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=4096)
def names_a_secret(name: str) -> bool:
    """Whether the value of a field with this name is nobody's to read."""
    return _SECRET.search(name) is not None


def readable_path(path: str, parameters: Mapping[str, object]) -> str:
    """The path of a request as a log may hold it: without what is called a secret or may be one."""
    for name, value in parameters.items():
        if names_a_secret(name):
            path = path.replace(str(value), _MASK)
    return _TOKEN.sub(_without_token, path)


def _without_token(found: re.Match[str]) -> str:
    return found[0] if _UUID.fullmatch(found[0]) or _WORDS.fullmatch(found[0]) else _MASK


def _mask(value: object) -> object:
    """The value of a field without what its names call secret, however deep."""
    if isinstance(value, Mapping):
        fields = cast("Mapping[object, object]", value)
        return {name: _MASK if names_a_secret(str(name)) else _mask(each) for name, each in fields.items()}
    if isinstance(value, list | tuple):
        return [_mask(each) for each in cast("Sequence[object]", value)]
    return value


def _redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    for name, value in cast("dict[str, object]", event).items():
        if names_a_secret(name):
            event[name] = _MASK
        elif isinstance(value, dict | list | tuple):
            event[name] = _mask(cast("object", value))
    return event


def _add_context(_logger: object, method: str, event: EventDict) -> EventDict:
    line: EventDict = {"time": timestamp(), "level": event.pop("level", method), "event": event.pop("event", "")}
    current = request_id.get()
    if current is not None:
        line["request_id"] = current
    line.update(event)
    return line


def write_line(line: EventDict) -> None:
    """Write one object as a line."""
    writer.write(to_json(line, fallback=repr) + b"\n")


def _write(_logger: object, _method: str, event: EventDict) -> str:
    write_line(event)
    raise structlog.DropEvent


def _formatted(exc_info: ExcInfo) -> str:
    """A traceback without what PostgreSQL says in detail: there it quotes the row that broke a rule."""
    return "".join(_without_detail(each) for each in traceback.format_exception(*exc_info)).rstrip("\n")


def _without_detail(text: str) -> str:
    before, found, _ = text.partition("\nDETAIL:")
    return f"{before}\n" if found else text


_with_exception = structlog.processors.ExceptionRenderer(_formatted)
_PROCESSORS = (_add_context, _with_exception, _redact, _write)


class _Forward(logging.Handler):
    """Takes the lines of libraries that use the standard logging, the server's among them, into the same stream."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        event: EventDict = {"event": record.getMessage(), "logger": record.name}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        level = record.levelname.lower()
        write_line(_redact(None, level, _with_exception(None, level, _add_context(None, level, event))))


def _is_a_migration(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or str(record.msg).startswith("Running ")


def configure(level: str, secrets: Iterable[str] = ()) -> None:
    """Send every log line of this process, from `level` on, to standard output as JSON.

    Args:
        level: DEBUG, INFO, WARNING or ERROR.
        secrets: what no line may hold, whatever put it there.
    """
    writer.hide(secrets)
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=list(_PROCESSORS),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [_Forward()]
    root.setLevel(max(number, logging.INFO))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = name != "uvicorn.access"
    # It tells the whole address of each request that it sends, with the keys that some outside systems want in it.
    logging.getLogger("httpx").setLevel(max(number, logging.WARNING))
    # Of what Alembic says of itself, the migrations that it runs are what somebody looks for.
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
    logging.getLogger("alembic.runtime.migration").addFilter(_is_a_migration)


def get_logger() -> FilteringBoundLogger:
    """The logger: `log.info("item created", item_id=str(item.id))`."""
    return cast("FilteringBoundLogger", structlog.get_logger())
