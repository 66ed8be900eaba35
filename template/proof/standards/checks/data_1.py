"""DATA-1: a write whose commit fails is an error and leaves nothing, and an answer leaves after its commit."""

import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import httpx

from proof.standards.context import Context, Json, body
from proof.standards.outcome import Outcome, judged

_SECONDS = 0.3
_MEND = (
    "Take the transaction as `session: Session` (app/adapters/database/): it commits before the answer leaves, "
    "and a commit that fails becomes the answer"
)


@dataclass(frozen=True, slots=True)
class _Write:
    """One change over HTTP, the table it changes, and what happens there."""

    name: str
    method: str
    path: str
    content: Json | None
    table: str
    event: str


def check(context: Context) -> Outcome:
    """Let the database refuse commits, and then delay them."""
    faults: list[str] = []
    tried: list[str] = []
    with context.sign_up() as member:
        # Each round has names of its own, and for a change of an item an item of its own.
        for write in _writes(context, member):
            faults += _refused(context, member, write)
            tried.append(write.name)
        for write in _writes(context, member):
            faults += _delayed(context, member, write)
    broken = {name for name in tried if any(fault.startswith(name) for fault in faults)}
    return judged(
        faults,
        f"{len(tried) - len(broken)} of {len(tried)}",
        "writes are whole, and answered after their commit",
        evidence=[
            "a deferred trigger refuses the commit: the answer is 5xx, and the table is as it was",
            f"a deferred trigger delays the commit by {_SECONDS * 1000:.0f} ms: no answer came sooner",
        ],
    )


def _writes(context: Context, member: httpx.Client) -> Iterator[_Write]:
    paths = {each.name for each in context.operations()}
    credentials = context.join()
    fresh = credentials | {"email": f"{secrets.token_hex(8)}@example.com"}
    yield _Write("POST /v1/accounts", "POST", "/v1/accounts", fresh, "accounts", "INSERT")
    yield _Write("POST /v1/auth/login", "POST", "/v1/auth/login", credentials, "sessions", "INSERT")
    if "POST /v1/items" in paths:
        item = f"/v1/items/{body(member.post('/v1/items', json={'name': secrets.token_hex(8)})).get('id')}"
        new: Json = {"name": secrets.token_hex(8)}
        yield _Write("POST /v1/items", "POST", "/v1/items", new, "items", "INSERT")
        yield _Write("PATCH /v1/items/{item_id}", "PATCH", item, {"name": secrets.token_hex(8)}, "items", "UPDATE")
        yield _Write("DELETE /v1/items/{item_id}", "DELETE", item, None, "items", "DELETE")


def _refused(context: Context, member: httpx.Client, write: _Write) -> Iterator[str]:
    before = _content(context, write.table)
    with _at_commit(context, write, "RAISE EXCEPTION 'refused by the scorecard'"):
        answer = member.request(write.method, write.path, json=write.content)
    if not answer.is_server_error:
        yield f"{write.name} answers {answer.status_code} though its commit failed, not 5xx. {_MEND}."
    if _content(context, write.table) != before:
        yield f"{write.name} leaves rows in {write.table} though its commit failed. {_MEND}."


def _delayed(context: Context, member: httpx.Client, write: _Write) -> Iterator[str]:
    before = _content(context, write.table)
    with _at_commit(context, write, f"PERFORM pg_sleep({_SECONDS})"):
        started = perf_counter()
        answer = member.request(write.method, write.path, json=write.content)
        seconds = perf_counter() - started
    if not answer.is_success:
        yield f"{write.name} answers {answer.status_code} to a good request. Read the log of the service."
    elif seconds < _SECONDS or _content(context, write.table) == before:
        yield (
            f"{write.name} answers {answer.status_code} after {seconds * 1000:.0f} ms, before its commit, "
            f"which takes {_SECONDS * 1000:.0f} ms. {_MEND}."
        )


@contextmanager
def _at_commit(context: Context, write: _Write, action: str) -> Generator[None]:
    """Do something at the moment of each commit that changed the table."""
    context.execute(
        "CREATE OR REPLACE FUNCTION scorecard() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {action}; RETURN NULL; END $$",
        f"CREATE CONSTRAINT TRIGGER scorecard AFTER {write.event} ON {write.table} "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION scorecard()",
    )
    try:
        yield
    finally:
        context.execute(f"DROP TRIGGER scorecard ON {write.table}", "DROP FUNCTION scorecard")


def _content(context: Context, table: str) -> list[str]:
    """How many rows a table has, and which is the newest version of one."""
    return context.rows(_digest, f"SELECT count(*) AS number, max(xmin::text::bigint) AS newest FROM {table}")  # noqa: S608


def _digest(number: int, newest: int | None) -> str:
    return f"{number} {newest}"
