"""Sends what waits in the outbox, in the background of every worker.

A letter is claimed in one transaction, sent outside of any, and removed in another. A worker that dies in between
leaves it to the others, which then may send it twice, but never lose it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from fastapi import FastAPI

from app.adapters.database.work import Database
from app.adapters.mail import MailSettings, mailer
from app.kit import clock, state
from app.kit.errors import AppError
from app.kit.logging import get_logger
from app.kit.mail import Mailer, MailNotSent, Message
from app.platform.links import service as links
from app.platform.mail import letters, repository
from app.platform.mail.service import Postbox

log = get_logger()

# How often a worker looks for letters of others and for those whose next attempt is due.
_LOOK_SECONDS = 5.0
# A letter is put in before its transaction commits.
_COMMIT_SECONDS = 0.02
# Longer than an attempt can take: until then nobody else takes the letter.
_CLAIMED = timedelta(seconds=90)
_FIRST_WAIT_SECONDS = 15
_LONGEST_WAIT_SECONDS = 3600
_MOST_ATTEMPTS = 12
_KEPT = timedelta(days=1)


class Courier:
    """Sends letters, one at a time."""

    def __init__(self, database: Database, carrier: Mailer, links: str) -> None:
        self._database: Database = database
        self._carrier: Mailer = carrier
        self._links: str = links

    async def run(self, postbox: Postbox) -> None:
        """Send whatever is due, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await postbox.filled.wait()
                    await asyncio.sleep(_COMMIT_SECONDS)
            postbox.filled.clear()
            try:
                while await self.send_next():
                    pass
            except AppError as error:
                log.warning("mail waits", reason=error.detail)
            except Exception:
                log.exception("mail failed")

    async def send_next(self) -> bool:
        """Send the letter that is due; whether there was one."""
        async with self._database.transaction() as session:
            due = await repository.next_due(session, clock.now())
            if due is None:
                return False
            # Counted first: a letter that can't even be written does not come back at once, and not for ever.
            await repository.postpone(session, due.id, clock.now() + _CLAIMED, tried=1)
        async with self._database.transaction() as session:
            letter = await letters.written(session, due.letter, due.recipient, self._links)
        reason = await self._failure(letter.message) if letter is not None else None
        async with self._database.transaction() as session:
            if letter is not None and letter.link is not None and reason is not None:
                await links.withdraw(session, letter.link)
            if reason is None or _given_up(due, reason):
                await repository.remove(session, due.id)
            else:
                wait = min(_FIRST_WAIT_SECONDS << due.attempts, _LONGEST_WAIT_SECONDS)
                await repository.postpone(session, due.id, clock.now() + timedelta(seconds=wait), tried=0)
        return True

    async def _failure(self, message: Message) -> str | None:
        """Why a message was not taken; None when it was."""
        try:
            await self._carrier.send(message)
        except MailNotSent as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one letter, the others have to go
            return type(error).__name__
        return None


def _given_up(due: repository.Due, reason: str) -> bool:
    attempts = due.attempts + 1
    last = attempts >= _MOST_ATTEMPTS or clock.now() - due.created_at > _KEPT
    told = {"letter": due.letter, "mail": str(due.id), "attempts": attempts, "reason": reason}
    if last:
        log.error("mail given up", **told)
    else:
        log.warning("mail not sent", **told)
    return last


@asynccontextmanager
async def part(app: FastAPI) -> AsyncGenerator[None]:
    """Sends while the service runs; a letter that is under way at its end is sent by whoever starts next."""
    settings = state.find(app, MailSettings)
    postbox = Postbox()
    state.keep(app, postbox)
    courier = Courier(state.find(app, Database), mailer(settings), settings.links)
    running = asyncio.create_task(courier.run(postbox), name="mail")
    try:
        yield
    finally:
        _ = running.cancel()
        with suppress(asyncio.CancelledError):
            await running
