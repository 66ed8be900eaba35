"""SEC-4: TLS 1.3 to a database that is known, and to clients where the service is the edge; or nothing at all."""

import asyncio
import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from app import settings
from app.adapters.database import DatabaseSettings, connect
from app.kit.errors import Unavailable
from app.settings import Environment
from proof import rig
from proof.standards import tls
from proof.standards.context import Context
from proof.standards.outcome import Outcome, judged, unmeasured

_NEWEST = "TLSv1.3"
_MEND = "Connect with connect() of app/adapters/database/, whose context asks for TLS 1.3 and verifies the server"
_EDGE = "Keep the context of _newest_tls in app/cli/serve.py, which takes TLS 1.3 alone"
_SECONDS = 5.0


def check(context: Context) -> Outcome:
    """Put servers with something wrong before the database, and see the service refuse them."""
    faults = list(refusals(context.database))
    seen = sorted(set(context.database_tls))
    if context.database_tls and seen != [_NEWEST]:
        faults.append(f"the running service talks to its database by {', '.join(seen)}, not {_NEWEST}. {_MEND}.")
    faults += _edge(context)
    if not seen and not faults:
        return unmeasured("the connections of the running service to its database were not watched")
    return judged(
        faults,
        _NEWEST,
        evidence=[
            f"the running service opened {len(context.database_tls)} connections to its database, all by {_NEWEST}",
            "refused: a server that speaks TLS 1.2 at most, one of another name, one of an unknown authority",
            "refused at the start in production: an address without sslmode=verify-full",
            "with TLS_CERTIFICATE it is an edge of its own: TLS 1.3 answers, TLS 1.2 and plain text are refused",
            "without, it stands behind a proxy, and what clients speak is decided there",
        ],
    )


def _edge(context: Context) -> Iterator[str]:
    """Serve by TLS, and try what is older."""
    with tempfile.TemporaryDirectory(prefix="edge-") as name:
        folder = Path(name)
        tls.certified(folder, ["127.0.0.1"])
        files = {"TLS_CERTIFICATE": str(folder / "server.pem"), "TLS_KEY": str(folder / "server.pem")}
        authority = folder / "authority.pem"
        with rig.serving(rig.settings(context.database) | files, folder / "log", authority=authority) as running:
            yield from edge_faults(urlsplit(running.url).port or 0, authority)


def edge_faults(port: int, authority: Path) -> Iterator[str]:
    """What is wrong with the TLS of a server on this machine."""
    if (spoken := _spoken(port, authority)) != _NEWEST:
        yield f"a client that takes any version is answered by {spoken}, not {_NEWEST}. {_EDGE}."
    if (spoken := _spoken(port, authority, ssl.TLSVersion.TLSv1_2)) is not None:
        yield f"a client that speaks TLS 1.2 at most is answered by {spoken}. {_EDGE}."
    with socket.create_connection(("127.0.0.1", port), _SECONDS) as plain, suppress(OSError):
        plain.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        if plain.recv(5) == b"HTTP/":
            yield f"a client that speaks no TLS is answered. {_EDGE}."


def _spoken(port: int, authority: Path, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> str | None:
    """The version that a client and the server agree on; None when there is none."""
    context = ssl.create_default_context(cafile=authority)
    context.maximum_version = newest
    try:
        with (
            socket.create_connection(("127.0.0.1", port), _SECONDS) as wire,
            context.wrap_socket(wire, server_hostname="127.0.0.1") as secured,
        ):
            return secured.version()
    except OSError:
        return None


def refusals(database: str) -> Iterator[str]:
    """What is not refused and should be."""
    with tempfile.TemporaryDirectory(prefix="tls-") as name:
        folder = Path(name)
        with tls.front(database, folder / "good") as good, tls.front(database, folder / "other") as other:
            if (error := _refusal(good.url)) is not None:
                yield f"a server with TLS 1.3 and a certificate that holds is refused: {error}. {_MEND}."
            elif set(good.versions) != {_NEWEST}:
                yield f"a connection came about by {good.versions}, not {_NEWEST}. {_MEND}."
            bad: Mapping[str, str] = {
                "of another name": good.url.replace("@localhost:", "@127.0.0.1:"),
                "of an unknown authority": other.url.replace("/other/", "/good/"),
            }
            for what, url in bad.items():
                if _refusal(url) is None:
                    yield f"a server {what} is trusted. {_MEND}."
        with tls.front(database, folder / "old", newest=ssl.TLSVersion.TLSv1_2) as old:
            if _refusal(old.url) is None:
                yield f"a server that speaks TLS 1.2 at most is talked to. {_MEND}."
    if not _is_refused_in_production("postgresql://somebody@db.example.com/service"):
        yield "production takes a database without TLS. Refuse it in app/adapters/database/settings.py."


def _refusal(url: str) -> BaseException | None:
    async def run() -> None:
        connection = await connect(SecretStr(url))
        await connection.close()

    try:
        asyncio.run(run())
    except Unavailable as error:
        return error.__cause__
    return None


def _is_refused_in_production(url: str) -> bool:
    process = settings.settings().model_copy(update={"environment": Environment.PRODUCTION})
    with patch.object(settings, "settings", lambda: process):
        try:
            DatabaseSettings.model_validate({"url": url, "without_tls_because": None})
        except ValidationError:
            return True
    return False
