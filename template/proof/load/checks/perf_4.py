"""PERF-4: how many requests fail under load, from the report of `make load`."""

from proof.load import reported
from proof.standards.context import Context
from proof.standards.outcome import Outcome, judged, unmeasured

_LIMITS = (("normal", 0.1), ("peak", 1.0))


def check(context: Context) -> Outcome:
    """Read the normal and the peak stage."""
    found = reported.report(context)
    if isinstance(found, Outcome):
        return found
    stages = [(stage, limit) for name, limit in _LIMITS if (stage := found.stage(name)) is not None]
    if len(stages) < len(_LIMITS):
        names = ", ".join(each.name for each in found.stages) or "none"
        return unmeasured(f"the load report lacks a normal or a peak stage; it has {names}")
    faults = [
        f"{stage.error_percent:.2f} % of the requests fail at {stage.name} load "
        f"({stage.failures} of {stage.requests}), and {limit} % may. Look their X-Request-ID up in the log."
        for stage, limit in stages
        if stage.error_percent >= limit
    ]
    return judged(
        faults,
        " / ".join(f"{stage.error_percent:.2f}" for stage, _ in stages),
        "%, normal / peak",
        evidence=[reported.when(context)],
        tables=[reported.stages(found.stages)],
    )
