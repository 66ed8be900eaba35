"""The development tools that are installed beside this Python."""

import shutil
import sys
from pathlib import Path

import click


def tool(*command: str) -> list[str]:
    """The command with the whole path of its program."""
    name, *arguments = command
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise click.ClickException(f"{name} is not installed: run `make setup`, which installs the development tools.")
    return [found, *arguments]
