"""The lifespan of sign-ins: what is opened with the service and closed after it."""

from app.platform.auth.revocation import part

__all__ = ["part"]
