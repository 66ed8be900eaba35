"""Passwords: Argon2id, in a few threads of its own: a burst of logins neither stalls the rest nor eats the memory."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import CHEAPEST, RFC_9106_LOW_MEMORY

from app.kit.errors import Unavailable
from app.kit.guessable import normalised

T = TypeVar("T")

_THREADS = 2
_WAITING = 64


class Passwords:
    """Hashes and checks passwords with the second recommended parameters of RFC 9106 (64 MiB, 3 passes).

    Memory is bounded by the threads (2 × 64 MiB) and waiting by a queue; past that the answer is 503, at once.
    """

    def __init__(self, *, cheap: bool = False) -> None:
        # `cheap` is for tests alone: settings.py sets it in no other environment.
        self._hasher: PasswordHasher = PasswordHasher.from_parameters(CHEAPEST if cheap else RFC_9106_LOW_MEMORY)
        self._threads: ThreadPoolExecutor = ThreadPoolExecutor(_THREADS, "passwords")
        self._waiting: int = 0

    @cached_property
    def _nobody(self) -> str:
        """Checked when the account does not exist, so that its absence costs the time that a wrong password costs."""
        return self._hasher.hash("the password of nobody")

    async def hash(self, password: str) -> str:
        """The text to store for a password."""
        return await self._run(lambda: self._hasher.hash(normalised(password)))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one; with nothing stored the answer is no, after the same work."""
        matched = await self._run(lambda: self._verify(password, stored))
        return matched and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether the stored text was made with weaker parameters than today's: hash again at the next login."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password: str, stored: str | None) -> bool:
        nobody = self._nobody  # made at the first check, whoever it is for: not at the start, where nobody waits for it
        try:
            return self._hasher.verify(nobody if stored is None else stored, normalised(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING:
            raise Unavailable("Too many people are signing in at this moment: try again shortly.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
