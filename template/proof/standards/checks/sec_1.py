"""SEC-1: no locked package has a known vulnerability, as far as OSV knows.

`uv audit` reports no severity, so low ones count, too: the check is stricter than the target.
"""

import os
import shutil
import subprocess

from pydantic import BaseModel, Field, ValidationError

from proof.standards.context import Context
from proof.standards.outcome import Outcome, judged, unmeasured
from proof.standards.register import ROOT

OSV = "https://api.osv.dev/"

# A source that does not answer must not hold up the scorecard: each request gets one try and ten seconds.
_PATIENCE = {"UV_HTTP_RETRIES": "0", "UV_HTTP_TIMEOUT": "10", "UV_HTTP_CONNECT_TIMEOUT": "10"}
_SECONDS = 60.0


class _Package(BaseModel):
    name: str
    version: str


class _Vulnerability(BaseModel):
    dependency: _Package
    id: str = Field(alias="display_id")
    summary: str | None = None
    fixed: list[str] = Field(alias="fix_versions")

    @property
    def fault(self) -> str:
        """What is known, and the mend."""
        what = (self.summary or "no summary").rstrip(".")
        package = self.dependency
        fixed = ", ".join(self.fixed)
        mend = (
            f"It is fixed in {fixed}: run `uv lock --upgrade-package {package.name}`"
            if fixed
            else "There is no fix yet: replace it, or turn off what is affected"
        )
        return f"{package.name} {package.version} has {self.id} ({what}). {mend}."


class _Summary(BaseModel):
    packages: int = Field(alias="audited_packages")


class Report(BaseModel):
    """The part of the JSON of `uv audit` that is read here."""

    summary: _Summary
    vulnerabilities: list[_Vulnerability]


def check(context: Context, *, source: str = OSV) -> Outcome:
    """Ask a source of vulnerabilities about every package in uv.lock.

    Args:
        context: whose project is looked at.
        source: the address of the source, which speaks the protocol of OSV.
    """
    uv = os.environ.get("UV") or shutil.which("uv") or shutil.which("uv", path=ROOT / ".uv/bin")
    if uv is None:
        return unmeasured("uv is neither on the PATH nor in .uv/: `make setup` brings it")
    command = [uv, "audit", "--frozen", "--output-format", "json", "--service-url", source]
    try:
        done = subprocess.run(
            command,
            cwd=context.root,
            env=os.environ | _PATIENCE,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return unmeasured(f"{source} does not answer within {_SECONDS:.0f} seconds")
    try:
        report = Report.model_validate_json(done.stdout)
    except ValidationError:
        said = [line for line in done.stderr.splitlines() if not line.startswith("warning:")]
        why = said[-1].strip().removeprefix("cause: ") if said else f"exit code {done.returncode}"
        return unmeasured(f"`uv audit` gets no answer about this project from {source}: {why}")
    faults = [each.fault for each in report.vulnerabilities]
    if not report.summary.packages:
        faults.append("uv.lock names no package. Write it anew: `uv lock`.")
    return judged(
        faults,
        len(report.vulnerabilities),
        f"known vulnerabilities in {report.summary.packages} packages",
        evidence=[f"`uv audit` of uv.lock, development tools included, against {source}"],
    )
