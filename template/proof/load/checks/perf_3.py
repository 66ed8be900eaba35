"""PERF-3: what one instance answers at the most, from the report of `make load`."""

from proof.load import reported
from proof.standards.context import Context
from proof.standards.outcome import Outcome, judged, unmeasured

_LEAST = 1_000.0


def check(context: Context) -> Outcome:
    """Read how many requests a second were answered while every promise was kept."""
    found = reported.fresh(context)
    if isinstance(found, Outcome):
        return found
    most = found.saturation
    if most is None:
        return unmeasured("the load report has no saturation stage: run `make load` without `--saturation 0`")
    evidence = [f"{reported.when(context)}: {most.rps:.0f} requests/s were answered while every promise was kept"]
    # What was answered was answered, whoever was the bottleneck; what is missing may be another's fault.
    if most.rps < _LEAST and not most.service_was_bottleneck:
        return unmeasured(most.reason, evidence=evidence)
    slow = (
        f"one instance answers {most.rps:.0f} requests/s, not {_LEAST:.0f}: {most.reason}. "
        "Profile it under `make load`, and see `make capacity` for what a request costs."
    )
    return judged(
        [slow] if most.rps < _LEAST else [],
        round(most.rps),
        "requests/s",
        evidence=evidence,
        tables=[reported.stages(most.tried)],
    )
