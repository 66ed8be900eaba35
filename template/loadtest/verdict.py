"""Judges what was measured by loadtest/thresholds.toml. What can't be known is not measured, never passed."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from loadtest.measured import Endpoint, Measured, StageMeasured, merged, percentile, size

THRESHOLDS = Path(__file__).parent / "thresholds.toml"

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


class Thresholds(_Strict):
    """What thresholds.toml holds."""

    latency_stages: list[str]
    least_answers: int
    generator: GeneratorLimits
    latency: list[LatencyLimit]
    errors: list[ErrorLimit]

    @classmethod
    def read(cls, file: Path = THRESHOLDS) -> "Thresholds":
        """The thresholds in a file; a misspelt one is refused."""
        return cls.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))


class Row(BaseModel):
    """One promise and what became of it."""

    id: str
    standard: str
    target: float
    """Kept when the measured value is below it."""
    measured: float | None
    unit: Literal["ms", "%"]
    status: Status
    reason: str | None


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
    for stage in measured.stages:
        if stage.name not in limits.stages:
            continue
        sender = stage.sender
        late = percentile(sender.late, 99)
        sent = sender.sent / sender.due * 100 if sender.due else 100.0
        if late is not None and late >= limits.late_p99_ms:
            return (
                f"the generator was the bottleneck in {stage.name}: 1 % of its requests left {late:g} ms late or more "
                f"(limit {limits.late_p99_ms:g} ms)"
            )
        if sent < limits.sent_percent:
            return (
                f"the generator was the bottleneck in {stage.name}: it sent {sent:.1f} % of the requests that were due"
            )
        if sender.busy_percent >= limits.busy_percent:
            return f"the generator was the bottleneck in {stage.name}: it used {sender.busy_percent:.0f} % of its core"
    return None


def judge(measured: Measured, thresholds: Thresholds) -> list[Row]:
    """A row for each promise; when the generator was the bottleneck, only what the service itself refused counts."""
    late = bottleneck(measured, thresholds.generator)
    return [
        *_latency(measured, thresholds, late),
        *(row for stage in measured.stages for row in _errors(stage, thresholds, late)),
    ]


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
