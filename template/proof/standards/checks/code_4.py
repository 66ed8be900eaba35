"""CODE-4: the strictest setting of the type checker finds nothing, and nothing silences it."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from proof.standards.context import Context, Json, node
from proof.standards.outcome import Outcome, judged

_STRICT = {"typeCheckingMode": "strict", "reportAny": "error", "reportExplicitAny": "error"}
_SILENCED = re.compile(r"#\s*(?:type:\s*ignore|pyright:\s*(?:ignore|basic|standard)|mypy:)")


class _Summary(BaseModel):
    files: int = Field(alias="filesAnalyzed")
    errors: int = Field(alias="errorCount")
    warnings: int = Field(alias="warningCount")


class _Finding(BaseModel):
    model_config = ConfigDict(extra="ignore")

    file: str
    message: str
    rule: str = ""


class Report(BaseModel):
    """The part of basedpyright's JSON that is read here."""

    summary: _Summary
    generalDiagnostics: list[_Finding]  # noqa: N815 - its name in the JSON


def check(context: Context) -> Outcome:
    """Run the type checker on the project, as it is set up there."""
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--outputjson"],
        cwd=context.root,
        capture_output=True,
        text=True,
        check=False,
    )
    return read(context.root, Report.model_validate_json(done.stdout))


def read(root: Path, report: Report) -> Outcome:
    """Whether the checker found nothing, was as strict as it can be, and was not silenced."""
    settings: Json = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    setup = node(node(settings.get("tool")).get("basedpyright"))
    faults = [
        f"{Path(each.file).name} has a finding of {each.rule or 'the type checker'}: {each.message.splitlines()[0]}. "
        "Give it its type; run `make check`."
        for each in report.generalDiagnostics
    ]
    faults += [
        f"pyproject.toml sets {name} to {setup.get(name)}, not {wanted}. Set it back: [tool.basedpyright] {name}."
        for name, wanted in _STRICT.items()
        if setup.get(name) != wanted
    ]
    include = setup.get("include", ["app"])
    if not isinstance(include, list) or "app" not in include:
        faults.append("pyproject.toml does not check app/. Take [tool.basedpyright] include away, or name it there.")
    if not report.summary.files:
        faults.append("the type checker saw no file. Run `make check`.")
    silenced = list(silences(root))
    faults += [f"{place} silences the type checker. Give the expression its type." for place in silenced]
    return judged(
        faults,
        f"{report.summary.errors} findings, {len(silenced)} ignores",
        f"in {report.summary.files} files",
        evidence=["basedpyright: strict, reportAny, reportExplicitAny; ignores are searched for in app/"],
    )


def silences(root: Path) -> Iterator[str]:
    """Each line of `app/` that silences the type checker."""
    for file in sorted((root / "app").rglob("*.py")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if _SILENCED.search(line):
                yield f"{file.relative_to(root).as_posix()}:{number}"
