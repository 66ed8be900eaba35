"""Signing out with a refresh token alone. It comes and goes with browser sessions."""

from app.adapters.database import Session
from app.kit import crypto
from app.platform.audit import service as audit
from app.platform.auth import repository
from app.platform.auth.dependencies import Tokens
from app.platform.auth.service import end


async def logout(session: Session, tokens: Tokens, secret: str) -> None:
    """End the session of a refresh token, if it has one."""
    token = await repository.presented(session, crypto.digest(secret))
    if token is not None:
        who, which = token.account_id, token.session_id
        await end(session, tokens, which)
        await audit.decided(session, "auth.logout", "granted", account_id=who, credential_id=which)
