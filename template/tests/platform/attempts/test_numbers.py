"""What the pages say of guessing is what the code does, however patient somebody is: days of it, by a moved clock."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.adapters.database import DatabaseSettings
from app.adapters.database.work import Database
from app.kit import clock
from app.platform.attempts.errors import TooManyAttempts
from app.platform.attempts.service import AttemptCounter
from app.settings import settings
from tests.conftest import new_address

PAGES = Path(__file__).parents[3] / "docs/security"
DAYS = 2
# After how many guesses somebody waits for how long, so that what was counted may be forgotten; 0 is never.
PLANS = [(0, timedelta(0)), *((guesses, timedelta(hours=hours)) for guesses in (5, 9, 14) for hours in (1, 25))]

Begin = Callable[[AttemptCounter, str], Awaitable[object]]


def most(begin: Begin) -> tuple[int, int]:
    """How many guesses the best plan gets on the first day, and on the one after it."""

    async def follow(guesses: int, pause: timedelta) -> tuple[int, int]:
        database = Database(DatabaseSettings.read(), settings().key_ring)
        address, place = new_address(), new_address()
        began = datetime.now(tz=clock.now().tzinfo)
        now, made = began, [0, 0]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "now", lambda: now)
            while (day := (now - began).days) < DAYS:
                try:
                    _ = await begin(AttemptCounter(database, place), address)
                except TooManyAttempts as refused:
                    now += timedelta(seconds=int(refused.headers["Retry-After"]))
                    continue
                made[day] += 1
                now += pause if guesses and not sum(made) % guesses else timedelta(0)
        await database.close()
        return made[0], made[1]

    results = [asyncio.run(follow(*plan)) for plan in PLANS]
    return max(first for first, _ in results), max(second for _, second in results)


def said(page: str, sentence: str) -> tuple[str, ...]:
    """The numbers of a sentence of a page about security."""
    text = " ".join((PAGES / page).read_text(encoding="utf-8").split())
    found = re.search(sentence.replace("#", r"([\d,.]*\d)"), text)
    assert found is not None, text
    return found.groups()


def test_guesses_at_a_password_from_one_place() -> None:
    first, later = most(AttemptCounter.begin)

    sentence = "gets # guesses on the first day, # on each one after, # a year"
    assert said("accounts.md", sentence) == (str(first), str(later), f"{first + 364 * later:,}")
