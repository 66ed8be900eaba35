"""`make run`, `make check`, `make fix`, `make domain`, `make drop-domain`, `make forget-example`, `make migration`."""

import click

from app.cli import Cli
from proof.workshop.checks import check, fix
from proof.workshop.dev import dev
from proof.workshop.migrations import migration
from proof.workshop.nouns import domain, drop_domain, forget_example


@click.group(cls=Cli, commands=[dev, check, fix, domain, drop_domain, forget_example, migration])
def workshop() -> None:
    """Change the service, and prove that it still keeps its promises."""


if __name__ == "__main__":
    workshop(prog_name="python -m proof.workshop")
