"""Which credentials were revoked in other workers: asked of the database once a second, not at every request.

The question is about a span of time that ends now by the database's own clock, so no clock of an instance matters. The
span overlaps the last one by the time that a transaction can take: what was revoked before the last look may have been
committed after it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import cache
from time import monotonic
from typing import Protocol, cast
from uuid import UUID

from fastapi import FastAPI
from prometheus_client import Gauge

from app.adapters.database import Reader, Session
from app.adapters.database.work import Database
from app.kit import discovery, routing, state
from app.kit.logging import get_logger
from app.platform.auth.tokens import Tokens
from app.settings import Settings

EVERY_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0

log = get_logger()

_age = Gauge(
    "auth_revocations_age_seconds",
    "Time since a worker last learnt which credentials were revoked; the greatest of all workers.",
    multiprocess_mode="livemax",
)


class Credentials(Protocol):
    """One kind of credential of an account: what a noun offers in `credentials.py`."""

    async def revoke_all(self, session: Session, account_id: UUID) -> list[UUID]:
        """Revoke those of an account, and say which they were."""
        ...

    async def revoked(self, primary: Reader, within: timedelta) -> list[UUID]:
        """Those that were revoked in a span of time until now, by the database's clock."""
        ...


@cache
def kinds() -> tuple[Credentials, ...]:
    """Every kind of credential that can be revoked."""
    return tuple(cast("Credentials", module) for module in discovery.everywhere("credentials"))


async def revoke_all(session: Session, tokens: Tokens | None, account_id: UUID) -> None:
    """Revoke every credential of an account: none of them may outlive its right to it.

    `tokens` are those of the worker that does it; a command has none.
    """
    for kind in kinds():
        revoked = await kind.revoke_all(session, account_id)
        if tokens is not None:
            tokens.revoked.note(revoked)


class Follower:
    """Keeps what one worker knows of revoked credentials up to date.

    While the database can't be asked, what is known stays known and access tokens hold until they expire: the service
    would otherwise sign everybody out whenever its database restarts.
    """

    def __init__(self, database: Database, tokens: Tokens, settling: timedelta) -> None:
        self._database: Database = database
        self._tokens: Tokens = tokens
        self._settling: timedelta = settling
        self._asked: float = monotonic() - tokens.longest.total_seconds()
        self._failing: bool = False

    async def run(self) -> None:
        """Look again and again, whatever happens."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Learn what was revoked since the last look; a failure is logged once, and made up for by the next look."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._ask()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look may succeed
            self._tell(str(error) or type(error).__name__)
        else:
            self._tell(None)
        _age.set(monotonic() - self._asked)

    async def _ask(self) -> None:
        began = monotonic()
        since = min(timedelta(seconds=began - self._asked), self._tokens.longest)
        for kind in kinds():
            self._tokens.revoked.confirm(await kind.revoked(self._database.primary, since + self._settling))
        self._tokens.revoked.forget(began)
        self._asked = began

    def _tell(self, reason: str | None) -> None:
        if reason is not None and not self._failing:
            log.warning("revoked credentials unknown", reason=reason)
        if reason is None and self._failing:
            log.info("revoked credentials known again")
        self._failing = reason is not None


@asynccontextmanager
async def part(app: FastAPI) -> AsyncGenerator[None]:
    """Learns what was revoked before the first request, and follows while the service runs."""
    settling = state.find(app, Settings).settling(routing.longest(app))
    follower = Follower(state.find(app, Database), state.find(app, Tokens), settling)
    await follower.look()
    task = asyncio.create_task(follower.run(), name="revoked credentials")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
