"""Workers end with the process that supervises them, whatever ended that."""

from pathlib import Path

import psutil

from proof.rig import serving, settings
from tests.wire import eventually


def test_no_worker_outlives_a_supervisor_that_was_killed(scratch: str, tmp_path: Path) -> None:
    with serving(settings(scratch), tmp_path / "log", "--workers", "2") as running:
        supervisor = psutil.Process(running.pid)
        eventually(lambda: len(supervisor.children(recursive=True)) >= 2)
        workers = supervisor.children(recursive=True)

        supervisor.kill()

        for worker in workers:
            eventually(lambda each=worker: not each.is_running() or each.status() == psutil.STATUS_ZOMBIE)
