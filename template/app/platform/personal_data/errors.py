"""What can go wrong with erasing; each says its own status."""

from app.kit.errors import Forbidden, Unavailable


class ErasureRefused(Forbidden, keeps_writes=True):
    """The password is wrong, so nothing was erased."""


class ErasureUnderWay(Unavailable):
    """Not all of it is erased yet: send the request again."""
