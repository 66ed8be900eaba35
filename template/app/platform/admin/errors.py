"""What can go wrong with looking after accounts; each says its own status."""

from app.kit.errors import Conflict, NotFound, PreconditionFailed


class AccountNotFound(NotFound):
    """There is no such account."""


class AccountChanged(PreconditionFailed):
    """The account has changed since you read it: read it again, then repeat the change."""


class LastAdmin(Conflict):
    """This is the last admin: appoint another one first."""
