"""Where a request comes from, as the service sees it."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated

from fastapi import Depends, Request

# What one customer of a network provider holds: whoever has one address of it has them all.
_IPV6_PREFIX = 64


@lru_cache(maxsize=4096)
def network(host: str) -> str:
    """What counts as one place: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(ip_network((address, _IPV6_PREFIX), strict=False)) if isinstance(address, IPv6Address) else str(address)


async def _peer(request: Request) -> str:
    return network(request.client.host) if request.client else ""


Peer = Annotated[str, Depends(_peer)]
"""The place that a request comes from."""
