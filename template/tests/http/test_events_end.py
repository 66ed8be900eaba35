"""Events end with the process: nothing waits for what has no end."""

import asyncio
from collections.abc import AsyncIterable

import httpx
import pytest
from fastapi.sse import EventSourceResponse

from app import main, registry
from app.http.probes import Status
from app.kit import routing
from app.kit.access import public
from tests.conftest import Log
from tests.wire import running


def test_events_do_not_hold_up_the_end_of_the_process(
    database_url: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert database_url
    ended: list[str] = []
    router = routing.router("/v1/events", "events", dependencies=[public("a test has no account")])

    @router.get("", response_class=EventSourceResponse)
    async def follow() -> AsyncIterable[Status]:
        """Go on and on."""
        try:
            while True:
                yield Status(status="still here")
                await asyncio.sleep(0.02)
        finally:
            ended.append("ended")

    nouns = registry.routers()
    monkeypatch.setattr(registry, "routers", lambda: [*nouns, router])
    app = main.create_app()
    with httpx.Client(trust_env=False, timeout=20) as client:
        with running(app) as service:
            answer = client.send(client.build_request("GET", f"{service.url}/v1/events"), stream=True)
            lines = answer.iter_lines()
            assert [next(lines) for _ in range(5)]
        # Whoever gives the iterator up has closed the connection.
        assert lines
        answer.close()

    assert ended == ["ended"]
    assert "graceful shutdown exceeded" not in log.text()
    assert not [line for line in log.lines() if line["level"] == "error"]
