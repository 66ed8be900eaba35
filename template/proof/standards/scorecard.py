"""Runs every check and keeps what it found: rows for the table, for reports/standards.json and for the HTML."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import cast

import jsonschema_rs
from pydantic_core import from_json, to_json

from proof.standards.context import Context, Json
from proof.standards.outcome import Measured, Outcome, Status, Table, judged, unmeasured
from proof.standards.register import Row, Standard

SCHEMA = Path(__file__).parent / "schema.json"


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the scorecard."""

    standard: Standard
    outcome: Outcome
    seconds: float

    @property
    def status(self) -> Status:
        """Whether it holds."""
        return self.outcome.status

    @property
    def measured(self) -> Measured:
        """The value, without its unit."""
        return self.outcome.measured

    @property
    def reason(self) -> str:
        """Why it does not hold, or why nobody can tell; empty when it holds."""
        words = {"pass": "", "fail": f"{self.standard.id} fails: ", "not_measured": "not measured, because "}
        return words[self.status] + self.outcome.reason

    @property
    def tables(self) -> Sequence[Table]:
        """What there is to look at."""
        return self.outcome.tables


def measured(row: Row, context: Context) -> Result:
    """Run the check of a row. A check that breaks has measured nothing, and that is a failure to mend."""
    started = perf_counter()
    if row.check is None:
        outcome = unmeasured(row.standard.not_measured)
    else:
        try:
            outcome = row.check(context)
        except Exception as error:  # noqa: BLE001 - one broken check must not hide what the others say
            broke = f"its check broke: {type(error).__name__}: {error}. Mend {row.place}, or the service."
            outcome = judged([broke], None)
    return Result(row.standard, outcome, perf_counter() - started)


def as_json(results: Sequence[Result]) -> bytes:
    """The scorecard for machines, valid by proof/standards/schema.json; ValueError when it is not."""
    rows = [
        {
            "id": each.standard.id,
            "standard": each.standard.standard,
            "target": each.standard.target,
            "measured": each.measured,
            "unit": each.outcome.unit,
            "status": each.status,
            "reason": each.reason,
            "evidence": list(each.outcome.evidence),
        }
        for each in results
    ]
    text = to_json(rows, indent=2) + b"\n"
    broken = list(_violations(cast("object", from_json(text))))
    if broken:
        raise ValueError(f"the scorecard is not what {SCHEMA.name} promises: {'; '.join(broken)}")
    return text


def _violations(rows: object) -> Iterator[str]:
    schema = cast("Json", from_json(SCHEMA.read_bytes()))
    for error in jsonschema_rs.validator_for(schema).iter_errors(rows):
        yield f"{'/'.join(str(step) for step in error.instance_path)}: {error.message}"
