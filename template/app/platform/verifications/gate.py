"""Keeps accounts out whose address nobody has confirmed: they may be somebody else's."""

from uuid import UUID

from app.adapters.database import Reader, Session
from app.kit.errors import AppError
from app.platform.accounts.gates import Gate
from app.platform.verifications import repository
from app.platform.verifications.errors import EmailNotVerified
from app.platform.verifications.settings import demanded


class ConfirmedAddressGate:
    """Open to whoever has proved their address; for signing in that is asked only where the settings demand it."""

    errors: tuple[type[AppError], ...] = (EmailNotVerified,)

    async def refusal(self, reader: Reader | Session, account_id: UUID, *, appointment: bool) -> AppError | None:
        """Why an account may not sign in, or not be given a role."""
        asked = appointment or demanded()
        return EmailNotVerified() if asked and not await repository.has(reader, account_id) else None

    async def vouch(self, session: Session, account_id: UUID) -> None:
        """Take an operator's word for it."""
        _ = await repository.add(session, account_id)


gate: Gate = ConfirmedAddressGate()
