"""The writer of log lines."""

import json
import logging
import os
import secrets
from collections.abc import Iterator
from typing import cast

import asyncpg
import pytest
from pydantic import SecretStr

from app.kit import logging as kit
from app.kit.logging import LineWriter
from tests.wire import Json, eventually


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The reading and the writing end of a pipe. Who reads never waits: what is not written has to fail a test."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    # The other end stays open: a writer's thread outlives the test, and would write to the next file with its number.
    os.close(reading)


def available(reading: int) -> bytes:
    """What is in a pipe now."""
    try:
        return os.read(reading, 65_536)
    except BlockingIOError:
        return b""


def written(reading: int) -> str:
    """What is in a pipe when all that was logged has been written."""
    kit.writer.flush()
    return available(reading).decode()


def with_events(said: str, *events: str) -> list[Json]:
    """Lines by their events: a service of an earlier test may be telling of its last request in between."""
    return [line for each in said.splitlines() if (line := cast("Json", json.loads(each)))["event"] in events]


def test_lines_come_out_in_order_by_themselves(pipe: tuple[int, int]) -> None:
    writer = LineWriter(pipe[1])
    for number in range(3):
        writer.write(b"%d\n" % number)

    got = bytearray()
    eventually(lambda: (got.extend(available(pipe[0])) or len(got)) == len(b"0\n1\n2\n"))
    assert got == b"0\n1\n2\n"


def test_a_reader_that_is_gone_stops_nobody() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = LineWriter(writing)

    writer.write(b"lost\n")
    writer.flush()

    os.close(writing)


def test_a_reader_that_is_slow_gets_everything(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    writer = LineWriter(pipe[1])
    sent = b"x" * 99_999 + b"\n"
    got = bytearray()

    writer.write(sent * 3)
    eventually(lambda: (got.extend(available(pipe[0])) or len(got)) == len(sent) * 3)

    assert got == sent * 3


def test_the_lines_of_libraries_and_their_failures_are_json_too(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.configure("INFO")
    monkeypatch.setattr(kit, "writer", LineWriter(pipe[1]))
    _ = kit.request_id.set("one-of-my-own")
    forward = next(each for each in logging.getLogger().handlers if type(each).__module__ == kit.__name__)
    failure: ValueError | None = None
    try:
        _ = int("two\nlines")
    except ValueError as error:
        failure = error
    assert failure is not None
    raised = (type(failure), failure, failure.__traceback__)
    record = logging.LogRecord("library", logging.ERROR, "file.py", 1, "it %s", ("failed",), raised)
    forward.emit(record)

    (line,) = with_events(written(pipe[0]), "it failed")

    assert (line["level"], line["logger"]) == ("error", "library")
    assert line["request_id"] == "one-of-my-own"
    assert "ValueError: invalid literal" in str(line["exception"])
    _ = kit.request_id.set(None)


def test_the_address_of_an_outside_system_is_not_logged() -> None:
    kit.configure("DEBUG")

    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
    assert logging.getLogger("httpx").isEnabledFor(logging.WARNING)


def test_no_line_holds_what_is_secret(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    planted = [f"planted-{secrets.token_hex(8)}" for _ in range(10)]
    kit.configure("INFO")
    monkeypatch.setattr(kit, "writer", LineWriter(pipe[1]))
    kit.writer.hide([planted[0]])
    log = kit.get_logger()

    log.info("by name", password=planted[1], refresh_token=planted[2], signing_key=planted[3], Authorization=planted[4])
    log.info("deeper", request={"headers": [{"cookie": planted[5]}], "client_secret": planted[6]}, key=planted[7])
    log.info("typed", given=SecretStr(planted[8]), listed=[SecretStr(planted[9])])
    log.info("in the words of a library:", words=f"postgresql://a:{planted[0]}@host", key_id="shown", number=1)
    try:
        _ = int(planted[0])
    except ValueError:
        log.exception("failed")
    said = written(pipe[0])

    assert not [each for each in planted if each in said]
    named, _, _, library, failed = with_events(
        said, "by name", "deeper", "typed", "in the words of a library:", "failed"
    )
    assert (named["password"], library["key_id"], library["number"]) == ("***", "shown", 1)
    assert "with base 10: '***'" in str(failed["exception"])


def test_no_line_quotes_the_row_that_broke_a_rule_of_the_database(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.configure("INFO")
    monkeypatch.setattr(kit, "writer", LineWriter(pipe[1]))
    broken = asyncpg.CheckViolationError('new row for relation "items" violates check constraint "short"')
    broken.detail = "Failing row contains (1, planted,\nplanted in a second line)."
    try:
        try:
            raise broken
        except asyncpg.CheckViolationError as error:
            raise RuntimeError(f"wrapped: {error}") from error
    except RuntimeError:
        kit.get_logger().exception("failed")
    said = written(pipe[0])

    assert "planted" not in said
    (line,) = with_events(said, "failed")
    assert str(line["exception"]).count('violates check constraint "short"') == 2
    assert "The above exception was the direct cause" in str(line["exception"])
