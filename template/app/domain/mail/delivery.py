"""Sends what waits in the outbox, in the background of every worker.

A letter is claimed in one transaction, sent outside of any, and removed in another. A worker that dies in between
leaves it to the others, which then may send it twice, but never lose it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import UUID

from fastapi import FastAPI

from app.adapters.database import Database
from app.adapters.mail import MailSettings, mailer
from app.domain.mail import letters, repository
from app.domain.mail.service import Postbox
from app.kit import clock, state
from app.kit.errors import AppError
from app.kit.logging import get_logger
from app.kit.mail import Mailer, MailNotSent, Message

log = get_logger()

# How often a worker looks for letters of others and for those whose next attempt is due.
_LOOK_SECONDS = 5.0
# A letter is put in before its transaction commits.
_COMMIT_SECONDS = 0.02
# Longer than an attempt can take: until then nobody else takes the letter.
_CLAIMED = timedelta(minutes=1)
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
            message = await letters.written(session, due.letter, due.recipient, self._links)
            if message is None:
                await repository.remove(session, due.id)
                return True
            await repository.postpone(session, due.id, clock.now() + _CLAIMED, tried=1)
        await self._send(due, message)
        return True

    async def _send(self, due: repository.Due, message: Message) -> None:
        try:
            await self._carrier.send(message)
        except MailNotSent as error:
            attempts = due.attempts + 1
            last = attempts >= _MOST_ATTEMPTS or clock.now() - due.created_at > _KEPT
            (log.error if last else log.warning)(
                "mail given up" if last else "mail not sent",
                letter=due.letter,
                mail=str(due.id),
                attempts=attempts,
                reason=str(error),
            )
            if not last:
                await self._try_again(due.id, attempts)
                return
        async with self._database.transaction() as session:
            await repository.remove(session, due.id)

    async def _try_again(self, mail_id: UUID, attempts: int) -> None:
        wait = timedelta(seconds=min(_FIRST_WAIT_SECONDS << (attempts - 1), _LONGEST_WAIT_SECONDS))
        async with self._database.transaction() as session:
            await repository.postpone(session, mail_id, clock.now() + wait, tried=0)


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
