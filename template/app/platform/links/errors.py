"""What can go wrong with links; each says its own status."""

from app.kit.errors import BadRequest


class LinkRefused(BadRequest):
    """The link is invalid, expired or already used. Request a new one."""
