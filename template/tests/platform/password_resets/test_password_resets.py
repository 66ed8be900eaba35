"""Resetting passwords with a link that was mailed."""

import asyncio
import hashlib
import re
from datetime import datetime, timedelta
from functools import partial
from itertools import cycle

import httpx
import pytest

from app.adapters.database import DatabaseSettings
from app.adapters.database.work import Database
from app.kit import clock
from app.platform.attempts import service as attempts
from app.platform.mail import writing
from app.platform.password_resets.letters import ALREADY_REGISTERED, RESET_PASSWORD
from app.platform.verifications.letters import VERIFY_EMAIL
from app.settings import settings
from tests.conftest import PASSWORD, Sql, Start, email_index, new_address
from tests.platform.mail.mailbox import mail, mails, secret_in
from tests.platform.passwords.test_passwords import CHANGE, NEW
from tests.platform.sessions import LOGIN, bearer, refreshed, signed_in
from tests.security.test_owasp import is_long_and_random
from tests.wire import Json, at_once, body, counted_work, eventually, pointers, problem

REQUESTS = "/v1/passwords/reset-requests"
RESETS = "/v1/passwords/resets"


def mailed(client: httpx.Client, credentials: Json) -> str:
    """The secret of a link that resets the password."""
    assert client.post(REQUESTS, json={"email": credentials["email"]}).status_code == 202
    return secret_in(mail(str(credentials["email"]), "Choose a new password"))


def test_a_reset_sets_the_password_once_and_ends_every_session(
    client: httpx.Client, credentials: Json, sql: Sql
) -> None:
    pair = signed_in(client, credentials)
    secret = mailed(client, credentials)

    assert client.post(RESETS, json={"token": secret, "password": NEW}).status_code == 204

    assert refreshed(client, pair).status_code == 401
    _ = problem(client.post(LOGIN, json=credentials), 401, "wrong-credentials")
    _ = signed_in(client, credentials | {"password": NEW})
    again = {"token": secret, "password": "8 grey kettles"}
    _ = problem(client.post(RESETS, json=again), 400, "link-refused")
    # Whoever reads mail at the address has shown that it is theirs.
    row = sql(
        "SELECT 1 FROM confirmed_addresses JOIN accounts ON id = account_id WHERE email_index = $1",
        email_index(credentials["email"]),
    )
    assert row
    assert "was changed" in mail(str(credentials["email"]), "Your password for")


def test_of_racing_resets_with_one_link_one_wins(client: httpx.Client, credentials: Json) -> None:
    secret = mailed(client, credentials)
    each = [{"token": secret, "password": f"{number} grey kettles"} for number in range(10, 15)]

    answers = at_once([partial(client.post, RESETS, json=sent) for sent in each])

    assert sorted(answer.status_code for answer in answers) == [204, 400, 400, 400, 400]
    won = next(sent for sent, answer in zip(each, answers, strict=True) if answer.status_code == 204)
    _ = signed_in(client, credentials | {"password": won["password"]})


def test_a_link_is_void_once_the_password_has_changed(client: httpx.Client, credentials: Json) -> None:
    secret = mailed(client, credentials)
    pair = signed_in(client, credentials)
    sent = {"current_password": PASSWORD, "new_password": NEW}
    assert client.post(CHANGE, json=sent, headers=bearer(pair)).status_code == 204

    late = {"token": secret, "password": "8 grey kettles"}
    _ = problem(client.post(RESETS, json=late), 400, "link-refused")
    _ = signed_in(client, credentials | {"password": NEW})


def test_a_link_expires_after_half_an_hour(client: httpx.Client, credentials: Json, sql: Sql) -> None:
    secret = mailed(client, credentials)
    digest = hashlib.sha256(secret.encode()).digest()
    left = "SELECT extract(epoch FROM expires_at - now()) AS left FROM account_links WHERE digest = $1"
    assert 1_740 < float(str(sql(left, digest)[0]["left"])) <= 1_800

    _ = sql("UPDATE account_links SET expires_at = now() WHERE digest = $1", digest)

    _ = problem(client.post(RESETS, json={"token": secret, "password": NEW}), 400, "link-refused")


def test_a_refused_password_leaves_the_link_good(client: httpx.Client, credentials: Json) -> None:
    secret = mailed(client, credentials)

    weak = client.post(RESETS, json={"token": secret, "password": "password1234"})

    _ = problem(weak, 422, "invalid")
    assert pointers(weak) == {"#/password"}
    assert client.post(RESETS, json={"token": secret, "password": NEW}).status_code == 204


@pytest.mark.parametrize("token", ["x", "x" * 100, "\x00", "\u2603"])
def test_what_is_no_link_is_400(client: httpx.Client, token: str) -> None:
    _ = problem(client.post(RESETS, json={"token": token, "password": NEW}), 400, "link-refused")


def test_asking_tells_nothing_of_the_address(
    client: httpx.Client, credentials: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = counted_work(monkeypatch)
    unknown = client.post(REQUESTS, json={"email": "nobody@example.com"})
    of_nobody = work()
    known = client.post(REQUESTS, json={"email": credentials["email"]})

    assert (known.status_code, [*known.headers]) == (unknown.status_code, [*unknown.headers])
    assert body(known)["detail"] == body(unknown)["detail"]
    assert of_nobody.total() > 0
    assert work() == of_nobody


def test_asking_again_and_again_fills_no_mailbox(client: httpx.Client, credentials: Json) -> None:
    address = str(credentials["email"])
    first = mailed(client, credentials)
    for _ in range(4):
        _ = client.post(REQUESTS, json={"email": address})
    _ = client.post("/v1/email-verifications/requests", json={"email": address})
    # The last of them, so that the others were dealt with.
    eventually(lambda: len([each for each in mails(address) if "Confirm" in each["Subject"]]) == 2)

    assert len([each for each in mails(address) if "Choose a new" in each["Subject"]]) == 3
    assert client.post(RESETS, json={"token": first, "password": NEW}).status_code == 204


def test_a_reset_lifts_the_lock_that_strangers_caused(
    client: httpx.Client, credentials: Json, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The strictest numbers that a service is rendered with.
    monkeypatch.setattr(attempts, "ACCOUNT", attempts.Backoff(free=10, longest=1800, first=1800))
    monkeypatch.setattr(attempts, "_KNOWN", timedelta(0))
    _ = sql("DELETE FROM sign_in_attempts")
    wrong = credentials | {"password": "wrong horse battery"}
    # From here, which counts for this place and the account.
    assert [client.post(LOGIN, json=wrong).status_code for _ in range(6)] == [401] * 5 + [429]
    _ = sql("UPDATE sign_in_attempts SET failures = 10")
    assert int(client.post(LOGIN, json=credentials).headers["retry-after"]) > 1_700

    assert client.post(RESETS, json={"token": mailed(client, credentials), "password": NEW}).status_code == 204

    _ = signed_in(client, credentials | {"password": NEW})


def test_asking_is_an_attempt_like_signing_up(start: Start) -> None:
    with start(RATE_LIMIT_ATTEMPTS="3/3600", TRUSTED_PROXIES="127.0.0.1").connect() as stranger:
        for number, (path, sent) in enumerate(
            {"/v1/accounts": {"password": PASSWORD}, REQUESTS: {}, "/v1/email-verifications/requests": {}}.items()
        ):
            stranger.headers["x-forwarded-for"] = f"192.0.2.{number}"
            answers = [stranger.post(path, json={"email": new_address()} | sent) for _ in range(4)]
            assert [each.status_code for each in answers] == [202, 202, 202, 429], path


async def _asked_all_the_time(address: str, days: int, patch: pytest.MonkeyPatch) -> list[datetime]:
    """When an address gets a mail, if somebody asks for one every ten minutes, by one reason and the other in turn."""
    database = Database(DatabaseSettings.read(), settings().key_ring)
    began, sent = clock.now(), list[datetime]()
    letters = cycle((RESET_PASSWORD, ALREADY_REGISTERED, VERIFY_EMAIL))
    try:
        for minutes in range(0, days * 24 * 60, 10):
            now = began + timedelta(minutes=minutes)
            patch.setattr(clock, "now", partial(_at, now))
            async with database.transaction() as session:
                if await writing.written(session, next(letters), address, "http://localhost") is not None:
                    sent.append(now)
        return sent
    finally:
        await database.close()


def _at(moment: datetime) -> datetime:
    return moment


def test_an_address_gets_ten_mails_with_links_a_day_however_often_they_are_asked_for(
    credentials: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(credentials["email"])
    assert mail(address, "Confirm your address")

    sent = asyncio.run(_asked_all_the_time(address, 3, monkeypatch))

    day = timedelta(days=1)
    assert max(sum(each <= other < each + day for other in sent) for each in sent) <= 10
    # With the mail of the sign-up, which was the first, and they come again.
    assert sum(each < sent[0] + day for each in sent) in {9, 10}
    assert len(sent) >= 27


def test_a_link_that_was_used_counts_towards_the_ten(client: httpx.Client, credentials: Json, sql: Sql) -> None:
    sent = {"token": mailed(client, credentials), "password": NEW}
    assert client.post(RESETS, json=sent).status_code == 204

    found = "SELECT 1 FROM account_links JOIN accounts ON accounts.id = account_id WHERE email_index = $1"
    assert len(sql(found, email_index(credentials["email"]))) == 2


def test_a_changed_password_is_told_by_mail(client: httpx.Client, credentials: Json) -> None:
    sent = {"current_password": PASSWORD, "new_password": NEW}

    assert client.post(CHANGE, json=sent, headers=bearer(signed_in(client, credentials))).status_code == 204

    assert "was changed" in mail(str(credentials["email"]), "Your password for")


def test_a_sign_up_with_a_taken_address_is_told_to_its_owner_alone(client: httpx.Client, credentials: Json) -> None:
    address = str(credentials["email"])
    assert "Somebody signed up" in mail(address, "Confirm your address")

    again = client.post("/v1/accounts", json=credentials | {"password": "another horse battery 7"})

    assert again.status_code == 202
    assert "has an account already" in mail(address, "You already have an account")


def test_no_secret_in_a_mail_repeats_or_is_short(client: httpx.Client, credentials: Json) -> None:
    address = str(credentials["email"])
    for _ in range(2):
        assert client.post(REQUESTS, json={"email": address}).status_code == 202
    eventually(lambda: len(mails(address)) >= 3)

    secrets = {secret_in(str(each.get_content())) for each in mails(address)}

    assert len(secrets) == 3
    assert all(map(is_long_and_random, secrets))


def test_a_mail_leads_where_the_settings_say(client: httpx.Client, credentials: Json) -> None:
    address = str(credentials["email"])
    names = ("X-Forwarded-Host", "X-Host", "Origin", "Referer", "X-Original-Host")
    pretended = {**dict.fromkeys(names, "https://evil.example"), "Forwarded": "host=evil.example"}

    asked = {"email": address}
    assert client.post("/v1/passwords/reset-requests", json=asked, headers=pretended).status_code == 202
    _ = problem(client.post("/v1/passwords/reset-requests", json=asked, headers={"Host": "evil.example"}), 421)

    text = mail(address, "Choose a new password")
    assert "evil" not in text
    assert re.findall(r"https?://[^/#]+", text) == ["http://localhost:8000"]
