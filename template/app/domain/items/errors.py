"""What can go wrong with items; each says its own status."""

from app.kit.errors import Conflict, NotFound, PreconditionFailed


class ItemNotFound(NotFound):
    """You have no item with this id."""


class NameTaken(Conflict, constraint="uq_items_owner_id_name"):
    """Another item of yours has this name."""


class ItemChanged(PreconditionFailed):
    """The item has changed since you read it: read it again, then repeat the change."""
