"""What operations may take as a parameter: `guesses: AttemptCounter`."""

from typing import Annotated

from fastapi import Depends

from app.adapters.database import Database
from app.kit.peers import Peer
from app.platform.attempts import service


async def _counter(database: Database, place: Peer) -> service.AttemptCounter:
    return service.AttemptCounter(database, place)


AttemptCounter = Annotated[service.AttemptCounter, Depends(_counter)]
"""What an operation that looks at a secret asks first."""
