"""Browsers: the access token in a cookie that no script reads, and how another site's page is told from our own.

A browser sends its cookies with whatever request a page makes, so a cookie alone proves nothing about who wanted the
request. What changes something therefore needs a second proof, which only our own pages can give.
"""

from app.kit.authentication import Headers

# `__Host-`: set by this host over TLS, for this host alone. No other subdomain can plant or replace it.
ACCESS_COOKIE = "__Host-access"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_START = ACCESS_COOKIE.encode() + b"="
_CSRF = CSRF_HEADER.lower().encode()


def access_token(headers: Headers) -> bytes | None:
    """The access token in the cookies of a request."""
    cookies = headers.get(b"cookie", b"")
    if _START not in cookies:
        return None
    return next((each[len(_START) :] for each in cookies.split(b"; ") if each.startswith(_START)), None)


def csrf_token(headers: Headers) -> bytes:
    """The CSRF token that came with a request; empty when none did."""
    return headers.get(_CSRF, b"")


def from_own_page(headers: Headers) -> bool:
    """Whether a browser would send this from a page of this very origin; what is no browser says nothing, and passes.

    No page can write these two headers. Behind a proxy that changes `Host`, `Sec-Fetch-Site` still holds.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site == b"same-origin"
    origin = headers.get(b"origin")
    return origin is None or origin.partition(b"://")[2] == headers.get(b"host")
