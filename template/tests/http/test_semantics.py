"""RFC 9110, 9111, 9112, 9457, 5789 and 6585 as they stand on the wire: sent as bytes, read as bytes.

Each id begins with the section that it is about. What a client can rely on is listed in docs/http.md.
"""

import contextlib
import gzip
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import sleep
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from fastapi import Body
from fastapi.responses import StreamingResponse
from pydantic_core import from_json

from app import main, registry
from app.http import head_guard
from app.http.probes import Status
from app.kit import routing
from app.kit.access import public
from app.kit.errors import AppError, BadRequest, NotFound, PreconditionFailed, answers
from app.kit.etags import IfMatch
from app.kit.schemas import In, Line, Versioned
from tests.http.test_head_limit import connected, said
from tests.wire import Json, Service, eventually, running

ID = UUID("01a22276-fe66-7f33-8da9-deed29e58633")
KETTLES = b"/v1/kettles"
KETTLE = b"/v1/kettles/" + str(ID).encode()
NOWHERE = b"/v1/kettles/" + str(UUID(int=0)).encode()
BYTES = b"/v1/kettles/bytes"
STEAM = b"/v1/kettles/steam"
HOST = b"Host: 127.0.0.1"
JSON = b"Content-Type: application/json"
BODY = b'{"name":"Kettle"}'
VERSION = 7
ETAG = b'"7"'
WRITES: list[str] = []
"""What was done; nothing is, where a condition does not hold."""
PUFFS: Counter[str] = Counter()
"""What was sent of an answer without end."""

_ANYONE = [public("a test has no account")]


class Kettle(Versioned):
    """An answer with a version."""

    name: str


class KettleIn(In):
    """A body."""

    name: Line


router = routing.router("/v1/kettles", "kettles", dependencies=_ANYONE)


def _kettle(name: str = "Kettle") -> Kettle:
    return Kettle(id=ID, version=VERSION, name=name)


def _written(what: str, if_match: int | None = VERSION) -> Kettle:
    if if_match is not None and if_match != VERSION:
        raise PreconditionFailed
    WRITES.append(what)
    return _kettle(what)


@router.post("", status_code=201, responses=answers(BadRequest))
async def make(data: KettleIn) -> Kettle:
    """Make one."""
    return _written(data.name)


@router.get("")
async def count() -> Status:
    """Answer something without a version."""
    return Status(status=str(len(WRITES)))


@router.get("/steam", response_class=StreamingResponse)
async def steam() -> AsyncIterator[str]:
    """Never end."""
    while True:
        PUFFS.update(("again",))
        yield "again"


@router.post("/bytes", responses=answers(BadRequest))
async def take(data: Annotated[bytes, Body(media_type="application/octet-stream", max_length=99)]) -> Status:
    """Take bytes."""
    return Status(status=str(len(data)))


@router.get("/{kettle_id}", responses=answers(NotFound))
async def read(kettle_id: UUID) -> Kettle:
    """Read one."""
    if kettle_id != ID:
        raise NotFound
    return _kettle()


@router.patch("/{kettle_id}", responses=answers(PreconditionFailed))
async def change(kettle_id: UUID, data: KettleIn, if_match: IfMatch = None) -> Kettle:
    """Change one."""
    assert kettle_id
    return _written(data.name, if_match)


@router.put("/{kettle_id}", responses=answers(BadRequest))
async def replace(kettle_id: UUID, data: KettleIn) -> Kettle:
    """Replace one, whatever its version."""
    assert kettle_id
    return _written(data.name)


@router.delete("/{kettle_id}", status_code=204, responses=answers(NotFound))
async def remove(kettle_id: UUID) -> None:
    """Remove one, whatever its version."""
    assert kettle_id
    _ = _written("removed")


@pytest.fixture(scope="module")
def kettles(database_url: str) -> Iterator[Service]:
    """The service, with kettles."""
    assert database_url
    nouns = registry.routers()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "routers", lambda: [*nouns, router])
        app = main.create_app()
    with running(app) as service:
        yield service


@dataclass(frozen=True)
class Answer:
    """One answer, as it came."""

    status: int
    fields: list[tuple[str, str]]
    content: bytes

    def get(self, name: str) -> str | None:
        """A header field, which may stand once only."""
        found = [value for key, value in self.fields if key == name]
        assert len(found) < 2, f"{name} stands {len(found)} times"
        return found[0] if found else None


def heard(raw: bytes, *, heads: int = 0) -> list[Answer]:
    """The answers in what came over a connection; so many of them are to HEAD, and have no body."""
    found: list[Answer] = []
    while raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        assert re.fullmatch(r"HTTP/1\.1 \d{3} .*", first), first
        pairs = [line.partition(": ") for line in lines]
        fields = [(name.lower(), value) for name, _, value in pairs]
        length = int(dict(fields).get("content-length", 0)) if len(found) >= heads else 0
        found.append(Answer(int(first[9:12]), fields, raw[:length]))
        raw = raw[length:]
    return found


def asked(service: Service, raw: bytes) -> list[Answer]:
    """What is answered to bytes."""
    with connected(service) as connection:
        connection.sendall(raw)
        return heard(said(connection))


@dataclass(frozen=True)
class Ask:
    """One request, and what its answer has to be."""

    about: str
    status: int
    method: bytes = b"GET"
    target: bytes = KETTLE
    fields: tuple[bytes, ...] = ()
    body: bytes | None = None
    host: bytes | None = HOST
    version: bytes = b"1.1"
    says: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    done: bool | None = None
    """Whether something was written; None where that is not the question."""

    @property
    def raw(self) -> bytes:
        """The request, after which the connection is closed."""
        lines = [b"%b %b HTTP/%b" % (self.method, self.target, self.version)]
        lines += [] if self.host is None else [self.host]
        lines += [b"Connection: close", *self.fields]
        lines += [] if self.body is None else [b"Content-Length: %d" % len(self.body)]
        return b"\r\n".join([*lines, b"", self.body or b""])


def patch(about: str, status: int, *fields: bytes, done: bool, **says: str | None) -> Ask:
    """A change that says which version it expects."""
    return Ask(about, status, b"PATCH", fields=(JSON, *fields), body=BODY, done=done, says=says)


def posted(
    about: str, status: int, *fields: bytes, body: bytes = BODY, says: Mapping[str, str | None] | None = None
) -> Ask:
    """A body that is taken or not."""
    return Ask(about, status, b"POST", KETTLES, fields=fields, body=body, says=says or {})


def coded(coding: bytes, version: bytes = b"1.1") -> bytes:
    """A body in a transfer coding."""
    head = b"POST %b HTTP/%b\r\n%b\r\nConnection: close\r\n%b\r\n" % (KETTLES, version, HOST, JSON)
    return head + b"Transfer-Encoding: %b\r\n\r\n11\r\n%b\r\n0\r\n\r\n" % (coding, BODY)


UNCHANGED: dict[str, str | None] = {"etag": '"7"', "cache-control": "no-store", "content-type": None}
NO_CODING: dict[str, str | None] = {"accept-encoding": "identity", "accept": None}

ASKS = [
    # Targets and hosts
    Ask("9110-7.2 no Host", 400, host=None),
    Ask("9110-7.2 no Host, liveness", 400, target=b"/livez", host=None),
    Ask("9110-7.2 no Host, readiness", 400, target=b"/readyz", host=None),
    Ask("9112-3.2 two Hosts, liveness", 400, target=b"/livez", fields=(HOST,)),
    Ask("9112-3.2 two Hosts", 400, fields=(HOST,)),
    Ask("9112-3.2 a Host that is none", 400, host=b"Host: a b"),
    Ask("9112-3.2 a Host that is none, liveness", 400, target=b"/livez", host=b"Host: 127.0.0.1/x"),
    Ask("9112-3.2 a Host with a port that is none", 400, host=b"Host: 127.0.0.1:http"),
    Ask("9112-3.2 a Host with a user", 400, host=b"Host: a@127.0.0.1"),
    Ask("9110-7.4 an empty Host", 421, host=b"Host:"),
    Ask("9110-7.4 another Host", 421, host=b"Host: evil.com"),
    Ask("9112-3.2 an HTTP/1.0 without Host", 200, target=b"/livez", host=None, version=b"1.0"),
    Ask("9112-3.2 an HTTP/1.0 without Host, readiness", 200, target=b"/readyz", host=None, version=b"1.0"),
    Ask("9112-3.2 an HTTP/1.0 without Host, not a probe", 421, host=None, version=b"1.0"),
    Ask("9112-3.2.2 an absolute target", 200, target=b"http://127.0.0.1" + KETTLE),
    Ask(
        "9112-3.2.2 an absolute target counts, not Host",
        200,
        target=b"http://127.0.0.1" + KETTLE,
        host=b"Host: evil.com",
    ),
    Ask("9112-3.2.2 an absolute target of another host", 421, target=b"http://evil.com" + KETTLE),
    Ask("9112-3.2.2 an absolute target without Host", 400, target=b"http://127.0.0.1" + KETTLE, host=None),
    Ask("9112-3.2.2 an absolute target without a path", 404, target=b"HTTP://127.0.0.1"),
    Ask("9112-3.2.2 an absolute target without a path, with a query", 404, target=b"http://127.0.0.1?a=b"),
    Ask("9110-4.2.4 an absolute target with a user", 400, target=b"http://a:b@127.0.0.1" + KETTLE),
    Ask("9110-7.4 an absolute target of another scheme", 400, target=b"ftp://127.0.0.1" + KETTLE),
    Ask("9112-3.2.3 an authority", 400, b"CONNECT", b"127.0.0.1:80"),
    Ask("9112-3.2.4 an asterisk", 404, b"OPTIONS", b"*"),
    Ask("9110-4.2.3 letters that are escaped", 200, target=b"/v1/%6bettles"),
    Ask("9110-4.2.3 a path is not lower-cased", 404, target=b"/V1/kettles"),
    Ask("3986-6.2.2 dots are not resolved", 404, target=b"/v1/x/../kettles"),
    # Methods
    Ask("9110-9.1 a method in lower case", 400, b"get"),
    Ask("9110-9.3.6 CONNECT", 405, b"CONNECT", says={"allow": "DELETE, GET, HEAD, PATCH, PUT"}),
    Ask("9110-9.3.7 OPTIONS", 405, b"OPTIONS", says={"allow": "DELETE, GET, HEAD, PATCH, PUT"}),
    Ask("9110-9.3.8 TRACE", 405, b"TRACE", KETTLES, says={"allow": "GET, HEAD, POST"}),
    Ask("9110-15.5.6 a method of others", 405, b"PURGE", b"/livez", says={"allow": "GET, HEAD"}),
    # What a body is
    posted("9110-8.3 no Content-Type", 415, says={"accept": "application/json", "accept-patch": None}),
    posted("9110-8.3 another Content-Type", 415, b"Content-Type: text/plain", says={"accept": "application/json"}),
    posted("9110-8.3 two Content-Types in one", 415, b"Content-Type: application/json, text/plain"),
    posted("9110-8.3 Content-Type twice", 400, JSON, JSON),
    posted("9110-8.3.1 a Content-Type in upper case", 201, b"Content-Type: APPLICATION/JSON"),
    posted("9110-8.3.1 a parameter in quotes", 201, b'Content-Type: application/json;charset="utf-8"'),
    posted("8259-11 a charset is no parameter of JSON", 201, b"Content-Type: application/json; charset=utf-16"),
    posted("8259-8.1 JSON is UTF-8", 422, JSON, body='{"name":"é"}'.encode("latin-1")),
    posted("6839-3.1 a suffix", 201, b"Content-Type: application/merge-patch+json"),
    posted("6839-3.1 a suffix of nothing", 415, b"Content-Type: application/+json"),
    posted("6839-3.1 a suffix of what is no token", 415, b"Content-Type: application/a b+json"),
    Ask(
        "5789-2.2 a patch of another type",
        415,
        b"PATCH",
        fields=(b"Content-Type: text/plain",),
        body=BODY,
        says={"accept": "application/json", "accept-patch": "application/json"},
    ),
    posted("9110-15.5.16 a coding", 415, JSON, b"Content-Encoding: gzip", body=gzip.compress(BODY), says=NO_CODING),
    posted("9110-15.5.16 a coding that is only said", 415, JSON, b"Content-Encoding: br", says=NO_CODING),
    posted("9110-8.4 no coding", 201, JSON, b"Content-Encoding: identity"),
    Ask("9110-15.5.16 bytes in a coding", 415, b"POST", BYTES, (b"Content-Encoding: gzip",), b"x", says=NO_CODING),
    Ask("9110-15.5.16 no body, no coding", 200, fields=(b"Content-Encoding: gzip",)),
    Ask("9110-14.5 a part to put", 400, b"PUT", fields=(JSON, b"Content-Range: bytes 0-1/9"), body=BODY, done=False),
    Ask("9110-8.6 Content-Length twice", 400, b"POST", KETTLES, (JSON, b"Content-Length: 17"), BODY),
    Ask("9110-5.2 a line that goes on", 400, fields=(b"X-A: 1\r\n 2",)),
    Ask("9112-5.1 a space before the colon", 400, fields=(b"X-A : 1",)),
    Ask("9110-5.5 NUL in a field", 400, fields=(b"X-A: \0",)),
    Ask("9110-5.5 an empty field", 200, fields=(b"X-A:",)),
    # What is accepted
    *(
        Ask(f"9110-12 one form only: {each}", 200, fields=(each.encode(),), says={"content-type": "application/json"})
        for each in (
            "Accept: text/html",
            "Accept: application/json;q=0",
            "Accept: a/;;q=x",
            "Accept-Charset: utf-16",
            "Accept-Encoding: gzip",
            "Accept-Encoding: identity;q=0, *;q=0",
            "Accept-Language: de",
        )
    ),
    Ask(
        "9457-3 a problem, whatever is accepted",
        404,
        target=b"/nowhere",
        fields=(b"Accept: text/html",),
        says={"content-type": "application/problem+json"},
    ),
    # Conditions
    *(
        Ask(f"9110-13.1.2 {each}", status, fields=tuple(each.encode().split(b" & ")), says=says)
        for each, status, says in (
            ('If-None-Match: "7"', 304, UNCHANGED),
            ('If-None-Match: W/"7"', 304, UNCHANGED),
            ("If-None-Match: *", 304, UNCHANGED),
            ('If-None-Match: "1", "7"', 304, UNCHANGED),
            ('If-None-Match: "a,b" ,W/"7"', 304, UNCHANGED),
            ('If-None-Match: "1" & If-None-Match: "7"', 304, UNCHANGED),
            ('If-None-Match: "7" & If-None-Match: "1"', 304, UNCHANGED),
            ('If-None-Match: "7" & If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT', 304, UNCHANGED),
            ('If-None-Match: "1"', 200, {"etag": '"7"'}),
            ('If-None-Match: "07"', 200, {}),
            ("If-None-Match: 7", 200, {}),
            ("If-None-Match:", 200, {}),
        )
    ),
    Ask("9110-13.1.2 HEAD", 304, b"HEAD", fields=(b'If-None-Match: "7"',), says=UNCHANGED),
    Ask(
        "9110-13.1.2 what is not there",
        404,
        target=NOWHERE,
        fields=(b"If-None-Match: *",),
    ),
    Ask("9110-13.1.1 GET of this version", 200, fields=(b'If-Match: "7"',)),
    Ask("9110-13.1.1 GET of another version", 412, fields=(b'If-Match: "6"',)),
    Ask("9110-13.1.1 GET of a weak version", 412, fields=(b'If-Match: W/"7"',)),
    Ask("9110-13.2.2 If-Match comes first", 412, fields=(b'If-Match: "6"', b'If-None-Match: "7"')),
    Ask(
        "9110-13.1.3 If-Modified-Since of what has no date",
        200,
        fields=(b"If-Modified-Since: Sat, 01 Jan 2050 00:00:00 GMT",),
    ),
    Ask(
        "9110-13.1.4 If-Unmodified-Since of what has no date",
        200,
        fields=(b"If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT",),
    ),
    Ask(
        "9110-14.2 a range of what has none",
        200,
        fields=(b"Range: bytes=0-1", b'If-Range: "7"'),
        says={"content-range": None},
    ),
    patch("9110-13.1.1 this version", 200, b'If-Match: "7"', done=True),
    patch("9110-13.1.1 any version", 200, b"If-Match: *", done=True),
    patch("9110-13.1.1 one of several versions", 200, b'If-Match: "1", "7"', done=True),
    patch("9110-5.3 one of several lines", 200, b'If-Match: "1"', b'If-Match: "7"', done=True),
    patch("9110-13.1.1 another version", 412, b'If-Match: "6"', done=False),
    patch("9110-13.1.1 none of several versions", 412, b'If-Match: "6", "5"', done=False),
    patch("9110-8.8.3.2 a weak version", 412, b'If-Match: W/"7"', done=False),
    patch("9110-8.8.3.2 the same number, spelt otherwise", 412, b'If-Match: "07"', done=False),
    patch("9110-13.1.1 no version", 412, b"If-Match: 7", done=False),
    patch("9110-13.1.1 an empty list", 412, b"If-Match:", done=False),
    patch("9110-13.1.1 an asterisk is no part of a list", 412, b'If-Match: "6", *', done=False),
    patch("9110-13.1.2 only if there is none", 412, b"If-None-Match: *", done=False),
    Ask("9110-13.1.1 where no version is compared", 412, b"DELETE", fields=(b'If-Match: "7"',), done=False),
    Ask("9110-13.1.1 where any will do", 204, b"DELETE", fields=(b"If-Match: *",), done=True),
    Ask("9110-13.1.1 a list has no version", 412, b"POST", KETTLES, (JSON, b'If-Match: "7"'), BODY, done=False),
    Ask(
        "9110-13.1.2 to put only if there is none",
        412,
        b"PUT",
        fields=(JSON, b"If-None-Match: *"),
        body=BODY,
        done=False,
    ),
    Ask(
        "9110-13.2.1 a refusal comes before conditions",
        415,
        b"PUT",
        fields=(b"If-None-Match: *",),
        body=BODY,
        done=False,
    ),
    # What an answer says
    Ask(
        "9110-15.3.2 where something was created",
        201,
        b"POST",
        KETTLES,
        (JSON,),
        BODY,
        says={"location": KETTLE.decode(), "etag": '"7"'},
    ),
    Ask("9110-15.3.5 nothing is nothing", 204, b"DELETE", says={"content-length": None, "content-type": None}),
    Ask("9110-11.6.1 who asks?", 401, target=b"/v1/accounts/me", says={"www-authenticate": "Bearer"}),
    Ask(
        "9110-11.6.1 who asks, by another scheme?",
        401,
        target=b"/metrics",
        fields=(b"Authorization: Basic eDp5",),
        says={"www-authenticate": "Bearer"},
    ),
    Ask(
        "9111-5.2.2.5 what is private is not stored",
        401,
        target=b"/v1/accounts/me",
        says={"cache-control": "no-store", "age": None},
    ),
    Ask("9110-9.3.2 HTTP/1.0", 200, version=b"1.0", says={"connection": "close"}),
]


@pytest.mark.parametrize("ask", ASKS, ids=lambda each: each.about)
def test_what_the_wire_shows(kettles: Service, ask: Ask) -> None:
    WRITES.clear()

    (answer,) = asked(kettles, ask.raw)

    assert answer.status == ask.status, answer.content
    assert {name: answer.get(name) for name in ask.says} == ask.says
    assert ask.done is None or bool(WRITES) is ask.done
    dated = answer.get("date")
    assert dated is not None
    assert parsedate_to_datetime(dated).strftime("%a, %d %b %Y %H:%M:%S GMT") == dated
    if answer.status in {204, 304}:
        assert answer.content == b""
        assert answer.get("transfer-encoding") is None


@pytest.mark.parametrize(
    ("coding", "version", "status"),
    [
        (b"chunked", b"1.1", 201),
        (b"Chunked", b"1.1", 201),
        (b"gzip, chunked", b"1.1", 501),
        (b"chunked, gzip", b"1.1", 400),
        (b"gzip", b"1.1", 400),
        (b"chunked", b"1.0", 400),
        (b"chunked\r\nContent-Length: 17", b"1.1", 400),
    ],
    ids=lambda each: f"9112-6.1 {each.decode()}" if isinstance(each, bytes) else str(each),
)
def test_a_transfer_coding_is_chunked_or_refused(kettles: Service, coding: bytes, version: bytes, status: int) -> None:
    assert [each.status for each in asked(kettles, coded(coding, version))] == [status]


def test_9110_6_5_1_fields_after_a_body_are_none_of_the_request(kettles: Service) -> None:
    WRITES.clear()
    head = b"PATCH %b HTTP/1.1\r\n%b\r\nConnection: close\r\n%b\r\nTransfer-Encoding: chunked\r\n\r\n" % (
        KETTLE,
        HOST,
        JSON,
    )

    (answer,) = asked(kettles, head + b'11\r\n%b\r\n0\r\nIf-Match: "6"\r\nHost: evil.com\r\n\r\n' % BODY)

    assert (answer.status, WRITES) == (200, ["Kettle"])


def test_9112_7_1_2_fields_after_a_body_end(kettles: Service) -> None:
    with connected(kettles) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\n%b\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" % HOST)
        with contextlib.suppress(ConnectionError):
            for number in range(10_000):
                connection.sendall(b"X-%d: " % number + b"x" * 1_000 + b"\r\n")
            pytest.fail("ten million bytes of fields were taken")


def test_9112_7_1_a_large_body_comes_in_any_pieces(kettles: Service) -> None:
    head = b"POST %b HTTP/1.1\r\n%b\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" % (BYTES, HOST)
    with connected(kettles) as connection:
        connection.sendall(head)
        # Each piece ends with the length of the next one.
        connection.sendall(b"14000\r\n")
        for size in (b"14000", b"0"):
            connection.sendall(b"x" * 0x14000 + b"\r\n" + size + b"\r\n")
            sleep(0.05)
        connection.sendall(b"X-A: b\r\n\r\n")
        (answer,) = heard(said(connection))

    assert answer.status == 422


@pytest.mark.parametrize("offer", [b"h2c", b"foo/1"])
@pytest.mark.parametrize("cut", [0, 40, 150])
def test_9110_7_8_an_offer_of_another_protocol_is_ignored(kettles: Service, offer: bytes, cut: int) -> None:
    WRITES.clear()
    head = b"%b %b HTTP/1.1\r\n%b\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\n"
    raw = head % (b"POST", KETTLES, HOST, offer) + b"%b\r\nContent-Length: %d\r\n\r\n%b" % (JSON, len(BODY), BODY)
    raw += head % (b"GET", KETTLE, HOST, offer) + b"\r\n" + Ask("", 200).raw
    with connected(kettles) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(raw[:cut])
        connection.sendall(raw[cut:])
        found = heard(said(connection))

    assert [each.status for each in found] == [201, 200, 200]
    assert WRITES == ["Kettle"]


def expecting(*fields: bytes, version: bytes = b"1.1") -> Ask:
    """A body that waits for a word."""
    return Ask("", 0, b"POST", KETTLES, (*fields, b"Expect: 100-continue", b"Content-Length: 17"), version=version)


def test_9110_10_1_1_a_body_that_waits_is_asked_for(kettles: Service) -> None:
    with connected(kettles) as connection:
        connection.sendall(expecting(JSON).raw)
        assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert [each.status for each in heard(said(connection))] == [201]


def test_9110_10_1_1_a_body_that_nobody_wants_is_not_asked_for(kettles: Service) -> None:
    fields = (JSON, b"Expect: 100-continue", b"Content-Length: 17")
    for ask in (
        Ask("", 404, b"POST", b"/nowhere", fields),
        Ask("", 401, b"POST", b"/v1/auth/logout", fields),
        Ask("", 405, b"POST", KETTLE, fields),
    ):
        assert [each.status for each in asked(kettles, ask.raw)] == [ask.status]


def test_9110_10_1_1_http_1_0_knows_no_expectation(kettles: Service) -> None:
    assert [each.status for each in asked(kettles, expecting(JSON, version=b"1.0").raw + BODY)] == [201]


HEADS = (
    b"/livez",
    b"/readyz",
    b"/metrics",
    b"/docs",
    b"/docs/swagger-ui.css",
    b"/openapi.json",
    b"/nowhere",
    KETTLE,
    KETTLES,
    BYTES,
    b"/v1/accounts/me",
)
# A layer of yours that compresses adds `Vary` to what has a body alone.
OF_ITS_OWN = {"date", "x-request-id", "vary"}


@pytest.mark.parametrize("target", HEADS, ids=bytes.decode)
def test_9110_9_3_2_head_has_every_field_of_get(kettles: Service, target: bytes) -> None:
    (get,), (head,) = asked(kettles, Ask("", 0, b"GET", target).raw), _heads(kettles, target)

    assert head.status == get.status
    assert [each for each in head.fields if each[0] not in OF_ITS_OWN] == [
        each for each in get.fields if each[0] not in OF_ITS_OWN
    ]


def _heads(service: Service, target: bytes) -> list[Answer]:
    with connected(service) as connection:
        connection.sendall(Ask("", 0, b"HEAD", target).raw)
        raw = said(connection)
    assert raw.endswith(b"\r\n\r\n")
    assert raw.count(b"\r\n\r\n") == 1
    return heard(raw, heads=1)


def test_9110_9_3_2_head_of_what_never_ends_ends(kettles: Service) -> None:
    raw = b"HEAD %b HTTP/1.1\r\n%b\r\n\r\n" % (STEAM, HOST)

    def has_ended() -> bool:
        before = PUFFS.total()
        sleep(0.1)
        return PUFFS.total() == before

    assert [each.status for each in asked(kettles, raw + Ask("", 200).raw)] == [200, 200]
    eventually(has_ended)


def test_9110_6_6_1_what_the_server_itself_answers_is_dated(kettles: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_guard, "SECONDS", 0.1)
    (late,) = asked(kettles, b"GET ")
    (none,) = asked(kettles, b"nothing\r\n\r\n")

    assert (late.status, none.status) == (408, 400)
    assert late.get("date")
    assert none.get("date")


@pytest.mark.parametrize("path", ["/v1/a%20b", "/v1/%22%C3%A9%00", "/v1/%2e%2e%2f"])
def test_9457_3_1_5_the_instance_of_a_problem_is_an_address(kettles: Service, path: str) -> None:
    (answer,) = asked(kettles, Ask("", 404, target=path.encode()).raw)
    found: Json = from_json(answer.content)

    assert found["instance"] == path
    assert urlsplit(path).path == found["instance"]
    assert {"type", "title", "status", "detail"} <= found.keys()


def test_9110_15_3_2_the_document_says_where_something_is_created(kettles: Service) -> None:
    drawn = kettles.app.openapi()["paths"]["/v1/kettles"]["post"]["responses"]["201"]["headers"]

    assert drawn["Location"]["schema"] == {"type": "string", "format": "uri-reference"}


def _kinds(of: type[AppError]) -> Iterator[type[AppError]]:
    for each in of.__subclasses__():
        yield each
        yield from _kinds(each)


def test_9110_11_6_1_every_kind_of_401_says_who_may_ask() -> None:
    refusals = [each for each in _kinds(AppError) if each.status == HTTPStatus.UNAUTHORIZED]

    assert [each.__name__ for each in refusals if "WWW-Authenticate" not in each.standard_headers] == []
