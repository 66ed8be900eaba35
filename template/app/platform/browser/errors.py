"""What can go wrong with requests of pages; each says its own status."""

from app.kit.errors import Forbidden


class CrossSiteRefused(Forbidden):
    """A browser changes something with its cookies only from a page of this site, with the session's CSRF token."""
