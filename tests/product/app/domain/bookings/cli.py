"""The command that tells of bookings."""

import click

from app.adapters.process import read


@click.command()
def taken() -> None:
    """Say how many rooms are taken at this moment."""
    from app.domain.bookings import service

    found = read(service.occupancy)
    click.echo(f"{found.rooms} rooms are taken.")


commands = (taken,)
