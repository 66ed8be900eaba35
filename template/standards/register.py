"""The register: standards.toml, typed; and the check of each row, found by its name."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ConfigDict, Field

from standards.context import Context
from standards.outcome import Outcome

ROOT = Path(__file__).parents[1]

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
    """Why there is no check yet, after the words "not measured, because"."""

    @property
    def module(self) -> str:
        """Where its check is, when there is one."""
        return f"standards.checks.{self.id.lower().replace('-', '_')}"


class _Register(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    standard: list[Standard]


@dataclass(frozen=True, slots=True)
class Row:
    """A promise and what measures it; None when nothing does yet."""

    standard: Standard
    check: Check | None


def rows(file: Path = ROOT / "standards.toml") -> list[Row]:
    """Every row in the order of the file; ValueError when a row has neither a check nor a reason."""
    register = _Register.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    found = [Row(each, _check(each)) for each in register.standard]
    for row in found:
        if row.check is None and not row.standard.not_measured:
            raise ValueError(
                f"{row.standard.id} has no check and no reason. Write {row.standard.module.replace('.', '/')}.py, "
                "or say in standards.toml why nothing measures it: not_measured = …"
            )
    return found


def _check(standard: Standard) -> Check | None:
    if find_spec(standard.module) is None:
        return None
    return cast("Check", import_module(standard.module).check)
