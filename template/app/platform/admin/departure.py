"""Keeps the last admin: nobody else could make another one."""

from app.adapters.database import Session
from app.kit.errors import AppError
from app.platform.accounts import management
from app.platform.accounts.departures import Departure
from app.platform.accounts.schemas import Credentials
from app.platform.admin.errors import LastAdmin
from app.platform.admin.roles import ADMIN


class LastAdminStays:
    """Locks the admins, so that of two who leave at once the second sees that the first is gone."""

    errors: tuple[type[AppError], ...] = (LastAdmin,)

    async def refusal(self, session: Session, account: Credentials) -> AppError | None:
        """Why an account may not leave."""
        last = account.role == ADMIN and await management.holders(session, ADMIN) == [account.id]
        return LastAdmin() if last else None


departure: Departure = LastAdminStays()
