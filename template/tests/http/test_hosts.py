"""Which hosts this service answers for."""

import httpx

from tests.conftest import Start
from tests.wire import problem


def asked(client: httpx.Client, host: str, path: str = "/v1/accounts/me") -> httpx.Response:
    """What a request for a host is answered."""
    return client.get(path, headers={"host": host})


OURS = ("api.example.com", "API.Example.com:8443", "api.example.com.", "a.internal.example.com", "[::1]:8000")
THEIRS = (
    "internal.example.com",
    "evil.com",
    "api.example.com.evil.com",
    "evil-api.example.com",
    "",
)
NO_HOSTS = ("api.example.com@evil.com", "evil.com/.internal.example.com", "evil.com:.internal.example.com", "a b")


def test_only_the_named_hosts_are_answered_for(start: Start) -> None:
    with start(ALLOWED_HOSTS="api.example.com,*.internal.example.com,[::1]").connect() as client:
        for host in OURS:
            _ = problem(asked(client, host), 401)
        for host in THEIRS:
            _ = problem(asked(client, host), 421, "misdirected-request")
            # Orchestrators ask each instance by an address of its own.
            assert asked(client, host, "/readyz").status_code == 200
        for host in NO_HOSTS:
            _ = problem(asked(client, host), 400, "bad-request")
            _ = problem(asked(client, host, "/readyz"), 400, "bad-request")


def test_outside_production_this_machine_is_the_default(start: Start) -> None:
    with start(ALLOWED_HOSTS="").connect() as client:
        assert [asked(client, host).status_code for host in ("localhost:8000", "127.0.0.1", "evil.com")] == [
            401,
            401,
            421,
        ]
