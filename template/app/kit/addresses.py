"""Addresses of clients, as far as they may be kept."""

from functools import lru_cache
from ipaddress import ip_address, ip_network

from app import defaults


@lru_cache(maxsize=4096)
def loggable(address: str) -> str:
    """A client's address as it may be kept: whole, or only its network (/24, /48) where the data is personal."""
    if defaults.LOG_CLIENT_ADDRESS:
        return address
    try:
        bits = 24 if ip_address(address).version == 4 else 48  # noqa: PLR2004
    except ValueError:
        return ""
    return str(ip_network(f"{address}/{bits}", strict=False))
