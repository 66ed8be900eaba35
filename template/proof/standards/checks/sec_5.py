"""SEC-5: what the database stores of a person is unreadable without the keys, and belongs to its row."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from app import registry
from app.adapters.database import Base
from app.adapters.encryption import encrypted, row_key
from app.kit.crypto import DIGEST_BYTES, KEY_BYTES, OVERHEAD, VERSION, Place, Unreadable, key_id
from app.settings import settings
from proof.standards.context import PASSWORD, Context, body
from proof.standards.outcome import Outcome, Table, judged

_ENCRYPT = "Declare the column Encrypted() (docs/how-to.md), and write the migration"
_MOVED = "Open values with their place, as app/adapters/encryption.py does"


@dataclass(frozen=True, slots=True)
class _Value:
    row: str
    value: bytes


def check(context: Context) -> Outcome:
    """Make accounts over HTTP, look for their addresses in everything that is stored, and swap what was found."""
    addresses = [f"{secrets.token_hex(12)}@example.com" for _ in range(2)]
    tokens = [_signed_up(context, each) for each in addresses]
    places = list(_places(context))
    faults = [fault for each in addresses for fault in _plain(context, places, each)]
    values, unreadable = _values(context)
    faults += unreadable
    if not any(values.values()):
        faults.append(f"no column of any table holds an encrypted value, though two accounts were made. {_ENCRYPT}.")
    faults += _swapped(context, addresses, tokens)
    return judged(
        faults,
        f"AES-{KEY_BYTES * 8}-GCM, {sum(values.values())} values",
        evidence=[
            f"the addresses of two new accounts are in none of {len(places)} columns, neither in text nor in bytes",
            f"every value begins with the id of a key of the ring: {', '.join(settings().key_ring.ids)}",
            "a value that is moved to another row is refused over HTTP",
        ],
        tables=[Table("Encrypted columns", ("column", "values"), [(name, str(each)) for name, each in values.items()])],
    )


def _signed_up(context: Context, address: str) -> str:
    credentials = {"email": address, "password": PASSWORD}
    with context.client() as client:
        client.post("/v1/accounts", json=credentials)
        return str(body(client.post("/v1/auth/login", json=credentials)).get("access_token"))


def _places(context: Context) -> Iterator[tuple[str, str]]:
    """Every table and column that can hold text or bytes."""
    yield from context.rows(
        _place,
        "SELECT format('%I.%I', table_schema, table_name) AS place, format('%I', column_name) AS column "
        "FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) "
        "WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema') "
        "AND data_type NOT IN ('uuid', 'boolean', 'integer', 'bigint', 'smallint') "
        "AND data_type NOT LIKE 'timestamp%'",
    )


def _place(place: str, column: str) -> tuple[str, str]:
    return place, column


def _plain(context: Context, places: list[tuple[str, str]], address: str) -> Iterator[str]:
    """Columns in which an address can be read, as text or in the hexadecimal form that bytes have."""
    for table, column in places:
        look = _LOOK.format(table=table, column=column)
        found = context.rows(_seen, look, f"%{address}%", f"%{address.encode().hex()}%")
        if found:
            yield f"{table}.{column} holds an address in plain text. {_ENCRYPT}."


_LOOK = "SELECT 1 AS seen FROM {table} WHERE {column}::text ILIKE $1 OR {column}::text LIKE $2 LIMIT 1"


def _seen(seen: int) -> int:
    return seen


def _values(context: Context) -> tuple[dict[str, int], list[str]]:
    """How many values each encrypted column has, and what is wrong with them."""
    registry.load_models()
    ring = settings().key_ring
    counts: dict[str, int] = {}
    faults: list[str] = []
    for table in Base.metadata.sorted_tables:
        for column in encrypted(table):
            name = f"{table.name}.{column.name}"
            key = row_key(table).name
            stored = context.rows(
                _Value,
                f"SELECT {key}::text AS row, {column.name} AS value FROM {table.name} "  # noqa: S608 - names of the models
                f"WHERE {column.name} IS NOT NULL ORDER BY {key} DESC LIMIT 1000",
            )
            counts[name] = len(stored)
            for each in stored:
                if each.value[:1] != VERSION or len(each.value) < OVERHEAD or key_id(each.value) not in ring.ids:
                    faults.append(f"{name} of row {each.row} is no value of a key of the ring. {_ENCRYPT}.")
                    break
                try:
                    ring.open(each.value, Place(table.name, column.name, each.row))
                except Unreadable as error:
                    faults.append(f"{str(error).rstrip('.')} in {name}. {_MOVED}.")
                    break
    return counts, faults


def _swapped(context: Context, addresses: list[str], tokens: list[str]) -> Iterator[str]:
    """Give one account the stored address of another, and read it over HTTP."""
    ring = settings().key_ring
    mine, theirs = (ring.digest("accounts.email_index", each) for each in addresses)
    swap = "UPDATE accounts SET email = (SELECT email FROM accounts WHERE email_index = $1) WHERE email_index = $2"
    before = context.rows(_kept, "SELECT email AS value FROM accounts WHERE email_index = $1", mine)
    context.rows(_kept, swap + " RETURNING email AS value", theirs, mine)
    try:
        with context.client(tokens[0]) as client:
            answer = client.get("/v1/accounts/me")
    finally:
        for value in before:
            context.rows(
                _kept, "UPDATE accounts SET email = $1 WHERE email_index = $2 RETURNING email AS value", value, mine
            )
    if answer.status_code == HTTPStatus.OK or addresses[1] in answer.text or len(mine) != DIGEST_BYTES:
        yield f"an address that was moved to another row is read there: {answer.status_code}. {_MOVED}."


def _kept(value: bytes) -> bytes:
    return value
