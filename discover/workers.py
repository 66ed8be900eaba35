"""Parsing in processes of their own: what breaks a parser or takes too long costs one file, not the answer."""

from __future__ import annotations

import contextlib
import gc
import importlib
import multiprocessing
import os
import pickle
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic
from typing import Any

SECONDS = 3.0
"""The time limit of one task: of processor time, where the system tells it."""
PATIENCE = 10
"""So many times as long may a task take on a busy machine."""
MEMORY = 1 << 30
"""Bytes of address space that a worker may have beyond what it starts with."""
RECURSION = 3_000


class TaskError(Exception):
    """A task did not end with a result; the message says why, to go after a path and a colon."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: int = -1
    since: float = 0.0
    used: float = 0.0
    """Seconds of processor time that it had used when the task began."""

    def begin(self, task: int) -> None:
        """Start the clock of a task."""
        self.task, self.since, self.used = task, monotonic(), processor_seconds(self.process.pid)

    def left(self, seconds: float) -> float:
        """Give the seconds that its task has left: of processor time, since a busy machine is nobody's fault."""
        waited = monotonic() - self.since
        spent = processor_seconds(self.process.pid) - self.used if self.used >= 0 else waited
        return min(seconds - spent, PATIENCE * seconds - waited)


def processor_seconds(pid: int | None) -> float:
    """Give the processor time that a process has used; -1 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return -1.0


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        used = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def _serve(pipe: Connection) -> None:
    import signal
    import sys

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Trees refer to themselves all over: looking for garbage in the middle of one finds none.
    gc.disable()
    done = 0
    sys.setrecursionlimit(RECURSION)
    _limit_memory()
    while True:
        done += 1
        if not done % 50:
            gc.collect()
        try:
            name, arguments = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            module, _, function = name.partition(":")
            result = getattr(importlib.import_module(module), function)(*arguments)
            answer = (True, zlib.compress(pickle.dumps(result, pickle.HIGHEST_PROTOCOL), 1))
        except RecursionError:
            answer = (False, b"is nested too deeply")
        except MemoryError:
            answer = (False, b"needs too much memory")
        except Exception as error:
            answer = (False, f"does not parse ({type(error).__name__})".encode())
        try:
            pipe.send(answer)
        except (BrokenPipeError, OSError):
            return


class Workers:
    """A few processes that run functions named `module:function` on arguments that can be pickled."""

    def __init__(self, count: int = 2, seconds: float = SECONDS) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._count = count
        self._seconds = seconds
        self._workers: list[_Worker] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process."""
        for worker in self._workers:
            self._end(worker)
        self._workers.clear()

    def _start(self) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(there,), daemon=True)
        process.start()
        there.close()
        return _Worker(process, here)

    @staticmethod
    def _end(worker: _Worker) -> None:
        worker.pipe.close()
        worker.process.kill()
        worker.process.join()
        worker.process.close()

    def run(self, function: str, *arguments: Any) -> Any:
        """Run one task and give its result.

        Raises:
            TaskError: it failed, or took longer than the time limit.

        """
        _, packed = next(self.each([(function, arguments)]))
        if isinstance(packed, TaskError):
            raise packed
        return unpack(packed)

    def each(
        self, tasks: Iterable[tuple[str, tuple[Any, ...]]], seen: Callable[[int], None] = lambda _: None
    ) -> Iterator[tuple[int, bytes | TaskError]]:
        """Run many tasks, and give each one's number with its packed result, as they end."""
        waiting = enumerate(tasks)
        done = 0
        while True:
            while (idle := self._idle()) is not None and (task := next(waiting, None)) is not None:
                number, (function, arguments) = task
                idle.begin(number)
                try:
                    idle.pipe.send((function, arguments))
                except (BrokenPipeError, OSError):
                    yield number, self._lost(idle, "broke the parser")
            busy = [worker for worker in self._workers if worker.task >= 0]
            if not busy:
                return
            least = min(worker.left(self._seconds) for worker in busy)
            ready = wait([worker.pipe for worker in busy], max(0.0, least))
            for worker in busy:
                if worker.pipe in ready:
                    number = worker.task
                    try:
                        good, packed = worker.pipe.recv()
                    except (EOFError, OSError):
                        yield number, self._lost(worker, "broke the parser")
                    else:
                        worker.task = -1
                        yield number, packed if good else TaskError(packed.decode())
                elif worker.left(self._seconds) <= 0:
                    number = worker.task
                    yield number, self._lost(worker, f"took longer than {self._seconds:g} s")
                else:
                    continue
                done += 1
                seen(done)

    def _idle(self) -> _Worker | None:
        for worker in self._workers:
            if worker.task < 0:
                return worker
        if len(self._workers) < self._count:
            self._workers.append(self._start())
            return self._workers[-1]
        return None

    def _lost(self, worker: _Worker, why: str) -> TaskError:
        self._workers.remove(worker)
        self._end(worker)
        return TaskError(why)


def unpack(packed: bytes) -> Any:
    """Give the result that `each` gave packed: it comes from this program's own processes."""
    return pickle.loads(zlib.decompress(packed))  # noqa: S301 - written by our own worker
