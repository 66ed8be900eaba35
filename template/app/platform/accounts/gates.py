"""What an account needs besides its password, where a noun demands something."""

from functools import cache
from typing import Protocol, cast
from uuid import UUID

from app.adapters.database import Reader, Session
from app.kit import discovery
from app.kit.errors import AppError


class Gate(Protocol):
    """Keeps accounts from signing in, or from being given a role. A noun offers it in `gate.py`: `gate`."""

    errors: tuple[type[AppError], ...]
    """What signing in may answer because of it."""

    async def refusal(self, reader: Reader | Session, account_id: UUID, *, appointment: bool) -> AppError | None:
        """Why an account may not sign in or, for an `appointment`, not be given a role; None when it may."""
        ...

    async def vouch(self, session: Session, account_id: UUID) -> None:
        """Let an account through that an operator vouches for."""
        ...


@cache
def gates() -> tuple[Gate, ...]:
    """Every gate of this service."""
    return tuple(cast("Gate", each) for each in discovery.offered("gate"))


def errors() -> tuple[type[AppError], ...]:
    """What signing in may answer because of a gate."""
    return tuple(error for gate in gates() for error in gate.errors)


async def refusal(reader: Reader | Session, account_id: UUID, *, appointment: bool = False) -> AppError | None:
    """Why an account may not sign in or, for an `appointment`, not be given a role; None when it may."""
    for gate in gates():
        if (found := await gate.refusal(reader, account_id, appointment=appointment)) is not None:
            return found
    return None
