"""The register: standards.toml, typed; and the check of each row, found by the name of its file."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ConfigDict, Field

from proof.standards.context import Context
from proof.standards.outcome import Outcome

ROOT = Path(__file__).parents[2]

Check = Callable[[Context], Outcome]


class Standard(BaseModel):
    """One promise of the service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[A-Z]+-\d+$")
    group: str
    standard: str
    target: str
    how: str
    not_measured: str = ""
    """Why it is not measured where there is no check, after the words "not measured, because"."""

    @property
    def file(self) -> str:
        """What the file of its check is called."""
        return f"{self.id.lower().replace('-', '_')}.py"


class _Register(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    standard: list[Standard]


@dataclass(frozen=True, slots=True)
class Row:
    """A promise and what measures it; None when nothing does yet."""

    standard: Standard
    check: Check | None
    place: str = ""
    """The file of the check."""


def rows(file: Path = ROOT / "standards.toml") -> list[Row]:
    """Every row in the order of the file; ValueError when a row has neither a check nor a reason."""
    register = _Register.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    found = [_row(each) for each in register.standard]
    for row in found:
        if row.check is None and not row.standard.not_measured:
            raise ValueError(
                f"{row.standard.id} has no check and no reason. Write standards/{row.standard.file}, "
                "or say in standards.toml why nothing measures it: not_measured = …"
            )
    return found


def _row(standard: Standard) -> Row:
    for folder in _folders():
        if (ROOT / folder / standard.file).is_file():
            module = import_module(f"{folder.replace('/', '.')}.{standard.file.removesuffix('.py')}")
            return Row(standard, cast("Check", module.check), f"{folder}/{standard.file}")
    return Row(standard, None)


def _folders() -> list[str]:
    """Where checks are: yours, which come first and may replace another; then those of each folder of proof."""
    folders = sorted(each.relative_to(ROOT).as_posix() for each in (ROOT / "proof").glob("*/checks"))
    return ["standards", *folders]
