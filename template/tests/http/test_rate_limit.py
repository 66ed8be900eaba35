"""How often one caller may ask: who is counted as whom, and what an answer says. tests/security tries every one."""

from http import HTTPStatus
from typing import Annotated

import httpx
import pytest
from fastapi import Depends
from pydantic import Field, SecretStr

from app.http.probes import Status
from app.kit import routing
from app.kit.access import Principal, public, require
from app.kit.errors import BadRequest, answers
from app.kit.peers import network
from app.kit.schemas import In
from tests.conftest import PASSWORD, SignUp, Start, new_address
from tests.wire import header

Member = Annotated[Principal, Depends(require("a-test:read"))]


class Code(In):
    """A secret inside of a body."""

    code: Annotated[SecretStr, Field(max_length=100)]


class Proof(In):
    """A body with a secret deep inside."""

    proof: Code | None = None


def until_refused(client: httpx.Client, method: str, path: str, *, most: int = 50) -> tuple[int, httpx.Response]:
    """How many requests were counted, and the refusal after them."""
    for number in range(most):
        answer = client.request(method, path)
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            return number, answer
    pytest.fail(f"{method} {path} is not refused in {most} requests")


def test_a_refusal_says_when_to_come_again(start: Start) -> None:
    with start(RATE_LIMIT_ADDRESS="2/60").connect() as client:
        _, refused = until_refused(client, "GET", "/v1/accounts/me")

    assert header(refused, "retry-after") == "30"
    assert header(refused, "ratelimit-policy") == '"address";q=2;w=60'
    assert header(refused, "ratelimit") == '"address";r=0;t=30'
    assert "More than 2 requests in 60 s: try again in 30 s." in refused.text


def test_an_answer_says_what_is_left_once_that_is_little(start: Start) -> None:
    with start(RATE_LIMIT_ADDRESS="10/3600").connect() as client:
        told = [client.get("/v1/accounts/me").headers.get("ratelimit", "").partition(";t")[0] for _ in range(10)]

    assert told == [""] * 8 + ['"address";r=1', '"address";r=0']


def test_an_attempt_is_always_told_what_is_left(start: Start) -> None:
    with start(RATE_LIMIT_ATTEMPTS="10/60").connect() as client:
        answer = client.post("/v1/auth/login", json={"email": new_address(), "password": PASSWORD})

    assert answer.status_code == 401
    assert header(answer, "ratelimit-policy") == '"attempts";q=10;w=60'
    assert header(answer, "ratelimit") == '"attempts";r=9;t=6'


def test_accounts_are_counted_apart_and_not_by_their_address(start: Start, sign_up: SignUp) -> None:
    service = start(RATE_LIMIT_PRINCIPAL="3/3600", RATE_LIMIT_ADDRESS="20/3600")
    one, other = sign_up(service), sign_up(service)

    counted, refused = until_refused(one, "GET", "/v1/items")

    assert counted == 3
    assert header(refused, "ratelimit-policy").startswith('"principal"')
    assert one.get("/v1/accounts/me").status_code == 429
    assert other.get("/v1/items").status_code == 200


def test_attempts_share_one_limit_and_leave_the_rest_alone(start: Start) -> None:
    with start(RATE_LIMIT_ATTEMPTS="2/3600").connect() as client:
        _ = until_refused(client, "POST", "/v1/auth/refresh")

        assert client.post("/v1/auth/login").status_code == 429
        assert client.post("/v1/accounts").status_code == 429
        assert client.get("/v1/accounts/me").status_code == 401


def test_a_token_is_no_way_around_the_limit_of_attempts(start: Start, sign_up: SignUp) -> None:
    service = start(RATE_LIMIT_ATTEMPTS="10/3600")
    accounts = [sign_up(service) for _ in range(2)]  # two attempts each

    answers_seen = [accounts[turn % 2].post("/v1/auth/login").status_code for turn in range(8)]

    assert answers_seen == [422] * 6 + [429] * 2


def test_a_crowd_does_not_make_the_probes_fail(start: Start) -> None:
    with start(RATE_LIMIT_ADDRESS="2/3600", RATE_LIMIT_PROBES="8/3600").connect() as client:
        _ = until_refused(client, "GET", "/nowhere")

        assert client.get("/readyz").status_code == 200
        assert {client.get("/livez").status_code for _ in range(20)} == {200}


# What is like an address that has no limit, or a higher one, and is not that address.
ODD = [
    "/livez?x=1",
    "/livez?",
    "/livez/",
    "/Livez",
    "/%6civez",
    "/livez;x",
    "/livez%20",
    "//livez",
    "/readyz",
    "/readyz?x=1",
    "/metrics",
    "/metrics/",
    "/v1/accounts/me",
    "/nowhere",
    "/",
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_nothing_is_uncounted_but_what_answers_by_itself(start: Start, method: str) -> None:
    few = {"RATE_LIMIT_ADDRESS": "2/3600", "RATE_LIMIT_PROBES": "2/3600"}
    service = start(TRUSTED_PROXIES="127.0.0.1", **few)
    with service.connect() as client:
        client.headers["authorization"] = f"Bearer {'x' * 43}"
        for number, path in enumerate(ODD):
            client.headers["x-forwarded-for"] = f"192.0.2.{number}"
            url = httpx.URL(service.url).copy_with(raw_path=path.encode())
            asked = [client.request(method, url).status_code for _ in range(3)]
            by_itself = method in {"GET", "HEAD"} and path in {"/livez?", "/%6civez"}
            assert asked[2] == (200 if by_itself else 429), (path, asked)


def test_what_takes_a_secret_counts_as_an_attempt_without_saying_so(start: Start) -> None:
    router = routing.router("/v1/secret", "secret")

    @router.post("/deep", dependencies=[public("a test")], responses=answers(BadRequest))
    async def deep(data: Proof) -> Status:
        """Take a secret deep inside of the body."""
        return Status(status=str(data))

    @router.post("/guarded", responses=answers(BadRequest))
    async def guarded(data: Code, caller: Member) -> Status:
        """Take a secret from somebody who is signed in."""
        return Status(status=f"{data} {caller}")

    @router.get("/mail", dependencies=[public("a test", attempts=True)])
    async def mail() -> Status:
        """Take none, and say so."""
        return Status(status="ok")

    @router.get("/plain", dependencies=[public("a test")])
    async def plain() -> Status:
        """Take none."""
        return Status(status="ok")

    assert [deep, guarded, mail, plain]
    routes = {route.path_format: route for route in router.routes if isinstance(route, routing.Route)}
    assert {path for path, route in routes.items() if route.attempt} == {
        "/v1/secret/deep",
        "/v1/secret/guarded",
        "/v1/secret/mail",
    }
    with start(router, RATE_LIMIT_ATTEMPTS="2/3600").connect() as client:
        assert until_refused(client, "POST", "/v1/secret/guarded")[0] == 2


@pytest.mark.parametrize(
    ("address", "counted"),
    [("203.0.113.7", "203.0.113.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("", "")],
)
def test_an_address_of_version_6_is_counted_by_its_network(address: str, counted: str) -> None:
    assert network(address) == counted
