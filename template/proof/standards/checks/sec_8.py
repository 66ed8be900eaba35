"""SEC-8: each change and each decision leaves an entry, and nobody can alter one unseen."""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast
from uuid import UUID

import asyncpg

from app import registry
from app.adapters.database import Base, DatabaseSettings
from app.adapters.database.work import Database
from app.kit.discovery import modules
from app.platform.audit import service
from app.platform.audit.triggers import unaudited
from app.settings import settings
from proof import parts
from proof.standards.context import PASSWORD, Answered, Context, Json, body, header
from proof.standards.outcome import Outcome, Table, judged

Decisions = Callable[[Context], Iterable[Answered]]

_READ = frozenset({"GET", "HEAD", "OPTIONS"})
_DECISIONS = "/v1/auth/"
# Of whoever is not signed in, and of whoever is and offers a wrong proof.
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_ATTACHED = """
SELECT tgrelid::regclass::text AS "table" FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid
WHERE p.proname = 'audit_change' AND tgname = 'audit' AND tgenabled = 'O'
"""
_ALTERATIONS = (
    "UPDATE audit_entries SET event = 'nothing'",
    "DELETE FROM audit_entries",
    "TRUNCATE audit_entries",
    "UPDATE audit_seals SET hash = ''",
    "DELETE FROM audit_seals",
    "TRUNCATE audit_seals",
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the trail has of a request."""

    event: str
    outcome: str


def check(context: Context) -> Outcome:
    """Change and decide over HTTP, look for the entries, try to alter them, and alter one with the triggers off."""
    called = list(_called(context))
    found = {id(each): _entries(context, each) for each in called}
    faults = [fault for each in called for fault in _unrecorded(each, found[id(each)])]
    faults += _untried(context, called)
    faults += _unattached(context)
    faults += [fault for statement in _ALTERATIONS for fault in _altered(context, statement)]
    faults += _unseen(context)
    recorded = sum(bool(entries) for entries in found.values())
    return judged(
        faults,
        f"{recorded} of {len(called)}",
        "changes and decisions left an entry",
        evidence=[
            f"{len(_ALTERATIONS)} attempts to alter the trail, as the role that the service has",
            "one entry is changed with the triggers off, as the owner can: `app audit verify` names it",
        ],
        tables=[
            Table(
                "What was recorded",
                ("operation", "entries"),
                [
                    (str(each), ", ".join(f"{entry.event} {entry.outcome}" for entry in found[id(each)]) or "none")
                    for each in called
                ],
            )
        ],
    )


def decides(called: Answered) -> bool:
    """Whether the operation is about who may come in, so that its refusals count, too."""
    return _DECISIONS in called.operation


def _called(context: Context) -> Iterator[Answered]:
    """Every way in and out, granted and refused; then a change of each kind."""
    made: Json = {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
    credentials = context.join()
    with context.client() as client:

        def post(path: str, content: Json | None = None, token: object = None) -> Answered:
            headers = {"Authorization": f"Bearer {token}"} if token else None
            return Answered(f"POST {path}", client.post(path, json=content, headers=headers))

        yield post("/v1/accounts", made)
        yield post("/v1/auth/login", credentials | {"password": "not the password"})
        yield post("/v1/auth/login", credentials | {"email": f"{secrets.token_hex(8)}@example.com"})
        yield (login := post("/v1/auth/login", credentials))
        pair = body(login.answer)
        renewal: Json = {"refresh_token": pair.get("refresh_token", "none")}
        yield post("/v1/auth/refresh", {"refresh_token": secrets.token_hex(16)})
        yield post("/v1/auth/refresh", renewal)
        yield post("/v1/auth/refresh", renewal)
        again = body(client.post("/v1/auth/login", json=credentials))
        yield post("/v1/auth/logout", token=again.get("access_token"))
    yield from _ended(context, credentials)
    for part in modules(parts, "decisions"):
        yield from cast("Decisions", part.called)(context)
    if any(each.name == "POST /v1/items" for each in context.operations()):
        with context.sign_up() as member:
            item = member.post("/v1/items", json={"name": secrets.token_hex(8)})
            path = f"/v1/items/{body(item).get('id')}"
            yield Answered("POST /v1/items", item)
            yield Answered("PATCH /v1/items/{item_id}", member.patch(path, json={"name": secrets.token_hex(8)}))
            yield Answered("DELETE /v1/items/{item_id}", member.delete(path))


def _ended(context: Context, credentials: Json) -> Iterator[Answered]:
    """Sessions that are ended from another one."""
    with context.client() as client:
        pairs = [body(client.post("/v1/auth/login", json=credentials)) for _ in range(2)]
    with context.client(str(pairs[0].get("access_token"))) as client:
        sessions = cast("list[Json]", body(client.get("/v1/auth/sessions")).get("data") or [])
        other = next((each.get("id") for each in sessions if not each.get("current")), None)
        yield Answered("DELETE /v1/auth/sessions/{session_id}", client.delete(f"/v1/auth/sessions/{other}"))
        yield Answered("DELETE /v1/auth/sessions", client.delete("/v1/auth/sessions"))


def _entries(context: Context, called: Answered) -> list[_Entry]:
    request = header(called.answer, "x-request-id")
    statement = "SELECT event, outcome FROM audit_entries WHERE request_id = $1 ORDER BY position"
    return context.rows(_Entry, statement, request)


def _unrecorded(called: Answered, entries: list[_Entry]) -> Iterator[str]:
    refused = called.answer.status_code in _REFUSALS
    if not called.answer.is_success and not (decides(called) and refused):
        yield f"{called} is no answer to judge. Bring proof/standards/checks/sec_8.py in line with the operation."
    elif not entries:
        yield (
            f"{called} leaves no entry with the id of its request. Run `app migrate`, which attaches the triggers; "
            "a decision is recorded by `audit.decided(…)`, and the error that reports a refusal `keeps_writes`."
        )
    elif decides(called) and not any(each.outcome == ("refused" if refused else "granted") for each in entries):
        yield f"{called} leaves no entry that says how it was decided. Call `audit.decided(…)` in its service."


def _untried(context: Context, called: list[Answered]) -> Iterator[str]:
    tried = {each.operation for each in called}
    for each in context.operations():
        if each.method not in _READ and each.path.startswith(_DECISIONS) and each.name not in tried:
            yield (
                f"{each.name} decides about sessions, and nobody looked for its entry. "
                "Record it with `audit.decided(…)`, and call it in the `called` of a decisions.py in proof/parts."
            )


def _unattached(context: Context) -> Iterator[str]:
    registry.load_models()
    attached = set(context.rows(_name, _ATTACHED))
    for name, table in sorted(Base.metadata.tables.items()):
        if unaudited(table) is None and name not in attached:
            yield f"changes of {name} are not recorded: its trigger is gone or off. `app migrate` attaches it."


def _name(table: str) -> str:
    return table


def _altered(context: Context, statement: str) -> Iterator[str]:
    try:
        context.execute("BEGIN", statement, "ROLLBACK")
    except asyncpg.InsufficientPrivilegeError:
        return
    yield (
        f"the database takes `{statement}`. Put the trigger append_only back: migrations/platform/0002_audit_trail.py."
    )


def _unseen(context: Context) -> Iterator[str]:
    """Change an entry as somebody with every right could, and put it back afterwards."""
    before = asyncio.run(_verified(context.database))
    if before.faults:
        yield (
            f"the trail does not hold before anything was altered: {before.faults[0]} "
            "Run `app audit verify`, and find out who wrote past the triggers."
        )
        return
    entry = context.rows(_position, "SELECT max(position) AS position FROM audit_seals")[0]
    with_triggers_off = (
        "GRANT UPDATE ON audit_entries TO CURRENT_USER; ALTER TABLE audit_entries DISABLE TRIGGER append_only"
    )
    with_triggers_on = (
        "ALTER TABLE audit_entries ENABLE TRIGGER append_only; REVOKE UPDATE ON audit_entries FROM CURRENT_USER"
    )
    change = f"UPDATE audit_entries SET actor_id = %s WHERE position = {entry}"  # noqa: S608 - a number
    (actor,) = context.rows(_actor, "SELECT actor_id FROM audit_entries WHERE position = $1", entry)
    context.execute(with_triggers_off, change % "gen_random_uuid()", with_triggers_on)
    try:
        after = asyncio.run(_verified(context.database))
    finally:
        context.execute(with_triggers_off, change % (f"'{actor}'" if actor else "NULL"), with_triggers_on)
    if not any(f"entry {entry} was changed" in each for each in after.faults):
        yield f"entry {entry} was changed, and `app audit verify` does not name it. Mend app/platform/audit/service.py."


def _position(position: int) -> int:
    return position


def _actor(actor_id: UUID | None) -> UUID | None:
    return actor_id


async def _verified(url: str) -> service.Verdict:
    database = Database(DatabaseSettings.model_validate({"url": url}), settings().key_ring)
    try:
        return await service.verify(database.primary)
    finally:
        await database.close()
