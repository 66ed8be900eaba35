"""How far it is from the wire to the database: the files that a reader opens for one write."""

import asyncio
import re
import sys
from types import FrameType
from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from tests.conftest import SignUp, Start
from tests.example import needs_example
from tests.test_house import ROOT

# What optional parts add to each request has a file of its own: one that keeps people out, and one that passes it on.
_MOST = 20
_OF_PARTS = ("/restriction.py", "/layer.py")


@needs_example
def test_a_write_is_read_in_few_files(start: Start, sign_up: SignUp) -> None:
    service = start()
    client = sign_up(service)
    assert client.post("/v1/items", json={"name": "first"}).status_code == 201
    run: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        file = frame.f_code.co_filename
        if event != "call" or not file.startswith(str(ROOT / "app")):
            return
        task = asyncio.current_task()
        # What runs in the background has a name, and nothing to do with the request.
        if task is None or task.get_name().startswith("Task-"):
            run.add(file.removeprefix(f"{ROOT}").replace("\\", "/").lstrip("/"))

    stack = cast("ASGIApp", service.app.middleware_stack)

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        sys.setprofile(note)
        await stack(scope, receive, send)

    service.app.middleware_stack = watched
    # The head of a request is read before the stack is called, so the second one is seen whole.
    assert client.post("/v1/items", json={"name": "second"}).status_code == 201
    run.clear()
    assert client.post("/v1/items", json={"name": "third"}).status_code == 201

    parts = {file for file in run if file.endswith(_OF_PARTS)}
    assert len(parts) <= len(_OF_PARTS)
    assert len(run - parts) <= _MOST, "\n".join(sorted(run))
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    lines = re.findall(r"^- `(app/[\w/]+/)`: (.+)$", text, re.MULTILINE)
    named = {f"{folder}{file}" for folder, files in lines for file in re.findall(r"`(\w+\.py)`", files)}
    assert named == run - parts, "docs/architecture.md has to list these, and no others"
    assert f"{len(named)} files" in text, f"docs/architecture.md has to say {len(named)} files"
