"""Telling the owner of an account what happened to it, where a noun has a way to."""

from enum import StrEnum
from functools import cache
from typing import Protocol, cast

from app.adapters.database import Session
from app.kit import discovery


class Notice(StrEnum):
    """What an owner is told of."""

    SIGNED_UP = "signed-up"
    ADDRESS_TAKEN = "address-taken"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a notice, not a secret


class Notifier(Protocol):
    """Reaches owners at their addresses. A noun offers it in `notice.py`: `notice`."""

    promise: str
    """What a sign-up answers because of it, for any address."""

    async def tell(self, session: Session, notice: Notice, email: str) -> None:
        """Tell whoever has an address, once the transaction is committed; the work is the same for every notice."""
        ...


@cache
def _ways() -> tuple[Notifier, ...]:
    return tuple(cast("Notifier", each) for each in discovery.offered("notice"))


def promise() -> str:
    """What a sign-up answers: how to go on, and nothing that depends on the address."""
    return " ".join(each.promise for each in _ways()) or (
        "If nobody had an account with this address, it has one now: sign in with `POST /v1/auth/login`."
    )


async def tell(session: Session, notice: Notice, email: str) -> None:
    """Tell whoever has an address, in every way there is."""
    for way in _ways():
        await way.tell(session, notice, email)
