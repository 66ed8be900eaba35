"""Where a session is used from, as far as it may be kept: so that people recognise their own sessions."""

import re
from dataclasses import dataclass
from typing import cast

from fastapi import Request

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Device:
    """What a client says of itself, and where it is."""

    user_agent: str | None
    address: str | None


async def device(request: Request) -> Device:
    """The device of a request."""
    said = _CONTROLS.sub("", request.headers.get("user-agent", ""))[:LONGEST].strip()
    return Device(said or None, cast("str | None", request.scope.get("kept_address")) or None)
