"""Addresses of clients, as far as they may be kept."""

from functools import lru_cache
from ipaddress import ip_address, ip_network


@lru_cache(maxsize=4096)
def truncated(address: str) -> str:
    """The network of a client's address (/24, /48), where no more of it may be kept; empty for what is no address."""
    try:
        bits = 24 if ip_address(address).version == 4 else 48  # noqa: PLR2004
    except ValueError:
        return ""
    return str(ip_network(f"{address}/{bits}", strict=False))
