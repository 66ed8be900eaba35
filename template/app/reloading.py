"""New code at once, in development: uvicorn's reloader, made safe to interrupt."""

import signal
from types import FrameType

from typing_extensions import override
from uvicorn.supervisors import ChangeReload


class Reloading(ChangeReload):
    """Stops at the first signal and ignores the rest.

    `uv run` passes a signal on that the terminal has sent to the whole group already, so two arrive at once. uvicorn's
    handler takes a lock that is not re-entrant, and the second signal would leave the process waiting for itself.
    """

    @override
    def signal_handler(self, sig: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        super().signal_handler(sig, frame)
