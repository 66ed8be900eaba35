"""DATA-2: the database itself refuses what the models refuse, and a conflict is a 409."""

import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import httpx
from asyncpg import IntegrityConstraintViolationError, PostgresError
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, PrimaryKeyConstraint, Table, UniqueConstraint

from app import registry
from app.adapters.database import Base
from proof.standards import outcome
from proof.standards.context import PASSWORD, Context, Json
from proof.standards.outcome import Outcome, judged

_AT_ONCE = 8
_NAMED = CheckConstraint | ForeignKeyConstraint | PrimaryKeyConstraint | UniqueConstraint
_ACCOUNTS = "SELECT id::text AS name FROM accounts"
_BAD_ROWS = {
    "an account with a malformed role": (
        "INSERT INTO accounts (id, email, email_index, password_hash, role) "
        "VALUES (gen_random_uuid(), '\\x01' || sha256('1') || sha256('2'), sha256('3'), 'x', 'Emperor')"
    ),
    "an account whose address is in plain text": (
        "INSERT INTO accounts (id, email, email_index, password_hash) "
        "VALUES (gen_random_uuid(), 'a-long-enough-address-in-plain-text@example.com', sha256('3'), 'x')"
    ),
    "an account that no address finds": (
        "INSERT INTO accounts (id, email, email_index, password_hash) "
        "VALUES (gen_random_uuid(), '\\x01' || sha256('1') || sha256('2'), 'x', 'x')"
    ),
    "an account without a password": (
        "INSERT INTO accounts (id, email, email_index, password_hash) "
        "VALUES (gen_random_uuid(), '\\x01' || sha256('1') || sha256('2'), sha256('3'), NULL)"
    ),
    "a session of nobody": "INSERT INTO sessions (id, account_id) VALUES (gen_random_uuid(), gen_random_uuid())",
}


def check(context: Context) -> Outcome:
    """Compare the catalogue with the models, insert bad rows, and race for names."""
    registry.load_models()
    tables = list(Base.metadata.tables.values())
    kept = set(context.rows(_text, "SELECT conname::text AS name FROM pg_constraint WHERE convalidated"))
    strict = set(
        context.rows(
            _text,
            "SELECT attrelid::regclass || '.' || attname AS name FROM pg_attribute WHERE attnotnull AND attnum > 0",
        )
    )
    wanted = [(table, str(each.name)) for table in tables for each in table.constraints if isinstance(each, _NAMED)]
    columns = [f"{table.name}.{column.name}" for table in tables for column in table.columns if not column.nullable]
    faults = [
        f"{table.name} has no valid constraint {name} in the database, though its model declares it. {_MIGRATE}."
        for table, name in wanted
        if name not in kept
    ]
    faults += [
        f"{name} takes NULL in the database, though its model does not. {_MIGRATE}."
        for name in columns
        if name not in strict
    ]
    faults += [fault for what, row in _BAD_ROWS.items() for fault in _inserted(context, what, row)]
    races = list(_races(context))
    faults += [fault for _, found in races for fault in found]
    checks = sum(isinstance(each, CheckConstraint) for table in tables for each in table.constraints)
    return judged(
        faults,
        f"{sum(name in kept for _, name in wanted)} of {len(wanted)} constraints, "
        f"{sum(name in strict for name in columns)} of {len(columns)} NOT NULL",
        evidence=[
            f"{checks} CHECK constraints; {len(_BAD_ROWS)} bad rows tried behind the service's back",
            *(seen for seen, _ in races),
        ],
        tables=[outcome.Table("Constraints", ("table", "what the database refuses"), list(_shown(tables)))],
    )


_MIGRATE = 'Write the migration: make migration name="…"'


def _text(name: str) -> str:
    return name


def _shown(tables: list[Table]) -> Iterator[tuple[str, str]]:
    for table in tables:
        names = sorted(str(each.name) for each in table.constraints if isinstance(each, _NAMED))
        yield table.name, ", ".join(names)


def _inserted(context: Context, what: str, statement: str) -> Iterator[str]:
    try:
        context.execute("BEGIN", statement, "ROLLBACK")
    except IntegrityConstraintViolationError:
        return
    except PostgresError as error:
        yield f"{what} could not be tried: {error}. Bring proof/standards/checks/data_2.py in line with the table."
    else:
        yield f"the database takes {what}. Constrain the column in its model, and write the migration."


def _races(context: Context) -> Iterator[tuple[str, list[str]]]:
    """The same write, several times at once: one wins, and the others are told so where they may know."""
    with context.sign_up() as member:
        yield _race_for_an_address(context, member)
        if any(each.name == "POST /v1/items" for each in context.operations()):
            yield _race("POST /v1/items", member, "/v1/items", {"name": secrets.token_hex(8)})


def _race_for_an_address(context: Context, client: httpx.Client) -> tuple[str, list[str]]:
    """Everybody is told the same, so that nobody learns who has an account; there is one all the same."""
    account: Json = {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}

    def post(_: int) -> int:
        return client.post("/v1/accounts", json=account).status_code

    before = set(context.rows(_text, _ACCOUNTS))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        _ = list(threads.map(post, range(_AT_ONCE)))
    made = len(set(context.rows(_text, _ACCOUNTS)) - before)
    told = f"POST /v1/accounts, {_AT_ONCE} equal ones at once, makes {made} accounts"
    return told, [] if made == 1 else [f"{told}, not one. Add a UNIQUE constraint to the address."]


def _race(name: str, client: httpx.Client, path: str, content: Json) -> tuple[str, list[str]]:
    def post(_: int) -> int:
        return client.post(path, json=content).status_code

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        answers = list(threads.map(post, range(_AT_ONCE)))
    seen = Counter(answers)
    told = ", ".join(f"{number} × {status}" for status, number in sorted(seen.items()))
    if seen == {HTTPStatus.CREATED: 1, HTTPStatus.CONFLICT: _AT_ONCE - 1}:
        return f"{name}, {_AT_ONCE} equal ones at once: {told}", []
    fault = (
        f"{name} answers {told} to {_AT_ONCE} equal requests at once, not one 201 and {_AT_ONCE - 1} × 409. "
        "Add a UNIQUE constraint, and name it in an error of the noun's errors.py."
    )
    return told, [fault]
