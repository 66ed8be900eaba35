"""Routes that misbehave on purpose; a test starts a service with them: `start(trouble.router)`."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Body
from fastapi.responses import StreamingResponse
from sqlalchemy import Integer, func, select

from app.adapters.database import Query, Reader, Session
from app.http.probes import Status
from app.kit import routing
from app.kit.access import public
from app.kit.errors import BadRequest, Conflict, answers
from app.kit.limits import limits

SECRET = "the-inside-story"

_ANYONE = [public("a test has no account")]
_BACKEND = Query(select(func.pg_backend_pid(type_=Integer).label("pid")), dict[str, object])
_SLEEP = Query(
    select(func.pg_backend_pid(type_=Integer).label("pid"), func.pg_sleep(30).label("slept")), dict[str, object]
)

router = routing.router("/v1/trouble", "trouble")


class Undeclared(Conflict):
    """The route that raises this does not say so."""


@router.get("/bug", dependencies=_ANYONE)
async def bug() -> Status:
    """Fail."""
    raise RuntimeError(SECRET)


@router.get("/undeclared", dependencies=_ANYONE)
async def undeclared() -> Status:
    """Raise what is not declared."""
    raise Undeclared


@router.get("/sleep", dependencies=_ANYONE)
async def sleep() -> Status:
    """Take too long without the database."""
    await asyncio.sleep(30)
    return Status(status="ok")


@router.get("/sleeping-query", dependencies=_ANYONE)
async def sleeping_query(reader: Reader) -> Status:
    """Take too long in the database."""
    return Status(status=str(await reader.one(_SLEEP)))


@router.get("/sleeping-transaction", dependencies=_ANYONE)
async def sleeping_transaction(session: Session) -> Status:
    """Take too long in a transaction."""
    return Status(status=str(await session.one(_SLEEP)))


@router.get("/backend", dependencies=_ANYONE)
async def backend(reader: Reader) -> Status:
    """Say which process of the database answers."""
    found = await reader.one(_BACKEND)
    return Status(status=str(found["pid"]) if found else "")


@router.get("/stream", dependencies=_ANYONE, response_class=StreamingResponse)
async def stream(reader: Reader, session: Session) -> StreamingResponse:
    """Answer without end, after having used the database both ways."""
    _ = await reader.one(_BACKEND), await session.one(_BACKEND)

    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536
            await asyncio.sleep(0)

    return StreamingResponse(chunks(), media_type="text/plain")


@router.get("/half", dependencies=_ANYONE, response_class=StreamingResponse)
async def half() -> StreamingResponse:
    """Fail in the middle of the answer."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"the first half"
        raise RuntimeError(SECRET)

    return StreamingResponse(chunks(), media_type="text/plain")


def holding(release: threading.Event) -> APIRouter:
    """Routes that wait until a test lets them go: `/v1/hold` with a connection, `/v1/wait` without."""
    made = routing.router("/v1", "holding")

    @made.get("/hold", dependencies=_ANYONE)
    async def hold(session: Session) -> Status:
        """Hold a connection."""
        _ = await session.one(_BACKEND)
        return await wait()

    @made.get("/wait", dependencies=_ANYONE)
    async def wait() -> Status:
        """Hold nothing."""
        _ = await asyncio.to_thread(release.wait, 10)
        return Status(status="ok")

    return made


bounded = routing.router("/v1/bounded", "bounded", dependencies=_ANYONE)
done = threading.Event()
_Bytes = Annotated[bytes, Body(media_type="application/octet-stream", max_length=1 << 20)]


@bounded.post("/body", dependencies=[limits(body=4096)], responses=answers(BadRequest))
async def body(data: _Bytes) -> Status:
    """Take more than others."""
    return Status(status=str(len(data)))


@bounded.post("/fastapi", max_body_size=2048, responses=answers(BadRequest))
async def as_fastapi_says_it(data: _Bytes) -> Status:
    """Take more than others."""
    return Status(status=str(len(data)))


@bounded.get("/longer", dependencies=[limits(seconds=30)])
async def longer() -> Status:
    """Take longer than others may."""
    await asyncio.sleep(0.4)
    return Status(status="ok")


@bounded.get("/shorter", dependencies=[limits(seconds=0.1)])
async def shorter() -> Status:
    """Take longer than it may."""
    return await sleep()


@bounded.get("/rare", dependencies=[limits(rate="3/3600")])
async def rare() -> Status:
    """Answer now and then."""
    return Status(status="ok")


@bounded.get("/slow-stream", response_class=StreamingResponse)
async def slow_stream() -> AsyncIterator[str]:
    """Take longer than a request may, once the answer has begun."""
    yield "first, "
    await asyncio.sleep(1.2)
    yield "last"


@bounded.get("/endless", response_class=StreamingResponse)
async def endless() -> AsyncIterator[str]:
    """Never end."""
    while True:
        yield "again"
        await asyncio.sleep(0.01)


@bounded.get("/stuck", dependencies=[limits(seconds=30)], response_class=StreamingResponse)
async def stuck() -> AsyncIterator[str]:
    """Never go on."""
    yield "first"
    await asyncio.sleep(30)


@bounded.get("/later")
async def later(tasks: BackgroundTasks) -> Status:
    """Go on after the answer, for longer than a request may."""

    async def work() -> None:
        await asyncio.sleep(1.2)
        done.set()

    tasks.add_task(work)
    return Status(status="ok")


longest = routing.router("/v1/longest", "longest", dependencies=_ANYONE)


@longest.get("", dependencies=[limits(seconds=600)])
async def take_the_longest() -> Status:
    """Take as long as any operation may."""
    return Status(status="ok")
