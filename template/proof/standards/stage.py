"""The stage: the service on the rig, on a database with rows in it."""

import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from proof import rig
from proof.standards import tls
from proof.standards.context import Context, execute

# Enough rows that the database prefers an index wherever there is one.
_ACCOUNTS = 1_000
_ITEMS = 100
_SESSIONS = """
WITH opened AS (
  INSERT INTO sessions (id, account_id) SELECT gen_random_uuid(), id FROM accounts, generate_series(1, 10)
  RETURNING id
)
INSERT INTO refresh_tokens (id, session_id, digest, expires_at)
SELECT gen_random_uuid(), id, sha256(id::text::bytea), now() + interval '1 day' FROM opened
"""

# Each client of the scorecard has an address of its own (context.py), and limits that can be reached. The database is
# reached by TLS, with no excuse.
_SETTINGS = {
    "DATABASE_WITHOUT_TLS_BECAUSE": "",
    "TRUSTED_PROXIES": "127.0.0.1",
    "RATE_LIMIT_PRINCIPAL": "600/3600",
    "RATE_LIMIT_ADDRESS": "600/3600",
    "RATE_LIMIT_ATTEMPTS": "120/3600",
    "RATE_LIMIT_PROBES": "200/3600",
}


@contextmanager
def service(root: Path, reports: Path, say: Callable[[str], None]) -> Generator[Context]:
    """Run the service, and what the checks have to know of it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="standards-", ignore_cleanup_errors=True)))
        say("starting PostgreSQL")
        database = stack.enter_context(rig.database("standards"))
        front = stack.enter_context(tls.front(database, folder / "tls"))
        environment = rig.settings(front.url) | _SETTINGS
        say(f"seeding {_ACCOUNTS * _ITEMS:,} items of {_ACCOUNTS:,} accounts")
        rig.fill(environment, _ACCOUNTS, _ITEMS)
        execute(database, _SESSIONS, "VACUUM ANALYZE")
        say("starting the service")
        log = folder / "service.log"
        running = stack.enter_context(rig.serving(environment, log))
        yield Context(running.url, database, log, root, reports, environment["METRICS_TOKEN"], front.versions)
