"""Line ends and more in whatever a client may write: they make no line of the log, no header and no second request."""

import socket
from urllib.parse import quote, urlsplit

import httpx
import pytest

from tests.conftest import PASSWORD, Log, new_address
from tests.security.samples import Described, changed, schema_of
from tests.wire import Json, Service, body, eventually, header, problem, rows

FORGED = '{"event":"forged","level":"info"}'
ENDS = {"CRLF": "\r\n", "LF": "\n", "CR": "\r", "NEL": "\x85", "LS": "\u2028"}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_nothing_a_client_writes_makes_a_line_or_a_header(client: httpx.Client, log: Log, end: str) -> None:
    path = "/v1/items" + quote(f"{end}{FORGED}{end}X-Forged: 1")
    # What a client may put into a field: no CR and no LF, which end it; those come from the raw socket below.
    field = f"a{end}{FORGED}{end}X-Forged: 1".replace("\r", "%0d").replace("\n", "%0a").encode()
    names = ("user-agent", "referer", "x-request-id", "traceparent", "x-forwarded-for", "origin", "accept", "cookie")
    login = {"email": f"ada@example.com{end}{FORGED}", "password": PASSWORD}
    answers = [
        client.get(path),
        client.get("/v1/items", params={f"a{end}{FORGED}": f"{end}X-Forged: 1"}),
        client.post("/v1/auth/login", json=login),
        *(client.get("/v1/accounts/me", headers={name.encode(): field}) for name in names),
        client.get("/v1/accounts/me", headers={b"authorization": b"Bearer " + field}),
        client.request("PROPFIND", "/v1/items"),
    ]

    assert {each.status_code for each in answers} <= {401, 404, 405, 422}
    for each in answers:
        assert "x-forged" not in each.headers
        assert FORGED not in str(each.headers)
        _ = problem(each, each.status_code)
    eventually(lambda: all(header(each, "x-request-id") in log.text() for each in answers))
    found = log.lines()
    assert "forged" not in {each["event"] for each in found}
    for each in answers:
        ours = [line["event"] for line in found if line.get("request_id") == header(each, "x-request-id")]
        assert ours == ["request"]


@pytest.mark.parametrize(
    "head",
    [
        b"X-A: a\rX-Forged: 1\r\n",
        b"X-A: a\0b\r\n",
        b"X-A : a\r\n",
        b"X-A\r\n",
        b"X-A: a\r\n X-Forged: 1\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: +5\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
    ],
)
def test_a_head_that_two_parsers_could_read_differently_is_refused(service: Service, head: bytes) -> None:
    smuggled = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with socket.create_connection(("127.0.0.1", urlsplit(service.url).port or 0), 5) as connection:
        connection.sendall(
            b"POST /v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            + head
            + b"\r\n0\r\n\r\n"
            + smuggled
        )
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"x-forged" not in answer.lower().partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    "forged", ["\r\nBcc: {other}", "\nBcc: {other}", ", {other}", "%0d%0aBcc:{other}", "> RCPT TO:<{other}"]
)
def test_an_address_names_one_mailbox(client: httpx.Client, forged: str) -> None:
    asked = 0
    described = Described(body(client.get("/openapi.json")))
    for operation in described.operations.values():
        if operation.method == "POST" and operation.public and (schema := schema_of(operation)) is not None:
            for at, said in described.texts(schema, found := described.content(operation)):
                if said.get("format") == "email":
                    bad = changed(found, at, f"{new_address()}{forged.format(other=new_address())}")
                    answer = client.post(operation.path, json=bad)
                    assert [each["pointer"] for each in rows(answer, "errors")] == ["#/email"], operation.name
                    assert problem(answer, 422, "invalid")
                    asked += 1
    assert asked


def test_nobody_gives_themselves_a_role_or_somebody_elses_things(
    client: httpx.Client, someone: httpx.Client, someone_else: httpx.Client
) -> None:
    credentials: Json = {"email": new_address(), "password": PASSWORD}
    other = body(someone_else.get("/v1/accounts/me"))["id"]
    item = body(someone.post("/v1/items", json={"name": "mine"}))

    for more in ({"role": "root"}, {"is_root": True}, {"id": other}, {"confirmed": True}):
        _ = problem(client.post("/v1/accounts", json=credentials | more), 422)
        _ = problem(client.post("/v1/auth/login", json=credentials | more), 422)
    assert client.post("/v1/auth/login", json=credentials).status_code == 401, "no account was made"
    for more in ({"owner_id": other}, {"id": other}, {"version": 9}, {"created_at": "2030-01-01T00:00:00Z"}):
        _ = problem(someone.post("/v1/items", json={"name": "another"} | more), 422)
        _ = problem(someone.patch(f"/v1/items/{item['id']}", json={"name": "another"} | more), 422)
    assert body(someone.get(f"/v1/items/{item['id']}")) == item
    assert rows(someone_else.get("/v1/items")) == []
