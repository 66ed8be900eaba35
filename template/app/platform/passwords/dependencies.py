"""What operations may take as a parameter: `proof: Reauthentication`."""

from typing import Annotated

from fastapi import Depends

from app.platform.accounts.dependencies import Passwords
from app.platform.attempts.dependencies import AttemptCounter
from app.platform.passwords import service


async def _reauthentication(passwords: Passwords, guesses: AttemptCounter) -> service.Reauthentication:
    return service.Reauthentication(passwords, guesses)


Reauthentication = Annotated[service.Reauthentication, Depends(_reauthentication)]
"""What an operation that wants the password again asks."""
