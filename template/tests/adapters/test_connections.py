"""How connections are lent, with the database left out: what is lent here is never used."""

import asyncio
import time
from typing import cast

import pytest

from app.adapters.database import Connection
from app.adapters.database.connections import Connections
from app.kit.errors import Unavailable


class _Unused:
    """Something to lend."""

    closed: bool = False

    def is_closed(self) -> bool:
        return self.closed

    def terminate(self) -> None:
        self.closed = True


async def _open_one() -> Connection:
    return cast("Connection", _Unused())


def test_a_connection_handed_over_in_the_moment_of_giving_up_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.adapters.database.connections._WAIT_SECONDS", 0.05)

    async def scene() -> None:
        connections = Connections(_open_one, 1)
        lent = await connections.take()
        waiting = asyncio.ensure_future(connections.take())
        await asyncio.sleep(0)

        # Handed over first, cancelled before it could run: the worst order there is.
        connections.give_back(lent, sound=True)
        waiting.cancel()

        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert connections.lent == 0
        assert await connections.take() is lent

    asyncio.run(scene())


def test_a_connection_handed_over_in_the_moment_of_the_time_limit_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.adapters.database.connections._WAIT_SECONDS", 0.03)

    async def scene() -> None:
        connections = Connections(_open_one, 1)
        lent = await connections.take()
        waiting = asyncio.ensure_future(connections.take())
        await asyncio.sleep(0)

        # Both are due when the loop wakes up again: it is handed over, and then, before it could run, time is up.
        asyncio.get_running_loop().call_later(0.02, lambda: connections.give_back(lent, sound=True))
        time.sleep(0.1)  # noqa: ASYNC251 - the loop is to be late

        with pytest.raises(Unavailable):
            await waiting
        assert connections.lent == 0

    asyncio.run(scene())


def test_room_offered_in_the_moment_of_giving_up_is_offered_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.adapters.database.connections._WAIT_SECONDS", 5)

    async def scene() -> None:
        connections = Connections(_open_one, 1)
        lent = await connections.take()
        first, second = asyncio.ensure_future(connections.take()), asyncio.ensure_future(connections.take())
        await asyncio.sleep(0)

        connections.give_back(lent, sound=False)
        first.cancel()

        assert not (await asyncio.wait_for(second, 1)).is_closed()
        assert connections.lent == 1

    asyncio.run(scene())


def test_whoever_waits_too_long_is_told_so_and_takes_nothing_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.adapters.database.connections._WAIT_SECONDS", 0.02)

    async def scene() -> None:
        connections = Connections(_open_one, 1)
        lent = await connections.take()
        with pytest.raises(Unavailable, match="busy"):
            await connections.take()

        connections.give_back(lent, sound=True)
        assert await connections.take() is lent

    asyncio.run(scene())
