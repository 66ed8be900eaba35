"""The command that serves."""

import multiprocessing
import os
import signal
import ssl
import tempfile
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from app import defaults
from app.adapters.process import prepared

if TYPE_CHECKING:
    from fastapi import FastAPI

T = TypeVar("T")

_PORT = click.IntRange(1, 65535)


def application() -> "FastAPI":
    """The service for the server process, which may not be this one: a refusal to start is a sentence there, too."""
    from pydantic import ValidationError

    from app.cli import sentence
    from app.house import HouseRuleBroken
    from app.main import create_app

    end_with_parent()
    try:
        return create_app()
    except (HouseRuleBroken, ValidationError) as error:
        click.echo(f"Error: {sentence(error)}", err=True)
        raise SystemExit(1) from None


def end_with_parent() -> None:
    """End a worker whose supervisor was killed: nobody else would, and it holds the port."""
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return

    def wait() -> None:
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="supervisor", daemon=True).start()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 in a container.")
@click.option("--port", default=8000, show_default=True, type=_PORT, help="Port to listen on.")
@click.option("--workers", default=defaults.WORKERS, show_default=True, type=click.IntRange(1, 64), help="Processes.")
def serve(host: str, port: int, workers: int) -> None:
    """Serve requests until told to stop; requests under way are finished first."""
    from app import registry

    prepared()
    registry.read_settings()
    if workers > 1:
        # The workers' measurements meet in files, so that /metrics tells of all of them.
        with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
            # They share the rate limits, too: each counts its part.
            os.environ["RATE_LIMIT_WORKERS"] = str(workers)
            run(host, port, workers=workers)
    else:
        run(host, port)


def begin(begin: Callable[..., T], host: str, port: int, **more: object) -> T:
    """Begin to serve, in the same way everywhere: our own layers write the access log and the headers."""
    from app import registry
    from app.settings import settings

    return begin(
        "app.cli.serve:application",
        factory=True,
        host=host,
        port=port,
        http="app.http.head_guard:HeadGuard",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=30,
        timeout_keep_alive=settings().keep_alive_seconds,
        **{"ws": "none", **registry.server_options(), **more},
    )


def run(host: str, port: int, *, workers: int = 1) -> None:
    """Serve until told to stop."""
    import uvicorn

    from app.settings import settings

    found = settings()
    begin(
        uvicorn.run,
        host,
        port,
        workers=workers,
        ssl_certfile=found.tls_certificate,
        ssl_keyfile=found.tls_key,
        ssl_context_factory=_newest_tls if found.tls_certificate else None,
    )


def _newest_tls(_config: object, made: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """TLS 1.3 or nothing: uvicorn itself would take 1.2."""
    context = made()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


commands = (serve,)
