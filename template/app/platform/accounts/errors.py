"""What can go wrong with accounts; each says its own status."""

from app.kit.errors import Conflict, NotFound


class AccountGone(NotFound):
    """Your account has been deleted."""


class LastAdmin(Conflict):
    """Nobody else could manage the accounts then: make somebody else an admin first."""
