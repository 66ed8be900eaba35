"""What can go wrong with API keys; each says its own status."""

from app.kit.errors import Conflict, NotFound


class ApiKeyNotFound(NotFound):
    """You have no active API key with this id."""


class TooManyApiKeys(Conflict):
    """You have 50 API keys: revoke one that you no longer need."""
