"""Whose key is it? Asked of the database once in half a minute for each key, not at every request.

What is revoked is refused at once all the same: auth/revocation.py follows it. When a key was last used is noted in
memory, and written once a minute.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from time import monotonic
from uuid import UUID

from fastapi import FastAPI

from app.adapters.database.work import Database
from app.kit import clock, crypto, state
from app.kit.access import Principal, Refusal, Restrictions
from app.kit.errors import AppError
from app.kit.logging import get_logger
from app.platform.accounts import gates
from app.platform.accounts import service as accounts
from app.platform.api_keys import repository
from app.platform.api_keys.keys import ApiKey
from app.platform.auth.tokens import Revoked, Tokens

# Shorter than the life of an access token: for that long, `Revoked` remembers what was revoked.
_KNOWN_SECONDS = 30.0
_REMEMBERED = 10_000
WRITTEN_EVERY_SECONDS = 60.0

_INVALID = Refusal("The API key is not valid here.")
_EXPIRED = Refusal("The API key has expired: create another one.")
_REVOKED = Refusal("The API key was revoked: create another one.")

log = get_logger()


@dataclass(frozen=True, slots=True)
class _Known:
    holder: Principal
    key_id: UUID
    expires_at: datetime
    until: float


class Keys:
    """The keys that this worker has verified, found by their hash, and when they were used."""

    def __init__(self, database: Database, revoked: Revoked, restrictions: Restrictions) -> None:
        self._database: Database = database
        self._revoked: Revoked = revoked
        self._restrictions: Restrictions = restrictions
        self._known: dict[bytes, _Known] = {}
        self._used: dict[UUID, datetime] = {}

    def holder(self, shown: bytes) -> Principal | Refusal | None:
        """Who holds a key; None when the database has to be asked."""
        known = self._known.get(sha256(shown).digest())
        if known is None or known.until <= monotonic():
            return None
        if known.key_id in self._revoked:
            return _REVOKED
        now = clock.now()
        if known.expires_at <= now:
            return _EXPIRED
        self._used[known.key_id] = now
        return known.holder

    async def look_up(self, shown: bytes) -> Principal | Refusal:
        """Who holds a key, by the database."""
        key = ApiKey.parse(shown)
        if key is None:
            return _INVALID
        stored = await repository.presented(self._database.primary, key.id)
        if stored is None or not secrets.compare_digest(stored.digest, crypto.digest(key.secret)):
            return _INVALID
        if stored.revoked_at is not None:
            return _REVOKED
        owner = await accounts.credentials_of(self._database.primary, stored.account_id)
        if owner is None or owner.disabled_at is not None:
            return _INVALID
        if await gates.refusal(self._database.primary, owner.id) is not None:
            return _INVALID
        methods = frozenset(stored.methods.split())
        holder = Principal(
            owner.id,
            None,
            owner.role,
            frozenset(stored.scopes.split()),
            credential_id=key.id,
            methods=methods,
            restriction=self._restrictions.of(owner.role, methods),
        )
        self._remember(shown, _Known(holder, key.id, stored.expires_at, monotonic() + _KNOWN_SECONDS))
        return self.holder(shown) or _INVALID

    async def write(self) -> None:
        """Write when keys were used; what can't be written now is written with the next."""
        used, self._used = self._used, {}
        try:
            async with self._database.transaction() as session:
                for key_id in sorted(used):  # in one order for all workers, so that none waits for another in a circle
                    await repository.note_use(session, key_id, used[key_id])
        except AppError as error:
            self._used = used | self._used
            log.warning("uses of API keys not written", reason=error.detail)

    async def run(self) -> None:
        """Write again and again."""
        while True:
            await asyncio.sleep(WRITTEN_EVERY_SECONDS)
            try:
                await self.write()
            except Exception:
                log.exception("uses of API keys lost")

    def _remember(self, shown: bytes, known: _Known) -> None:
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[sha256(shown).digest()] = known


@asynccontextmanager
async def part(app: FastAPI) -> AsyncGenerator[None]:
    """Verifies keys while the service runs, and writes their last uses before it ends."""
    keys = Keys(state.find(app, Database), state.find(app, Tokens).revoked, state.find(app, Restrictions))
    state.keep(app, keys)
    task = asyncio.create_task(keys.run(), name="uses of API keys")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await keys.write()
