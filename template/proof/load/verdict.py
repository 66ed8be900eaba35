"""Judges what was measured by loadtest/thresholds.toml. What can't be known is not measured, never passed."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from app import defaults
from proof.load.measured import Endpoint, Measured, Sender, StageMeasured, merged, percentile, size

THRESHOLDS = Path(__file__).parents[2] / "loadtest/thresholds.toml"

Status = Literal["pass", "fail", "not_measured"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GeneratorLimits(_Strict):
    """From where on the generator was the bottleneck."""

    stages: list[str]
    late_p99_ms: float
    busy_percent: float
    sent_percent: float


class LatencyLimit(_Strict):
    """A promise on a percentile, for each endpoint."""

    standard: str
    percentile: float
    below_ms: float


class ErrorLimit(_Strict):
    """A promise on the share of failures, for each stage."""

    standard: str
    stages: list[str]
    below_percent: float


class SaturationLimit(_Strict):
    """A promise on the highest rate at which the others are kept."""

    standard: str
    at_least_rps: float
    errors_below_percent: float
    idle_percent: float
    workers_busy_percent: float


class Thresholds(_Strict):
    """What thresholds.toml holds."""

    latency_stages: list[str]
    least_answers: int
    generator: GeneratorLimits
    latency: list[LatencyLimit]
    errors: list[ErrorLimit]
    saturation: SaturationLimit

    @classmethod
    def read(cls, file: Path = THRESHOLDS) -> "Thresholds":
        """The thresholds in a file; a misspelt one is refused."""
        return cls.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))


class Row(BaseModel):
    """One promise and what became of it."""

    id: str
    standard: str
    target: float
    measured: float | None
    unit: Literal["ms", "%", "requests/s"]
    status: Status
    reason: str | None

    @property
    def promised(self) -> str:
        """The target as it is read: the more requests the better, and the less of everything else."""
        return f"{'≥' if self.unit == 'requests/s' else '<'} {self.target:g} {self.unit}"


class Most(BaseModel):
    """The highest rate that was found at which every promise was kept."""

    rps: float
    """Answered, not asked for; 0 when there was no such rate."""
    service_was_bottleneck: bool
    """Else the generator was, or the machine that they share; then a better one may find a higher rate."""
    reason: str
    """Why it was not more."""


def endpoints(measured: Measured, stages: list[str] | None = None) -> list[Endpoint]:
    """Every endpoint over several stages: those named, or all."""
    chosen = [stage for stage in measured.stages if stages is None or stage.name in stages]
    found: list[Endpoint] = []
    for name in sorted({each.name for stage in chosen for each in stage.endpoints}):
        parts = [each for stage in chosen for each in stage.endpoints if each.name == name]
        failures: dict[str, int] = {}
        for part in parts:
            for reason, count in part.failures.items():
                failures[reason] = failures.get(reason, 0) + count
        found.append(Endpoint(name=name, answers=merged(part.answers for part in parts), failures=failures))
    return found


def bottleneck(measured: Measured, limits: GeneratorLimits) -> str | None:
    """Why the generator was the bottleneck; None when it was not."""
    reasons = ((stage, held_up(stage.sender, limits)) for stage in measured.stages if stage.name in limits.stages)
    return next(
        (f"the generator was the bottleneck in {stage.name}: {reason}" for stage, reason in reasons if reason), None
    )


def held_up(sender: Sender, limits: GeneratorLimits) -> str | None:
    """What the generator could not do; None when it did all it was to do."""
    late = percentile(sender.late, 99)
    sent = sender.sent / sender.due * 100 if sender.due else 100.0
    if late is not None and late >= limits.late_p99_ms:
        return f"1 % of its requests left {late:g} ms late or more (limit {limits.late_p99_ms:g} ms)"
    if sent < limits.sent_percent:
        return f"it sent {sent:.1f} % of the requests that were due"
    if sender.busy_percent >= limits.busy_percent:
        return f"it used {sender.busy_percent:.0f} % of its core"
    return None


def judge(measured: Measured, thresholds: Thresholds) -> list[Row]:
    """A row for each promise; when the generator was the bottleneck, only what the service itself refused counts."""
    late = bottleneck(measured, thresholds.generator)
    return [
        *_latency(measured, thresholds, late),
        *(row for stage in measured.stages for row in _errors(stage, thresholds, late)),
        *_saturation(measured, thresholds),
    ]


def fault(stage: StageMeasured, thresholds: Thresholds) -> str | None:
    """The first promise that one try of the saturation did not keep; None when it kept them all."""
    limit = thresholds.saturation.errors_below_percent
    if stage.requests and stage.failed / stage.requests * 100 >= limit:
        return f"{stage.failed / stage.requests * 100:.2f} % of the requests failed"
    judged = [each for each in stage.endpoints if size(each.answers) >= thresholds.least_answers]
    if not judged:
        return f"no endpoint answered {thresholds.least_answers} requests"
    for each in judged:
        for promise in thresholds.latency:
            value = percentile(each.answers, promise.percentile)
            if value is not None and value >= promise.below_ms:
                return f"{each.name} had p{promise.percentile:g} = {value:g} ms"
    return None


def most(measured: Measured, thresholds: Thresholds) -> Most | None:
    """What came of the search for the highest rate; None when there was none.

    The rate is true whoever held it down. That it is not higher may be the fault of the generator or of the machine: in
    the try at the next higher rate, or in the probe when no higher rate was tried.
    """
    if not measured.saturation:
        return None
    probe, *tried = measured.saturation
    kept = [each for each in tried if fault(each, thresholds) is None]
    best = max(kept, key=lambda each: each.answered_rps, default=None)
    failed = [each for each in tried if each not in kept and (best is None or each.intended_rps > best.intended_rps)]
    # Without a try above the best one, the probe is what says that no more can be had.
    above = min(failed, key=lambda each: each.intended_rps, default=probe)
    rps = 0.0 if best is None else round(best.answered_rps, 1)
    for culprit, reason in (
        ("generator", held_up(above.sender, thresholds.generator)),
        ("machine", _too_small(above, thresholds.saturation)),
    ):
        if reason is not None:
            said = f"the {culprit} was the bottleneck at {rps:.0f} requests/s: {reason}"
            return Most(rps=rps, service_was_bottleneck=False, reason=said)
    why = f"{above.connections} busy connections got no more" if above is probe else fault(above, thresholds)
    return Most(rps=rps, service_was_bottleneck=True, reason=f"at {above.intended_rps:.0f} requests/s {why}")


def _too_small(stage: StageMeasured, limit: SaturationLimit) -> str | None:
    """What the service did not get of the machine; None when it got its cores, or left them idle."""
    cost = stage.cost
    if cost is None or cost.service_seconds is None or cost.idle_percent >= limit.idle_percent:
        return None
    got = cost.service_seconds / stage.seconds
    if got / defaults.WORKERS * 100 >= limit.workers_busy_percent:
        return None
    return f"the service got {got:.2f} of the {defaults.WORKERS} cores of its workers, and none was idle"


def _saturation(measured: Measured, thresholds: Thresholds) -> Iterator[Row]:
    found = most(measured, thresholds)
    if found is None:
        return
    limit = thresholds.saturation
    kept = found.rps >= limit.at_least_rps
    blind = not (found.service_was_bottleneck or kept)
    yield Row(
        id="saturation",
        standard=limit.standard,
        target=limit.at_least_rps,
        measured=found.rps,
        unit="requests/s",
        status="pass" if kept else "not_measured" if blind else "fail",
        reason=found.reason if blind else None,
    )


def _latency(measured: Measured, thresholds: Thresholds, late: str | None) -> Iterator[Row]:
    for endpoint in endpoints(measured, thresholds.latency_stages):
        answers = size(endpoint.answers)
        for limit in thresholds.latency:
            value = percentile(endpoint.answers, limit.percentile)
            reason = late
            if answers < thresholds.least_answers:
                reason = f"only {answers} requests succeeded, and {thresholds.least_answers} are needed"
            elif value is None:
                reason = "no request succeeded"
            yield Row(
                id=f"p{limit.percentile:g} {endpoint.name}",
                standard=limit.standard,
                target=limit.below_ms,
                measured=value,
                unit="ms",
                status=_status(value, limit.below_ms, reason),
                reason=reason,
            )


def _errors(stage: StageMeasured, thresholds: Thresholds, late: str | None) -> Iterator[Row]:
    for limit in thresholds.errors:
        if stage.name in limit.stages:
            # A slow generator may lose requests, but no status is its fault.
            failed = stage.failed if late is None else stage.reported
            share = failed / stage.requests * 100 if stage.requests else None
            reason = late if share is not None else "no request was due"
            if share is not None and share >= limit.below_percent:
                reason = None
            yield Row(
                id=f"errors {stage.name}",
                standard=limit.standard,
                target=limit.below_percent,
                measured=None if share is None else round(share, 4),
                unit="%",
                status=_status(share, limit.below_percent, reason),
                reason=reason,
            )


def _status(value: float | None, below: float, reason: str | None) -> Status:
    if reason is not None or value is None:
        return "not_measured"
    return "pass" if value < below else "fail"
