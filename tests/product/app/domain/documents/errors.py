"""What can go wrong with documents; each says its own status."""

from app.kit.errors import NotFound


class DocumentNotFound(NotFound):
    """The booking has no such document."""
