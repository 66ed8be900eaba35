"""The command line: `app serve` is what production runs; `app --help` lists the rest.

Each file of this folder offers `commands`, and so does the `cli.py` of a noun. They import what they need when they
are run, so that `app --help` need not wait for it.
"""

from collections.abc import Iterator, Sequence
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING, cast

import click
from typing_extensions import override

from app import defaults, domain, platform
from app.kit import discovery

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_settings import BaseSettings


class Cli(click.Group):
    """A group whose commands answer a bad setting or a missing database with a sentence, not with a traceback."""

    @override
    def invoke(self, ctx: click.Context) -> object:
        try:
            return cast("object", super().invoke(ctx))
        except Exception as error:
            if (found := sentence(error)) is None:
                raise
            raise click.ClickException(found) from error


def sentence(error: Exception) -> str | None:
    """What an error tells whoever typed the command; None for one that nobody expected."""
    import asyncpg
    from alembic.util import CommandError
    from pydantic import ValidationError

    from app.adapters.schema import MigratedElsewhere, NameTaken, NoSuchParent
    from app.house import HouseRuleBroken
    from app.kit.errors import AppError

    match error:
        case ValidationError():
            return _explained(error)
        case HouseRuleBroken() | AppError() | MigratedElsewhere() | NameTaken() | NoSuchParent():
            return str(error)
        case CommandError():
            return f"{error}."
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError() | asyncpg.UndefinedFunctionError():
            return f"The database is behind this release ({error}): run `app migrate`."
        case _:
            return None


def _explained(error: "ValidationError") -> str:
    """One line for each setting that was refused: its name in the environment, and what is wrong."""
    from pydantic_settings import BaseSettings

    refused = next((each for each in _kinds(BaseSettings) if each.__name__ == error.title), BaseSettings)
    lines = ["Invalid settings:"]
    for each in error.errors():
        name = "_".join(str(part) for part in each["loc"])
        if name in refused.model_fields:
            name = refused.model_config.get("env_prefix", "") + name
        said = each["msg"].removeprefix("Value error, ")
        if each["type"] == "missing":
            said = "is missing. Set it in the environment or in .env; .env.example says what it is for."
        lines.append(f"  - {name.upper() + ' ' if name else ''}{said}")
    return "\n".join(lines)


def _kinds(kind: "type[BaseSettings]") -> "Iterator[type[BaseSettings]]":
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


@click.group(cls=Cli, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(message=f"{defaults.PROJECT_SLUG} %(version)s", package_name=defaults.PROJECT_SLUG)
def cli() -> None:
    """Run and maintain the service."""


def _modules() -> Iterator[ModuleType]:
    for each in iter_modules(__path__, f"{__name__}."):
        yield import_module(each.name)
    for package in (platform, domain):
        yield from discovery.modules(package, "cli")


for _module in _modules():
    for _command in cast("tuple[click.Command, ...]", vars(_module)["commands"]):
        cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of the `app` command."""
    cli(arguments)
