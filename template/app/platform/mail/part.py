"""What is opened with the service and closed after it."""

from app.platform.mail.delivery import part

__all__ = ["part"]
