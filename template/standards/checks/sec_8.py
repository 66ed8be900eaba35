"""SEC-8: each change and each decision leaves an entry, and nobody can alter one unseen."""

import asyncio
import base64
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from time import time
from typing import cast
from uuid import UUID

import asyncpg
import httpx
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from app import registry
from app.adapters.database import Base, DatabaseSettings
from app.adapters.database.work import Database
from app.platform.audit import service
from app.platform.audit.triggers import unaudited
from app.settings import settings
from standards.context import PASSWORD, Context, Json, body, header
from standards.outcome import Outcome, Table, judged

_READ = frozenset({"GET", "HEAD", "OPTIONS"})
_DECISIONS = "/v1/auth/"
# Of whoever is not signed in, and of whoever is and offers a wrong proof.
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_FACTOR = "/v1/auth/second-factor"
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
class _Answered:
    """One operation that was called, and what came back."""

    operation: str
    answer: httpx.Response

    @property
    def decides(self) -> bool:
        """Whether the operation is about who may come in, so that its refusals count, too."""
        return _DECISIONS in self.operation

    def __str__(self) -> str:
        return f"{self.operation} ({self.answer.status_code})"


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


def _called(context: Context) -> Iterator[_Answered]:
    """Every way in and out, granted and refused; then a change of each kind."""
    credentials: Json = {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
    with context.client() as client:

        def post(path: str, content: Json | None = None, token: object = None) -> _Answered:
            headers = {"Authorization": f"Bearer {token}"} if token else None
            return _Answered(f"POST {path}", client.post(path, json=content, headers=headers))

        yield post("/v1/accounts", credentials)
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
    yield from _browsed(context, credentials)
    yield from _proved(context)
    yield from _administered(context, credentials)
    if any(each.name == "POST /v1/items" for each in context.operations()):
        with context.sign_up() as member:
            made = member.post("/v1/items", json={"name": secrets.token_hex(8)})
            item = f"/v1/items/{body(made).get('id')}"
            yield _Answered("POST /v1/items", made)
            yield _Answered("PATCH /v1/items/{item_id}", member.patch(item, json={"name": secrets.token_hex(8)}))
            yield _Answered("DELETE /v1/items/{item_id}", member.delete(item))


def _ended(context: Context, credentials: Json) -> Iterator[_Answered]:
    """Sessions that are ended from another one."""
    with context.client() as client:
        pairs = [body(client.post("/v1/auth/login", json=credentials)) for _ in range(2)]
    with context.client(str(pairs[0].get("access_token"))) as client:
        sessions = cast("list[Json]", body(client.get("/v1/auth/sessions")).get("data") or [])
        other = next((each.get("id") for each in sessions if not each.get("current")), None)
        yield _Answered("DELETE /v1/auth/sessions/{session_id}", client.delete(f"/v1/auth/sessions/{other}"))
        yield _Answered("DELETE /v1/auth/sessions", client.delete("/v1/auth/sessions"))


def _proved(context: Context) -> Iterator[_Answered]:
    """A second factor, set up, used and removed; and an API key."""
    wrong: Json = {"password": "not the password", "code": "000000"}
    with context.sign_up() as client:

        def post(path: str, content: Json) -> _Answered:
            return _Answered(f"POST {path}", client.post(path, json=content))

        yield post("/v1/api-keys", {"name": "A key", "scopes": ["accounts:read-own"], "password": PASSWORD})
        yield post(_FACTOR, {"password": wrong["password"]})
        yield (begun := post(_FACTOR, {"password": PASSWORD}))
        secret = str(body(begun.answer).get("secret", ""))
        yield post(f"{_FACTOR}/confirmation", {"code": "000000"})
        yield (confirmed := post(f"{_FACTOR}/confirmation", {"code": _code(secret)}))
        codes = cast("list[str]", body(confirmed.answer).get("recovery_codes") or ["", ""])
        yield post(f"{_FACTOR}/recovery-codes", wrong)
        yield (renewed := post(f"{_FACTOR}/recovery-codes", {"password": PASSWORD, "code": codes[0]}))
        codes = cast("list[str]", body(renewed.answer).get("recovery_codes") or [""])
        yield post(f"{_FACTOR}/removal", wrong)
        yield post(f"{_FACTOR}/removal", {"password": PASSWORD, "code": codes[0]})


def _code(secret: str) -> str:
    now = int(time())
    # As apps do, which know no other hash for certain.
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(now).decode()  # noqa: S303


def _browsed(context: Context, credentials: Json) -> Iterator[_Answered]:
    """A browser's way in and out; its cookies are `Secure`, so here they are sent by hand."""
    with context.client() as client:
        client.headers["sec-fetch-site"] = "same-origin"

        def post(path: str, content: Json | None = None, cookies: str = "", csrf: object = "") -> _Answered:
            headers = {"cookie": cookies, "x-csrf-token": str(csrf)} if cookies else None
            client.cookies.clear()
            return _Answered(f"POST {path}", client.post(path, json=content, headers=headers))

        yield post("/v1/auth/browser/login", credentials | {"password": "not the password"})
        yield (login := post("/v1/auth/browser/login", credentials))
        yield (renewed := post("/v1/auth/browser/refresh", cookies=_cookies(login)))
        csrf = body(renewed.answer).get("csrf_token")
        yield post("/v1/auth/browser/logout", cookies=_cookies(renewed), csrf=csrf)


def _administered(context: Context, credentials: Json) -> Iterator[_Answered]:
    """What an admin does with an account; and its end."""
    with context.sign_up("admin") as admin:
        found = admin.post("/v1/admin/accounts/lookups", json={"email": credentials["email"]})
        yield _Answered("POST /v1/admin/accounts/lookups", found)
        account = f"/v1/admin/accounts/{body(found).get('id')}"
        sessions = admin.delete(f"{account}/sessions")
        yield _Answered("DELETE /v1/admin/accounts/{account_id}/sessions", sessions)
        changed = admin.patch(account, json={"disabled": True})
        yield _Answered("PATCH /v1/admin/accounts/{account_id}", changed)
        admin.patch(account, json={"disabled": False})
    with context.client() as client:
        token = body(client.post("/v1/auth/login", json=credentials)).get("access_token")
    with context.client(str(token)) as client:
        erased = client.post("/v1/accounts/me/erasure", json={"password": credentials["password"]})
        yield _Answered("POST /v1/accounts/me/erasure", erased)


def _cookies(called: _Answered) -> str:
    return "; ".join(each.partition(";")[0] for each in called.answer.headers.get_list("set-cookie"))


def _entries(context: Context, called: _Answered) -> list[_Entry]:
    request = header(called.answer, "x-request-id")
    statement = "SELECT event, outcome FROM audit_entries WHERE request_id = $1 ORDER BY position"
    return context.rows(_Entry, statement, request)


def _unrecorded(called: _Answered, entries: list[_Entry]) -> Iterator[str]:
    refused = called.answer.status_code in _REFUSALS
    if not called.answer.is_success and not (called.decides and refused):
        yield f"{called} is no answer to judge. Bring standards/checks/sec_8.py in line with the operation."
    elif not entries:
        yield (
            f"{called} leaves no entry with the id of its request. Run `app migrate`, which attaches the triggers; "
            "a decision is recorded by `audit.decided(…)`, and the error that reports a refusal `keeps_writes`."
        )
    elif called.decides and not any(each.outcome == ("refused" if refused else "granted") for each in entries):
        yield f"{called} leaves no entry that says how it was decided. Call `audit.decided(…)` in its service."


def _untried(context: Context, called: list[_Answered]) -> Iterator[str]:
    tried = {each.operation for each in called}
    for each in context.operations():
        if each.method not in _READ and each.path.startswith(_DECISIONS) and each.name not in tried:
            yield (
                f"{each.name} decides about sessions, and nobody looked for its entry. "
                "Record it with `audit.decided(…)`, and call it in standards/checks/sec_8.py."
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
