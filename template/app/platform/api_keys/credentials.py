"""API keys as one kind of credential among others: revoked together, and followed by every worker."""

from app.platform.api_keys.repository import revoke_all, revoked

__all__ = ["revoke_all", "revoked"]
