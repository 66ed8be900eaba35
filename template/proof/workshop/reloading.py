"""New code at once, in development; and the reason, at every address, where the new code does not start."""

import signal
import subprocess
import sys
from pathlib import Path
from socket import SHUT_WR, socket
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from types import FrameType
from typing import cast

from typing_extensions import override
from uvicorn.supervisors.basereload import BaseReload
from watchfiles import PythonFilter, watch

from app.adapters.process import ROOT

# Far longer than between the changes of one save, and short for whoever looks at the answer.
_STEP_MS = 250
_LOOK_MS = 2_000
_START = "import app.http.head_guard, app.main; app.main.create_app()"
_ENDED = "The service ended by itself: the terminal says why.\n"


class Reloading(BaseReload):
    """Starts the service anew when a file changes, and answers in its place while it does not start."""

    _page: "_Page | None" = None

    @override
    def run(self) -> None:
        self.reloader_name: str | None = "watchfiles"
        self._changes = watch(
            *self.config.reload_dirs,
            watch_filter=PythonFilter(),
            stop_event=self.should_exit,
            step=_STEP_MS,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
        )
        super().run()

    @override
    def should_restart(self) -> list[Path] | None:
        if self._page is None and not self.process.is_alive():
            self._page = _Page(self.sockets[0])
        return [Path(path) for _, path in next(self._changes)]

    @override
    def restart(self) -> None:
        self._remove_page()
        super().restart()

    @override
    def shutdown(self) -> None:
        self._remove_page()
        super().shutdown()

    @override
    def signal_handler(self, sig: int, frame: FrameType | None) -> None:
        # `uv run` passes a signal on that the terminal has sent to the whole group already, so two arrive at once.
        # uvicorn's handler takes a lock that is not re-entrant: the second would leave the process waiting for itself.
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        super().signal_handler(sig, frame)

    def _remove_page(self) -> None:
        if self._page is not None:
            self._page.shutdown()
            self._page = None


class _Page(ThreadingTCPServer):
    """Answers every request with the reason why the service does not start."""

    def __init__(self, listener: socket) -> None:
        super().__init__(("", 0), _Answer, bind_and_activate=False)
        self.daemon_threads: bool = True
        self.socket.close()
        self.socket: socket = listener
        done = subprocess.run([sys.executable, "-c", _START], cwd=ROOT, capture_output=True, check=False)
        text = done.stderr if done.returncode else _ENDED.encode()
        self.answer: bytes = (
            b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)
        )
        Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class _Answer(BaseRequestHandler):
    @override
    def handle(self) -> None:
        connection = cast("socket", self.request)
        connection.settimeout(1)
        connection.recv(65_536)
        connection.sendall(cast("_Page", self.server).answer)
        connection.shutdown(SHUT_WR)
