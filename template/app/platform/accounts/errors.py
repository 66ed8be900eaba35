"""What can go wrong with accounts; each says its own status."""

from app.kit.errors import NotFound


class AccountGone(NotFound):
    """Your account has been deleted."""
