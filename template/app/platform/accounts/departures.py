"""Which accounts may not leave, where a noun keeps some."""

from functools import cache
from typing import Protocol, cast

from app.adapters.database import Session
from app.kit import discovery
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


@cache
def _departures() -> tuple[Departure, ...]:
    return tuple(cast("Departure", each) for each in discovery.offered("departure"))


def errors() -> tuple[type[AppError], ...]:
    """What deleting an account may answer because of those who may not leave."""
    return tuple(error for each in _departures() for error in each.errors)


async def refuse(session: Session, account: Credentials) -> None:
    """Raise why an account may not leave; nothing where it may."""
    for each in _departures():
        if (found := await each.refusal(session, account)) is not None:
            raise found
