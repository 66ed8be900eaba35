"""`make run`: the service for whoever changes it, with a PostgreSQL of its own."""

import click

from app import defaults, registry
from app.adapters import schema
from app.adapters.process import ROOT, prepared
from app.cli import serve
from app.kit import logging
from proof.workshop.reloading import Reloading


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--reload/--no-reload", default=True, show_default=True, help="Start anew when a file of app/ changes.")
def dev(host: str, port: int, *, reload: bool) -> None:
    """Serve for development: a PostgreSQL of its own, the newest schema, new code at once."""
    import uvicorn

    prepared()
    registry.read_settings()
    schema.migrate()
    logging.writer.flush()  # what was migrated comes before what to open now
    click.echo(f"\n  {defaults.PROJECT_NAME}: http://{host}:{port}/docs\n", err=True)
    if not reload:
        serve.run(host, port)
        return
    config = serve.begin(uvicorn.Config, host, port, reload=True, reload_dirs=[str(ROOT / "app")])
    Reloading(config, uvicorn.Server(config).run, [config.bind_socket()]).run()
