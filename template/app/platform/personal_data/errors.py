"""What can go wrong with erasing; each says its own status."""

from app.kit.errors import Forbidden, Unavailable


class ErasureRefused(Forbidden, keeps_writes=True):
    """The password is wrong. Nothing was erased."""


class ErasureUnderWay(Unavailable):
    """The erasure is not complete yet: repeat the request."""
