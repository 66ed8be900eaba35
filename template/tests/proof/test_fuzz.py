"""Fuzzing finds what is wrong: it is broken here on purpose."""

from pathlib import Path
from typing import Annotated, cast
from uuid import UUID, uuid4

import pytest
from fastapi import Depends, HTTPException, Query

from app.http.probes import Status
from app.kit import routing
from app.kit.access import Principal, public, require
from app.kit.errors import Forbidden
from app.kit.schemas import Identified, Line
from app.platform.accounts.roles import MEMBER
from proof.fuzz import play
from proof.fuzz.checks import sec_9
from proof.fuzz.play import Amount
from proof.standards.context import Context, operations
from tests.conftest import Start
from tests.proof.conftest import context_of, fails
from tests.proof.test_standards import trust

_LONGEST = 100
_ANYONE = [public("a test of what it finds", unlimited="a test")]

router = routing.router("/v1/fragile", "fragile")


@router.get("/crash", dependencies=_ANYONE)
async def crash(text: Line = "") -> Status:
    """Fail at the longest text."""
    if len(text) == _LONGEST:
        raise ValueError(text)
    return Status(status=text)


@router.get("/teapot", dependencies=_ANYONE)
async def teapot(number: Annotated[int, Query(ge=1, le=7)] = 1) -> Status:
    """Answer what is documented nowhere."""
    raise HTTPException(418, str(number))


@router.post("", status_code=201, dependencies=_ANYONE)
async def create() -> Identified:
    """Make something that nobody can see."""
    return Identified(id=uuid4())


async def closed() -> None:
    """Let nobody in."""
    raise Forbidden


@router.get("/{thing_id}", dependencies=[Depends(closed)])
async def read(thing_id: UUID, caller: Annotated[Principal, Depends(require("fragile:read", MEMBER))]) -> Status:
    """Say whose it is."""
    return Status(status=f"{thing_id} {caller.role}")


@pytest.fixture
def fragile(start: Start, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Context:
    """A service with those operations, and nothing else that is asked."""
    monkeypatch.setattr("app.house.inspect", trust)
    context = context_of(start(router).url, database_url, tmp_path)
    others = {each.name: "another test" for each in operations(context.document()) if "/fragile" not in each.path}
    monkeypatch.setattr(play, "LEFT_OUT", others)
    return context


def test_what_is_wrong_is_found_and_shown_as_a_request(fragile: Context) -> None:
    outcome = sec_9.check(fragile, Amount(examples=1, chains=1), seed=1)

    fails(
        outcome,
        "GET /v1/fragile/crash as nobody: Server error. Try again with FUZZ_SEED=1",
        "GET /v1/fragile/teapot as nobody: Undocumented status code.",
        "GET /v1/fragile/{thing_id} as member is never let in.",
    )
    assert "links that nobody followed: POST /v1/fragile -> [201] " in outcome.evidence[1]
    at_fault = dict(cast("list[tuple[str, str]]", outcome.tables[0].rows))
    assert "curl -X GET" in at_fault["GET /v1/fragile/crash as nobody: Server error"]
