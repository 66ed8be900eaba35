"""Where a request came from: the peer, or what our own proxies say of the peer before them.

`X-Forwarded-For` is text that anyone can send. It counts only from the peers that TRUSTED_PROXIES names, and is read
from its right end: each entry was written by the hop to the right of it, so the first one that is no proxy of ours is
the last address that we know. Log, limits and audit all use this answer.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import cast

from starlette.types import Scope

Network = IPv4Network | IPv6Network

_SCHEMES = frozenset({"http", "https"})


class ClientAddress:
    """Finds the address of the client; for a request through a trusted proxy also the scheme that the client used."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted: tuple[Network, ...] = tuple(trusted)

    def find(self, scope: Scope) -> str:
        """The client's address, as text; empty when there is none, as on a socket of this machine."""
        client = cast("tuple[str, int] | None", scope["client"])
        peer = plain(client[0]) if client else ""
        if not self._trusted or not self._is_proxy(peer):
            return peer
        headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
        scheme = _all(headers, b"x-forwarded-proto")[-1].lower()
        if scheme in _SCHEMES:
            scope["scheme"] = scheme
        found = peer
        for hop in reversed(_all(headers, b"x-forwarded-for")):
            address = plain(hop)
            if not address:
                # No proxy of ours writes that, so nothing to the left of it was written by one.
                break
            found = address
            if not self._is_proxy(address):
                break
        # For whoever asks ASGI: the kit knows no exchange.
        scope["client"] = (found, 0)
        return found

    def _is_proxy(self, address: str) -> bool:
        return bool(address) and any(ip_address(address) in network for network in self._trusted)


def _all(headers: list[tuple[bytes, bytes]], name: bytes) -> list[str]:
    """The entries of a header that may come more than once, in order."""
    return [entry.strip() for key, value in headers if key == name for entry in value.decode("latin-1").split(",")] or [
        ""
    ]


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """An address in its usual spelling, without port and zone; empty when the text is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    address = _parsed(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address) if address else ""


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
