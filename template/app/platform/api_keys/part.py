"""What is opened with the service and closed after it."""

from app.platform.api_keys.verification import part

__all__ = ["part"]
