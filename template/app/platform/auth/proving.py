"""Proving more than a password in a session that is open. It comes and goes with the second factor."""

from sqlalchemy import bindparam, update

from app.adapters.database import Command, Session, identity
from app.kit.access import Principal
from app.platform.auth.dependencies import Tokens
from app.platform.auth.models import SignIn
from app.platform.auth.service import end_all, session_of

_PROVE = Command(
    update(SignIn).where(SignIn.id == bindparam("sign_in_id")).values(methods=bindparam("proved")).returning(SignIn.id),
    identity,
)


async def prove(session: Session, tokens: Tokens, caller: Principal, *methods: str) -> None:
    """Note what else the caller's session has proved (RFC 8176), and end the others, which have not."""
    proved = " ".join((*caller.methods.difference(methods), *methods))
    await session.one(_PROVE, sign_in_id=session_of(caller), proved=proved)
    await end_all(session, tokens, caller.account_id, kept=caller.session_id)
