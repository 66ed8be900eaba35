"""What can go wrong with accounts; each says its own status."""

from app.kit.errors import Conflict, NotFound


class EmailTaken(Conflict, constraint="uq_accounts_email_index"):
    """There is an account with this e-mail address already."""


class AccountGone(NotFound):
    """Your account has been deleted."""
