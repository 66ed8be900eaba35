"""What the business says about mail: it leaves after the commit of what it tells of, or not at all."""

import asyncio
from typing import Annotated

from fastapi import Depends, Request

from app.adapters.database import Session
from app.kit import state
from app.platform.mail import repository
from app.platform.mail.letters import Letter


class Postbox:
    """Takes letters. What they say is decided when they are sent, so that taking one costs the same for any address."""

    def __init__(self) -> None:
        self.filled: asyncio.Event = asyncio.Event()
        """Set when this process has taken a letter, so that it need not wait for the next look into the table."""

    async def put(self, session: Session, letter: Letter, recipient: str) -> None:
        """Have a letter sent once the transaction is committed."""
        await repository.add(session, letter, recipient)
        self.filled.set()


async def _postbox(request: Request) -> Postbox:
    return state.of(request, Postbox)


Post = Annotated[Postbox, Depends(_postbox)]
"""Where a letter is put."""
