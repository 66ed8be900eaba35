"""Has the generator play a plan, in a process of its own."""

import signal
import subprocess
import sys
from types import FrameType

from proof.load.measured import Measured
from proof.load.plan import Plan
from proof.rig import ROOT


class BrokeOff(Exception):
    """The load test broke off: the generator says why above."""


def played(plan: Plan) -> Measured:
    """What the generator measured; its progress goes to standard error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "proof.load.generator"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        said, _ = process.communicate(plan.model_dump_json().encode())
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise BrokeOff(BrokeOff.__doc__)
    return Measured.model_validate_json(said)


def put_away_on_sigterm() -> None:
    """Leave as after an error when this process is told to end, so that service and database are put away."""

    def leave(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(1)

    signal.signal(signal.SIGTERM, leave)
