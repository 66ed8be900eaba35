"""Encrypted columns: what is stored, what a moved value does, and keys that rotate while the service serves."""

import secrets
import threading
from collections.abc import Callable

import httpx
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app import cli, settings
from app.adapters import schema
from app.adapters.database import Base, Command, Query, arguments
from app.adapters.encryption import BlindIndex, Encrypted, matches
from app.kit.crypto import KeyRing, Place, Unreadable
from app.platform.accounts.models import Account
from app.platform.auth.models import RefreshToken
from tests.conftest import PASSWORD, Sql, Start, email_index, new_address
from tests.wire import body, eventually, problem

OLD, NEW = secrets.token_bytes(32), secrets.token_bytes(32)
Row = dict[str, object]
HERE = Place("accounts", "email", "1")


def account(client: httpx.Client) -> tuple[str, dict[str, str]]:
    """A new account: its address, and the header of whoever is signed in to it."""
    sent = {"email": new_address(), "password": PASSWORD}
    assert client.post("/v1/accounts", json=sent).status_code == 202
    pair = body(client.post("/v1/auth/login", json=sent))
    return sent["email"], {"authorization": f"Bearer {pair['access_token']}"}


# The ring


def test_a_value_opens_in_its_place_alone() -> None:
    ring = KeyRing([OLD])
    value = ring.seal("ada@example.com", HERE)

    assert ring.open(value, HERE) == "ada@example.com"
    for elsewhere in (Place("accounts", "email", "2"), Place("accounts", "name", "1"), Place("people", "email", "1")):
        with pytest.raises(Unreadable, match="does not open: it was changed, or moved here"):
            _ = ring.open(value, elsewhere)


def test_a_value_that_was_changed_does_not_open() -> None:
    ring = KeyRing([OLD])
    value = ring.seal("ada@example.com", HERE)

    for position in range(len(value)):
        with pytest.raises(Unreadable):
            _ = ring.open(value[:position] + bytes([value[position] ^ 1]) + value[position + 1 :], HERE)
    with pytest.raises(Unreadable, match="holds no encrypted value"):
        _ = ring.open(b"ada@example.com", HERE)


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    before, during, after = KeyRing([OLD]), KeyRing([NEW, OLD]), KeyRing([NEW])
    value = before.seal("ada@example.com", HERE)

    assert during.open(value, HERE) == "ada@example.com"
    assert after.open(during.seal("ada@example.com", HERE), HERE) == "ada@example.com"
    with pytest.raises(Unreadable, match=f"encrypted with the key {before.ids[0]}, which is not in the key ring"):
        _ = after.open(value, HERE)
    assert before.digest("i", "x") in during.digests("i", "x")
    assert before.digest("i", "x") != before.digest("j", "x")


def test_equal_texts_are_stored_differently_and_a_ring_shows_no_key() -> None:
    ring = KeyRing([OLD])

    assert ring.seal("x", HERE) != ring.seal("x", HERE)
    assert OLD.hex() not in repr(ring)
    with pytest.raises(ValueError, match="a key has 32 bytes, not 16"):
        _ = KeyRing([bytes(16)])


# Statements


class Thing(Base):
    """Has an encrypted column without an index, and lives in no database."""

    __tablename__: str = "things_of_this_test"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(Encrypted())


Base.metadata.remove(Thing.metadata.tables["things_of_this_test"])


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda: Query(select(Account.email), Row), "opens only together with its row's key: select accounts.id"),
        (lambda: Query(select(Account.id).where(Account.email == bindparam("x")), Row), "is never true"),
        (lambda: Query(select(Account.id).where(Account.email_index == bindparam("x")), Row), "is never true"),
        (
            lambda: Command(insert(Account).values(arguments("id", "email")).returning(Account.id), Row),
            "accounts.email_index has to be written together with accounts.email",
        ),
        (
            lambda: Command(insert(Account).values(arguments("id", "email_index")).returning(Account.id), Row),
            "follows from its encrypted column",
        ),
        (
            lambda: Command(update(Thing).values(text=bindparam("x")).returning(Thing.id), Row),
            "is encrypted for one row: name it by things_of_this_test.id as an argument",
        ),
        (lambda: matches(RefreshToken.digest, "x"), "is no BlindIndex"),
    ],
)
def test_a_statement_that_goes_around_the_encryption_is_refused(write: Callable[[], object], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        _ = write()


def test_only_text_is_encrypted() -> None:
    add = Command(insert(Thing).values(arguments("id", "text")).returning(Thing.id), Row)

    with pytest.raises(TypeError, match="an encrypted column takes text, not bytes"):
        _ = add.arguments({"id": 1, "text": b"x"}, KeyRing([OLD]))
    assert add.arguments({"id": 1, "text": None}, KeyRing([OLD])) == [1, None]


def test_an_index_knows_its_column() -> None:
    assert isinstance(Account.__table__.c["email_index"].type, BlindIndex)


# Over the wire


def test_an_address_is_stored_encrypted_and_found_in_any_spelling(client: httpx.Client, sql: Sql) -> None:
    address, header = account(client)

    (row,) = sql(
        "SELECT email, email_index, accounts::text AS all FROM accounts WHERE email_index = $1", email_index(address)
    )
    assert address not in str(row["all"])
    assert address.encode().hex() not in str(row["all"])
    assert body(client.get("/v1/accounts/me", headers=header))["email"] == address
    shouted = {"email": address.upper(), "password": PASSWORD}
    assert client.post("/v1/auth/login", json=shouted).status_code == 200
    assert client.post("/v1/accounts", json=shouted).status_code == 202
    assert sql("SELECT count(*) FROM accounts WHERE email_index = $1", email_index(address)) == [{"count": 1}]


def test_a_value_that_was_moved_to_another_row_is_not_shown(client: httpx.Client, sql: Sql) -> None:
    (mine, header), (theirs, _) = account(client), account(client)
    move = "UPDATE accounts SET email = (SELECT email FROM accounts WHERE email_index = $1) WHERE email_index = $2"
    _ = sql(move, email_index(theirs), email_index(mine))

    response = client.get("/v1/accounts/me", headers=header)

    _ = problem(response, 500, "internal-error")
    assert theirs not in response.text
    _ = sql("DELETE FROM accounts WHERE email_index = $1", email_index(mine))


def run(ring: str, *words: str) -> Result:
    """What `app keys` does with these ENCRYPTION_KEYS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENCRYPTION_KEYS", ring)
        settings.settings.cache_clear()
        result = CliRunner().invoke(cli.cli, ["keys", *words])
    settings.settings.cache_clear()
    return result


def key_id(key: str) -> str:
    """What a key is called."""
    return KeyRing([bytes.fromhex(key)]).ids[0]


def test_keys_rotate_while_the_service_serves(empty_database: str, start: Start) -> None:
    assert empty_database
    schema.migrate()
    old, new = secrets.token_hex(32), secrets.token_hex(32)
    both = f"{new},{old}"
    made: list[tuple[str, dict[str, str]]] = []
    failures: list[str] = []
    done = threading.Event()

    def use(client: httpx.Client, other: httpx.Client) -> None:
        while not done.is_set():
            try:
                address, header = account(client)
                again = {"email": address, "password": "another horse battery 7"}
                if other.post("/v1/accounts", json=again).status_code != 202:
                    failures.append(f"{address} could not be asked for again")
                if body(other.get("/v1/accounts/me", headers=header))["email"] != address:
                    failures.append(f"{address} can't be read")
                made.append((address, header))
            except (AssertionError, KeyError) as error:
                failures.append(repr(error))

    # One process has not heard yet that the new key is the first; another has.
    with start(ENCRYPTION_KEYS=f"{old},{new}").connect() as behind:
        made += [account(behind) for _ in range(110)]
        with start(ENCRYPTION_KEYS=both).connect() as ahead:
            threads = [threading.Thread(target=use, args=each) for each in ((behind, ahead), (ahead, behind))]
            for each in threads:
                each.start()
            eventually(lambda: len(made) > 115)
            rotated = run(both, "rotate")
            done.set()
            for each in threads:
                each.join()
    assert rotated.exit_code == 0, rotated.output
    assert failures == []

    # Nobody writes with the old key any more: what was written meanwhile is rotated, and then there is nothing to do.
    _ = run(both, "rotate")
    last = run(both, "rotate").output
    assert f"Re-encrypted 0 rows with the key {key_id(new)}." in last
    assert f"The key {key_id(old)} is no longer used here" in last
    # As many rows as addresses: none was made twice, under two digests.
    assert f"accounts.email {key_id(new)} {len(made)} encrypts" in " ".join(run(new, "status").output.split())
    with start(ENCRYPTION_KEYS=new).connect() as client:
        for address, header in made:
            assert body(client.get("/v1/accounts/me", headers=header))["email"] == address
        sent = {"email": made[0][0], "password": PASSWORD}
        assert client.post("/v1/auth/login", json=sent).status_code == 200


def test_what_can_not_be_read_is_named_and_the_rest_is_rotated(empty_database: str, start: Start) -> None:
    assert empty_database
    schema.migrate()
    lost, old, new = (secrets.token_hex(32) for _ in range(3))
    for ring in (lost, old):
        with start(ENCRYPTION_KEYS=ring).connect() as client:
            _ = account(client)

    result = run(f"{new},{old}", "rotate")

    assert result.exit_code == 1
    assert "Re-encrypted 1 rows" in result.output or "Re-encrypted 2 rows" in result.output  # and perhaps a letter
    assert f"is encrypted with the key {key_id(lost)}, which is not in the key ring" in result.output
    assert "NOT among ENCRYPTION_KEYS" in run(f"{new},{old}", "status").output
    for key in (lost, old, new):
        assert key not in result.output


def test_new_keys_are_made_by_command() -> None:
    key = CliRunner().invoke(cli.cli, ["keys", "new"]).stdout.strip()
    following = CliRunner().invoke(cli.cli, ["keys", "signing"]).stdout.strip().split(",")

    assert len(bytes.fromhex(key)) == 32
    assert len(bytes.fromhex(following[0])) == 32
    assert following[1:] == [each.get_secret_value() for each in settings.settings().auth_signing_keys]
