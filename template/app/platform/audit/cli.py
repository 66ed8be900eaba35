"""The commands for the audit trail."""

from uuid import UUID

import click

from app.adapters.process import prepared, read


@click.group()
def audit() -> None:
    """Read the audit trail, and prove that nobody altered it."""


@audit.command()
@click.option("--subject", help="What it is about: the id of a row.")
@click.option("--actor", type=click.UUID, help="Who did it: the id of an account.")
@click.option("--request", help="The id of a request, as the log and the answer have it.")
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 1_000), help="How many entries.")
def show(subject: str | None, actor: UUID | None, request: str | None, most: int) -> None:
    """List entries, the newest first."""
    from app.platform.audit import service

    if sum(each is not None for each in (subject, actor, request)) > 1:
        raise click.UsageError("Ask for one of --subject, --actor and --request.")
    for each in read(lambda reader: service.entries(reader, most, subject=subject, actor=actor, request=request)):
        known = {
            "actor": each.actor_id,
            each.subject_table or "subject": each.subject_id,
            "request": each.request_id,
            "from": each.address,
            "reason": each.reason,
        }
        rest = "  ".join(f"{name} {value}" for name, value in known.items() if value is not None)
        click.echo(f"{each.position:>8}  {each.at:%Y-%m-%d %H:%M:%S}  {each.event:24}{each.outcome:9}{rest}")


@audit.command()
@click.option(
    "--from", "since", default=1, type=click.IntRange(1), help="Begin with this entry: none from it on may be retired."
)
@click.option("--head", help="What an earlier `verify` or `head` printed: the trail must still contain all of it.")
def verify(since: int, head: str | None) -> None:
    """Compare every entry with its seal; exit code 1 when one was changed, removed or put in."""
    from app.platform.audit import service

    if head is not None and not service.is_head(head):
        raise click.UsageError("--head takes what `app audit verify` or `app audit head` printed after the word head.")
    found = read(lambda reader: service.verify(reader, since=since, head=head))
    if found.faults:
        raise click.ClickException(
            "The audit trail failed verification:\n" + "\n".join(f"  - {each}" for each in found.faults)
        )
    gone = f" Those up to {found.retired} were retired." if found.retired else ""
    click.echo(
        f"{found.entries} entries verified.{gone} Keep this where the database's owner can't write:\nhead {found.head}"
    )


@audit.command("head")
def print_head() -> None:
    """Print the head without verifying the trail: cheap enough to keep one every minute, for `verify --head` later."""
    from app.platform.audit import service

    click.echo(f"head {read(service.head)}")


@audit.command()
def retire() -> None:
    """Remove entries older than AUDIT_RETENTION_DAYS; run it once a day, while the service serves.

    It needs the role that owns the tables: DATABASE_OWNER_URL. An entry says which ones are gone, their seals stay, and
    `verify` accepts that and nothing else.
    """
    import asyncio
    from datetime import timedelta

    from app.adapters.database import DatabaseSettings
    from app.kit import clock
    from app.platform.audit import retirement

    days = prepared().audit_retention_days
    owner = DatabaseSettings.read().owner
    try:
        removed = asyncio.run(retirement.retire(owner, clock.now() - timedelta(days=days)))
    except retirement.NotTheOwner as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Removed {removed} entries older than {days} days.")


commands = (audit,)
