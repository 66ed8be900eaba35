"""The dear part of the removal drill: install, type, test and boot services with every set of parts.

`make drill` goes through all of them, hours of work; `make drill PARTS="admin email"` takes one set, and `--sample` few
sets in which each part is on and off.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import options
import shell
from copier import run_copy

ROOT = Path(__file__).resolve().parent.parent
PARTS: list[str] = list(options.questions()["parts"]["choices"].values())


def without(*off: str) -> list[str]:
    """Give all parts but some."""
    return [part for part in PARTS if part not in off]


def everything() -> list[list[str]]:
    """Give none, all, each on alone, each off alone, and every pair off."""
    some = [
        [],
        PARTS,
        *([part] for part in PARTS),
        *(without(part) for part in PARTS),
        *(without(*pair) for pair in itertools.combinations(PARTS, 2)),
    ]
    return [list(each) for each in dict.fromkeys(map(tuple, some))]


def sample() -> list[list[str]]:
    """Give two sets, in which each part is on and off; none and all of them: test_generated.py."""
    return [PARTS[::2], PARTS[1::2]]


def name(parts: list[str]) -> str:
    """Name a set, for people."""
    return "none" if not parts else "all" if parts == PARTS else "+".join(parts)


def prove(service: Path) -> str:
    """Install a rendered service, check it, and see it answer: what it said when it failed, or nothing."""
    uv, outside = shell.uv(), shell.outside()
    for verb in ("setup", "check"):
        command = ["make", f"UV={uv}", verb]
        done = subprocess.run(
            command, cwd=service, env=outside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode:
            return f"make {verb}:\n{done.stdout[-6000:]}"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with (service / "make-run.log").open("w+") as log:
        command = ["make", f"UV={uv}", "run", f"PORT={port}"]
        serving = subprocess.Popen(
            command, cwd=service, env=outside, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            if ready(f"http://127.0.0.1:{port}/readyz", serving):
                return ""
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(serving.pid, signal.SIGINT)
            serving.wait(30)
        log.seek(0)
        return f"make run:\n{log.read()[-6000:]}"


def ready(address: str, serving: subprocess.Popen[bytes], seconds: float = 120) -> bool:
    """Wait for the first answer of a service that starts."""
    deadline = time.monotonic() + seconds
    while serving.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
        time.sleep(0.2)
    return False


def main(arguments: list[str]) -> int:
    """Go through the sets, and say which one does not hold."""
    chosen = [each for each in arguments if each in PARTS]
    sets = sample() if "--sample" in arguments else [sorted(chosen)] if chosen else everything()
    failed = 0
    for number, parts in enumerate(sets, 1):
        started = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="drill-", ignore_cleanup_errors=True) as folder:
            service = Path(folder) / "service"
            run_copy(str(ROOT), service, data={"parts": parts}, vcs_ref="HEAD", defaults=True, quiet=True)
            said = prove(service)
        failed += bool(said)
        outcome = "FAILED" if said else "passed"
        print(f"{number}/{len(sets)} {outcome} {name(parts)} ({time.perf_counter() - started:.0f} s)")
        if said:
            print(said)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
