"""Security headers: on every kind of answer, each exactly once."""

import httpx

from app.http.exchange import SECURITY_HEADERS
from tests.conftest import SignUp, Start
from tests.http import trouble

NAMES = [name.decode() for name, _ in SECURITY_HEADERS]


def test_every_kind_of_answer_has_every_security_header_once(start: Start, sign_up: SignUp) -> None:
    service = start(trouble.router, trouble.bounded, MAX_BODY_BYTES="1024")
    someone = sign_up(service)
    long = b" " * 2000
    with service.connect() as client:
        answers = [
            client.get("/livez"),
            client.get("/nowhere"),
            client.put("/livez"),
            client.get("/v1/accounts/me"),
            client.post("/v1/auth/login", json={}),
            client.post("/v1/auth/login", content=long),
            client.post("/v1/auth/login", content=b"{}", headers={"content-type": "text/plain"}),
            client.get("/v1/trouble/bug"),
            client.get("/v1/bounded/shorter"),
            client.get("/metrics"),
            client.get("/docs"),
            client.get("/docs/swagger-ui.css"),
            client.get("/openapi.json"),
            someone.post("/v1/auth/logout"),
        ]

    assert {each.status_code for each in answers} == {200, 204, 401, 404, 405, 413, 415, 422, 500, 504}
    for each in answers:
        for name in (*NAMES, "x-request-id"):
            assert len(each.headers.get_list(name)) == 1, f"{each.request.url.path}: {name}"
        assert "server" not in each.headers


def test_what_is_answered_to_a_caller_is_not_kept(someone: httpx.Client) -> None:
    assert someone.get("/v1/accounts/me").headers["cache-control"] == "no-store"
