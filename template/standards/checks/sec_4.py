"""SEC-4: the service talks to its database by TLS 1.3 to a server that it knows, or not at all."""

import asyncio
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

import asyncpg
from pydantic import SecretStr, ValidationError

from app import settings
from app.adapters.database import DatabaseSettings, connect
from app.settings import Environment
from standards import tls
from standards.context import Context
from standards.outcome import Outcome, judged, unmeasured

_NEWEST = "TLSv1.3"
_MEND = "Connect with connect() of app/adapters/database.py, whose context asks for TLS 1.3 and verifies the server"
_NO_EDGE = (
    "the service brings no edge of its own: what the proxy before it speaks is decided there; the database's half "
)


def check(context: Context) -> Outcome:
    """Put servers with something wrong before the database, and see the service refuse them."""
    faults = list(refusals(context.database))
    seen = sorted(set(context.database_tls))
    if context.database_tls and seen != [_NEWEST]:
        faults.append(f"the running service talks to its database by {', '.join(seen)}, not {_NEWEST}. {_MEND}.")
    if faults:
        return judged(faults, None)
    return unmeasured(
        _NO_EDGE + "holds",
        evidence=[
            f"the running service opened {len(context.database_tls)} connections to its database, all by {_NEWEST}"
            if seen
            else "the database of this run was given by DATABASE_URL, so its connections were not watched",
            "refused: a server that speaks TLS 1.2 at most, one of another name, one of an unknown authority",
            "refused at the start in production: an address without sslmode=verify-full",
        ],
    )


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
        yield "production takes a database without TLS. Refuse it in DatabaseSettings (app/adapters/database.py)."


def _refusal(url: str) -> Exception | None:
    async def run() -> None:
        connection = await connect(SecretStr(url))
        await connection.close()

    try:
        asyncio.run(run())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return error
    return None


def _is_refused_in_production(url: str) -> bool:
    process = settings.settings().model_copy(update={"environment": Environment.PRODUCTION})
    with patch.object(settings, "settings", lambda: process):
        try:
            DatabaseSettings.model_validate({"url": url, "without_tls_because": None})
        except ValidationError:
            return True
    return False
