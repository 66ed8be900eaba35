"""PERF-3: what one instance answers at the most, from the report of `make load`."""

from standards import load
from standards.context import Context
from standards.outcome import Outcome, judged, unmeasured

_LEAST = 1_000.0


def check(context: Context) -> Outcome:
    """Read the stage that asks for more than the service can do."""
    found = load.report(context)
    if isinstance(found, Outcome):
        return found
    stage = found.stage("saturation")
    if stage is None:
        most = max((each.rps for each in found.stages), default=0.0)
        return unmeasured(
            "the load report has no saturation stage: it asks for this service's own peak, not for all it can do",
            evidence=[f"{load.when(context)}: up to {most:.0f} requests/s were asked for and answered"],
        )
    slow = (
        f"one instance answers {stage.rps:.0f} requests/s, not {_LEAST:.0f}. "
        "Profile it under `make load`, and correct `rps_per_core` in the capacity plan."
    )
    return judged(
        [slow] if stage.rps < _LEAST else [],
        round(stage.rps),
        "requests/s",
        evidence=[load.when(context)],
        tables=[load.stages(found)],
    )
