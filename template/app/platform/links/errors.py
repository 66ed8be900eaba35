"""What can go wrong with links; each says its own status."""

from app.kit.errors import BadRequest


class LinkRefused(BadRequest):
    """The link is not valid: it was used before, is too old, or was never ours. Ask for a new one."""
