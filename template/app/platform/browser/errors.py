"""What can go wrong with requests of pages; each says its own status."""

from app.kit.errors import Forbidden


class CrossSiteRefused(Forbidden):
    """A change with cookies must come from a page of this site and carry the session's CSRF token."""
