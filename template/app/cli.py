"""The command line: `app serve` is what production runs; `app --help` lists the rest."""

import os
import ssl
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, TypeVar, cast
from uuid import UUID

import click
from pydantic import ValidationError
from typing_extensions import override

from app import defaults

if TYPE_CHECKING:
    from alembic.config import Config
    from fastapi import FastAPI

    from app.adapters.database import Autocommit, Database
    from app.settings import Settings

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
DEVELOPMENT_DATA = ROOT / ".data" / "postgres"

_PORT = click.IntRange(1, 65535)


class _Server(TypedDict):
    factory: bool
    http: str
    lifespan: Literal["on"]
    log_config: None
    access_log: bool
    server_header: bool
    proxy_headers: bool
    timeout_graceful_shutdown: int
    timeout_keep_alive: int


# The same wherever the service is served. Its own layers write the access log and the headers.
_SERVER: _Server = {
    "factory": True,
    "http": "app.http.head_guard:HeadGuard",
    "lifespan": "on",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "proxy_headers": False,
    "timeout_graceful_shutdown": 30,
    "timeout_keep_alive": 15,
}


class Cli(click.Group):
    """A group whose commands answer a bad setting or a missing database with a sentence, not with a traceback."""

    @override
    def invoke(self, ctx: click.Context) -> object:
        try:
            return cast("object", super().invoke(ctx))
        except Exception as error:
            if (sentence := _sentence(error)) is None:
                raise
            raise click.ClickException(sentence) from error


def _sentence(error: Exception) -> str | None:
    """What an error tells whoever typed the command; None for one that nobody expected."""
    import asyncpg
    from alembic.util import CommandError

    from app.adapters.schema import MigratedElsewhere, NoSuchParent
    from app.house import HouseRuleBroken
    from app.kit.errors import AppError

    match error:
        case ValidationError():
            return explain(error)
        case HouseRuleBroken() | AppError() | MigratedElsewhere() | NoSuchParent():
            return str(error)
        case CommandError():
            return f"{error}."
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError() | asyncpg.UndefinedFunctionError():
            return f"The database is behind this release ({error}): run `app migrate`."
        case _:
            return None


def application() -> "FastAPI":
    """The service for the server process, which may not be this one: a refusal to start is a sentence there, too."""
    from app.house import HouseRuleBroken
    from app.main import create_app

    try:
        return create_app()
    except (HouseRuleBroken, ValidationError) as error:
        click.echo(f"Error: {explain(error) if isinstance(error, ValidationError) else error}", err=True)
        raise SystemExit(1) from None


def explain(error: ValidationError) -> str:
    """One line for each setting that was refused: its name in the environment, and what is wrong."""
    prefix = {"DatabaseSettings": "DATABASE_", "MailSettings": "MAIL_"}.get(error.title, "")
    lines = ["The settings are not complete:"]
    for each in error.errors():
        name = "_".join(str(part) for part in each["loc"]).upper()
        name = prefix * bool(name) * (name != "ENVIRONMENT") + name
        sentence = each["msg"].removeprefix("Value error, ")
        if each["type"] == "missing":
            sentence = "is missing. Set it in the environment or in .env; .env.example says what it is for."
        lines.append(f"  - {name + ' ' if name else ''}{sentence}")
    return "\n".join(lines)


@click.group(cls=Cli, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(message=f"{defaults.PROJECT_SLUG} %(version)s", package_name=defaults.PROJECT_SLUG)
def cli() -> None:
    """Run and maintain the service."""


def prepared() -> "Settings":
    """The settings, with a log and a database: outside production one is started when none is named."""
    from app.kit import logging
    from app.settings import settings

    found = settings()
    logging.configure(found.log_level.name, found.secrets)
    os.chdir(ROOT)
    if not _database_is_named():
        if found.production:
            raise click.ClickException(
                "DATABASE_URL is missing. Production needs the address of its PostgreSQL: "
                "postgresql://user:password@host/database."
            )
        from app.adapters import embedded_postgres

        os.environ["DATABASE_URL"], _ = embedded_postgres.start(DEVELOPMENT_DATA)
    return found


def _database_is_named() -> bool:
    from app.adapters.database import DatabaseSettings

    try:
        DatabaseSettings.read()
    except ValidationError as error:
        if any(each["type"] != "missing" for each in error.errors()):
            raise
        return False
    return True


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 in a container.")
@click.option("--port", default=8000, show_default=True, type=_PORT, help="Port to listen on.")
@click.option("--workers", default=defaults.WORKERS, show_default=True, type=click.IntRange(1, 64), help="Processes.")
def serve(host: str, port: int, workers: int) -> None:
    """Serve requests until told to stop; requests under way are finished first."""
    from app.adapters.mail import MailSettings

    prepared()
    MailSettings.read()
    if workers > 1:
        # The workers' measurements meet in files, so that /metrics tells of all of them.
        with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
            # They share the rate limits, too: each counts its part.
            os.environ["RATE_LIMIT_WORKERS"] = str(workers)
            _run(host, port, workers=workers)
    else:
        _run(host, port)


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=_PORT, help="Port to listen on.")
@click.option("--reload/--no-reload", default=True, show_default=True, help="Start anew when a file of app/ changes.")
def dev(host: str, port: int, *, reload: bool) -> None:
    """Serve for development: a PostgreSQL of its own, the newest schema, new code at once."""
    from app.kit import logging

    prepared()
    migrate_database()
    logging.writer.flush()  # what was migrated comes before what to open now
    click.echo(f"\n  {defaults.PROJECT_NAME}: http://{host}:{port}/docs\n", err=True)
    if reload:
        _run_reloading(host, port)
    else:
        _run(host, port)


def _run(host: str, port: int, *, workers: int = 1) -> None:
    import uvicorn

    from app.settings import settings

    found = settings()
    uvicorn.run(
        "app.cli:application",
        host=host,
        port=port,
        workers=workers,
        ssl_certfile=found.tls_certificate,
        ssl_keyfile=found.tls_key,
        ssl_context_factory=_newest_tls if found.tls_certificate else None,
        **_SERVER,
    )


def _newest_tls(_config: object, made: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """TLS 1.3 or nothing: uvicorn itself would take 1.2."""
    context = made()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _run_reloading(host: str, port: int) -> None:
    import uvicorn

    from app.reloading import Reloading

    config = uvicorn.Config(
        "app.cli:application", host=host, port=port, reload=True, reload_dirs=[str(ROOT / "app")], **_SERVER
    )
    Reloading(config, uvicorn.Server(config).run, [config.bind_socket()]).run()


@cli.command()
@click.argument("revision", default="heads")
def migrate(revision: str) -> None:
    """Bring the database to the newest schema, or to REVISION.

    Run it before the new release takes requests. Any number may run at once: one migrates, the others wait.
    """
    prepared()
    migrate_database(revision)


def migrate_database(revision: str = "heads") -> None:
    """Bring the database to a revision; what a later release has migrated stays as it is, and the log says so.

    Raises NoSuchParent, and MigratedElsewhere where the database does not have what was asked for.
    """
    from alembic import command

    from app.adapters import schema
    from app.kit.logging import get_logger

    try:
        command.upgrade(alembic_config(), revision)
    except (KeyError, UserWarning):
        schema.inspect()  # what Alembic stumbles over
        raise
    except schema.MigratedElsewhere as elsewhere:
        if elsewhere.lacking or revision != "heads":
            raise
        get_logger().warning("database ahead", migrations=elsewhere.unknown)


def alembic_config() -> "Config":
    """How Alembic is set up: [tool.alembic] in pyproject.toml."""
    from alembic.config import Config

    return Config(toml_file=ROOT / "pyproject.toml", stdout=sys.stderr)


@cli.command()
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="A file; else the screen."
)
def openapi(output: Path | None) -> None:
    """Print the OpenAPI document."""
    from pydantic_core import to_json

    from app.main import create_app

    text = to_json(create_app().openapi(), indent=2).decode() + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8", newline="\n")


@cli.command()
def routes() -> None:
    """List every operation with its access rule."""
    from app.http.openapi import operations
    from app.kit.access import Public, Rule
    from app.main import create_app

    for route in operations(create_app()):
        rule = route.access[0]
        match rule:
            case Rule():
                access = f"{rule.permission} ({', '.join(sorted(rule.roles))})"
            case Public():
                access = f"public: {rule.reason}"
            case _:
                access = "a token of its own"
        click.echo(f"{min(route.methods or {'GET'}):7}{route.path_format:42}{access}")


@cli.command()
@click.argument("email")
def create_admin(email: str) -> None:
    """Make an account with EMAIL that may manage the others, or let an existing one do so.

    A new account needs a password: it is asked for, or taken from the environment variable ADMIN_PASSWORD.
    """
    from app.platform.accounts import repository as accounts
    from app.platform.admin import service

    async def appoint(database: "Database", address: str, hashed: str | None) -> bool:
        async with database.transaction() as session:
            return await service.appoint(session, address, hashed)

    prepared()
    address = _address(email)
    known = _read(lambda reader: accounts.credentials(reader, address))
    if known is not None and known.email_verified_at is None:
        raise click.ClickException(
            f"{address} has an account whose address nobody has confirmed, so it may be somebody else's: confirm it "
            "with the link that was mailed, then run this again."
        )
    hashed = None if known is not None else _hashed_password(address)
    if not _on_the_database(lambda database: appoint(database, address, hashed)):
        raise click.ClickException("Somebody else changed this account at the same moment: run this again.")
    click.echo(f"{address} {'is an admin now; its sessions have ended' if known else 'is a new account: an admin'}.")


def _address(email: str) -> str:
    from pydantic import TypeAdapter

    from app.platform.accounts.schemas import Email

    try:
        return TypeAdapter(Email).validate_python(email)
    except ValidationError as error:
        raise click.UsageError(f"EMAIL {error.errors()[0]['msg']}.") from None


def _hashed_password(address: str) -> str:
    import asyncio

    from pydantic import TypeAdapter

    from app.kit.errors import Invalid
    from app.kit.passwords import Passwords, refuse_guessable
    from app.platform.accounts.schemas import Password
    from app.platform.accounts.service import common_knowledge

    given = os.environ.get("ADMIN_PASSWORD") or click.prompt(
        "Password", hide_input=True, confirmation_prompt=True, err=True
    )
    try:
        password = TypeAdapter(Password).validate_python(given).get_secret_value()
        refuse_guessable(password, field="password", known=common_knowledge(address))
    except ValidationError:
        raise click.ClickException("A password has 12 to 128 characters.") from None
    except Invalid as error:
        raise click.ClickException(f"Choose another one: {error.fields['#/password']}.") from None
    passwords = Passwords()
    try:
        return asyncio.run(passwords.hash(password))
    finally:
        passwords.close()


@cli.command()
def retention() -> None:
    """Remove what need not be kept any longer; run it once a day, while the service serves.

    It may be interrupted and run again. What each noun keeps for how long stands in its retention.py.
    """
    from app import registry
    from app.adapters import retention
    from app.kit import clock

    async def keep(database: "Database") -> None:
        async for each in retention.keep(database, registry.retention_rules(), clock.now()):
            click.echo(f"{each.rows:>8}  {each.what}")

    prepared()
    registry.load_models()
    _on_the_database(keep)


@cli.group(cls=Cli)
def audit() -> None:
    """Read the audit trail, and prove that nobody altered it."""


@audit.command()
@click.option("--subject", help="What it is about: the id of a row.")
@click.option("--actor", type=click.UUID, help="Who did it: the id of an account.")
@click.option("--request", help="The id of a request, as the log and the answer have it.")
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 1_000), help="How many entries.")
def show(subject: str | None, actor: UUID | None, request: str | None, most: int) -> None:
    """List entries, the newest first."""
    from app.platform.audit import repository

    if sum(each is not None for each in (subject, actor, request)) > 1:
        raise click.UsageError("Ask for one of --subject, --actor and --request.")
    if actor is not None:
        entries = _read(lambda reader: repository.of_actor(reader, actor, most))
    elif subject is not None:
        entries = _read(lambda reader: repository.of_subject(reader, subject, most))
    elif request is not None:
        entries = _read(lambda reader: repository.of_request(reader, request, most))
    else:
        entries = _read(lambda reader: repository.newest(reader, most))
    for each in entries:
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
@click.option("--from", "since", default=1, type=click.IntRange(1), help="Begin with this entry; else with the first.")
@click.option("--head", help="What an earlier `verify` printed: the trail has to contain all that it had then.")
def verify(since: int, head: str | None) -> None:
    """Compare every entry with its seal; exit code 1 when one was changed, removed or put in."""
    from app.platform.audit import service

    if head is not None and not service.is_head(head):
        raise click.UsageError("--head takes what an earlier `app audit verify` printed after the word head.")
    found = _read(lambda reader: service.verify(reader, since=since, head=head))
    if found.faults:
        raise click.ClickException(
            "The audit trail does not hold:\n" + "\n".join(f"  - {each}" for each in found.faults)
        )
    gone = f" Those up to {found.retired} were retired." if found.retired else ""
    click.echo(
        f"{found.entries} entries hold.{gone} Keep this where the database's owner can't write:\nhead {found.head}"
    )


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
    click.echo(f"{removed} entries were older than {days} days, and are gone.")


def _read(question: "Callable[[Autocommit], Coroutine[None, None, T]]") -> T:
    """What the database of this service answers."""
    prepared()
    return _on_the_database(lambda database: question(database.primary))


def _on_the_database(work: "Callable[[Database], Coroutine[None, None, T]]") -> T:
    import asyncio

    from app.adapters.database import Database, DatabaseSettings
    from app.settings import settings

    async def run() -> T:
        database = Database(DatabaseSettings.read(), settings().key_ring)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of the `app` command."""
    from app import keys, workshop

    workshop.register(cli)
    keys.register(cli)
    cli(arguments)
