"""What a check finds: it holds, it fails and here is the mend, or nobody can tell and here is why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["pass", "fail", "not_measured"]
Measured = str | float | None

_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Table:
    """Something to look at in the report. A cell that has lines is shown as it is, a plan for example."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the scorecard. `faults` are whole sentences: what was seen, what was wanted, the mend."""

    status: Status
    measured: Measured = None
    unit: str = ""
    faults: tuple[str, ...] = ()
    reason: str = ""
    evidence: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()


def judged(
    faults: Sequence[str],
    measured: Measured,
    unit: str = "",
    *,
    evidence: Sequence[str] = (),
    tables: Sequence[Table] = (),
) -> Outcome:
    """It holds when nothing is at fault; the measured value is shown either way."""
    return Outcome(
        "fail" if faults else "pass", measured, unit, tuple(faults), _reason(faults), tuple(evidence), tuple(tables)
    )


def unmeasured(reason: str, *, evidence: Sequence[str] = ()) -> Outcome:
    """Nobody can tell here; `reason` completes the words "not measured, because"."""
    return Outcome("not_measured", reason=reason, evidence=tuple(evidence))


def _reason(faults: Sequence[str]) -> str:
    more = f" … and {len(faults) - _SHOWN} more." if len(faults) > _SHOWN else ""
    return " ".join(faults[:_SHOWN]) + more
