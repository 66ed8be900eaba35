"""What keeps accounts from being deleted."""

from typing import Protocol

from app.adapters.database import Session
from app.kit.errors import AppError
from app.platform.accounts.schemas import Credentials


class Departure(Protocol):
    """Keeps accounts from being deleted. A noun offers it in `departure.py`: `departure`."""

    errors: tuple[type[AppError], ...]
    """What deleting an account may answer because of it."""

    async def refusal(self, session: Session, account: Credentials) -> AppError | None:
        """Why an account may not leave, which stays so until the transaction ends; None when it may.

        It locks what it looks at before anybody locks the account itself.
        """
        ...
