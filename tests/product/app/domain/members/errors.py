"""What can go wrong with members; each says its own status."""

from app.kit.errors import Conflict, NotFound


class MemberNotFound(NotFound, constraint="fk_members_account_id_accounts"):
    """There is no such account."""


class MemberAlready(Conflict, constraint="uq_members_company_id_account_id"):
    """This account is a member of the company already."""
