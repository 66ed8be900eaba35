"""Where a request comes from: what a stranger writes about it never counts."""

from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from starlette.types import Scope

from app.http.exchange import ClientAddress, plain
from tests.conftest import Start

PROXY = "10.0.0.1"
INNER = "10.0.0.2"


def found(peer: str, *forwarded: str, trusted: Sequence[str] = ("10.0.0.0/8",), scheme: str = "") -> tuple[str, str]:
    """The address and the scheme of a request."""
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    if scheme:
        headers.append((b"x-forwarded-proto", scheme.encode()))
    scope: Scope = {"type": "http", "client": (peer, 1) if peer else None, "scheme": "http", "headers": headers}
    address, _ = ClientAddress([ip_network(each) for each in trusted]).find(scope)
    if peer and address != plain(peer):
        assert scope["client"] == (address, 0)
    return address, str(scope["scheme"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", (), "203.0.113.7"),
        ("203.0.113.7", ("198.51.100.1",), "203.0.113.7"),  # a stranger's word
        (PROXY, ("203.0.113.7",), "203.0.113.7"),
        (PROXY, ("198.51.100.1, 203.0.113.7",), "203.0.113.7"),  # the left entry is the client's own
        (PROXY, ("198.51.100.1", "203.0.113.7"), "203.0.113.7"),  # the same in two fields
        (PROXY, (f"198.51.100.1, 203.0.113.7, {INNER}",), "203.0.113.7"),  # two proxies in a row
        (PROXY, (f"10.9.9.9, {INNER}",), "10.9.9.9"),  # nobody but proxies: the first of them
        (PROXY, (), PROXY),
        (PROXY, ("",), PROXY),
        (PROXY, ("unknown",), PROXY),
        (PROXY, (f"198.51.100.1, <script>, {INNER}",), INNER),  # nothing left of what cannot be read
        (PROXY, ("203.0.113.7:4711",), "203.0.113.7"),
        (PROXY, ("[2001:db8::7]:4711",), "2001:db8::7"),
        (PROXY, ("2001:DB8:0:0::7",), "2001:db8::7"),
        (f"::ffff:{PROXY}", ("203.0.113.7",), "203.0.113.7"),  # a socket for both versions
        ("", ("203.0.113.7",), ""),
    ],
)
def test_the_address_is_the_last_one_that_a_proxy_of_ours_wrote(
    peer: str, forwarded: tuple[str, ...], address: str
) -> None:
    assert found(peer, *forwarded)[0] == address


def test_without_trusted_proxies_nothing_forwarded_counts() -> None:
    assert found(PROXY, "203.0.113.7", trusted=(), scheme="https") == (PROXY, "http")


@pytest.mark.parametrize(
    ("peer", "given", "scheme"),
    [
        (PROXY, "https", "https"),
        (PROXY, "http, https", "https"),
        (PROXY, "gopher", "http"),
        ("1.2.3.4", "https", "http"),
    ],
)
def test_the_scheme_counts_from_trusted_proxies_alone(peer: str, given: str, scheme: str) -> None:
    assert found(peer, "203.0.113.7", scheme=given)[1] == scheme


@pytest.mark.parametrize("text", ["", "a socket", "1.2.3", "1.2.3.4.5", "fe80::1%<b>x", "[", "::1]", "1.2.3.4\n5"])
def test_what_is_kept_of_an_address_is_an_address_or_nothing(text: str) -> None:
    assert plain(text) in {"", "fe80::1"}


def test_writing_other_addresses_is_no_way_around_a_limit(start: Start) -> None:
    with start(RATE_LIMIT_ADDRESS="3/3600").connect() as client:
        spoofed = [
            client.get(
                "/v1/accounts/me", headers={"x-forwarded-for": f"192.0.2.{each}", "x-real-ip": f"192.0.2.{each}"}
            )
            for each in range(5)
        ]

    assert [each.status_code for each in spoofed] == [401, 401, 401, 429, 429]


def test_through_a_trusted_proxy_the_client_cannot_choose_its_address(start: Start) -> None:
    service = start(RATE_LIMIT_ADDRESS="3/3600", TRUSTED_PROXIES="127.0.0.1")
    with service.connect() as client:
        spoofed = [
            client.get("/v1/accounts/me", headers={"x-forwarded-for": f"192.0.2.{each}, 203.0.113.7"})
            for each in range(5)
        ]
        other = client.get("/v1/accounts/me", headers={"x-forwarded-for": "203.0.113.7, 203.0.113.8"})

    assert [each.status_code for each in spoofed] == [401, 401, 401, 429, 429]
    assert other.status_code == 401
