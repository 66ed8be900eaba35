"""Asks the nouns whether an account may be deleted."""

from functools import cache
from typing import cast

from app.adapters.database import Session
from app.kit import discovery
from app.kit.errors import AppError
from app.platform.accounts.departures import Departure
from app.platform.accounts.schemas import Credentials


@cache
def _departures() -> tuple[Departure, ...]:
    return tuple(cast("Departure", each) for each in discovery.offered("departure"))


def errors() -> tuple[type[AppError], ...]:
    """What deleting an account may answer because of them."""
    return tuple(error for each in _departures() for error in each.errors)


async def refuse(session: Session, account: Credentials) -> None:
    """Raise why an account may not be deleted; nothing where it may."""
    for each in _departures():
        if (found := await each.refusal(session, account)) is not None:
            raise found
