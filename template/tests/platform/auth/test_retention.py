"""What is not kept for ever, of sessions and of all else."""

from datetime import timedelta
from uuid import UUID

import httpx
from click.testing import CliRunner

from app import cli
from app.kit import clock
from app.kit.ids import uuid7_floor
from tests.conftest import Sql
from tests.wire import body

ME = "/v1/accounts/me"


def retained() -> str:
    """What `app retention` prints."""
    done = CliRunner().invoke(cli.cli, ["retention"])
    assert done.exit_code == 0, done.output
    return done.output


def aged(sql: Sql, table: str, key: UUID, days: float) -> UUID:
    """The key that a row gets which is to be so old."""
    new = UUID(int=uuid7_floor(clock.now() - timedelta(days=days)).int | (key.int & ((1 << 80) - 1)))
    _ = sql(f"UPDATE {table} SET id = $2 WHERE id = $1", key, new)  # noqa: S608 - our tables
    return new


def test_what_need_not_be_kept_is_removed(someone: httpx.Client, sql: Sql) -> None:
    account = UUID(str(body(someone.get(ME))["id"]))
    (session,) = [UUID(str(each["id"])) for each in sql("SELECT id FROM sessions WHERE account_id = $1", account)]
    _ = sql("DELETE FROM refresh_tokens WHERE session_id = $1", session)
    old = aged(sql, "sessions", session, 400)
    _ = sql(
        "INSERT INTO refresh_tokens (id, session_id, digest, expires_at) SELECT k, $3, sha256(k::text::bytea), now() "
        "FROM unnest(ARRAY[$1, $2]::uuid[]) k",
        uuid7_floor(clock.now() - timedelta(days=100)),
        uuid7_floor(clock.now()),
        old,
    )
    kept = sql("SELECT count(*) AS n FROM refresh_tokens WHERE session_id = $1", old)
    assert kept == [{"n": 2}]
    _ = sql("INSERT INTO deleted_sessions (id, deleted_at) VALUES ($1, now() - interval '25 hours')", old)

    said = retained()

    assert "sessions, 30 days after" in said
    for table in ("sessions", "deleted_sessions"):
        assert sql(f"SELECT 1 FROM {table} WHERE id = $1", old) == [], table  # noqa: S608 - our tables
    assert sql("SELECT 1 FROM accounts WHERE id = $1", account)
    assert all(line.split()[0] == "0" for line in retained().splitlines())


def test_what_may_still_be_needed_stays(someone: httpx.Client, sql: Sql) -> None:
    account = UUID(str(body(someone.get(ME))["id"]))
    tokens = "SELECT t.id FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE s.account_id = $1"
    before = sql(tokens, account)

    _ = retained()

    assert sql(tokens, account)
    assert len(before) == 1
    assert someone.get(ME).status_code == 200
