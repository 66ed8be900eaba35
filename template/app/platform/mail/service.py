"""What the business says about mail: it leaves after the commit of what it tells of, or not at all."""

import asyncio
from weakref import WeakKeyDictionary

from app.adapters.database import Session
from app.platform.mail import repository

# A courier sends for the whole process, in the loop in which the letters are put.
_filled: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Event] = WeakKeyDictionary()


def filled() -> asyncio.Event:
    """Set when this process has put a letter, so that its courier need not wait for the next look into the table."""
    return _filled.setdefault(asyncio.get_running_loop(), asyncio.Event())


async def put(session: Session, letter: str, recipient: str) -> None:
    """Have a letter sent once the transaction is committed.

    What it says is decided when it is sent, so that putting one costs the same for any address.
    """
    await repository.add(session, letter, recipient)
    filled().set()
