"""What can go wrong with passwords; each says its own status."""

from app.kit.errors import Forbidden


class WrongPassword(Forbidden, keeps_writes=True):
    """The password is wrong. Nothing was changed."""
